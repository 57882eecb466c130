"""The tables of the server's state machine (mailconf/smtp/server.py).

`OUT_OF_ORDER` has the commands refused in each state, `HELO_FIRST` those before HELO, `AFTER` the state that follows
an event whose reply was positive. The words are those of Postfix's smtpd.
"""

from __future__ import annotations

from enum import Enum

from mailconf.smtp.events import Data, Helo, Mail, Quit, Rcpt, Rset, Xclient
from mailconf.smtp.reply import Reply


class State(Enum):
    IDLE = "no transaction"
    MAIL = "a sender is given"
    RCPT = "there are recipients"
    CHUNK = "chunks have come"
    BROKEN = "a chunk was refused, no sender"
    BROKEN_MAIL = "a chunk was refused"
    BODY = "content up to a dot"
    OCTETS = "the octets of a chunk"
    CLOSED = "over"


_NEED_MAIL = Reply.of(503, "5.5.1 Error: need MAIL command")
_NEED_RCPT = Reply.of(503, "5.5.1 Error: need RCPT command")
_NO_RCPT = Reply.of(554, "5.5.1 Error: no valid recipients")
_NESTED = Reply.of(503, "5.5.1 Error: nested MAIL command")
_AFTER_BDAT = {verb: Reply.of(503, f"5.5.1 Error: {verb} after BDAT") for verb in ("MAIL", "RCPT", "DATA")}
IN_MAIL = Reply.of(503, "5.5.1 Error: MAIL transaction in progress")
_IN_MAIL_ETRN = Reply.of(503, "Error: MAIL transaction in progress")
IN_MAIL_STATES = (State.MAIL, State.RCPT, State.CHUNK, State.BROKEN_MAIL)

# (verb, state) -> the reply to a command that has no place there. BDAT's come after its octets.
OUT_OF_ORDER: dict[tuple[str, State], Reply] = {
    **{("MAIL", state): _NESTED for state in IN_MAIL_STATES},
    ("MAIL", State.BROKEN): _AFTER_BDAT["MAIL"],
    ("RCPT", State.IDLE): _NEED_MAIL,
    ("RCPT", State.BROKEN): _NEED_MAIL,
    ("RCPT", State.CHUNK): _AFTER_BDAT["RCPT"],
    ("RCPT", State.BROKEN_MAIL): _AFTER_BDAT["RCPT"],
    ("DATA", State.IDLE): _NEED_RCPT,
    ("DATA", State.MAIL): _NO_RCPT,
    ("DATA", State.CHUNK): _AFTER_BDAT["DATA"],
    ("DATA", State.BROKEN): _AFTER_BDAT["DATA"],
    ("DATA", State.BROKEN_MAIL): _AFTER_BDAT["DATA"],
    ("BDAT", State.IDLE): _NEED_RCPT,
    ("BDAT", State.MAIL): _NO_RCPT,
    **{("ETRN", state): _IN_MAIL_ETRN for state in IN_MAIL_STATES},
    **{(verb, state): IN_MAIL for verb in ("XCLIENT", "XFORWARD") for state in IN_MAIL_STATES},
}

# The reply to a command before HELO (postconf(5) smtpd_helo_required).
HELO_FIRST = {
    "MAIL": Reply.of(503, "5.5.1 Error: send HELO/EHLO first"),
    "AUTH": Reply.of(503, "5.5.1 Error: send HELO/EHLO first"),
    "ETRN": Reply.of(503, "Error: send HELO/EHLO first"),
}

# event -> the state that follows its positive reply; other events change nothing.
AFTER: dict[type, State] = {
    Helo: State.IDLE,
    Mail: State.MAIL,
    Rcpt: State.RCPT,
    Data: State.BODY,
    Rset: State.IDLE,
    Xclient: State.IDLE,
    Quit: State.CLOSED,
}

COUNTED = (
    "helo", "ehlo", "lhlo", "xclient", "xforward", "starttls", "auth", "mail", "rcpt", "data", "bdat", "rset", "noop",
    "vrfy", "etrn", "quit", "help",
)  # fmt: skip
# After these a client must wait for the reply before it goes on (RFC 2920 3.1), as far as smtpd(8) minds.
LAST = frozenset(("HELO", "EHLO", "LHLO", "NOOP", "VRFY", "DATA"))
JUNK = frozenset(("RSET", "NOOP", "VRFY", "ETRN"))  # postconf(5) smtpd_junk_command_limit

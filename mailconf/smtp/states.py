"""The tables of the server's state machine (mailconf/smtp/server.py).

`OUT_OF_ORDER` says which command is refused in which state, `HELO_FIRST` which before HELO, `AFTER` which state follows
an event whose reply was positive.
"""

from __future__ import annotations

from enum import Enum

from mailconf.smtp.events import Data, Helo, Mail, Quit, Rcpt, Rset, Xclient
from mailconf.smtp.problems import Problem


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


IN_MAIL_STATES = (State.MAIL, State.RCPT, State.CHUNK, State.BROKEN_MAIL)

# (verb, state) -> why a command has no place there. The reply to BDAT comes after its octets.
OUT_OF_ORDER: dict[tuple[str, State], Problem] = {
    **{("MAIL", state): Problem.NESTED_MAIL for state in IN_MAIL_STATES},
    ("MAIL", State.BROKEN): Problem.AFTER_BDAT,
    ("RCPT", State.IDLE): Problem.NEED_MAIL,
    ("RCPT", State.BROKEN): Problem.NEED_MAIL,
    ("RCPT", State.CHUNK): Problem.AFTER_BDAT,
    ("RCPT", State.BROKEN_MAIL): Problem.AFTER_BDAT,
    ("DATA", State.IDLE): Problem.NEED_RCPT,
    ("DATA", State.MAIL): Problem.NO_VALID_RECIPIENTS,
    ("DATA", State.CHUNK): Problem.AFTER_BDAT,
    ("DATA", State.BROKEN): Problem.AFTER_BDAT,
    ("DATA", State.BROKEN_MAIL): Problem.AFTER_BDAT,
    ("BDAT", State.IDLE): Problem.NEED_RCPT,
    ("BDAT", State.MAIL): Problem.NO_VALID_RECIPIENTS,
    **{(verb, state): Problem.IN_TRANSACTION for verb in ("ETRN", "XCLIENT", "XFORWARD") for state in IN_MAIL_STATES},
}

# Commands that are refused before HELO (postconf(5) smtpd_helo_required).
HELO_FIRST = frozenset(("MAIL", "AUTH", "ETRN"))

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

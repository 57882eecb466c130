"""The tables of the server's state machine (mailconf/smtp/server.py).

`OUT_OF_ORDER` says which command is refused in which state, `HELO_FIRST` which before HELO, `AFTER` which state follows
an event whose reply was positive. The words are those of Postfix's smtpd.
"""

from __future__ import annotations

from mailconf.smtp.events import AFTER as AFTER
from mailconf.smtp.events import COUNTED as COUNTED
from mailconf.smtp.events import JUNK as JUNK
from mailconf.smtp.events import LAST as LAST
from mailconf.smtp.events import State as State
from mailconf.smtp.reply import Reply

_NEED_MAIL = Reply.of(503, "5.5.1 Error: need MAIL command")
_NEED_RCPT = Reply.of(503, "5.5.1 Error: need RCPT command")
_NO_RCPT = Reply.of(554, "5.5.1 Error: no valid recipients")
_NESTED = Reply.of(503, "5.5.1 Error: nested MAIL command")
_AFTER_BDAT = {verb: Reply.of(503, f"5.5.1 Error: {verb} after BDAT") for verb in ("MAIL", "RCPT", "DATA")}
IN_MAIL = Reply.of(503, "5.5.1 Error: MAIL transaction in progress")
_IN_MAIL_ETRN = Reply.of(503, "Error: MAIL transaction in progress")
IN_MAIL_STATES = (State.MAIL, State.RCPT, State.CHUNK, State.BROKEN_MAIL)

# (verb, state) -> what is said to a command that has no place there. BDAT's come behind its octets.
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

# What is said to a command before HELO (postconf(5) smtpd_helo_required).
HELO_FIRST = {
    "MAIL": Reply.of(503, "5.5.1 Error: send HELO/EHLO first"),
    "AUTH": Reply.of(503, "5.5.1 Error: send HELO/EHLO first"),
    "ETRN": Reply.of(503, "Error: send HELO/EHLO first"),
}

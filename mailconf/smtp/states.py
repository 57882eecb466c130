"""The tables of the server's state machine (mailconf/smtp/server.py).

`OUT_OF_ORDER` says which command is refused in which state, `HELO_FIRST` which before HELO, `BEFORE_TLS` which is not
refused before TLS. The states, and which of them follows an event, are in mailconf/smtp/events.py.
"""

from __future__ import annotations

from mailconf.smtp.events import SessionState
from mailconf.smtp.problems import Problem

IN_MAIL_STATES = (SessionState.MAIL, SessionState.RCPT, SessionState.CHUNK, SessionState.BROKEN_MAIL)

# (verb, state) -> why a command has no place there. The reply to BDAT comes after its octets.
OUT_OF_ORDER: dict[tuple[str, SessionState], Problem] = {
    **{("MAIL", state): Problem.NESTED_MAIL for state in IN_MAIL_STATES},
    ("MAIL", SessionState.BROKEN): Problem.AFTER_BDAT,
    ("RCPT", SessionState.IDLE): Problem.NEED_MAIL,
    ("RCPT", SessionState.BROKEN): Problem.NEED_MAIL,
    ("RCPT", SessionState.CHUNK): Problem.AFTER_BDAT,
    ("RCPT", SessionState.BROKEN_MAIL): Problem.AFTER_BDAT,
    ("DATA", SessionState.IDLE): Problem.NEED_RCPT,
    ("DATA", SessionState.MAIL): Problem.NO_VALID_RECIPIENTS,
    ("DATA", SessionState.CHUNK): Problem.AFTER_BDAT,
    ("DATA", SessionState.BROKEN): Problem.AFTER_BDAT,
    ("DATA", SessionState.BROKEN_MAIL): Problem.AFTER_BDAT,
    ("BDAT", SessionState.IDLE): Problem.NEED_RCPT,
    ("BDAT", SessionState.MAIL): Problem.NO_VALID_RECIPIENTS,
    **{(verb, state): Problem.IN_TRANSACTION for verb in ("ETRN", "XCLIENT", "XFORWARD") for state in IN_MAIL_STATES},
}

# Commands that are refused before HELO (postconf(5) smtpd_helo_required).
HELO_FIRST = frozenset(("MAIL", "AUTH", "ETRN"))

# Commands that are carried out before TLS where that is required (postconf(5) smtpd_tls_security_level).
BEFORE_TLS = frozenset(("HELO", "EHLO", "LHLO", "NOOP", "QUIT", "STARTTLS", "XCLIENT"))

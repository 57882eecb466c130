"""postscreen(8)'s words to a client that it tests (recorded from 3.7.11, tests/vectors/screen.jsonl)."""

from __future__ import annotations

from mailconf.smtp.reply import Reply
from mailconf.smtp.screening import Answer

_TEXTS: dict[Answer, tuple[int, str]] = {
    Answer.GREETING: (220, "{banner}"),
    Answer.HELLO: (250, "{host}"),
    Answer.NO_NAME: (501, "Syntax: HELO hostname"),
    Answer.NO_NAME_EXTENDED: (501, "Syntax: EHLO hostname"),
    Answer.HELO_FIRST: (503, "5.5.1 Error: send HELO/EHLO first"),
    Answer.NESTED_MAIL: (503, "5.5.1 Error: nested MAIL command"),
    Answer.MAIL_SYNTAX: (501, "5.5.4 Syntax: MAIL FROM:<address>"),
    Answer.SENDER: (250, "2.1.0 Ok"),
    Answer.NEED_MAIL: (503, "5.5.1 Error: need MAIL command"),
    Answer.RCPT_SYNTAX: (501, "5.5.4 Syntax: RCPT TO:<address>"),
    Answer.OK: (250, "2.0.0 Ok"),
    Answer.VRFY_SYNTAX: (501, "5.5.4 Syntax: VRFY address"),
    Answer.NO_VRFY: (502, "5.5.1 VRFY command is disabled"),
    Answer.ETRN_SYNTAX: (500, "Syntax: ETRN domain"),
    Answer.ETRN: (458, "Unable to queue messages"),
    Answer.DATA_SYNTAX: (501, "5.5.4 Syntax: DATA"),
    Answer.NEED_RCPT: (503, "5.5.1 Error: need RCPT command"),
    Answer.NO_RECIPIENTS: (554, "5.5.1 Error: no valid recipients"),
    Answer.BDAT_SYNTAX: (501, "5.5.4 Syntax: BDAT count [LAST]"),
    Answer.BDAT_NEEDS_MAIL: (554, "5.5.1 Error: need MAIL command"),
    Answer.UNKNOWN: (502, "5.5.2 Error: command not recognized"),
    Answer.NO_TLS: (502, "5.5.1 Error: command not implemented"),
    Answer.TLS_SYNTAX: (501, "Syntax: EHLO hostname"),
    Answer.TLS_ACTIVE: (554, "5.5.1 Error: TLS already active"),
    Answer.TLS_UNAVAILABLE: (454, "4.7.0 TLS not available due to local problem"),
    Answer.TLS_READY: (220, "2.0.0 Ready to start TLS"),
    Answer.TLS_FIRST: (530, "5.7.0 Must issue a STARTTLS command first"),
    Answer.BYE: (221, "2.0.0 Bye"),
    Answer.PROTOCOL: (550, "5.5.1 Protocol error"),
    Answer.PROTOCOL_ENDS: (521, "5.5.1 Protocol error"),
    Answer.NOT_SMTP: (521, "5.7.0 Error: I can break rules, too. Goodbye."),
    Answer.DENIED: (550, "5.3.2 Service currently unavailable"),
    Answer.DENIED_ENDS: (521, "5.3.2 Service currently unavailable"),
    Answer.LATER: (450, "4.3.2 Service currently unavailable"),
    Answer.LISTED: (550, "5.7.1 Service unavailable; client [{client}] blocked using {zone}"),
    Answer.LISTED_ENDS: (521, "5.7.1 Service unavailable; client [{client}] blocked using {zone}"),
    Answer.LIMIT: (421, "{host} Service unavailable - try again later"),
    Answer.TIMEOUT: (421, "4.4.2 {host} Error: timeout exceeded"),
    Answer.TOO_MANY: (421, "4.7.0 Error: too many connections"),
    Answer.BUSY: (421, "4.3.2 All screening ports are busy"),
    Answer.NOT_INTRODUCED: (421, "4.3.2 No system resources"),
}


def words(answer: Answer, **facts: str) -> Reply:
    """A `mailconf.smtp.screening.Words`."""
    code, text = _TEXTS[answer]
    return Reply.of(code, text.format_map(facts))

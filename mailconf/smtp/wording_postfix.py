"""The replies of Postfix's smtpd(8), as far as they are not the Policy's (recorded from 3.7.11, tests/vectors)."""

from __future__ import annotations

from mailconf.smtp.problems import Acknowledgement, Fact, Problem
from mailconf.smtp.reply import Reply

_NOT_IMPLEMENTED = "5.5.1 Error: command not implemented"
_AUTH_FAILED = "5.7.8 Error: authentication failed: "
_NO_REASON = "(reason unavailable)"

_REFUSALS: dict[Problem, tuple[int, str]] = {
    Problem.HELO_FIRST: (503, "5.5.1 Error: send HELO/EHLO first"),
    Problem.NEED_MAIL: (503, "5.5.1 Error: need MAIL command"),
    Problem.NEED_RCPT: (503, "5.5.1 Error: need RCPT command"),
    Problem.NO_VALID_RECIPIENTS: (554, "5.5.1 Error: no valid recipients"),
    Problem.NESTED_MAIL: (503, "5.5.1 Error: nested MAIL command"),
    Problem.AFTER_BDAT: (503, "5.5.1 Error: {verb} after BDAT"),
    Problem.IN_TRANSACTION: (503, "5.5.1 Error: MAIL transaction in progress"),
    Problem.UNKNOWN_COMMAND: (500, "5.5.2 Error: command not recognized"),
    Problem.UNKNOWN_LINE: (502, "5.5.2 Error: command not recognized"),
    Problem.NOT_IMPLEMENTED: (502, _NOT_IMPLEMENTED),
    Problem.NO_KEYWORD: (501, "5.5.4 Syntax: address expected"),
    Problem.NAME_NEEDED: (501, "Syntax: {verb} hostname"),
    Problem.BAD_NAME: (501, "5.5.4 Error: invalid host name"),
    Problem.LINE_TOO_LONG: (500, "5.5.2 Error: line too long"),
    Problem.OPEN_PROXY: (221, "2.7.0 Error: I can break rules, too. Goodbye."),
    Problem.BARE_RETURN: (550, "5.5.2 Error: bare <CR> received"),
    Problem.NO_VERBOSE: (502, _NOT_IMPLEMENTED),
    Problem.EMPTY_LINE: (500, "5.5.2 Error: bad syntax"),
    Problem.BAD_UTF8: (500, "5.5.2 Error: bad UTF-8 syntax"),
    Problem.NOT_SMTP: (221, "2.7.0 Error: I can break rules, too. Goodbye."),
    Problem.NO_STARTTLS: (502, _NOT_IMPLEMENTED),
    Problem.TLS_FIRST: (530, "5.7.0 Must issue a STARTTLS command first"),
    Problem.TLS_ACTIVE: (554, "5.5.1 Error: TLS already active"),
    Problem.TLS_UNAVAILABLE: (454, "4.7.0 TLS not available due to local problem"),
    Problem.NO_CERTIFICATE: (421, "4.7.1 {host} Error: No client certificate presented"),
    Problem.NO_AUTH: (503, "5.5.1 Error: authentication not enabled"),
    Problem.LOGGED_IN: (503, "5.5.1 Error: already authenticated"),
    Problem.AUTH_FAILED: (535, _AUTH_FAILED + "{reason}"),
    Problem.BAD_MECHANISM: (535, _AUTH_FAILED + "Invalid authentication mechanism"),
    Problem.BAD_INITIAL: (535, _AUTH_FAILED + "Invalid base64 data in initial response"),
    Problem.BAD_RESPONSE: (535, _AUTH_FAILED + "Invalid base64 data in continued response"),
    Problem.UNREADABLE_INITIAL: (535, _AUTH_FAILED + "Invalid base64 data in initial response"),
    Problem.UNREADABLE_RESPONSE: (535, _AUTH_FAILED + "Invalid base64 data in continued response"),
    Problem.AUTH_UNAVAILABLE: (
        454,
        "4.7.0 Temporary authentication failure: Connection lost to authentication server",
    ),
    Problem.AUTH_ABORTED: (501, "5.7.0 Authentication aborted"),
    Problem.AUTH_TOO_LONG: (500, "5.5.6 SASL response limit exceeded"),
    Problem.NO_VRFY: (502, "5.5.1 VRFY command is disabled"),
    Problem.NO_CHUNKING: (521, _NOT_IMPLEMENTED),
    Problem.NO_DSN: (501, "5.7.1 DSN support is disabled"),
    Problem.UNAUTHORIZED: (550, "5.7.0 Error: insufficient authorization"),
    Problem.PRIVILEGE_UNKNOWN: (421, "4.3.0 {host} Server local data error"),
    Problem.BAD_SENDER: (501, "5.1.7 Bad sender address syntax"),
    Problem.BAD_RECIPIENT: (501, "5.1.3 Bad recipient address syntax"),
    Problem.TOO_MANY_RECIPIENTS: (452, "4.5.3 Error: too many recipients"),
    Problem.UNSUPPORTED: (555, "5.5.4 Unsupported option: {word}"),
    Problem.BAD_SIZE: (501, "5.5.4 Bad message size syntax"),
    Problem.FILE_SIZE: (552, "5.3.4 Message size exceeds file system imposed limit"),
    Problem.BAD_RET: (501, "5.5.4 Bad RET parameter syntax"),
    Problem.BAD_ENVID: (501, "5.5.4 Bad ENVID parameter syntax"),
    Problem.SECOND_AUTH: (503, "5.5.4 Error: multiple AUTH= options"),
    Problem.BAD_NOTIFY: (501, "5.5.4 Error: Bad NOTIFY parameter syntax"),
    Problem.BAD_ORCPT: (501, "5.5.4 Error: Bad ORCPT parameter syntax"),
    Problem.NO_VALUE: (501, "5.5.4 Error: attribute=value expected"),
    Problem.BAD_ATTRIBUTE: (501, "5.5.4 Bad {verb} attribute name: {name}"),
    Problem.BAD_VALUE: (501, "5.5.4 Bad {name} syntax: {value}"),
    Problem.BAD_DOMAIN: (501, "Error: invalid parameter syntax"),
    Problem.ETRN_UNAVAILABLE: (459, "<{domain}>: service unavailable"),
    Problem.BAD_BDAT: (521, "5.5.4 Syntax: BDAT count [LAST]"),
    Problem.NULL_CHUNK: (551, "5.7.1 Null BDAT request"),
    Problem.CHUNK_DISCARDED: (551, "5.0.0 Discarded {size} bytes after earlier error"),
    Problem.CHUNK_TOO_BIG: (552, "5.3.4 Chunk exceeds message size limit"),
    Problem.MESSAGE_TOO_BIG: (552, "5.3.4 Error: message file too big"),
    Problem.TOO_MANY_HOPS: (554, "5.4.0 Error: too many hops"),
    Problem.LOCAL_ERROR: (421, "4.3.0 {host} Server local error"),
    Problem.NO_LOGINS: (421, "4.3.0 {host} Server local data error"),
    Problem.OUT_OF_STEP: (554, "5.5.0 Error: SMTP protocol synchronization"),
    Problem.TOO_MANY_ERRORS: (421, "4.7.0 {host} Error: too many errors"),
    Problem.TOO_MANY_CONNECTIONS: (421, "4.7.0 {host} Error: too many connections from {address}"),
    Problem.TOO_MUCH_MAIL: (450, "4.7.1 Error: too much mail from {address}"),
    Problem.TOO_MANY_RCPTS: (450, "4.7.1 Error: too many recipients from {address}"),
    Problem.TOO_MANY_AUTHS: (450, "4.7.1 Error: too many AUTH commands from {address}"),
    Problem.TOO_MANY_HANDSHAKES: (421, "4.7.0 {host} Error: too many new TLS sessions from {client}"),
    Problem.NO_MORE_HANDSHAKES: (454, "4.7.0 Error: too many new TLS sessions from {client}"),
    Problem.ACCESS_DENIED: (503, "5.7.0 Error: access denied for {client}"),
    Problem.TIMEOUT: (421, "4.4.2 {host} Error: timeout exceeded"),
    Problem.SHUTTING_DOWN: (421, "4.3.2 {host} Service shutting down"),
    Problem.FILTER_REJECTS: (550, "5.7.1 Command rejected"),
    Problem.FILTER_REJECTS_MESSAGE: (550, "5.7.1 Command rejected"),
    Problem.FILTER_GONE_MESSAGE: (550, "5.5.0 Service unavailable"),
    Problem.FILTER_DEFERS: (451, "4.7.1 Service unavailable - try again later"),
    Problem.FILTER_GONE: (550, "5.5.0 Service unavailable"),
    Problem.FILTER_BROKEN: (451, "4.3.5 Server configuration problem - try again later"),
    Problem.FILTER_ENDS: (421, "4.7.0 Server closing connection"),
    Problem.UNWELCOME: (554, "{host} ESMTP not accepting connections"),
    Problem.UNWELCOME_NOW: (421, "{host} Service unavailable - try again later"),
    Problem.NO_ROOM: (452, "4.3.1 Insufficient system storage"),
    Problem.QUEUE_UNAVAILABLE: (451, "4.3.0 Error: queue file write error"),
    Problem.INTERNAL: (451, "4.3.0 Error: internal error"),
}
# What is said otherwise to one command.
_OF_COMMAND: dict[tuple[Problem, str], tuple[int, str]] = {
    (Problem.HELO_FIRST, "ETRN"): (503, "Error: send HELO/EHLO first"),
    (Problem.IN_TRANSACTION, "ETRN"): (503, "Error: MAIL transaction in progress"),
    (Problem.SYNTAX, "HELO"): (501, "Syntax: HELO hostname"),
    (Problem.SYNTAX, "EHLO"): (501, "Syntax: EHLO hostname"),
    (Problem.SYNTAX, "LHLO"): (501, "Syntax: LHLO hostname"),
    (Problem.SYNTAX, "MAIL"): (501, "5.5.4 Syntax: MAIL FROM:<address>"),
    (Problem.SYNTAX, "RCPT"): (501, "5.5.4 Syntax: RCPT TO:<address>"),
    (Problem.SYNTAX, "DATA"): (501, "5.5.4 Syntax: DATA"),
    (Problem.SYNTAX, "RSET"): (501, "5.5.4 Syntax: RSET"),
    (Problem.SYNTAX, "VRFY"): (501, "5.5.4 Syntax: VRFY address [SMTPUTF8]"),
    (Problem.SYNTAX, "ETRN"): (500, "Syntax: ETRN domain"),
    (Problem.SYNTAX, "XCLIENT"): (501, "5.5.4 Syntax: XCLIENT attribute=value..."),
    (Problem.SYNTAX, "XFORWARD"): (501, "5.5.4 Syntax: XFORWARD attribute=value..."),
    (Problem.SYNTAX, "AUTH"): (501, "5.5.4 Syntax: AUTH mechanism"),
    (Problem.SYNTAX, "STARTTLS"): (501, "5.5.4 Syntax: STARTTLS"),
}
_COMMANDS = "AUTH BDAT DATA EHLO ETRN HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY XCLIENT XFORWARD"
_ACKNOWLEDGEMENTS: dict[Acknowledgement, tuple[int, str]] = {
    Acknowledgement.OK: (250, "2.0.0 Ok"),
    Acknowledgement.RESET: (250, "2.0.0 Ok"),
    Acknowledgement.VERBOSE: (250, "2.0.0 Ok"),
    Acknowledgement.START_TLS: (220, "2.0.0 Ready to start TLS"),
    Acknowledgement.LOGGED_IN: (235, "2.7.0 Authentication successful"),
    Acknowledgement.CHALLENGE: (334, "{text}"),
    Acknowledgement.BYE: (221, "2.0.0 Bye"),
    Acknowledgement.HELP: (214, f"2.0.0 Commands: {_COMMANDS}"),
    Acknowledgement.CHUNK: (250, "2.0.0 Ok: {size} bytes"),
    Acknowledgement.VERIFIED: (252, "2.0.0 {typed}"),
}
BARE_NEWLINE = "bare <LF> received"  # the log has it, too


class PostfixWording:
    """A `mailconf.smtp.problems.Wording`."""

    def __init__(self) -> None:
        self._fixed: dict[Problem | Acknowledgement, Reply] = {}
        for texts in (_REFUSALS, _ACKNOWLEDGEMENTS):
            self._fixed |= {what: Reply.of(code, text) for what, (code, text) in texts.items() if not what.facts}

    def refusal(self, problem: Problem, **facts: Fact) -> Reply:
        if (reply := self._fixed.get(problem)) is not None:
            return reply
        if problem is Problem.BARE_NEWLINE:
            return Reply.of(int(facts["code"]), f"5.5.2 {facts['host']} Error: {BARE_NEWLINE}")
        if facts.get("reason") == "":
            facts["reason"] = _NO_REASON
        code, text = _OF_COMMAND.get((problem, str(facts.get("verb", "")))) or _REFUSALS[problem]
        return Reply.of(code, text.format_map(facts))

    def acknowledgement(self, what: Acknowledgement, **facts: Fact) -> Reply:
        if (reply := self._fixed.get(what)) is not None:
            return reply
        code, text = _ACKNOWLEDGEMENTS[what]
        return Reply.of(code, text.format_map(facts))

    def queued_by_chunks(self, reply: Reply, size: int) -> Reply:
        return Reply.of(reply.code, reply.text.replace("Ok: queued", f"Ok: {size} bytes queued", 1))

"""sendmail's replies to what the protocol alone decides (sendmail 8.17.1.9 -bD)."""

from __future__ import annotations

from mailconf.smtp.problems import Acknowledgement, Fact, Problem
from mailconf.smtp.reply import Reply
from mailconf.source import encode

_SHORT = 203  # characters of a text in a reply; of a longer one the middle is left out
_REFUSALS: dict[Problem, tuple[int, str]] = {
    Problem.HELO_FIRST: (503, "5.0.0 Polite people say HELO first"),
    Problem.NEED_MAIL: (503, "5.0.0 Need MAIL before RCPT"),
    Problem.NEED_RCPT: (503, "5.0.0 Need MAIL command"),
    Problem.NO_VALID_RECIPIENTS: (503, "5.0.0 Need RCPT (recipient)"),
    Problem.NESTED_MAIL: (503, "5.5.0 Sender already specified"),
    Problem.NO_KEYWORD: (501, '5.5.2 Syntax error in parameters scanning "{text}"'),
    Problem.UNKNOWN_LINE: (500, '5.5.1 Command unrecognized: "{line}"'),
    Problem.NOT_IMPLEMENTED: (502, '5.5.1 Command not implemented: "{line}"'),
    Problem.NAME_NEEDED: (501, "5.0.0 {verb} requires domain address"),
    Problem.BAD_NAME: (501, "5.0.0 Invalid domain name"),
    Problem.LINE_TOO_LONG: (421, "4.7.0 {host} Command too long, possible attack {client}"),
    Problem.BARE_RETURN: (421, "4.5.0 Bare carriage return (CR) not allowed"),
    Problem.OPEN_PROXY: (421, "4.7.0 {host} Rejecting open proxy {client}"),
    Problem.NO_VERBOSE: (502, "5.7.0 Verbose unavailable"),
    Problem.BARE_NEWLINE: (421, "4.5.0 Bare linefeed (LF) not allowed"),
    Problem.TOO_MANY_RECIPIENTS: (452, "4.5.3 Too many recipients"),
    Problem.OUT_OF_STEP: (554, "5.5.0 SMTP protocol error"),
    Problem.TOO_MANY_ERRORS: (421, "4.7.0 {host} Too many bad commands; closing connection"),
    Problem.TOO_MANY_CONNECTIONS: (421, "4.3.2 Too many open connections."),
    Problem.ACCESS_DENIED: (550, "5.0.0 Access denied"),
    Problem.TIMEOUT: (421, "4.4.1 {host} Lost input channel from {client}"),
    Problem.SHUTTING_DOWN: (421, "4.0.0 {host} closing connection"),
    Problem.FILTER_REJECTS: (550, "5.7.1 Command rejected"),
    Problem.FILTER_REJECTS_MESSAGE: (554, "5.7.1 Command rejected"),
    Problem.FILTER_GONE_MESSAGE: (554, "5.7.1 Command rejected"),
    Problem.FILTER_DEFERS: (451, "4.3.2 Please try again later"),
    Problem.FILTER_GONE: (550, "5.7.1 Command rejected"),
    Problem.FILTER_BROKEN: (451, "4.3.2 Please try again later"),
    Problem.FILTER_ENDS: (421, "4.3.0 closing connection"),
    Problem.UNWELCOME: (554, "{host} ESMTP not accepting messages"),
    Problem.UNWELCOME_NOW: (421, "4.7.0 {host} closing connection"),
    Problem.NO_ROOM: (452, "4.4.5 Insufficient disk space; try again later"),
    Problem.QUEUE_UNAVAILABLE: (451, "4.3.0 queue file write error"),
    Problem.INTERNAL: (451, "4.3.0 internal error"),
    Problem.MESSAGE_TOO_BIG: (552, "5.2.3 Message exceeds maximum fixed size ({limit})"),
    Problem.TOO_MANY_HOPS: (554, "5.4.6 Too many hops"),
    Problem.AUTH_ABORTED: (501, "5.0.0 AUTH aborted"),
    Problem.BAD_MECHANISM: (504, "5.3.3 AUTH mechanism not available"),
    Problem.UNREADABLE_INITIAL: (501, "5.5.4 cannot BASE64 decode '{text}'"),
    Problem.UNREADABLE_RESPONSE: (501, "5.5.4 cannot decode AUTH parameter {text}"),
    Problem.AUTH_FAILED: (535, "5.7.0 authentication failed"),
    Problem.AUTH_UNAVAILABLE: (454, "4.5.4 Temporary authentication failure"),
    Problem.AUTH_TOO_LONG: (500, "5.5.6 Authentication response line too long"),
    Problem.TLS_UNAVAILABLE: (454, "4.3.3 TLS not available after start"),
}
_ACKNOWLEDGEMENTS: dict[Acknowledgement, tuple[int, str]] = {
    Acknowledgement.OK: (250, "2.0.0 OK"),
    Acknowledgement.RESET: (250, "2.0.0 Reset state"),
    Acknowledgement.VERBOSE: (250, "2.0.0 Verbose mode"),
    Acknowledgement.LOGGED_IN: (235, "2.0.0 OK Authenticated"),
    Acknowledgement.CHALLENGE: (334, "{text}"),
    Acknowledgement.BYE: (221, "2.0.0 {host} closing connection"),
}


def plain(text: str) -> str:
    """A text as replies show it: bytes without their eighth bit."""
    return text if text.isascii() else "".join(chr(byte & 0x7F) for byte in encode(text))


def shortened(text: str) -> str:
    """A text as replies quote it."""
    if len(text) < _SHORT:
        return text
    half = (_SHORT - 3) // 2
    return f"{text[:half]}...{text[len(text) - half :]}"


class SendmailWording:
    """A `mailconf.smtp.problems.Wording`.

    host   the server's own name
    limit  of a message's size in bytes (MaxMessageSize)
    """

    def __init__(self, host: str, limit: int = 0) -> None:
        self.host = host
        self.limit = limit

    def refusal(self, problem: Problem, **facts: Fact) -> Reply:
        code, text = _REFUSALS.get(problem, (500, "5.5.1 Command unrecognized"))
        known: dict[str, Fact] = {"client": "client", "limit": self.limit, **facts, "host": self.host}
        known["client"] = str(known["client"]).removeprefix("unknown ")  # a client without a name is its address
        known |= {name: shortened(str(known[name])) for name in ("line", "text") if name in known}
        return Reply.of(code, plain(text.format_map(known)))

    def acknowledgement(self, what: Acknowledgement, **facts: Fact) -> Reply:
        code, text = _ACKNOWLEDGEMENTS.get(what, (250, "2.0.0 OK"))
        return Reply.of(code, text.format_map({**facts, "host": self.host}))

    def queued_by_chunks(self, reply: Reply, size: int) -> Reply:
        return reply

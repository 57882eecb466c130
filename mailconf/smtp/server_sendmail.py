"""The server's side of a session as sendmail reads commands.

`SendmailConnection` is `mailconf.smtp.server.Connection` with another reader of command lines: lines, content, the
states and their limits are the same. Addresses and what follows them are not read here, for sendmail reads them with
the tokeniser and the rulesets of its configuration: an event has them as they were typed, and the Policy answers.

Source: sendmail 8.17.1.9 -bD; RFC 5321.
"""

from __future__ import annotations

import re

from mailconf.smtp.events import (
    Command,
    Content,
    ContentEnd,
    Data,
    Event,
    Helo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Refused,
    Rset,
    SessionState,
    Verb,
    Vrfy,
    Wait,
)
from mailconf.smtp.options import ServerOptions
from mailconf.smtp.problems import Problem, Wording
from mailconf.smtp.repetition import Repetition
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import GO_ON, Connection
from mailconf.source import decode

REJECTED = Reply.of(550, "5.0.0 Command rejected")
_SPACES = " \t\n\v\f\r"
_NAME = re.compile(r"[A-Za-z0-9\[\].:_#-]*")
_LONGEST_NAME = 256
_SEVEN_BITS = bytes(code & 0x7F for code in range(256))
NOT_IMPLEMENTED = frozenset(("SEND", "SAML", "SOML", "TURN"))
_OF_POLICY = frozenset(("EXPN", "ETRN", "HELP", "AUTH", "STARTTLS"))
# Commands that are carried out for a client that was refused when it connected, too.
_ALWAYS = frozenset(("QUIT", "HELO", "EHLO", "NOOP", "RSET"))
_ALWAYS_WHERE_FULL = _ALWAYS | {"ETRN"}
_FULL = 452  # the reply for a client that is refused for want of space
_KNOWN = _ALWAYS | _OF_POLICY | NOT_IMPLEMENTED | frozenset(("MAIL", "RCPT", "DATA", "VRFY", "VERB"))
_BOGUS = frozenset(("WIZ", "DEBUG", "SHOWQ"))  # which are known and do nothing
_OF_PROXIES = frozenset(("GET", "POST", "CONNECT", "USER"))
_READY = 220  # the reply to STARTTLS after which TLS begins
_LOGGED_IN = 235  # the reply to AUTH
_BAD_COMMANDS = 25  # after which a session ends
_LINE = 2047  # bytes of a command
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_END = re.compile(rb"(?:\A|\r\n)\.\r\n")
_IN_TRANSACTION = (SessionState.MAIL, SessionState.RCPT)


class SendmailConnection(Connection):
    """See the module."""

    def __init__(self, options: ServerOptions, wording: Wording) -> None:
        super().__init__(options, wording)
        self._begins = True  # the next command is the first
        self._repetition = Repetition(options.noops, options.logins)
        self._bad = 0  # commands that are none, and those of a client that was refused
        self._readers = {
            "MAIL": self._read_mail,
            "RCPT": self._read_rcpt,
            "HELO": self._read_helo,
            "EHLO": self._read_helo,
        }

    def wire(self, reply: Reply) -> bytes:
        return reply.wire(controls=True)

    def secured(self) -> None:
        """HELO and the login stay what they are."""
        self.state = SessionState.IDLE
        self._forget()

    def _advance(self, event: Event, reply: Reply) -> None:
        if isinstance(event, Command) and self.verb == "STARTTLS" and reply.code == _READY:
            self.state = SessionState.HANDSHAKE
            self._buffer.clear()  # what was pipelined behind it was not said under TLS
        elif isinstance(event, Command) and self.verb == "AUTH" and reply.code == GO_ON:
            self.state = SessionState.CHALLENGED
        else:
            self.logged_in = self.logged_in or (isinstance(event, Command) and reply.code == _LOGGED_IN)
            logged_in = self.logged_in
            super()._advance(event, reply)
            self.logged_in = self.logged_in or logged_in

    def _command(self, raw: bytes) -> Event:
        line = decode(raw)
        rest = line.lstrip(_SPACES)
        word = re.match(r"[^ \t\n\v\f\r]*", rest)
        first = word[0] if word else ""
        verb = first.upper()
        begins, self._begins = self._begins, False
        if begins and verb in _OF_PROXIES:
            self.verb = "UNKNOWN"
            return self._refused(Problem.OPEN_PROXY, close=True, client=self.client)
        argument = rest[len(first) :].strip(_SPACES)
        if verb not in _KNOWN and (self.denied is None or verb not in _BOGUS):
            self.verb = "UNKNOWN"
            return self._counted() or self._other(line) or self._refused(Problem.UNKNOWN_LINE, line=line)
        self.verb = verb
        if self.denied is not None and verb not in (_ALWAYS_WHERE_FULL if self.denied.code == _FULL else _ALWAYS):
            return self._counted() or Refused(verb, self.denied, Problem.ACCESS_DENIED)
        if verb in NOT_IMPLEMENTED:
            return self._other(line) or self._refused(Problem.NOT_IMPLEMENTED, line=line)
        if verb in self.options.helo_for and not self.greeted:
            return self._refused(Problem.HELO_FIRST, verb=verb)
        if verb != "AUTH" or (self.state is SessionState.IDLE and not self.logged_in and "AUTH" not in self.withheld):
            self.slowed = self._repetition.note(verb, closed=self._is_closed(verb))
        reader = self._readers.get(verb)
        if reader is not None:
            return reader(argument)
        return self._simple(verb, argument, line)

    def _other(self, line: str) -> Command | None:
        """A command that nothing else asks the Policy about, where it wants to be asked: ruleset check_other."""
        return Command(line) if self.options.others_asked and self.denied is None else None

    def _is_closed(self, verb: str) -> bool:
        """Whether a command is refused to this client whatever it asks."""
        unknown = not self.greeted and verb in self.options.closed_before_helo
        return unknown or verb in self.options.closed or verb in self.withheld

    def _counted(self) -> Refused | None:
        """Count a bad command; what ends the session when there are too many."""
        self._bad += 1
        if self._bad <= _BAD_COMMANDS:
            return None
        return self._refused(Problem.TOO_MANY_ERRORS, close=True, host=self.options.hostname)

    def _read_command(self) -> Event | Wait:
        end = self._buffer.find(b"\n")
        longest = self.options.response_length if self._buffer[:5].upper() == b"AUTH " else _LINE
        if (len(self._buffer) if end < 0 else end) > longest:
            return self._refused(Problem.LINE_TOO_LONG, close=True, client=self.client)
        if end < 0:
            return Wait.NEED_DATA
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if self.options.seven_bits:
            raw = raw.translate(_SEVEN_BITS)
        return self._command(raw.removesuffix(b"\r").partition(b"\0")[0])

    def _read_body(self) -> Event | Wait:
        """As for any dialect, but what ends a line wrongly ends the session at once."""
        if not self.bare_newlines:
            end = _END.search(self._buffer)
            stop = end.end() if end else len(self._buffer) - self._buffer.endswith(b"\r")
            found = _BARE.search(self._buffer, 0, stop)
            if found is not None:
                problem = Problem.BARE_RETURN if found[0] == b"\r" else Problem.BARE_NEWLINE
                refusal = self.wording.refusal(problem)
                return ContentEnd(refusal, problem)
        event = super()._read_body()
        if self.options.seven_bits and isinstance(event, Content):
            return Content(event.data.translate(_SEVEN_BITS))
        return event

    def _simple(self, verb: str, argument: str, line: str) -> Event:
        if verb == "DATA":
            if self.state is SessionState.IDLE:
                return self._refused(Problem.NEED_RCPT)
            if self.state is SessionState.MAIL:
                return self._refused(Problem.NO_VALID_RECIPIENTS)
            if self._buffer:  # content that does not wait for 354
                return self._refused(Problem.OUT_OF_STEP, close=True)
            return Data()
        if verb == "VRFY":
            return Vrfy("", argument)
        if verb == "VERB":
            offered = self.options.verb and "VERB" not in self.withheld
            return (self._other(line) or Verb()) if offered else self._refused(Problem.NO_VERBOSE)
        if verb in _OF_POLICY:
            return Command(line)
        if verb == "RSET":
            return Rset()
        return Quit() if verb == "QUIT" else self._other(line) or Noop()

    def _read_helo(self, name: str) -> Event:
        verb = self.verb
        if self._buffer:  # the answer says what may be sent at once; who does not wait for it is not served
            self.denied = REJECTED
            return self._refused(Problem.OUT_OF_STEP)
        if not name and not self.options.bogus_helo:
            return self._refused(Problem.NAME_NEEDED, verb=verb)
        if len(name) > _LONGEST_NAME or not (self.options.bogus_helo or _NAME.fullmatch(name)):
            return self._refused(Problem.BAD_NAME)
        return Helo(verb, name)

    def _read_mail(self, argument: str) -> Event:
        if self.state in _IN_TRANSACTION:
            return self._refused(Problem.NESTED_MAIL)
        typed = self._after(argument, "FROM")
        if isinstance(typed, str):
            return Mail("", typed, {})
        return Mail("", argument, {}, typed.reply, typed.problem)  # who has to log in reads that first

    def _read_rcpt(self, argument: str) -> Event:
        if self.state not in _IN_TRANSACTION:
            return self._refused(Problem.NEED_MAIL)
        if self.options.recipients and self.recipients >= self.options.recipients:
            return self._refused(Problem.TOO_MANY_RECIPIENTS)
        typed = self._after(argument, "TO")
        return Rcpt("", typed, {}) if isinstance(typed, str) else typed

    def _after(self, argument: str, keyword: str) -> str | Refused:
        """What follows ``keyword:``, which white space may surround; a refusal without it."""
        found = re.match(r"([^ \t\n\v\f\r:]*)[ \t\n\v\f\r]*(:?)[ \t\n\v\f\r]*", argument)
        assert found is not None
        rest = argument[found.end() :]
        if not found[2] or not rest or found[1].upper() != keyword:
            return self._refused(Problem.NO_KEYWORD, text=found[1])
        return rest

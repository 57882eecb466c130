"""The server's side of an SMTP or LMTP session, without a socket.

`Connection.receive_data` takes bytes, `Connection.next_event` gives the next thing that happened, and
`Connection.send_reply` takes the answer to it and gives the bytes to send. Nothing is read on while an event waits for
its reply, so a client may pipeline as it likes (RFC 2920) and the replies still come in order; the caller gathers
them and writes when next_event returns NEED_DATA.

What the protocol alone decides (syntax, order of commands, limits) is decided here, and comes out as a `Refused` event
that names the problem and carries its reply, in the words of the `mailconf.smtp.problems.Wording` that was handed in.
Everything else is the caller's: the greeting, the keywords of EHLO, whether a sender or a recipient is welcome.

Two tables of mailconf/smtp/states.py are the machine: `OUT_OF_ORDER` has the commands that are refused in each state,
`AFTER` which state follows an event whose reply was positive.

Lines end with CRLF; the options decide what LF alone does (postconf(5) smtpd_forbid_bare_newline). A command line
beyond ``line_length`` is cut there. Commands are UTF-8 when SMTPUTF8 is offered; what is not, is refused.

Departures from Postfix: the attributes of one XCLIENT or XFORWARD command take effect together or not at all. BDAT
after a message that was refused at its end begins anew (smtpd(8) crashes). LHLO and the rest of LMTP's server side
(RFC 2033) are ours, Postfix has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mailconf.smtp import parameters, path
from mailconf.smtp.content import ContentReader
from mailconf.smtp.events import (
    AFTER,
    COUNTED,
    JUNK,
    Auth,
    AuthResponse,
    Bdat,
    ChunkEnd,
    Content,
    ContentEnd,
    Data,
    Etrn,
    Event,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Refused,
    Rset,
    SessionState,
    Slowed,
    Starttls,
    Vrfy,
    Wait,
    Xclient,
    Xforward,
)
from mailconf.smtp.options import BareNewline, ServerOptions
from mailconf.smtp.problems import Fact, Fault, Problem, Wording
from mailconf.smtp.reply import Reply
from mailconf.smtp.states import BEFORE_TLS, HELO_FIRST, IN_MAIL_STATES, OUT_OF_ORDER
from mailconf.source import decode

_NUMBER = re.compile(r"[0-9]+\Z", re.ASCII)
_HEADER = re.compile(r"[!-9;-~]+[ \t]*:")  # how a line of a header begins
GO_ON = 334  # the reply that puts a challenge of AUTH
_LOGGED = 100  # characters of a line that a log is to have
_LOGGED_ADDRESS = 1000


class Connection:
    """One session. The caller sets what it depends on the client:

    xclient, xforward  whether the client may use these commands
    bare_newlines      whether it may end lines by LF alone, whichever options are set
    withheld           extensions that it may not use ("CHUNKING", "DSN", "SMTPUTF8"; others make no difference)
    denied             the reply to every command but QUIT, None for a client that is welcome
    unproven           ends the session when the next command comes: the client has to have a certificate

    When `next_event` returns HANDSHAKE, the caller sends what there is, calls `begin_tls`, and `secured` once the
    handshake is over; `tls` is whether it is in force, ``logged_in`` whether the client has logged in.

    ``slowed`` is why the command at hand is to wait, or None; who makes it wait clears it.
    """

    def __init__(self, options: ServerOptions, wording: Wording) -> None:
        self.options = options
        self.wording = wording
        self.state = SessionState.IDLE
        self.greeted = False
        self.xclient: bool | None = False  # None where it is unknown: the session ends when the command comes
        self.xforward: bool | None = False
        self.bare_newlines = False
        self.withheld: frozenset[str] = frozenset()
        self.denied: Reply | None = None
        self.unproven = False
        self.tls = False
        self.logged_in = False
        self.slowed: Slowed | None = None
        self.errors = 0
        self.verb = "CONNECT"  # the command at hand, for the log: "RCPT", "UNKNOWN", "END-OF-MESSAGE" after one, ...
        self.recipients = 0
        self.counts: dict[str, list[int]] = {}  # verb -> [accepted, all]
        self._junk = 0
        self._utf8 = False
        self._kept: dict[str, str] = {}  # parameters of a MAIL that was refused
        self._overshoot = 0  # recipients beyond the limit
        self._buffer = bytearray()
        self._event: Event | None = None  # waits for its reply
        self._replies_due = 0
        self._content = ContentReader(strict=False)
        self.client = self.line = ""  # "name [address]", for replies that name it; the command at hand
        self.bare_lf = False  # a line ended by LF alone has come, and that is to be noted
        self._ended = False  # the dot was read, ContentEnd is yet to be told
        self._deaf = False  # what the client sends from now on is not read
        self._octets = 0
        self._chunk = ChunkEnd(0, False)
        self._chunk_state = SessionState.IDLE  # in which BDAT came
        self._total = 0  # octets of the chunks so far
        self._commands: dict[str, Callable[[str, list[str]], Event]] = {
            "HELO": self._helo,
            "EHLO": self._helo,
            "LHLO": self._helo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": lambda line, words: Noop(),
            "VRFY": self._vrfy,
            "ETRN": self._etrn,
            "QUIT": lambda line, words: Quit(),
            "XCLIENT": self._attributes,
            "XFORWARD": self._attributes,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
        }
        if options.help:
            self._commands["HELP"] = lambda line, words: Help()
        for verb in ("HELO", "EHLO") if options.lmtp else ("LHLO",):
            del self._commands[verb]

    def receive_data(self, data: bytes) -> None:
        if not self._deaf and (self.state is not SessionState.HANDSHAKE or self.tls):
            self._buffer += data

    @property
    def unread(self) -> int:
        """Bytes received and not yet worked on, for flow control."""
        return len(self._buffer)

    def ahead(self, limit: int) -> bytes:
        """The first ``limit`` bytes of what the client sent beyond the last event."""
        return bytes(self._buffer[:limit])

    def next_event(self) -> Event | Wait:
        """The next event; Wait.NEED_DATA, PAUSED, CLOSED, HANDSHAKE or DEAF without one."""
        if self._event is not None:
            return Wait.PAUSED
        if self.state is SessionState.CLOSED:
            return Wait.CLOSED
        if self.state is SessionState.HANDSHAKE:
            return Wait.HANDSHAKE
        if self.state is SessionState.BODY:
            event: Event | Wait = self._read_body()
        elif self.state is SessionState.OCTETS:
            event = self._read_octets()
        elif self.errors >= self.options.hard_errors:
            event = self._refused(Problem.TOO_MANY_ERRORS, close=True, host=self.options.hostname)
        elif self.state is SessionState.CHALLENGED:
            event = self._read_response()
        else:
            event = self._read_command()
        if self._deaf and event is Wait.NEED_DATA:
            return Wait.DEAF
        if not isinstance(event, Wait | Content | Bdat):
            self._event = event
            lmtp_end = self.options.lmtp and isinstance(event, ContentEnd)
            self._replies_due = max(self.recipients, 1) if lmtp_end else 1
        return event

    def send_reply(self, reply: Reply) -> bytes:
        """Answer the last event; the bytes to send. RuntimeError when no event waits for a reply."""
        event = self._event
        if event is None:
            raise RuntimeError("no event waits for a reply")
        self._replies_due -= 1
        if self._replies_due <= 0:
            self._event = None
            self._count(event, reply)
            self._advance(event, reply)
        return self.wire(reply)

    def wire(self, reply: Reply) -> bytes:
        """A reply as this dialect sends it."""
        return reply.wire()

    def refuse(self, problem: Problem) -> bytes:
        """End the session because of ``problem``, which has no facts; the bytes to send."""
        reply = self.wording.refusal(problem)
        event, self._event = self._event or Refused(self.verb, reply, problem), None
        self._replies_due = 0
        self._count(event, reply)
        self.close()
        return self.wire(reply)

    def close(self) -> None:
        """The session is over: nothing more is read."""
        self.state = SessionState.CLOSED
        self._event = None
        self._buffer.clear()

    def begin_tls(self) -> None:
        """What comes from now on comes under TLS; what came before is dropped."""
        self._buffer.clear()
        self.tls = True

    def secured(self) -> None:
        """TLS is in force: of what the client has said before nothing counts any more (RFC 3207 4.2)."""
        if self.state is SessionState.HANDSHAKE:
            self.counts["starttls"] = [n + 1 for n in self.counts.get("starttls", [0, 0])]
        self.state = SessionState.IDLE
        self.greeted = self.logged_in = False
        self._forget()

    def abandon(self) -> None:
        """The client is gone: content under way counts as a command that failed."""
        if self.state in (SessionState.BODY, SessionState.OCTETS, SessionState.HANDSHAKE):
            self.counts.setdefault(self.verb.lower(), [0, 0])[1] += 1
        self.close()

    # What a reply changes.

    def _count(self, event: Event, reply: Reply) -> None:
        if isinstance(event, Refused) and event.problem is Problem.BARE_NEWLINE:
            return  # the line was not read as a command
        ok = reply.positive
        if isinstance(event, Rcpt) and event.problem is Problem.TOO_MANY_RECIPIENTS and reply == event.refusal:
            ok = self._overshoot < self.options.recipient_overshoot  # which is no error yet
            self._overshoot += 1
        if not ok:
            self.errors += 1
        if self.verb in JUNK or isinstance(event, Noop):
            self._junk += 1
            if ok and self._junk > self.options.junk_commands + 1:
                self.errors += 1
        name = self.verb.lower()
        if name not in COUNTED and name != "unknown":
            return
        if reply.code == GO_ON and isinstance(event, Auth | AuthResponse):
            return  # counted when the login ends
        if isinstance(event, Data | Starttls) and ok:
            return  # counted when the content has come
        if isinstance(event, Refused) and event.problem in (Problem.TOO_MANY_ERRORS, Problem.NO_CERTIFICATE):
            return  # it was not read
        count = self.counts.setdefault(name, [0, 0])
        # Postfix never counts an XCLIENT as successful, nor the closing words to a forbidden command.
        count[0] += ok and not isinstance(event, Xclient | Refused)
        count[1] += 1

    def _advance(self, event: Event, reply: Reply) -> None:
        if self.state is SessionState.CHALLENGED:
            self.state = SessionState.IDLE
        if isinstance(event, Refused):
            if event.close:
                self.close()
        elif isinstance(event, Auth | AuthResponse):
            self.logged_in = reply.code // 100 == 2
            if reply.code == GO_ON:
                self.state = SessionState.CHALLENGED
        elif isinstance(event, ContentEnd):
            self._end_transaction(reply)
        elif isinstance(event, ChunkEnd):
            self._after_chunk(event, reply)
        elif reply.positive:
            self.state = AFTER.get(type(event), self.state)
            if isinstance(event, Helo):
                self.greeted = True
            elif isinstance(event, Starttls):
                self._buffer.clear()  # what was pipelined behind it was not said under TLS
            elif isinstance(event, Xclient):
                self.greeted = bool(event.attributes.get("HELO"))
            elif isinstance(event, Rcpt):
                self.recipients += 1
            elif isinstance(event, Data):
                self._content = ContentReader(strict=self._bare_newline is not BareNewline.ALLOW)
                self._ended = False
            elif isinstance(event, Quit):
                self.close()
            if isinstance(event, Helo | Rset | Xclient):
                self._forget()
            if isinstance(event, Mail):
                self._utf8 = "SMTPUTF8" in event.parameters

    def _forget(self) -> None:
        """Nothing is left of a transaction."""
        self.recipients = self._overshoot = 0
        self._utf8 = False
        self._kept = {}

    def _end_transaction(self, reply: Reply, where: str = "END-OF-MESSAGE") -> None:
        self.verb = where
        self.state = SessionState.IDLE
        self._forget()
        if reply.positive:
            self.errors = 0
            self._junk = 0

    def _after_chunk(self, event: ChunkEnd, reply: Reply) -> None:
        before = self.state
        if event.last:
            incomplete = event.refusal is not None and event.problem is not Problem.BARE_NEWLINE
            self._end_transaction(reply, self.verb if incomplete else "END-OF-MESSAGE")
        elif reply.positive:
            self.state = SessionState.CHUNK
        else:
            self.state = (
                SessionState.BROKEN if before in (SessionState.IDLE, SessionState.BROKEN) else SessionState.BROKEN_MAIL
            )

    # Reading.

    def _read_command(self) -> Event | Wait:
        end = self._buffer.find(b"\n")
        limit = self.options.line_length
        if self.options.excess_ends and (len(self._buffer) if end < 0 else end) >= 2 * limit:
            raw = bytes(self._buffer[:limit])
            del self._buffer[: 2 * limit]  # what has come beyond that is another line
            self._deaf = True
            return self._command(raw.rstrip(b"\r").partition(b"\0")[0])
        if end < 0:
            if not self.options.excess_ends:
                del self._buffer[limit:]
            return Wait.NEED_DATA
        bare = end < limit and self._buffer[:end][-1:] != b"\r"
        raw = bytes(self._buffer[: min(end, limit)])
        del self._buffer[: end + 1]
        if bare and self._bare_newline is BareNewline.REJECT:
            return Refused(self.verb, self._bare_newline_refusal, Problem.BARE_NEWLINE, close=True)
        self._note(bare)
        return self._command(raw.rstrip(b"\r").partition(b"\0")[0])

    def _read_response(self) -> Event | Wait:
        """The client's line after a challenge. What exceeds its length is dropped."""
        end, limit = self._buffer.find(b"\n"), self.options.response_length
        if end < 0:
            del self._buffer[limit + 1 :]
            return Wait.NEED_DATA
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        bare = line[-1:] != b"\r"
        if len(line) > limit:
            return self._refused(Problem.AUTH_TOO_LONG, decode(line[:_LOGGED]))
        if bare and self._bare_newline is BareNewline.REJECT:
            return Refused(self.verb, self._bare_newline_refusal, Problem.BARE_NEWLINE, close=True)
        self._note(bare)
        text = line.rstrip(b"\r")
        return self._refused(Problem.AUTH_ABORTED) if text == b"*" else AuthResponse(decode(text))

    @property
    def _bare_newline(self) -> BareNewline:
        return BareNewline.ALLOW if self.bare_newlines else self.options.bare_newline

    @property
    def _bare_newline_refusal(self) -> Reply:
        options = self.options
        return self.wording.refusal(Problem.BARE_NEWLINE, host=options.hostname, code=options.bare_newline_code)

    def _note(self, bare: bool) -> None:
        self.bare_lf = self.bare_lf or (bare and self._bare_newline is BareNewline.NOTE)

    def _content_refusal(self) -> Reply | None:
        """The reply to the content that has been read, for its lines' ends."""
        self._note(self._content.bare)
        return self._bare_newline_refusal if self._content.bare and self._bare_newline is BareNewline.REJECT else None

    def _command(self, raw: bytes) -> Event:
        self.verb = "UNKNOWN"
        self.line = line = decode(raw).rstrip(" \t\r")
        if self.options.smtputf8 and not raw.isascii():
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                return self._no_command(Problem.BAD_UTF8)
        words = path.split_arguments(line)
        if not words:
            return self._no_command(Problem.EMPTY_LINE)
        verb = words[0].upper()
        if verb in self.options.noop_commands:
            self.verb = ""  # it is not counted, even if it is another command's name
            return Noop()
        handler = self._commands.get(verb)
        if handler is None:
            if _HEADER.match(words[0]) or self.options.forbidden(verb):
                return self._refused(Problem.NOT_SMTP, line[:_LOGGED], close=True)
            return self._denied() or self._refused(Problem.UNKNOWN_COMMAND, words[0][:_LOGGED])
        self.verb = verb
        if self.unproven:
            return self._refused(Problem.NO_CERTIFICATE, close=True, host=self.options.hostname)
        if verb != "QUIT" and (denied := self._denied()) is not None:
            return denied
        if self.options.tls_required and not self.tls and verb not in BEFORE_TLS:
            return self._refused(Problem.TLS_FIRST)
        if self.options.helo_required and not self.greeted and verb in HELO_FIRST:
            return self._refused(Problem.HELO_FIRST, verb=verb)
        problem = OUT_OF_ORDER.get((verb, self.state))
        if problem is not None and verb != "BDAT":
            return self._misplaced(problem)
        return handler(line, words)

    def _refused(self, problem: Problem, detail: str = "", *, close: bool = False, **facts: Fact) -> Refused:
        return Refused(self.verb, self.wording.refusal(problem, **facts), problem, detail, close)

    def _misplaced(self, problem: Problem) -> Refused:
        """The command at hand is refused for a problem that has no facts but the command."""
        return self._refused(problem, verb=self.verb) if problem.facts else self._refused(problem)

    def _reply_to(self, fault: Fault) -> Reply:
        return self.wording.refusal(fault.problem, **fault.facts)

    def _denied(self) -> Refused | None:
        return None if self.denied is None else Refused(self.verb, self.denied, Problem.ACCESS_DENIED)

    def _no_command(self, problem: Problem) -> Refused:
        if not self.options.blank_counted:
            self.verb = ""
        return self._refused(problem)

    def _read_body(self) -> Event | Wait:
        while not self._ended:
            found = self._content.read(self._buffer)
            if found is None:
                return Wait.NEED_DATA
            content, self._ended = found
            if content:
                return Content(content)
        self._ended = False
        refusal = self._content_refusal()
        return ContentEnd(refusal, Problem.BARE_NEWLINE if refusal else None)

    def _read_octets(self) -> Event | Wait:
        while self._octets:
            data = bytes(self._buffer[: self._octets])
            if not data and self._deaf:
                break
            if not data:
                return Wait.NEED_DATA
            del self._buffer[: len(data)]
            self._octets -= len(data)
            if self._chunk.refusal is not None:
                continue
            if content := self._content.take(data):
                return Content(content)
        if self._chunk.refusal is None:
            if self._chunk.last and (rest := self._content.rest()):
                return Content(rest)
            if (refusal := self._content_refusal()) is not None:
                self._chunk = self._chunk._replace(refusal=refusal, problem=Problem.BARE_NEWLINE)
        self.state = self._chunk_state
        return self._chunk

    # The commands: (line, words) -> event.

    def _helo(self, line: str, words: list[str]) -> Event:
        if len(words) < 2:
            return self._misplaced(Problem.SYNTAX)
        return Helo(self.verb, path.printable(" ".join(words[1:])))

    def _address(self, words: list[str], keyword: str) -> str | None:
        """The text after ``FROM:`` or ``TO:``; None without it."""
        if len(words) < 2 or words[1][: len(keyword)].upper() != keyword:
            return None
        return words[1][len(keyword) :] or None

    def _mail(self, line: str, words: list[str]) -> Event:
        typed = self._address(words, "FROM:")
        if typed is None:
            return self._misplaced(Problem.SYNTAX)
        offered = self.options.smtputf8 and "SMTPUTF8" not in self.withheld
        utf8 = offered and any(word.upper() == "SMTPUTF8" for word in words[2:])
        address = path.parse(typed, empty=True, smtputf8=utf8)
        if address is None:
            return self._refused(Problem.BAD_SENDER, typed[:_LOGGED_ADDRESS])
        found = parameters.mail(words[2:], self._kept, smtputf8=offered, dsn="DSN" not in self.withheld)
        if isinstance(found, Fault):
            return Mail(address, typed, {}, self._reply_to(found), found.problem)
        return Mail(address, typed, found, words=tuple(words[2:]))

    def _rcpt(self, line: str, words: list[str]) -> Event:
        typed = self._address(words, "TO:")
        if typed is None:
            return self._misplaced(Problem.SYNTAX)
        address = path.parse(typed, empty=False, smtputf8=self._utf8)
        if not address:
            return self._refused(Problem.BAD_RECIPIENT, typed[:_LOGGED_ADDRESS])
        found = parameters.rcpt(words[2:], dsn="DSN" not in self.withheld)
        if isinstance(found, Fault):
            return Rcpt(address, typed, {}, self._reply_to(found), found.problem)
        if self.options.recipients and self.recipients >= self.options.recipients:
            full = Problem.TOO_MANY_RECIPIENTS
            return Rcpt(address, typed, found, self.wording.refusal(full), full)
        return Rcpt(address, typed, found, words=tuple(words[2:]))

    def _data(self, line: str, words: list[str]) -> Event:
        if len(words) != 1:
            return self._misplaced(Problem.SYNTAX)
        return Data()

    def _bdat(self, line: str, words: list[str]) -> Event:
        if "CHUNKING" in self.withheld:
            return self._refused(Problem.NO_CHUNKING, close=True)
        last = len(words) == 3 and words[2].upper() == "LAST"
        good = len(words) == 2 + last and _NUMBER.match(words[1])
        if not good or parameters.exceeds_file_size(words[1]):
            return self._refused(Problem.BAD_BDAT, line[:_LOGGED], close=True)
        size = int(words[1])
        before = self.state
        problem = OUT_OF_ORDER.get(("BDAT", before))
        if not size and not last:
            problem = Problem.NULL_CHUNK
        elif before in (SessionState.BROKEN, SessionState.BROKEN_MAIL):
            problem = Problem.CHUNK_DISCARDED
        if before is not SessionState.CHUNK:
            self._content = ContentReader(strict=self._bare_newline is not BareNewline.ALLOW)
        if before not in (SessionState.CHUNK, SessionState.BROKEN, SessionState.BROKEN_MAIL):
            self._total = 0
        self._total += size
        if problem is None and self.options.message_size and self._total > self.options.message_size:
            problem = Problem.CHUNK_TOO_BIG
        if self.options.excess_ends and 0 < self.options.message_size * 3 // 2 < self._total:
            self._deaf = True
        facts = {"size": size} if problem is Problem.CHUNK_DISCARDED else {}
        self._chunk = ChunkEnd(size, last, problem and self.wording.refusal(problem, **facts), problem)
        self._chunk_state = before
        self._octets = size
        self.state = SessionState.OCTETS
        return Bdat(size, last, before is SessionState.RCPT and problem is not Problem.NULL_CHUNK)

    def _rset(self, line: str, words: list[str]) -> Event:
        if len(words) != 1:
            return self._misplaced(Problem.SYNTAX)
        return Rset()

    def _vrfy(self, line: str, words: list[str]) -> Event:
        if not self.options.vrfy:
            return self._refused(Problem.NO_VRFY)
        if len(words) < 2:
            return self._misplaced(Problem.SYNTAX)
        offered = self.options.smtputf8 and "SMTPUTF8" not in self.withheld
        utf8 = offered and len(words) == 3 and words[2].upper() == "SMTPUTF8"
        typed = " ".join(words[1:-1] if utf8 else words[1:])
        address = path.parse(typed, empty=False, smtputf8=utf8)
        if not address:
            return self._refused(Problem.BAD_RECIPIENT, typed[:_LOGGED_ADDRESS])
        return Vrfy(address, typed)

    def _etrn(self, line: str, words: list[str]) -> Event:
        if len(words) != 2:
            return self._misplaced(Problem.SYNTAX)
        domain = words[1][1:] if words[1][0] in "@#" else words[1]
        if not path.valid_hostname(domain) and not path.valid_literal(domain):
            return self._refused(Problem.BAD_DOMAIN)
        return Etrn(domain)

    def _attributes(self, line: str, words: list[str]) -> Event:
        verb = self.verb
        if len(words) < 2:
            return self._misplaced(Problem.SYNTAX)
        allowed = self.xclient if verb == "XCLIENT" else self.xforward
        if allowed is None:
            return self._refused(Problem.PRIVILEGE_UNKNOWN, close=True, verb=verb, host=self.options.hostname)
        if not allowed:
            return self._refused(Problem.UNAUTHORIZED)
        found = parameters.attributes(verb, words[1:], ipv4=self.options.ipv4, ipv6=self.options.ipv6)
        if isinstance(found, Fault):
            return Refused(verb, self._reply_to(found), found.problem)
        values, temporary = found
        return Xclient(values, temporary) if verb == "XCLIENT" else Xforward(values)

    def _starttls(self, line: str, words: list[str]) -> Event:
        if len(words) != 1:
            return self._misplaced(Problem.SYNTAX)
        if self.tls:
            return self._refused(Problem.TLS_ACTIVE)
        if not self.options.starttls or "STARTTLS" in self.withheld:
            return self._refused(Problem.NO_STARTTLS)
        return Starttls()

    def _auth(self, line: str, words: list[str]) -> Event:
        options = self.options
        if not options.auth or "AUTH" in self.withheld or (options.auth_needs_tls and not self.tls):
            return self._refused(Problem.NO_AUTH)
        if self.state in IN_MAIL_STATES:
            return self._misplaced(Problem.IN_TRANSACTION)
        if self.logged_in:
            return self._refused(Problem.LOGGED_IN)
        if not 2 <= len(words) <= 3:
            return self._misplaced(Problem.SYNTAX)
        return Auth(words[1], words[2] if len(words) == 3 else None)

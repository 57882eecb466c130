"""The client's side of an SMTP or LMTP session (RFC 5321, RFC 2033), without a socket.

Feed it with `Client.receive_data`, take what is to be sent from `Client.data_to_send`, and ask `Client.next_event`:
`Ready` after the handshake, `StageOutcome` after a transaction, `Broken` when the session is of no use. `BeginTls`
comes where TLS is wanted and the server is ready for it: the caller begins it and calls `Client.secured`; what the
server has sent before is dropped (RFC 3207 6). EHLO that is
refused is followed by HELO; LMTP has LHLO and nothing to fall back on. Commands go out together when the server offers
PIPELINING (RFC 2920), one by one otherwise.

A session may have several transactions; RSET stands before each but the first. The first RSET of a session goes out
alone, since a server that refuses it takes no further transaction (`Stage.RESET` of `Broken`); later ones go out with
the commands that follow. `Client.in_step` is whether the session may be kept for another transaction: each command has
its reply, and nothing else was said.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum
from functools import cache, partial
from typing import NamedTuple

from mailconf.smtp.ehlo import Ehlo
from mailconf.smtp.forwarded import forwarding
from mailconf.smtp.reply import Reply, ReplyError, ReplyParser
from mailconf.smtp.sasl import BadChallenge, SaslClient, choose
from mailconf.source import encode


class Stage(Enum):
    """What the client waits for: the greeting, nothing, or the reply to what it sent."""

    GREETING = "greeting"
    HELO = "EHLO, HELO or LHLO"
    STARTTLS = "STARTTLS"
    HANDSHAKE = "the TLS handshake"
    AUTH = "AUTH"
    READY = "nothing"
    RESET = "RSET"
    TOLD_NAME = "XFORWARD with name and address"
    TOLD_HELO = "XFORWARD with HELO and protocol"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "the end of the content"
    QUIT = "QUIT"
    CLOSED = "the session is over"


class To(NamedTuple):
    """A recipient in external form, with its DSN parameters as they are to be sent ("" for none)."""

    address: str
    notify: str = ""
    orcpt: str = ""


class Envelope(NamedTuple):
    """A transaction. Addresses are in external form; ``content`` has its lines ended by LF. A probe has none: the
    transaction is broken off after the recipients, and what is said of them counts. Of content that was ``converted``
    the server is not told the size. ``client`` is told to a server that asks for it (`mailconf.smtp.forwarded`)."""

    sender: str
    recipients: tuple[To, ...]
    content: bytes
    body: str = ""
    ret: str = ""
    envid: str = ""
    smtputf8: bool = False
    probe: bool = False
    converted: bool = False
    client: tuple[tuple[str, str], ...] = ()


class Ready(NamedTuple):
    """The handshake is done. ``extensions``: parameters by upper-case keyword; ``name`` is the server's own."""

    name: str
    extensions: dict[str, str]


class StageOutcome(NamedTuple):
    """What became of each recipient, in the envelope's order: the reply that decided and the stage it answered."""

    replies: tuple[tuple[Reply, Stage], ...]


class TlsUse(Enum):
    """Whether a session begins TLS."""

    NONE = "never"
    WANTED = "where the server offers it"
    NEEDED = "or it ends"


class Lack(Enum):
    """What a server does not have that the session needs."""

    STARTTLS = "STARTTLS is not offered"
    MECHANISM = "no mechanism of AUTH is left"
    BASE64 = "a challenge is no base64"
    ANSWER = "there is no answer to a challenge"


class BeginTls(NamedTuple):
    """The server waits for the handshake."""


class Broken(NamedTuple):
    """The session cannot go on: the server refused (``reply``), lacks something, or does not speak the protocol
    (``garbage``)."""

    stage: Stage
    reply: Reply | None = None
    garbage: str = ""
    lack: Lack | None = None


class Login(NamedTuple):
    """A login; ``options`` leave mechanisms out, ``mechanisms`` are those that count (`mailconf.smtp.sasl.choose`)."""

    user: str
    password: str
    options: frozenset[str] = frozenset()
    mechanisms: frozenset[str] | None = None
    other: str = ""  # as whom the user acts
    optional: bool = False  # where it is refused for good, the session goes on without it

    def __repr__(self) -> str:
        return f"Login({self.user!r}, ...)"


ClientEvent = Ready | StageOutcome | Broken | BeginTls

LINE_LENGTH = 998  # postconf(5) smtp_line_length_limit


class Client:
    """One session. ``helo`` is the name that we go by; ``login`` may be changed until the server has answered EHLO.

    line_length  bytes of the longest lines of content, 0: any
    withheld     extensions, in capitals, that count as not offered
    """

    def __init__(
        self,
        helo: str,
        *,
        lmtp: bool = False,
        tls: TlsUse = TlsUse.NONE,
        login: Login | None = None,
        ehlo: Ehlo = Ehlo.ALWAYS,
        withheld: frozenset[str] = frozenset(),
        line_length: int = LINE_LENGTH,
    ) -> None:
        self._ehlo = ehlo
        self._withheld = withheld
        self._line_length = line_length
        self.broken_lines = 0  # of the content: those that were too long
        self.login = login
        self._tls = tls
        self._sasl: SaslClient | None = None
        self.mechanism = ""  # by which a login was tried
        self.logged_in = False
        self.tls_refused = 0  # the code of the reply to STARTTLS that said no
        self._name = ""  # the server's
        self.helo = helo
        self.lmtp = lmtp
        self.stage = Stage.GREETING
        self.verb = "LHLO" if lmtp else "EHLO"
        self.extensions: dict[str, str] = {}
        self._parser = ReplyParser()
        self._out = bytearray()
        self._todo: deque[tuple[Stage, int, str]] = deque()  # commands not sent yet
        self._sent: deque[tuple[Stage, int]] = deque()  # commands without reply
        self._envelope = Envelope("", (), b"")
        self._verdicts: list[tuple[Reply, Stage] | None] = []
        self._mail_refused: Reply | None = None
        self._reset = False  # whether the last transaction was broken off, and RSET is due
        self._resets = False  # the server has accepted RSET
        self.untold: list[tuple[Stage, Reply]] = []  # what the server has said against being told of a client
        self._out_of_step = False  # it has said what no command of ours asked for
        self.content_sent = False  # of the last transaction, as far as the caller has sent what there was to send
        self._last = False  # QUIT goes out with the end of the content
        self.transactions = 0
        self.replies: list[tuple[Stage, int, Reply]] = []  # of the last transaction: stage, recipient's place, reply

    def receive_data(self, data: bytes) -> None:
        self._parser.feed(data)

    def data_to_send(self) -> bytes:
        """What is to be written now; it is handed out once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    @property
    def decided(self) -> tuple[tuple[Reply, Stage] | None, ...]:
        """What is known of each recipient, for when the connection is lost: the reply that decided, or None."""
        return tuple(self._verdicts)

    def next_event(self) -> ClientEvent | None:
        """The next event, None where data is missing. After Broken there are no more."""
        while self.stage is not Stage.CLOSED:
            try:
                reply = self._parser.next()
            except ReplyError as error:
                stage, self.stage = self.stage, Stage.CLOSED
                return Broken(stage, garbage=str(error))
            if reply is None:
                return None
            event = self._handle(reply)
            if event is not None:
                return event
        return None

    def send(self, envelope: Envelope, *, last: bool = False) -> None:
        """Begin a transaction; RuntimeError unless the session is ready. ``envelope`` has at least one recipient.

        last  the session ends with it: QUIT goes out with the end of the content, where the server offers PIPELINING
        """
        if self.stage is not Stage.READY or not envelope.recipients:
            raise RuntimeError("the session is not ready for this envelope")
        self._envelope = envelope
        self._verdicts = [None] * len(envelope.recipients)
        self._mail_refused = None
        self.replies = []
        self._last = last and "PIPELINING" in self.extensions and not self.lmtp
        if self.transactions:
            self._todo.append((Stage.RESET, 0, "RSET"))
        self.transactions += 1
        self.content_sent = False
        self.broken_lines = 0
        self.untold = []
        self._reset = True
        if envelope.client and "XFORWARD" in self.extensions:
            stages = (Stage.TOLD_NAME, Stage.TOLD_HELO)
            lines = forwarding(self.extensions["XFORWARD"], envelope.client)
            self._todo += [(stage, 0, line) for stage, line in zip(stages, lines, strict=True) if line]
        self._todo.append((Stage.MAIL, 0, self._mail_command(envelope)))
        for number, to in enumerate(envelope.recipients):
            self._todo.append((Stage.RCPT, number, self._rcpt_command(to)))
        if not envelope.probe:
            self._todo.append((Stage.DATA, 0, "DATA"))
        self._send_commands()

    @property
    def in_step(self) -> bool:
        """Whether the session can have another transaction (see above). `is_reset` says what that needs first."""
        return self.stage is Stage.READY and not (self._out_of_step or self._sent or self._parser.pending)

    @property
    def is_astray(self) -> bool:
        """Whether the server has said what no command asked for: replies may not belong to what was sent last."""
        return self._out_of_step

    @property
    def is_answered(self) -> bool:
        """Whether each command has its reply: if not, what is sent now may be taken for something else."""
        return not self._sent

    @property
    def is_reset(self) -> bool:
        """Whether the last transaction came to its end: if not, `reset` is due before the session is kept."""
        return not self._reset

    def reset(self) -> None:
        """Break the transaction off; a `StageOutcome` without replies follows, or Broken. The session is `in_step`."""
        self._verdicts = []
        self._todo.append((Stage.RESET, 0, "RSET"))
        self._send_commands()

    def quit(self) -> None:
        """Send QUIT, and RSET before it when the transaction was broken off; the replies are of no interest.

        Nothing is sent where QUIT went out with the content.
        """
        if self.stage is Stage.QUIT:
            return
        if self._reset:
            self._command("RSET")
        self._command("QUIT")
        self.stage = Stage.QUIT

    # Replies.

    def _handle(self, reply: Reply) -> ClientEvent | None:
        if self.stage is Stage.GREETING:
            if reply.code != 220:
                return self._broken(reply)
            offered = any(word.upper() == "ESMTP" for line in reply.lines for word in line.split())
            if not self.lmtp and (self._ehlo is Ehlo.NEVER or (self._ehlo is Ehlo.OFFERED and not offered)):
                self.verb = "HELO"
            self._command(f"{self.verb} {self.helo}")
            self.stage = Stage.HELO
            return None
        if self.stage is Stage.HELO:
            return self._handshake(reply)
        if self.stage is Stage.STARTTLS:
            return self._tls_answered(reply)
        if self.stage is Stage.AUTH:
            return self._auth_answered(reply)
        if self.stage is Stage.QUIT:
            self.stage = Stage.QUIT if self._reset else Stage.CLOSED
            self._reset = False
            return None
        if self.stage is Stage.END:
            return self._ended(reply)
        if self._sent:
            return self._replied(reply)
        self._out_of_step = True
        return self._broken(reply)  # a 421 that nobody asked for

    def _broken(self, reply: Reply) -> Broken:
        stage, self.stage = self.stage, Stage.CLOSED
        return Broken(stage, reply)

    def _handshake(self, reply: Reply) -> ClientEvent | None:
        if reply.code == 250:
            self._name = reply.lines[0].partition(" ")[0]
            for line in reply.lines[1:]:
                keyword, _, rest = line.replace("=", " ").partition(" ")
                keyword = keyword.upper()
                known = self.extensions.get(keyword, "") if keyword == "AUTH" else ""
                self.extensions[keyword] = f"{known} {rest}".strip()
            for keyword in self._withheld & self.extensions.keys():
                del self.extensions[keyword]
            return self._greeted()
        if self.verb == "EHLO" and reply.permanent:
            self.verb = "HELO"
            self._command(f"HELO {self.helo}")
            return None
        return self._broken(reply)

    def _greeted(self) -> ClientEvent | None:
        """The server has said what it can."""
        if self._tls is not TlsUse.NONE:
            if "STARTTLS" in self.extensions:
                self._command("STARTTLS")
                self.stage = Stage.STARTTLS
                return None
            if self._tls is TlsUse.NEEDED:
                return self._lacking(Lack.STARTTLS)
        if self.login is not None and "AUTH" in self.extensions:
            return self._log_in(self.login)
        return self._ready()

    def _ready(self) -> Ready:
        self.stage = Stage.READY
        return Ready(self._name, self.extensions)

    def _lacking(self, lack: Lack) -> Broken:
        stage, self.stage = self.stage, Stage.READY  # the session can be ended in good order
        return Broken(stage, lack=lack)

    def _tls_answered(self, reply: Reply) -> ClientEvent | None:
        if reply.code == 220:
            self.stage = Stage.HANDSHAKE
            self._parser = ReplyParser()
            return BeginTls()
        if self._tls is TlsUse.NEEDED:
            self.stage = Stage.READY
            return Broken(Stage.STARTTLS, reply)
        self._tls = TlsUse.NONE
        self.tls_refused = reply.code
        return self._greeted()

    def secured(self) -> None:
        """TLS is in force, and what the server has said before does not count. Without STARTTLS it is called before
        anything else."""
        begins = self.stage is Stage.GREETING
        self._tls = TlsUse.NONE
        self._parser = ReplyParser()
        self.extensions = {}
        if not begins:
            self.verb = "LHLO" if self.lmtp else "EHLO"
            self._command(f"{self.verb} {self.helo}")
            self.stage = Stage.HELO

    def log_in(self, login: Login) -> ClientEvent | None:
        """Log in now that the server is ready, if it has logins; None where its answer is to be waited for."""
        self.login = login
        return self._log_in(login) if "AUTH" in self.extensions else self._ready()

    def _log_in(self, login: Login) -> ClientEvent | None:
        mechanism = choose(self.extensions["AUTH"].split(), login.options, login.mechanisms)
        if not mechanism:
            return self._lacking(Lack.MECHANISM)
        self.mechanism = mechanism
        self._sasl = SaslClient(mechanism, login.user, login.password, login.other)
        initial = self._sasl.initial
        self._command(f"AUTH {mechanism}" + ("" if initial is None else f" {initial}"))
        self.stage = Stage.AUTH
        return None

    def _auth_answered(self, reply: Reply) -> ClientEvent | None:
        if reply.code == 334 and self._sasl is not None:
            try:
                self._command(self._sasl.respond(reply.lines[0].strip()))
            except BadChallenge as bad:
                return self._lacking(Lack.ANSWER if bad.is_read else Lack.BASE64)
            return None
        self._sasl = None
        if reply.code // 100 == 2:
            self.logged_in = True
            return self._ready()
        if reply.permanent and self.login is not None and self.login.optional:
            return self._ready()
        self.stage = Stage.READY
        return Broken(Stage.AUTH, reply)

    def _replied(self, reply: Reply) -> ClientEvent | None:
        kind, number = self._sent.popleft()
        self.replies.append((kind, number, reply))
        if kind is Stage.RESET:
            if reply.code // 100 != 2:
                self.stage = Stage.CLOSED
                return Broken(Stage.RESET, reply)
            self._resets, self._reset = True, False
        if kind in (Stage.TOLD_NAME, Stage.TOLD_HELO) and reply.code // 100 != 2:
            self.untold.append((kind, reply))
        if kind is Stage.MAIL:
            self._reset = True
        if 300 <= reply.code < 400 and kind is not Stage.DATA:
            self._out_of_step = True
        if kind is Stage.MAIL and reply.code // 100 != 2:
            self._mail_refused = reply
            self._verdicts = [(reply, Stage.MAIL)] * len(self._verdicts)
            self._todo.clear()
            if reply.code == 421 or reply.code < 400:  # the session is over, whatever the server says of the rest
                return self._outcome()
        elif kind is Stage.RCPT and self._mail_refused is None and (self._envelope.probe or reply.code // 100 != 2):
            self._verdicts[number] = (reply, Stage.RCPT)
        elif kind is Stage.DATA:
            return self._data_replied(reply)
        if not self._sent and self._mail_refused is not None:
            return self._outcome()
        self._send_commands()
        if not self._sent and not self._todo and self.stage is not Stage.END:
            return self._outcome()
        self._set_stage()
        return None

    def _data_replied(self, reply: Reply) -> ClientEvent | None:
        accepted = [n for n, verdict in enumerate(self._verdicts) if verdict is None]
        if reply.code // 100 == 3:
            if self._parser.pending:  # what is said before the content is there does not answer it
                self._out_of_step = True
                if not self._parser.refuses:
                    self.stage = Stage.CLOSED
                    return Broken(Stage.DATA, garbage="a reply before the content")
            self._out += self._body() if accepted else b".\r\nQUIT\r\n" if self._last else b".\r\n"
            self.stage = Stage.END
            self.content_sent = bool(accepted)
            return None
        for number in accepted:
            self._verdicts[number] = (reply, Stage.DATA)
        self._out_of_step = self._out_of_step or reply.code < 400
        return self._outcome()

    def _ended(self, reply: Reply) -> ClientEvent | None:
        self._out_of_step = self._out_of_step or 300 <= reply.code < 400
        accepted = [n for n, verdict in enumerate(self._verdicts) if verdict is None]
        if self.lmtp and accepted:
            self._verdicts[accepted[0]] = (reply, Stage.END)
            self._reset = False
            return None if accepted[1:] and reply.code != 421 else self._final(accepted[1:], reply)
        self._reset = False
        return self._final(accepted, reply)

    def _final(self, numbers: list[int], reply: Reply) -> StageOutcome:
        for number in numbers:
            self._verdicts[number] = (reply, Stage.END)
        return self._outcome()

    def _outcome(self) -> StageOutcome:
        ended = self._last and self.stage is Stage.END
        self.stage = Stage.QUIT if ended else Stage.READY
        return StageOutcome(tuple(verdict for verdict in self._verdicts if verdict is not None))

    # Commands.

    def _send_commands(self) -> None:
        together = "PIPELINING" in self.extensions
        while self._todo and (together or not self._sent):
            kind, number, line = self._todo.popleft()
            if kind is Stage.DATA and not together and all(self._verdicts):
                return  # no recipient is left to send to
            self._command(line)
            self._sent.append((kind, number))
            if kind is Stage.RESET and not self._resets:
                break  # whether it is accepted decides about the rest
        self._set_stage()

    def _set_stage(self) -> None:
        if self._sent:
            self.stage = self._sent[0][0]

    def _command(self, line: str) -> None:
        self._out += encode(line) + b"\r\n"

    @property
    def commands(self) -> tuple[str, list[str]]:
        """MAIL and RCPT of the last transaction."""
        envelope = self._envelope
        return self._mail_command(envelope), [self._rcpt_command(to) for to in envelope.recipients]

    def _mail_command(self, envelope: Envelope) -> str:
        words = [f"MAIL FROM:<{envelope.sender}>"]
        has = self.extensions
        if "SIZE" in has and not envelope.converted:
            words.append(f"SIZE={len(envelope.content) + envelope.content.count(10)}")
        if "8BITMIME" in has and envelope.body:
            words.append(f"BODY={envelope.body}")
        if "SMTPUTF8" in has and envelope.smtputf8:
            words.append("SMTPUTF8")
        if "DSN" in has:
            words += [f"RET={envelope.ret}"] if envelope.ret else []
            words += [f"ENVID={envelope.envid}"] if envelope.envid else []
        return " ".join(words)

    def _rcpt_command(self, to: To) -> str:
        words = [f"RCPT TO:<{to.address}>"]
        if "DSN" in self.extensions:
            words += [f"NOTIFY={to.notify}"] if to.notify else []
            words += [f"ORCPT={to.orcpt}"] if to.orcpt else []
        return " ".join(words)

    def _body(self) -> bytes:
        content, self.broken_lines = _shortened(self._envelope.content, self._line_length)
        return _dotted(content) + (b".\r\nQUIT\r\n" if self._last else b".\r\n")


def wire_content(content: bytes, limit: int = LINE_LENGTH) -> bytes:
    """``content`` as DATA sends it: lines of at most ``limit`` bytes (0: any), dots doubled, ended by CRLF."""
    return _dotted(_shortened(content, limit)[0])


def _shortened(content: bytes, limit: int) -> tuple[bytes, int]:
    """``content`` with longer lines cut, and how many they were."""
    return _longer_lines(limit).subn(partial(_broken_line, limit), content) if limit > 0 else (content, 0)


def _dotted(content: bytes) -> bytes:
    if content and not content.endswith(b"\n"):
        content += b"\n"
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")


@cache
def _longer_lines(limit: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?m)^[^\n]{%d,}" % (limit + 1))


def _broken_line(limit: int, match: re.Match[bytes]) -> bytes:
    """A line cut into pieces; all but the first begin with a space (postconf(5) smtp_line_length_limit)."""
    line, step = match.group(), max(limit - 1, 1)
    return line[:1] + b"\n ".join(line[at : at + step] for at in range(1, len(line), step))

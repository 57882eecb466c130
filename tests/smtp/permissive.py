"""A caller for `mailconf.smtp.server.Connection` that permits everything, as the recorded smtpd was configured to."""

from __future__ import annotations

from mailconf.mta.journal_figures import counted
from mailconf.smtp.events import (
    Bdat,
    ChunkEnd,
    Content,
    ContentEnd,
    Data,
    Etrn,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Refused,
    Rset,
    Starttls,
    Vrfy,
    Wait,
    Xclient,
    Xforward,
)
from mailconf.smtp.options import ServerOptions
from mailconf.smtp.problems import Acknowledgement
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection
from mailconf.smtp.wording_postfix import PostfixWording

WORDING = PostfixWording()
HOST = "mail.example.com"
GREETING = Reply.of(220, f"{HOST} ESMTP Postfix")
OK = Reply.of(250, "2.0.0 Ok")
TOO_BIG = Reply.of(552, "5.3.4 Message size exceeds fixed limit")  # postconf(5) message_size_limit
EHLO = Reply.of(
    250, HOST, "PIPELINING", "SIZE 100000", "VRFY", "ETRN",
    "XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT",
    "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING",
)  # fmt: skip


class Permissive:
    """Bytes in, bytes out; ``messages`` are what was accepted."""

    def __init__(self, **options: object) -> None:
        settings = {"hostname": HOST, "message_size": 100_000, "recipients": 5, "junk_commands": 10, **options}
        self.connection = Connection(ServerOptions(**settings), WORDING)  # type: ignore[arg-type]
        self.connection.xclient = self.connection.xforward = True
        self.messages: list[bytes] = []
        self.content = b""
        self.size = 0
        self.events: list[object] = []

    @property
    def summary(self) -> str:
        """The counts of the commands, as Postfix logs them at the end."""
        return counted(self.connection.counts, bare_lf=self.connection.bare_lf)

    def start(self) -> bytes:
        return GREETING.wire()

    def feed(self, data: bytes) -> bytes:
        self.connection.receive_data(data)
        out = b""
        while not isinstance(event := self.connection.next_event(), Wait):
            self.events.append(event)
            replies = self.answer(event)
            for reply in replies:
                out += self.connection.send_reply(reply)
        return out + (b"<closed>" if event in (Wait.CLOSED, Wait.DEAF) else b"")

    def answer(self, event: object) -> list[Reply]:
        match event:
            case Bdat():
                return []
            case Content(data):
                self.content += data
                return []
            case Refused(_, reply):
                return [reply]
            case Helo(verb):
                self.content = b""
                return [Reply.of(250, HOST) if verb == "HELO" else EHLO]
            case Mail():
                self.content = b""
                limit = self.connection.options.message_size
                too_big = limit and int(event.parameters.get("SIZE", "0")) > limit
                return [event.refusal or (TOO_BIG if too_big else Reply.of(250, "2.1.0 Ok"))]
            case Rcpt():
                return [event.refusal or Reply.of(250, "2.1.5 Ok")]
            case Data():
                return [Reply.of(354, "End data with <CR><LF>.<CR><LF>")]
            case ContentEnd():
                return self.end()
            case ChunkEnd():
                return [self.chunk(event)]
            case Vrfy(_, typed):
                return [Reply.of(252, f"2.0.0 {typed}")]
            case Etrn(domain):
                return [Reply.of(459, f"<{domain}>: service unavailable")]
            case Xclient(attributes):
                if attributes.get("ADDR", "127.0.0.1") != "127.0.0.1":
                    self.connection.xclient = self.connection.xforward = False
                return [GREETING]
            case Quit():
                return [Reply.of(221, "2.0.0 Bye")]
            case Help():
                return [WORDING.acknowledgement(Acknowledgement.HELP)]
            case Noop() | Rset() | Xforward() | Starttls():
                return [OK]
        raise AssertionError(event)

    def end(self) -> list[Reply]:
        reply = Reply.of(552, "5.3.4 Error: message file too big")
        if len(self.content) <= 100_000:
            self.messages.append(self.content)
            reply = Reply.of(250, "2.0.0 Ok: queued as QUEUEID")
        self.content = b""
        connection = self.connection
        return [reply] * (connection.recipients if connection.options.lmtp else 1)

    def chunk(self, event: ChunkEnd) -> Reply:
        if event.refusal is not None:
            return event.refusal
        if not event.last:
            return Reply.of(250, f"2.0.0 Ok: {event.size} bytes")
        content, self.content = self.content, b""
        if content and not content.endswith(b"\n"):
            content += b"\n"
        self.messages.append(content)
        return Reply.of(250, f"2.0.0 Ok: {len(content) + content.count(10)} bytes queued as QUEUEID")

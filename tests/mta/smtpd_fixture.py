"""A listener with a permissive Policy and an Intake in memory, in a thread of its own: tests are blocking clients."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mta_fixture import FakePolicy, FakeWorld, make_site

from mailconf.model.limits import Limits
from mailconf.model.policy import Privilege
from mailconf.model.session import Session
from mailconf.model.trace import Trace
from mailconf.model.verdict import Reply, Verdict
from mailconf.model.world import Ask
from mailconf.mta.answers import VerdictHook
from mailconf.mta.message import Context, IntakeRefused, Message
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_service import SmtpService
from mailconf.smtp.options import ServerOptions
from tests.personality import PERSONALITY

HOST = "mail.example.com"
KEYWORDS = (
    "PIPELINING",
    "SIZE 1000000",
    "VRFY",
    "ETRN",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "DSN",
    "SMTPUTF8",
    "CHUNKING",
)


def said(code: int, *lines: str, log: str = "", disconnect: bool = False) -> Verdict:
    return Verdict(Reply.of(code, *lines), Trace(), log=log, disconnect=disconnect)


@dataclass
class OpenPolicy(FakePolicy):
    """Permits all but recipients at refused.example, where the text of the refusal is Postfix's."""

    async def connect(self, session: Session, ask: Ask) -> Verdict:
        return said(220, f"{HOST} ESMTP Postfix")

    async def helo(self, session: Session, ask: Ask) -> Verdict:
        return said(250, HOST, *(KEYWORDS if session.protocol == "ESMTP" else ()))

    async def mail(self, session: Session, ask: Ask) -> Verdict:
        return said(250, "2.1.0 Ok")

    async def rcpt(self, session: Session, ask: Ask) -> Verdict:
        recipient = session.recipient or ""
        if recipient.endswith("@refused.example"):
            text = f"5.7.1 <{recipient}>: Recipient address rejected: Access denied"
            client = f"{session.client_name}[{session.client_address}]"
            return said(554, text, log=f"RCPT from {client}: 554 {text}; from=<{session.sender}> to=<{recipient}>")
        return said(250, "2.1.5 Ok")

    async def data(self, session: Session, ask: Ask) -> Verdict:
        return said(354, "End data with <CR><LF>.<CR><LF>")

    async def end_of_data(self, session: Session, ask: Ask) -> Verdict:
        return said(250, f"2.0.0 Ok: queued as {session.queue_id}")

    async def vrfy(self, session: Session, ask: Ask) -> Verdict:
        return said(252, f"2.0.0 {session.recipient}")


@dataclass
class MemoryIntake:
    messages: list[Message] = field(default_factory=list)
    refusal: Reply | None = None
    gate: threading.Event | None = None  # accept returns when it is set
    entered: threading.Event = field(default_factory=threading.Event)
    _ids: int = 0

    def new_queue_id(self) -> str:
        self._ids += 1
        return f"{self._ids:010X}"

    async def accept(self, message: Message) -> None:
        self.entered.set()
        if self.gate is not None:
            await asyncio.to_thread(self.gate.wait, 30)
        if self.refusal is not None:
            raise IntakeRefused(self.refusal)
        self.messages.append(message)


class Listener:
    """Use as a context manager: ``port`` is bound, ``lines`` is the log."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        options: ServerOptions | None = None,
        privileges: set[Privilege] | None = None,
        on_verdict: VerdictHook | None = None,
        lookup: bool = True,
        policy: Callable[..., OpenPolicy] = OpenPolicy,
        grace: float = 5.0,
        loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        site = make_site(Path("/nowhere"))
        site.limits = (limits or Limits())._replace(error_sleep=0.0 if limits is None else limits.error_sleep)
        self.lines: list[str] = []
        self.logged = threading.Condition()
        self.intake = MemoryIntake()
        compiled = policy(site)
        compiled.privileges = {Privilege.XCLIENT, Privilege.XFORWARD} if privileges is None else privileges
        self.context = Context(compiled, FakeWorld(), self._log, PERSONALITY, self.intake)
        self._options, self._on_verdict, self._grace = options, on_verdict, grace
        self._resolver = Resolver(hosts=None) if lookup else None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(loop,), daemon=True)
        self.stopped = threading.Event()

    def _run(self, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(self._serve())

    def _log(self, program: str, text: str) -> None:
        with self.logged:
            self.lines.append(f"{program}: {text}")
            self.logged.notify_all()

    def await_line(self, part: str) -> str:
        with self.logged:
            assert self.logged.wait_for(lambda: any(part in line for line in self.lines), 20), self.lines
            return next(line for line in self.lines if part in line)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.smtpd = smtpd = SmtpService(
            self.context, options=self._options, resolver=self._resolver, on_verdict=self._on_verdict
        )
        server = await self._loop.create_server(smtpd.protocol, "127.0.0.1", 0, backlog=511)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await smtpd.close(self._grace)
        self.stopped.set()

    def __enter__(self) -> Listener:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def connect(self) -> Peer:
        return Peer(self.port)


class Peer:
    """A raw client. `say` sends a line and returns the reply, its lines joined by newlines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()

    def reply(self) -> str:
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                return "\n".join([*lines, "<closed>"])
            lines.append(line.decode("latin-1").rstrip("\r\n"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say(self, line: str) -> str:
        self.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.reply()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

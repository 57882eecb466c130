"""A listener with the Policy of a main.cf, its TLS and its logins, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from conversation import SERVICES, policy_of
from smtpd_fixture import MemoryIntake

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.mta.message import Context
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_service import SmtpService
from mailconf.mta.world import MtaWorld
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.personality import PERSONALITY


def compiled(folder: Path) -> PostfixPolicy:
    """The Policy of the main.cf in a folder."""
    sink = Sink()
    return compile_policy(Configuration.load(str(folder), sink), sink)


class SecuredListener:
    """Use as a context manager: ``port`` is bound, ``lines`` is the log, ``intake`` has the messages.

    folder    where main.cf is written; it is the queue's directory, too
    services  the lines of master.cf
    """

    def __init__(self, folder: Path, parameters: dict[str, str], services: str = SERVICES) -> None:
        self._policy = policy_of(folder, {"queue_directory": str(folder), **parameters}, services)
        self._folder = folder
        self.lines: list[str] = []
        self.intake = MemoryIntake()
        self._logged = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def furnish(self, world: MtaWorld) -> None:
        """What else the context is to have."""

    def _log(self, program: str, text: str) -> None:
        with self._logged:
            self.lines.append(f"{program}: {text}")
            self._logged.notify_all()

    def await_line(self, part: str, since: int = 0) -> str:
        with self._logged:
            assert self._logged.wait_for(lambda: any(part in line for line in self.lines[since:]), 20), self.lines
            return next(line for line in self.lines[since:] if part in line)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        world = MtaWorld(FileWorld(), Resolver(hosts=None))
        self.context = Context(self._policy, world, self._log, PERSONALITY, self.intake)
        self.furnish(world)
        self.service = SmtpService(self.context, root=Root())
        server = await self._loop.create_server(self.service.protocol, "127.0.0.1", 0)
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        await self._stop.wait()
        server.close()
        await self.service.close(0.5)

    def reload(self) -> None:
        """Read main.cf again, as after SIGHUP."""
        policy, done = compiled(self._folder), threading.Event()

        def put() -> None:
            self.service.policy = policy
            self.service.prepare()
            done.set()

        self._loop.call_soon_threadsafe(put)
        assert done.wait(10)

    def __enter__(self) -> SecuredListener:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

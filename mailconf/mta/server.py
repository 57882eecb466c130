"""The running MTA: listeners, queue side and agents of one configuration, from start to graceful stop.

`Server.serve` runs until SIGTERM or SIGINT (or `Server.stop`). No new connection is taken then; transactions under
way have ``grace`` seconds. SIGHUP compiles the configuration anew; a broken one is logged and changes nothing.
Listeners and the queue's place stay as they were at the start; a change of theirs needs a restart, as a change of
inet_interfaces does with Postfix.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

from mailconf.files import Root
from mailconf.model.policy import Policy
from mailconf.model.world import World
from mailconf.mta.manager import Manager
from mailconf.mta.message import Agent, Context
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.mta.smtpd import Smtpd, VerdictHook
from mailconf.mta.world import MtaWorld
from mailconf.smtp.server import Options

Address = tuple[str, int]


class BrokenConfiguration(Exception):
    """``compile`` found the configuration broken; the message says how, in one line."""


class Server:
    """One MTA.

    compile     gives the Policy, at the start and at every reload. Raises BrokenConfiguration
    files       gives the World of tables, users and files that goes with it; called after ``compile``
    listen      (host, port) pairs; port 0 takes a free one
    log         (program, text)
    options     the listeners' protocol options, None for those of the Site
    root        where the configuration's absolute paths lie
    ready       told the bound addresses once connections are taken
    on_verdict  told of every answer of the Policy
    """

    def __init__(
        self,
        compile: Callable[[], Policy],
        files: Callable[[], World],
        listen: Sequence[Address],
        *,
        log: Callable[[str, str], None],
        root: Root | None = None,
        options: Options | None = None,
        resolver: Resolver | None = None,
        ready: Callable[[list[Address]], None] = lambda addresses: None,
        on_verdict: VerdictHook | None = None,
        grace: float = 5.0,
    ) -> None:
        self._compile = compile
        self._files = files
        self._listen = listen
        self._log = log
        self._root = root or Root()
        self._options = options
        self._resolver = resolver or Resolver()
        self._ready = ready
        self._on_verdict = on_verdict
        self._grace = grace
        self._stop: asyncio.Event | None = None
        self.context: Context | None = None

    async def serve(self) -> None:
        """Raises BrokenConfiguration, QueueError (another MTA has the queue), OSError (an address cannot be had)."""
        self._stop = asyncio.Event()
        policy = self._compile()
        world = MtaWorld(self._files(), self._resolver, root=self._root)
        agents: dict[str, Agent] = {}
        self.context = context = Context(policy, world, self._log, agents=agents)
        agents["smtp"] = SmtpAgent(context, self._resolver)
        agents["lmtp"] = SmtpAgent(context, self._resolver, lmtp=True)
        manager = Manager(context, self._root)
        smtpd = Smtpd(context, options=self._options, resolver=self._resolver, on_verdict=self._on_verdict)
        listeners: list[asyncio.Server] = []
        loop = asyncio.get_running_loop()
        handled = self._handle_signals(loop)
        try:
            for host, port in self._listen:
                listeners.append(await loop.create_server(smtpd.protocol, host, port, backlog=511))
            manager.open()
            self._log("master", f"daemon started -- version mailconf, configuration {policy.site.directory}")
            self._ready([s.getsockname()[:2] for listener in listeners for s in listener.sockets])
            await self._stop.wait()
        finally:
            for listener in listeners:
                listener.close()
            await smtpd.close(self._grace)
            await manager.close(self._grace)
            for number in handled:
                loop.remove_signal_handler(number)
        self._log("master", "terminating on signal 15")

    def stop(self) -> None:
        """End `serve` gracefully."""
        if self._stop is not None:
            self._stop.set()

    def reload(self) -> bool:
        """Compile anew and put the result in force; False, with a line in the log, when it is broken."""
        context = self.context
        if context is None:
            return False
        try:
            policy, files = self._compile(), self._files()
        except (BrokenConfiguration, OSError) as error:
            self._log("master", f"error: configuration not reloaded: {error}")
            return False
        context.policy = policy
        context.world = MtaWorld(files, self._resolver, root=self._root)
        self._log("master", f"reload -- version mailconf, configuration {policy.site.directory}")
        return True

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> list[signal.Signals]:
        """Signals are only to be had in the main thread; elsewhere `stop` and `reload` do."""
        handled = []
        actions: list[tuple[signal.Signals, Callable[[], object]]] = [
            (signal.SIGTERM, self.stop),
            (signal.SIGINT, self.stop),
            (signal.SIGHUP, self.reload),
        ]
        with suppress(RuntimeError, ValueError):
            for number, action in actions:
                loop.add_signal_handler(number, action)
                handled.append(number)
        return handled


def run(server: Server) -> None:
    """`Server.serve` on uvloop where it is installed, on asyncio's own loop otherwise."""
    factory = import_module("uvloop").new_event_loop if find_spec("uvloop") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(server.serve())

"""The running MTA: listeners, queue side and agents of one configuration, from start to graceful stop.

`Server.serve` runs until SIGTERM or SIGINT (or `Server.stop`). No new connection is taken then; transactions under
way have ``grace`` seconds, after SIGQUIT none. SIGHUP compiles the configuration anew; a broken one is logged and
changes nothing.
Sessions under way keep the configuration that they began with. Addresses and the queue's place stay as they were at
the start; a change of theirs needs a restart, as a change of inet_interfaces does with Postfix. Only a service that is
gone from the configuration is not listened for any more.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mailconf.files import Root
from mailconf.hosts_file import HostsFile
from mailconf.model.policy import Policy
from mailconf.model.site import Site
from mailconf.model.transport import AgentKind
from mailconf.model.world import World
from mailconf.mta.answers import VerdictHook
from mailconf.mta.doors import Doors
from mailconf.mta.identity import Workers
from mailconf.mta.journal import Events, LogEvent
from mailconf.mta.manager import Manager
from mailconf.mta.message import Agent, Context
from mailconf.mta.personality import Personality
from mailconf.mta.probes import Probes
from mailconf.mta.queue import QueueError
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.readiness import Supervisor
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.mta.smtp_service import SmtpService
from mailconf.mta.world import MtaWorld
from mailconf.smtp.options import ServerOptions

if TYPE_CHECKING:
    from mailconf.mta.metrics import Metrics
    from mailconf.mta.metrics_server import MetricsServer

Endpoint = tuple[str, int, str]  # host, port, service


class Policies(NamedTuple):
    """What one reading of the configuration gives.

    main         of the queue and the delivery agents
    personality  the words of the dialect
    by_service   of the services that take mail, by their names in master.cf; empty where there are none to tell apart
    """

    main: Policy
    personality: Personality
    by_service: Mapping[str, Policy] = MappingProxyType({})


class Surroundings(NamedTuple):
    """What is around a server.

    events      takes events in the place of the log (`mailconf.mta.event_log`)
    metrics     the address and port where figures are read, port 0 for a free one; None where nobody asks
    supervisor  is told what becomes of the server
    sockets     (service, socket) that listen already, besides the places that the server listens at by itself
    log         where the log goes: "stderr", "syslog", or the name of a file
    """

    events: Events | None = None
    metrics: tuple[str, int] | None = None
    supervisor: Supervisor = Supervisor()
    sockets: Sequence[tuple[str, socket.socket]] = ()
    log: str = "stderr"


class BrokenConfiguration(Exception):
    """``compile`` found the configuration broken; the message has the reason, in one line."""


class Once(NamedTuple):
    """One run of the queue: the messages that are attempted; None: all of them."""

    queue_ids: Collection[str] | None = None


class Server:
    """One MTA.

    compile     gives the Policies, at the start and at every reload. Raises BrokenConfiguration
    files       gives the World of tables, users and files that goes with them; called after ``compile``
    listen      (host, port, service); port 0 takes a free one
    log         (program, text)
    options     the listeners' protocol options, None for those of the Site
    root        where the configuration's absolute paths lie
    ready       gets the bound addresses, each with its service, once connections are taken
    on_verdict  gets every answer of the Policy
    agents      gives further agents, for what the Context has none
    once        attempt what this means of the queue once, and end
    shared      where the queue of several machines is (`mailconf.mta.queue.shared_queue`)
    around      who has started it, and who reads its log and its figures
    """

    def __init__(
        self,
        compile: Callable[[], Policies],
        files: Callable[[], World],
        listen: Sequence[Endpoint],
        *,
        log: Callable[[str, str], None],
        root: Root | None = None,
        options: ServerOptions | None = None,
        resolver: Resolver | None = None,
        ready: Callable[[list[Endpoint]], None] = lambda endpoints: None,
        on_verdict: VerdictHook | None = None,
        grace: float = 5.0,
        agents: Callable[[Context, Workers], Mapping[AgentKind, Agent]] = lambda context, workers: {},
        once: Once | None = None,
        shared: str = "",
        around: Surroundings | None = None,
    ) -> None:
        self._around = around or Surroundings()
        self._figures: MetricsServer | None = None
        self._agents = agents
        self._shared = shared
        self._once = once
        self._compile = compile
        self._files = files
        self._listen = listen
        self._log = log
        self._root = root or Root()
        self._options = options
        self._resolver = resolver or Resolver(hosts=HostsFile(self._root))
        self._ready = ready
        self._on_verdict = on_verdict
        self._grace = grace
        self._stop: asyncio.Event | None = None
        self.context: Context | None = None
        self._probes: Probes | None = None
        self._services: dict[str, SmtpService] = {}
        self._doors: list[Doors] = []

    async def serve(self) -> None:
        """Raises BrokenConfiguration, QueueError (another MTA has the queue), OSError (an address is not available)."""
        self._stop = asyncio.Event()
        policies = self._compile()
        self._resolver.transitional = policies.main.site.idna2003
        world = MtaWorld(self._files(), self._resolver, root=self._root)
        agents: dict[AgentKind, Agent] = {}
        self.context = context = Context(policies.main, world, self._log, policies.personality, agents=agents)
        context.events = self._around.events
        figures = self._count(context)
        agents[AgentKind.SMTP] = SmtpAgent(context, self._resolver, root=self._root)
        agents[AgentKind.LMTP] = SmtpAgent(context, self._resolver, lmtp=True, root=self._root)
        manager = Manager(context, self._root, scan=self._once is None, shared=self._shared)
        agents.update(self._agents(context, manager.workers))
        loop = asyncio.get_running_loop()
        handled = self._handle_signals(loop)
        try:
            await self._listen_on(policies)
            await manager.reach()
            manager.open()
            world.probes = probes = self._probes = Probes(context, self._file_of_probes(policies.main.site))
            probes.load()
            await manager.listen()
            if figures is not None:
                await self._show(figures, manager)
            directory = policies.main.site.directory
            context.note(LogEvent.STARTED, directory=directory)
            self._note_warnings(context)
            self._ready([(*place, doors.service) for doors in self._doors for place in doors.places])
            self._around.supervisor.ready()
            if self._once is not None:
                await self._run_once(manager, self._once)
            else:
                await self._stop.wait()
        finally:
            self._around.supervisor.stopping()
            if self._figures is not None:
                await self._figures.close()
            for doors in self._doors:
                doors.close()
            await asyncio.gather(*(service.close(self._grace) for service in self._services.values()))
            if self._probes is not None:
                await self._probes.close()
            await manager.close(self._grace)
            for hops in (agents[AgentKind.SMTP], agents[AgentKind.LMTP]):
                assert isinstance(hops, SmtpAgent)
                hops.close()
            for number in handled:
                loop.remove_signal_handler(number)
        context.note(LogEvent.STOPPED)

    def _count(self, context: Context) -> Metrics | None:
        """Begin to count, where figures are asked for."""
        if self._around.metrics is None:
            return None
        from mailconf.mta.metrics import Metrics

        figures = context.measures = Metrics(
            lambda name: name in context.policy.site.transports, {service for _, _, service, _ in self._places()}
        )
        return figures

    async def _show(self, figures: Metrics, manager: Manager) -> None:
        """Serve the figures. Raises OSError."""
        from mailconf.mta.metrics_server import MetricsServer, Page

        assert self._around.metrics is not None and self.context is not None
        context, queue, attempts = self.context, manager.queue, manager.scheduler.attempts

        async def page(open_metrics: bool) -> Page:
            try:
                census = await queue.census(attempts)
            except QueueError as error:
                context.note(LogEvent.QUEUE_FAILED, error=error)
                census = None
            sessions = {name: len(service.sessions) for name, service in self._services.items()}
            return figures.page(census, context.world.now(), sessions, open_metrics=open_metrics)

        self._figures = MetricsServer(page)
        host, port = await self._figures.open(*self._around.metrics)
        context.note(LogEvent.METRICS_SERVED, host=f"[{host}]" if ":" in host else host, port=port)

    def _file_of_probes(self, site: Site) -> Path | None:
        if not site.probing.lasting:
            return None
        return QueueFolder(self._root.path(site.queue_directory.value)).path / "verify"

    async def _run_once(self, manager: Manager, once: Once) -> None:
        """Until that is done, or the server is told to stop."""
        assert self._stop is not None
        runs = asyncio.create_task(manager.scheduler.run_once(once.queue_ids))
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait((runs, stopped), return_when=asyncio.FIRST_COMPLETED)
        for task in (runs, stopped):
            task.cancel()

    def _places(self) -> Iterator[tuple[str, int, str, socket.socket | None]]:
        """Host, port, service, and the socket that listens there already."""
        for host, port, service in self._listen:
            yield host, port, service, None
        for service, given in self._around.sockets:
            host, port = given.getsockname()[:2]
            yield host, port, service, given

    async def _listen_on(self, policies: Policies) -> None:
        assert self.context is not None
        for host, port, name, given in self._places():
            if name not in self._services:
                self._services[name] = SmtpService(
                    self.context,
                    service=name,
                    policy=policies.by_service.get(name),
                    options=self._options,
                    resolver=self._resolver,
                    on_verdict=self._on_verdict,
                    root=self._root,
                    on_full=partial(self._shut, name),
                )
                self._services[name].prepare()
            doors = Doors(self._services[name], host, port, given)
            self._doors.append(doors)
            await doors.open()

    def _shut(self, service: str) -> None:
        """Take no more connections for a service for a while: there are as many as may be."""
        for doors in self._doors:
            if doors.service == service:
                doors.shut()

    def stop(self) -> None:
        """End `serve` gracefully."""
        if self._stop is not None:
            self._stop.set()

    def abort(self) -> None:
        """End `serve`, and wait for nothing that is under way."""
        self._grace = 0.0
        self.stop()

    def reload(self) -> bool:
        """Compile anew and put the result in force; False, with a line in the log, when it is broken."""
        self._around.supervisor.reloading()
        try:
            return self._reload()
        finally:
            self._around.supervisor.reloaded()

    def _reload(self) -> bool:
        context = self.context
        if context is None:
            return False
        try:
            policies, files = self._compile(), self._files()
        except (BrokenConfiguration, OSError) as error:
            context.note(LogEvent.NOT_RELOADED, error=error)
            return False
        context.policy, context.personality = policies.main, policies.personality
        self._resolver.transitional = policies.main.site.idna2003
        context.world = MtaWorld(files, self._resolver, root=self._root, probes=self._probes)
        for name, service in self._services.items():
            if policies.by_service and name not in policies.by_service:
                self._abandon(name)
            else:
                service.policy = policies.by_service.get(name, policies.main)
                service.prepare()
        context.note(LogEvent.RELOADED, directory=policies.main.site.directory)
        self._note_warnings(context)
        return True

    def _note_warnings(self, context: Context) -> None:
        for text in context.personality.reports.warnings:
            context.note(LogEvent.REPORT_WARNING, text=text)

    def _abandon(self, service: str) -> None:
        """Take no more connections for a service that is gone from the configuration."""
        for doors in self._doors:
            if doors.service == service and not doors.is_closed:
                doors.close()
                if self.context is not None:
                    self.context.note(LogEvent.SERVICE_GONE, service=service)

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> list[signal.Signals]:
        """Signals are only available in the main thread; elsewhere `stop` and `reload` do."""
        handled = []
        actions: list[tuple[signal.Signals, Callable[[], object]]] = [
            (signal.SIGTERM, self.stop),
            (signal.SIGINT, self.stop),
            (signal.SIGQUIT, self.abort),
            (signal.SIGHUP, self.reload),
        ]
        with suppress(RuntimeError, ValueError):
            for number, action in actions:
                loop.add_signal_handler(number, action)
                handled.append(number)
        return handled


def run(server: Server) -> None:
    """`Server.serve` on asyncio's own loop, even where another one is installed.

    uvloop is no faster here (tests/bench_mta.py, with each), and starts no process as another user.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(server.serve())

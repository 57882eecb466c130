"""The queue side of the MTA put together: queue, intake, scheduler and the agents that need no network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from mailconf.files import Root
from mailconf.model.transport import AgentKind
from mailconf.mta.agents import Discard, Error
from mailconf.mta.control import Operation
from mailconf.mta.control.server import ControlServer
from mailconf.mta.control.works import Works
from mailconf.mta.drop import DropServer
from mailconf.mta.identity import Workers
from mailconf.mta.intake import QueueIntake
from mailconf.mta.journal import LogEvent
from mailconf.mta.local import Local
from mailconf.mta.message import Context, IntakeRefused
from mailconf.mta.pipe_delivery import PipeDelivery
from mailconf.mta.queue import QueueEntry
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.local_queue import LocalQueue
from mailconf.mta.queue.shared_queue import SharedQueue
from mailconf.mta.scheduler import Scheduler, Wait, wait
from mailconf.mta.virtual import Mailboxes, Virtual


class Manager:
    """Give it the MTA's Context, `open` it, and mail that ``context.intake`` accepts is delivered until `close`.

    It sets ``context.intake`` and the agents that write mailboxes, refuse and discard; a caller adds those that need a
    network to ``context.agents`` before `open`. Without ``scan`` what is due at the start waits for its run.

    shared  where the queue of several machines is, a libpq connection string; "": the queue is below queue_directory
    """

    def __init__(
        self,
        context: Context,
        root: Root,
        *,
        wait: Wait = wait,
        steady: Callable[[], float] = time.monotonic,
        scan: bool = True,
        shared: str = "",
    ) -> None:
        self.context = context
        directory = root.path(context.policy.site.queue_directory.value)
        ids = context.personality.ids
        self.queue: LocalQueue | SharedQueue
        if shared:
            self.queue = SharedQueue(shared, directory, ids, self._report)
        else:
            self.queue = LocalQueue(directory, ids, self._report, wall=lambda: context.world.now(), steady=steady)
        self.queue.measures = context.measures
        self.workers = Workers(root)
        self.scheduler = Scheduler(context, self.queue, wait=wait, steady=steady, scan=scan)
        self.works = Works(self.queue, self.scheduler, self._anew, self._operated)
        self.control = ControlServer(QueueFolder(directory).path, self.works)
        self.drop = DropServer(directory, context)
        context.intake = QueueIntake(context, self.queue, self.scheduler.queued, root)
        local, virtual = Local(context, root, self.workers), Virtual(context, root, self.workers)
        context.agents.setdefault(AgentKind.MAILBOX, Mailboxes(local, {"virtual": virtual}))
        context.agents.setdefault(AgentKind.PIPE, PipeDelivery(context, root))
        context.agents.setdefault(AgentKind.ERROR, Error())
        context.agents.setdefault(AgentKind.DISCARD, Discard(context))
        self._running: asyncio.Task[None] | None = None

    def _report(self, text: str) -> None:
        self.context.note(LogEvent.QUEUE_FAILED, error=text)

    async def reach(self) -> None:
        """Open the queue if it is a shared one; raises QueueError."""
        if isinstance(self.queue, SharedQueue):
            await self.queue.open()
            self.queue.changed = self.scheduler.scan

    def open(self) -> None:
        """Begin to deliver what is in the queue, which is opened before that unless `reach` has done it.

        Raises QueueError, also when another MTA works on the queue.
        """
        if isinstance(self.queue, LocalQueue):
            self.queue.open(self.context.policy.site.limits.maximal_backoff)
        self._running = asyncio.create_task(self.scheduler.run())

    async def listen(self) -> None:
        """Take requests of tools about the queue, once it is open; without a socket for them, the log says so."""
        try:
            await self.control.open()
            if self.context.policy.site.is_dropped_at:
                await self.drop.open()
        except OSError as error:
            self._report(f"the queue's tools cannot reach this mail system: {error.strerror or error}")

    def _operated(self, queue_id: str, operation: Operation) -> None:
        self.context.note(LogEvent.OPERATED, queue_id=queue_id, operation=operation)

    async def _anew(self, entry: QueueEntry) -> bool:
        """Let a message come in once more, under a new id, for the recipients that are left."""
        assert self.context.intake is not None
        left = [queued.recipient for queued in entry.active]
        queue_id = self.context.intake.new_queue_id()
        message = replace(entry.message, queue_id=queue_id, recipients=left, session=None, effects=(), unseen=False)
        try:
            await self.context.intake.accept(message)
        except IntakeRefused:
            return False
        await self.queue.remove(entry.serial)
        return True

    async def close(self, grace: float = 5.0) -> None:
        """Attempts under way have ``grace`` seconds; what they do not finish comes again at the next start."""
        await self.control.close()
        await self.drop.close()
        await self.scheduler.stop(grace)
        if self._running is not None:
            await self._running
            self._running = None
        await self.queue.close()
        await self.workers.close()

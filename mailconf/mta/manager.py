"""The queue side of the MTA put together: queue, intake, scheduler and the agents that need no network."""

from __future__ import annotations

import asyncio

from mailconf.files import Root
from mailconf.mta.agents import Discard, Error
from mailconf.mta.identity import Workers
from mailconf.mta.intake import QueueIntake
from mailconf.mta.local import Local
from mailconf.mta.message import Context
from mailconf.mta.queue import Queue
from mailconf.mta.scheduler import Scheduler, Wait, wait
from mailconf.mta.virtual import Virtual


class Manager:
    """Give it the MTA's Context, `open` it, and mail that ``context.intake`` accepts is delivered until `close`.

    It sets ``context.intake`` and the agents local, virtual, error and discard; a caller with smtp and lmtp adds them
    to ``context.agents`` before `open`.
    """

    def __init__(self, context: Context, root: Root, *, wait: Wait = wait) -> None:
        self.context = context
        self.queue = Queue(root.path(context.policy.site.queue_directory.value))
        self.workers = Workers(root)
        self.scheduler = Scheduler(context, self.queue, wait=wait)
        context.intake = QueueIntake(context, self.queue, self.scheduler.queued)
        context.agents.setdefault("local", Local(context, root, self.workers))
        context.agents.setdefault("virtual", Virtual(context, root, self.workers))
        context.agents.setdefault("error", Error())
        context.agents.setdefault("discard", Discard(context))
        self._running: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Open the queue and begin to deliver what is in it; raises QueueError, also when another MTA works on it."""
        self.queue.open()
        self._running = asyncio.create_task(self.scheduler.run())

    async def close(self, grace: float = 5.0) -> None:
        """Attempts under way have ``grace`` seconds; what they do not finish comes again at the next start."""
        await self.scheduler.stop(grace)
        if self._running is not None:
            await self._running
            self._running = None
        await self.queue.close()
        await asyncio.to_thread(self.workers.close)

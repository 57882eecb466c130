"""Everything that can be done with a queue from outside, on the queue itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from typing import Any, Protocol

from mailconf.mta.control.operation import MEANT, Listing, Operation, QueueName, Shown, listing, queue_of, shown
from mailconf.mta.pace import Pace
from mailconf.mta.queue import Queue, QueueEntry


class Running(Protocol):
    """What attempts the messages of the queue."""

    def attempts(self, serial: int) -> bool:
        """Whether a message is under way."""
        ...

    def scan(self) -> None:
        """Take up what is due."""
        ...

    async def flush(self) -> int:
        """Attempt everything that is deferred; how many messages that are."""
        ...


class Works:
    """A queue that is open in this process. Raises QueueError.

    running  what attempts its messages; None while nothing does
    anew     lets a message come in once more, for the recipients that are left; whether it did. Without it, they are
             pending anew as they are
    note     is told what was done with a message
    """

    def __init__(
        self,
        queue: Queue,
        running: Running | None = None,
        anew: Callable[[QueueEntry], Awaitable[bool]] | None = None,
        note: Callable[[str, Operation], None] = lambda queue_id, operation: None,
    ) -> None:
        self.queue = queue
        self.running = running
        self._anew = anew
        self._note = note

    def _under_way(self, entry: QueueEntry) -> bool:
        here = self.running is not None and not entry.hold and self.running.attempts(entry.serial)
        return here or entry.elsewhere

    async def listings(self) -> AsyncIterator[Listing]:
        """All messages, in order of arrival."""
        pace = Pace()
        async for entry in self.queue.entries():
            await pace.step()
            yield listing(entry, under_way=self._under_way(entry))

    async def show(self, queue_id: str) -> tuple[Shown, bytes] | None:
        """A message with its content."""
        entry = await self.queue.find(queue_id)
        if entry is None:
            return None
        return shown(entry, under_way=self._under_way(entry)), entry.message.content

    async def operate(self, operation: Operation, queue_id: str) -> bool:
        """Whether something was done with the message."""
        done = await self._operate(operation, queue_id)
        if done:
            self._note(queue_id, operation)
            self._take_up(operation)
        return done

    async def operate_all(self, operation: Operation, queues: Collection[QueueName]) -> int:
        """Do it with all messages of some queues, all that the operation is for where none are named; how many."""
        wanted = set(queues or MEANT[operation])
        found = []
        pace = Pace()
        async for entry in self.queue.entries():
            await pace.step()
            if queue_of(entry, under_way=self._under_way(entry)) in wanted:
                found.append(entry.queue_id)
        count = 0
        for queue_id in found:
            await pace.step()
            count += await self._operate(operation, queue_id)
        if count:
            self._take_up(operation)
        return count

    def _take_up(self, operation: Operation) -> None:
        if operation in (Operation.RELEASE, Operation.REQUEUE) and self.running is not None:
            self.running.scan()

    async def _operate(self, operation: Operation, queue_id: str) -> bool:
        if operation is Operation.REQUEUE and self._anew is not None:
            entry = await self.queue.find(queue_id)
            # One that is under way would be delivered twice; its recipients are resolved anew at each attempt anyway.
            return entry is not None and not self._under_way(entry) and await self._anew(entry)
        act: Callable[[str], Coroutine[Any, Any, bool]] = {
            Operation.HOLD: self.queue.hold,
            Operation.RELEASE: self.queue.release,
            Operation.REQUEUE: self.queue.requeue,
            Operation.DELETE: self.queue.delete,
            Operation.EXPIRE: self.queue.expire,
        }[operation]
        return await act(queue_id)

    async def flush(self) -> int:
        """Attempt what is deferred; how many messages."""
        return await self.queue.flush() if self.running is None else await self.running.flush()

    async def attempt(self, queue_id: str) -> bool:
        """Attempt one message; whether it is there and not on hold."""
        done = await self.queue.hasten(queue_id)
        if done:
            self.run()
        return done

    async def site(self, name: str) -> int:
        """Attempt what is left for a domain; how many messages."""
        count, domain, pace = 0, name.lower(), Pace()
        async for entry in self.queue.entries():
            await pace.step()
            if any(each.recipient.address.lower().rpartition("@")[2] == domain for each in entry.active):
                count += await self.queue.hasten(entry.queue_id)
        if count:
            self.run()
        return count

    def run(self) -> None:
        """Begin a queue run."""
        if self.running is not None:
            self.running.scan()

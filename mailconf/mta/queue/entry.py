"""A message in the queue as the rest of the MTA sees it, and the interface of the queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from mailconf.model.verdict import Reply
from mailconf.mta.measures import Attempted, Census
from mailconf.mta.message import Message, Recipient, Result, Status


class QueueError(Exception):
    """The queue cannot be used: damaged, locked, not ours, no space. The message is one sentence for the log."""


class RecipientState(IntEnum):
    """What is to be done for a recipient: an attempt, another attempt, a notice to the sender, nothing."""

    PENDING = 0
    DEFERRED = 1
    FAILED = 2
    DONE = 3


AFTER = {
    Status.SENT: RecipientState.DONE,
    Status.DEFERRED: RecipientState.DEFERRED,
    Status.BOUNCED: RecipientState.FAILED,
    Status.EXPIRED: RecipientState.FAILED,
}


@dataclass(slots=True)
class Queued:
    """A recipient in the queue, with the last attempt's outcome. ``id`` is its place among those of its message."""

    id: int
    recipient: Recipient
    state: RecipientState = RecipientState.PENDING
    tries: int = 0
    dsn: str = ""
    text: str = ""
    relay: str = ""
    reply: Reply | None = None

    @property
    def open(self) -> bool:
        return self.state in (RecipientState.PENDING, RecipientState.DEFERRED)


@dataclass(slots=True)
class QueueEntry:
    """A message in the queue. ``message.content`` is empty where only the envelope was asked for (`Queue.entries`).

    size    bytes as SMTP counts them: every line ended by CR LF; ``body``: bytes of the body as it lies here
    expire  somebody wants it to be given up: what is deferred at the next attempt goes back to the sender
    elsewhere  another machine has it under way
    """

    serial: int
    message: Message
    recipients: list[Queued]
    next_attempt: float
    hold: bool = False
    warned: bool = False
    filter: str = ""
    size: int = 0
    expire: bool = False
    body: int = 0
    elsewhere: bool = False

    @property
    def queue_id(self) -> str:
        return self.message.queue_id

    @property
    def tried(self) -> bool:
        """Whether there was an attempt before."""
        return any(queued.tries for queued in self.recipients)

    @property
    def active(self) -> list[Queued]:
        """Those for whom there is still something to be attempted."""
        return [queued for queued in self.recipients if queued.open]


class Entrance(Protocol):
    """Where messages are put into a queue. Raises QueueError."""

    def new_id(self, now: float) -> str:
        """An id with a number that no message of this queue ever had."""
        ...

    async def add(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        """Returns the message's serial once it is durable; its recipients are all pending, and it is due at once."""
        ...


class Queue(Entrance, Protocol):
    """The queue of an MTA, used from one event loop. Raises QueueError.

    What `add` was told is durable when it returns. What the others change holds at once, and is written without being
    waited for: a crash may undo the last of it, which repeats an attempt and loses nothing.
    """

    async def due(self) -> list[int]:
        """The serials of the messages that an attempt is due for, the longest waiting first."""
        ...

    async def look(self, serial: int) -> QueueEntry | None:
        """The message without its content, or None if it is gone."""
        ...

    async def content(self, serial: int) -> bytes | None:
        """The content of the message, or None if it is gone."""
        ...

    async def find(self, queue_id: str) -> QueueEntry | None:
        """The message with its content, by queue id."""
        ...

    def entries(self) -> AsyncIterator[QueueEntry]:
        """All messages, without their contents and sessions, in order of arrival; those of commands among them."""
        ...

    async def record(self, serial: int, results: Iterable[tuple[int, Result]], *, again: bool = False) -> None:
        """The outcome of an attempt, by recipients' ids; ``again`` corrects the record of the same attempt."""
        ...

    async def put_off(
        self,
        serial: int,
        delay: float,
        *,
        results: Iterable[tuple[int, Result]] = (),
        again: bool = False,
        told: Iterable[int] = (),
        warned: bool = False,
    ) -> None:
        """The next attempt is due in ``delay`` seconds, whatever happens to the machine's clock meanwhile.

        results, again  as `record` takes them
        told    recipients for whom nothing is left to do: the sender was notified
        warned  the sender was notified of the delay
        """
        ...

    async def remove(self, serial: int) -> None:
        """Nothing is left to do for the message."""
        ...

    async def hold(self, queue_id: str) -> bool:
        """Attempt the message no more; whether it is there and was not on hold."""
        ...

    async def release(self, queue_id: str) -> bool:
        """Off hold, and due at once; whether it was on hold."""
        ...

    async def requeue(self, queue_id: str) -> bool:
        """Everything that is left is pending anew and due at once, held or not; whether the message is there."""
        ...

    async def hasten(self, queue_id: str) -> bool:
        """Due at once, unless on hold; whether the message is there and is not on hold."""
        ...

    async def expire(self, queue_id: str) -> bool:
        """Give the message up at its next attempt; whether it is there and was not given up already."""
        ...

    async def delete(self, queue_id: str) -> bool:
        """Throw the message away; whether it was there."""
        ...

    async def flush(self) -> int:
        """Make every deferred message due; how many those are."""
        ...

    async def census(self, attempted: Attempted) -> Census:
        """How many messages are in which state; ``attempted`` tells of a serial whether it is under way here."""
        ...

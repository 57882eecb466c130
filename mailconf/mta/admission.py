"""Mail of commands that is to be looked at before it is queued (pickup(8), cleanup(8)): nobody waits for the answer, so
the message lies in the queue as the command gave it until the scheduler lets it in.

A message that mail filters or checks of its content refuse goes back to its sender. One that cannot be looked at now
stays, and is tried again each minute for as long as it takes: a filter that is away loses no mail.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailconf.mta.journal import LogEvent
from mailconf.mta.local import STATUS, status_of
from mailconf.mta.message import Context, IntakeRefused, Message, Result

if TYPE_CHECKING:
    from mailconf.mta.bounce import Bouncer
    from mailconf.mta.queue import Queue, QueueEntry

_AGAIN = 60.0  # seconds, as often as the engine looks


class Admission:
    """Lets messages of ``queue`` in."""

    def __init__(self, context: Context, queue: Queue, bounce: Bouncer) -> None:
        self._context = context
        self._queue = queue
        self._bounce = bounce

    async def let_in(self, entry: QueueEntry) -> None:
        """The message comes in anew, under a new id, or is refused, or stays. Raises QueueError, and IntakeRefused
        where a report cannot be queued: then it stays as well."""
        content = await self._queue.content(entry.serial)
        intake = self._context.intake
        if content is None or intake is None:
            return
        recipients = [replace(each.recipient) for each in entry.recipients]
        message = replace(
            entry.message, content=content, recipients=recipients, queue_id=intake.new_queue_id(), unseen=False
        )
        try:
            await intake.accept(message)
        except IntakeRefused as refused:
            if not refused.reply.permanent:
                await self._queue.put_off(entry.serial, _AGAIN)
                return
            await self._send_back(message, refused)
        await self._queue.remove(entry.serial)

    async def _send_back(self, message: Message, refused: IntakeRefused) -> None:
        dsn, text = status_of(refused.reply)
        results = [Result(each, STATUS[dsn[0]], dsn, text, "none") for each in message.recipients]
        now = self._context.world.now()
        times = {"arrival": message.arrival, "since": now, "begun": now, "ended": now}
        size = {"size": message.size, "recipients": len(results), "transport": ""}
        for result in results:
            about = {"program": "", "queue_id": message.queue_id, "result": result}
            self._context.note(LogEvent.DELIVERY, **about, **times, **size)
        await self._bounce.ended(message, results)

"""The queue of one machine: segments below queue_directory, of which one process at a time is the owner."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mailconf.files import sync_folder
from mailconf.mta.measures import NO_MEASURES, Attempted, Census, Measures, Origin
from mailconf.mta.message import Message, Result
from mailconf.mta.pace import Pace
from mailconf.mta.queue.entry import Queue, QueueEntry, QueueError
from mailconf.mta.queue.envelope import (
    Broken,
    Outcomes,
    body_size,
    dump,
    envelope,
    fresh_entry,
    load,
    outcomes_after,
    pending_anew,
)
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.group import Add, Free, GroupWriter, Move, Note, Outcome
from mailconf.mta.queue.holdings import Held, Holdings, Segment, read_envelopes, read_message, read_segments
from mailconf.mta.queue.incoming import look_or_refuse
from mailconf.mta.queue.old_form import take_over
from mailconf.mta.queue.records import RecordType
from mailconf.mta.queue.writer import Content, SegmentWriter, content_of
from mailconf.mta.queue_ids import QueueIds, ShortIds

_FRESH = 32 << 20  # bytes of messages that are kept in memory until their first attempt
_LISTED = 500  # messages of a list that are read at a time
_COUNTED = 1000  # messages of a census that are counted at a time
_MOVES = 64  # messages that are written again at a time

_SHORT = ShortIds()


class LocalQueue(Queue):
    """A `Queue`. Use it from one event loop; `open` it first, `close` it last.

    ids     how messages are called
    report  takes a sentence for the log about what is wrong with the queue's files
    wall    seconds since the epoch, by which the records say when an attempt is due
    steady  seconds by a clock that nobody sets, by which it is due in this process
    """

    def __init__(
        self,
        directory: Path,
        ids: QueueIds = _SHORT,
        report: Callable[[str], None] = lambda text: None,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self.directory = directory
        self.ids = ids
        self._report = report
        self._folder = QueueFolder(directory)
        self._holdings = Holdings()
        self._group: GroupWriter | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = -1
        self._next = 0
        self._fresh: dict[int, tuple[QueueEntry, bytes]] = {}  # without its content; the content
        self._fresh_size = 0
        self._moving = 0
        self._arriving: set[int] = set()  # in a segment, and still in the file of a command
        self._receiving = asyncio.Lock()
        self.measures: Measures = NO_MEASURES

    @property
    def syncs(self) -> int:
        """How often the disk was waited for."""
        return self._group.syncs if self._group is not None else 0

    def open(self, longest: float = math.inf) -> None:
        """Read what is there, or make an empty queue; raises QueueError, also when another MTA works on it.

        longest  seconds that an attempt may lie ahead: more than that is due to a clock that was wrong
        """
        self._folder.make()
        self._lock = self._folder.lock()
        try:
            self._holdings = holdings = Holdings()
            for problem in read_segments(self._folder, holdings):
                self._report(problem)
            last = next(reversed(holdings.segments), 0)
            writer = SegmentWriter(self._folder, last, holdings.next_serial)
            self._take_over(writer)
            for number in range(last + 1, writer.number + 1):
                holdings.segments[number] = holdings.segments.pop(number, Segment())
            self._folder.tidy(time.time())
        except BaseException:
            self._unlock()
            raise
        now, wall = self._steady(), self._wall()
        for held in holdings.messages.values():
            held.due = now + min(max(0.0, held.next_attempt - wall), longest)
        self._next = holdings.next_serial
        self._loop = asyncio.get_running_loop()
        self._group = GroupWriter(self._folder, writer, self._written, self._synced)
        self._clean()

    def _take_over(self, writer: SegmentWriter) -> None:
        holdings = self._holdings

        def take(serial: int, name: str, values: dict[str, Any], content: bytes) -> None:
            if name in holdings.came:
                return
            serial = holdings.next_serial if serial in holdings.messages else serial
            place = writer.append(RecordType.ADD, serial, dump(values), content_of(content))
            holdings.add(serial, values, place)

        try:
            count = take_over(self.directory, take, writer.sync)
        except QueueError:
            writer.abandon()
            raise
        if count:
            self._report(f"the queue {self._folder.path} has taken over {count} messages of an earlier version")

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def close(self) -> None:
        """Returns when everything that was asked for is on disk."""
        group, self._group = self._group, None
        if group is not None:
            await asyncio.to_thread(group.close)
            await asyncio.sleep(0)
        self._unlock()

    def new_id(self, now: float) -> str:
        serial, self._next = self._next, self._next + 1
        return self.ids.make(now, serial)

    # Writing

    def _opened(self) -> GroupWriter:
        if self._group is None:
            raise QueueError(f"the queue {self._folder.path} is not open")
        return self._group

    async def add(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        serial = self.ids.serial(message.queue_id)
        if serial in self._holdings.messages:
            raise QueueError(f"the queue {self._folder.path} has a message {message.queue_id} already")
        size = message.size + message.content.count(b"\n")
        values = envelope(message, size=size, body=body_size(message.content), hold=hold, filter=filter)
        text = dump(values)
        await self._add(serial, values, text, content_of(message.content))
        if not hold and not message.waits and serial in self._holdings.messages:
            self._keep(fresh_entry(serial, message, size=size, body=values["bytes"], filter=filter), message.content)
        return serial

    async def _add(self, serial: int, values: dict[str, Any], text: bytes, content: Content) -> None:
        """Returns once the message is durable; it is held from then on, also when its sender does not wait any more."""
        group, loop = self._opened(), self._loop
        assert loop is not None
        durable: asyncio.Future[None] = loop.create_future()

        def done(added: Add) -> None:
            if added.place is not None:
                self._holdings.add(serial, values, added.place).due = self._steady() + values["next"] - values["at"]
            if durable.cancelled():
                return
            if added.error is not None:
                durable.set_exception(added.error)
            else:
                durable.set_result(None)

        group.put(Add(serial, text, content, done))
        await durable

    def _keep(self, new: QueueEntry, content: bytes) -> None:
        """Keep a new message in memory for its first attempt."""
        self._fresh[new.serial] = new, content
        self._fresh_size += len(content)
        while self._fresh_size > _FRESH:
            self._forget(next(iter(self._fresh)))

    def _forget(self, serial: int) -> tuple[QueueEntry, bytes] | None:
        kept = self._fresh.pop(serial, None)
        if kept is not None:
            self._fresh_size -= len(kept[1])
        return kept

    def _synced(self, elapsed: float) -> None:
        """In the thread that writes."""
        self.measures.synced(elapsed)

    def _written(self, outcome: Outcome) -> None:
        """In the thread that writes."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._settle, outcome)
        except RuntimeError:
            pass  # the loop is gone: nobody waits any more

    def _settle(self, outcome: Outcome) -> None:
        holdings = self._holdings
        for number in outcome.begun:
            holdings.segments[number] = holdings.segments.pop(number, Segment())
        for problem in outcome.problems:
            self._report(problem)
        for added in outcome.added:
            added.done(added)
        for moved in outcome.moved:
            self._moving -= 1
            if moved.place is not None:
                holdings.move(moved.serial, moved.place)
            elif moved.lost and moved.serial in holdings.messages:
                holdings.segments[moved.old.segment].damaged = True
                holdings.done(moved.serial)
                self._report(f"{moved.error}; it is lost")
        if not outcome.problems:
            self._clean()

    def _clean(self) -> None:
        """Remove segments that nobody needs; write the few messages again that keep an old one."""
        group, holdings = self._group, self._holdings
        if group is None:
            return
        if unused := holdings.unused():
            group.put(Free([(number, holdings.segments.pop(number).damaged) for number in unused]))
        if not self._moving:
            for held in holdings.crowded()[:_MOVES]:
                self._moving += 1
                group.put(Move(held.serial, held.place, held.changes()))

    def _change(self, held: Held, values: dict[str, Any], delay: float | None = None) -> None:
        """Something became of a message; ``delay`` is the time to its next attempt, if that is new."""
        group = self._opened()
        if delay is not None:
            values["next"] = self._wall() + delay
            held.due = self._steady() + delay
        self._holdings.change(held.serial, values)
        group.put(Note(RecordType.RESULT, held.serial, dump(values)))

    async def record(self, serial: int, results: Iterable[tuple[int, Result]], *, again: bool = False) -> None:
        held = self._holdings.messages.get(serial)
        if held is not None and (state := outcomes_after(self._outcomes(held), results, again=again)):
            self._change(held, {"state": state})

    @staticmethod
    def _outcomes(held: Held) -> Outcomes:
        return load(held.outcomes) if held.outcomes else {}

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
        held = self._holdings.messages.get(serial)
        if held is None:
            return
        values: dict[str, Any] = {"warned": True} if warned else {}
        if state := outcomes_after(self._outcomes(held), results, again=again, told=told):
            values["state"] = state
        self._change(held, values, delay)

    async def remove(self, serial: int) -> None:
        group = self._opened()
        self._forget(serial)
        if self._holdings.done(serial) is not None:
            group.put(Note(RecordType.DONE, serial))
            self._clean()

    async def hold(self, queue_id: str) -> bool:
        held = self._called(queue_id)
        if held is None or held.hold:
            return False
        self._change(held, {"hold": True})
        return True

    async def release(self, queue_id: str) -> bool:
        held = self._called(queue_id)
        if held is None or not held.hold:
            return False
        self._change(held, {"hold": False}, 0.0)
        return True

    async def requeue(self, queue_id: str) -> bool:
        held = self._called(queue_id)
        if held is None:
            return False
        self._change(held, {"hold": False, "state": pending_anew(self._outcomes(held))}, 0.0)
        return True

    async def hasten(self, queue_id: str) -> bool:
        held = self._called(queue_id)
        if held is None or held.hold:
            return False
        self._change(held, {}, 0.0)
        return True

    async def expire(self, queue_id: str) -> bool:
        held = self._called(queue_id)
        if held is None or held.expire:
            return False
        self._change(held, {"expire": True})
        return True

    async def delete(self, queue_id: str) -> bool:
        held = self._called(queue_id)
        if held is None:
            return False
        await self.remove(held.serial)
        return True

    async def flush(self) -> int:
        await self._receive()
        now = self._steady()
        waiting = [held for held in self._holdings.messages.values() if not held.hold and held.due > now]
        for held in waiting:
            self._change(held, {}, 0.0)
        return len(waiting)

    async def census(self, attempted: Attempted) -> Census:
        found = Census(incoming=len(await asyncio.to_thread(self._folder.messages)))
        oldest: dict[str, int] = {}
        pace = Pace()
        for at, (serial, held) in enumerate(list(self._holdings.messages.items())):
            if at % _COUNTED == 0:
                await pace.step()
            state = "hold" if held.hold else "active" if attempted(serial) else "deferred"
            getattr(found, state).count += 1
            if serial < oldest.get(state, serial + 1):
                oldest[state] = serial
        for state, serial in oldest.items():
            entry = await self.look(serial)
            getattr(found, state).since = entry.message.arrival if entry is not None else None
        return found

    def _called(self, queue_id: str) -> Held | None:
        with suppress(ValueError):  # most have their serial in their id
            held = self._holdings.messages.get(self.ids.serial(queue_id))
            if held is not None and held.queue_id == queue_id:
                return held if held.serial not in self._arriving else None
        held = self._holdings.called(queue_id)
        return held if held is not None and held.serial not in self._arriving else None

    # Reading

    async def due(self) -> list[int]:
        """Commands' messages are taken in first."""
        await self._receive()
        return [serial for serial in self._holdings.due(self._steady()) if serial not in self._arriving]

    async def _receive(self) -> None:
        async with self._receiving:
            names = self._folder.messages()
            received = [name for name in names if name in self._holdings.came or await self._received(name)]
            if received:
                try:
                    for name in received:
                        self._folder.received(name)
                    await asyncio.to_thread(sync_folder, self._folder.incoming)
                except OSError as error:
                    self._report(f"the queue {self._folder.incoming} cannot be written: {error.strerror}")
                    return
            self._arriving.clear()

    async def _received(self, name: str) -> bool:
        """Write the message of a command into a segment; whether its file is not needed any more."""
        problems: list[str] = []
        found = await asyncio.to_thread(look_or_refuse, self._folder, name, problems.append)
        for problem in problems:
            self._report(problem)
        if found is None:
            return False
        file, record, values = found
        serial, self._next = self._next, self._next + 1
        values["came"] = name
        self._arriving.add(serial)
        with file:
            content = Content(b"", record.crc, file, record.start, record.length)
            try:
                await self._add(serial, values, dump(values), content)
            except (QueueError, Broken):
                self._arriving.discard(serial)
                return False
        self.measures.arrived(Origin.COMMAND)
        return True

    async def look(self, serial: int) -> QueueEntry | None:
        held = self._holdings.messages.get(serial)
        if held is None or serial in self._arriving:
            return None
        if (fresh := self._fresh.get(serial)) is not None and not held.changed:
            return fresh[0]
        return await self._read(held, content=False)

    async def content(self, serial: int) -> bytes | None:
        held = self._holdings.messages.get(serial)
        if held is None:
            return None
        if (fresh := self._forget(serial)) is not None:
            return fresh[1]
        found = await self._read(held, content=True)
        return found.message.content if found is not None else None

    async def find(self, queue_id: str) -> QueueEntry | None:
        held = self._called(queue_id)
        return await self._read(held, content=True) if held is not None else None

    async def entries(self) -> AsyncIterator[QueueEntry]:
        await self._receive()
        serials = sorted(self._holdings.messages)
        for at in range(0, len(serials), _LISTED):
            there = [self._holdings.messages.get(serial) for serial in serials[at : at + _LISTED]]
            some = [held.copy() for held in there if held is not None]
            read = {each.serial: each for each in await asyncio.to_thread(read_envelopes, self._folder, some)}
            for held in some:
                # One that was written elsewhere meanwhile is looked for there.
                found = read.get(held.serial) or await self._again(held.serial)
                if found is not None:
                    yield found

    async def _again(self, serial: int) -> QueueEntry | None:
        held = self._holdings.messages.get(serial)
        return await self._read(held, content=False) if held is not None else None

    async def _read(self, held: Held, *, content: bool) -> QueueEntry | None:
        """The message from the disk; None if it is removed meanwhile."""
        while held.serial in self._holdings.messages:
            place = held.place
            try:
                return await asyncio.to_thread(read_message, self._folder, held.copy(), content=content)
            except FileNotFoundError as error:
                if held.place == place and held.serial in self._holdings.messages:
                    raise QueueError(f"the queue {self._folder.segment(place.segment)} is gone") from error
        return None

"""What the queue holds, in memory: where each message lies, when it is due, what became of its recipients.

`Holdings` is made from the records, in the order in which they were written; the same functions take what is written
later. Of a message only some numbers are kept, and the outcomes of attempts: its envelope and content stay on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mailconf.mta.queue.entry import QueueEntry, QueueError
from mailconf.mta.queue.envelope import Broken, Outcomes, dump, entry, load, plain_envelope, plain_state
from mailconf.mta.queue.folder import FIRST_SERIAL, QueueFolder
from mailconf.mta.queue.records import (
    HEAD_SIZE,
    Damage,
    Record,
    RecordType,
    SegmentHead,
    Unfinished,
    has_bytes,
    read_head,
    record_at,
    record_of,
    scan,
)

SEGMENT = 16 << 20  # bytes after which the next segment is begun
_SHARED = 2000  # outcomes that are kept once for all messages that have the same; each of this many bytes at most
_SPARE = 4  # segments that may be there however little they hold


class Place(NamedTuple):
    """Where a message's record is: the number of its segment, the byte where it begins, the bytes of its content."""

    segment: int
    offset: int
    length: int


@dataclass(slots=True)
class Held:
    """A message of the queue.

    outcomes  JSON, b"" where there are none (`mailconf.mta.queue.envelope`)
    came      the name under which it lay elsewhere, "" for most
    due       ``next_attempt`` by a clock that nobody sets
    """

    serial: int
    queue_id: str
    place: Place
    next_attempt: float
    hold: bool = False
    warned: bool = False
    expire: bool = False
    outcomes: bytes = b""
    came: str = ""
    due: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether something became of it since it came."""
        return bool(self.outcomes) or self.hold or self.warned or self.expire

    def copy(self) -> Held:
        """As it is now, for a thread that reads it from the disk."""
        facts = self.hold, self.warned, self.expire, self.outcomes, self.came, self.due
        return Held(self.serial, self.queue_id, self.place, self.next_attempt, *facts)

    def changes(self, *, with_outcomes: bool = True) -> dict[str, Any]:
        """What is to be known of it beside its envelope as it came."""
        values: dict[str, Any] = {"next": self.next_attempt, "hold": self.hold, "warned": self.warned}
        if self.expire:
            values["expire"] = True
        if self.outcomes and with_outcomes:
            values["state"] = load(self.outcomes)
        return values


@dataclass(slots=True)
class Segment:
    """How much of a segment is still needed: messages, bytes of their contents."""

    messages: int = 0
    size: int = 0
    damaged: bool = False


class Holdings:
    """The messages and the segments of a queue."""

    def __init__(self) -> None:
        self.messages: dict[int, Held] = {}
        self.segments: dict[int, Segment] = {}  # the oldest first
        self.came: set[str] = set()  # names under which the messages lay elsewhere
        self.next_serial = FIRST_SERIAL
        self.size = 0  # bytes of contents
        self._shared: dict[bytes, bytes] = {}

    # What records say

    def add(self, serial: int, values: dict[str, Any], place: Place) -> Held:
        """A message was written, or written again at another place. Raises Broken."""
        try:
            held = Held(serial, str(values["id"]), place, float(values["next"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from error
        self.done(serial)
        self.messages[serial] = held
        held.came = str(values.get("came", ""))
        self._use(held, 1)
        self.change(serial, values)
        if held.came:
            self.came.add(held.came)
        self.next_serial = max(self.next_serial, serial + 1)
        return held

    def change(self, serial: int, values: dict[str, Any]) -> None:
        """Something became of a message: the values of a RESULT. One that is gone does not matter. Raises Broken."""
        held = self.messages.get(serial)
        if held is None:
            return
        try:
            held.next_attempt = float(values.get("next", held.next_attempt))
            held.hold = bool(values.get("hold", held.hold))
            held.warned = bool(values.get("warned", held.warned))
            held.expire = bool(values.get("expire", held.expire))
            if state := values.get("state"):
                outcomes: Outcomes = load(held.outcomes) if held.outcomes else {}
                held.outcomes = self._share(dump({**outcomes, **state}))
        except (TypeError, ValueError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from error

    def first_state(self, serial: int, state: bytes) -> None:
        """`change` for a RESULT with nothing but ``state``, as it was written."""
        held = self.messages[serial]
        if held.outcomes:
            self.change(serial, {"state": load(state)})
        else:
            held.outcomes = self._share(state)

    def _share(self, outcomes: bytes) -> bytes:
        """The same bytes as before, where they are known: mail for a host that is down has one outcome."""
        if len(outcomes) > _SHARED:
            return outcomes
        if len(self._shared) >= _SHARED:
            self._shared.clear()
        return self._shared.setdefault(outcomes, outcomes)

    def done(self, serial: int) -> Held | None:
        """Nothing is left to do for a message.

        If it lies elsewhere still, it was refused here: nothing is attempted before it is gone there.
        """
        held = self.messages.pop(serial, None)
        if held is not None:
            self._use(held, -1)
            self.came.discard(held.came)
        return held

    def move(self, serial: int, place: Place) -> None:
        """A message was written again at another place."""
        held = self.messages.get(serial)
        if held is not None:
            self._use(held, -1)
            held.place = place
            self._use(held, 1)

    def _use(self, held: Held, sign: int) -> None:
        segment = self.segments.setdefault(held.place.segment, Segment())
        segment.messages += sign
        segment.size += sign * held.place.length
        self.size += sign * held.place.length

    # Questions

    def due(self, now: float) -> list[int]:
        found = [(held.due, serial) for serial, held in self.messages.items() if held.due <= now and not held.hold]
        return [serial for _, serial in sorted(found)]

    def called(self, queue_id: str) -> Held | None:
        return next((held for held in self.messages.values() if held.queue_id == queue_id), None)

    def unused(self) -> list[int]:
        """The segments that can be removed: the oldest, up to one that is needed, and never the newest.

        What became of a message stands in its own segment or in later ones, so that it is never removed too early.
        """
        found = []
        for number in list(self.segments)[:-1]:
            if self.segments[number].messages:
                break
            found.append(number)
        return found

    def crowded(self) -> list[Held]:
        """The messages that keep the oldest segment, if there are more segments than their contents are worth."""
        if len(self.segments) <= _SPARE + 2 * (self.size // SEGMENT + 1):
            return []
        oldest = next(iter(self.segments))
        return [held for held in self.messages.values() if held.place.segment == oldest]


def read_segments(folder: QueueFolder, holdings: Holdings) -> Iterator[str]:
    """Put what the segments say into ``holdings``; what was lost, a sentence each for the log. Raises QueueError."""
    numbers = folder.segments()
    for number in range(numbers[0], numbers[-1]) if numbers else ():
        if number not in numbers:
            yield f"the queue {folder.segment(number)} is missing; the mail that was only there is lost"
    for number in numbers:
        holdings.segments[number] = Segment()
        try:
            with folder.open(folder.segment(number)) as file:
                yield from _read_segment(folder, number, file, holdings, last=number == numbers[-1])
        except OSError as error:
            holdings.segments[number].damaged = True
            yield (
                f"the queue {folder.segment(number)} cannot be read to its end: {error.strerror}; "
                f"{holdings.segments[number].messages} messages of it are kept"
            )


def _read_segment(folder: QueueFolder, number: int, file: BinaryIO, holdings: Holdings, *, last: bool) -> Iterator[str]:
    path, segment = folder.segment(number), holdings.segments[number]
    size = file.seek(0, 2)
    file.seek(0)
    losses: list[str] = []
    headless = True
    for found in scan(file, size):
        if isinstance(found, SegmentHead):
            headless = False
            holdings.next_serial = max(holdings.next_serial, found.next_serial)
        elif isinstance(found, Damage):
            losses.append(_loss(found))
        elif isinstance(found, Unfinished):
            yield f"the queue {path} ends at byte {found.offset}: what follows was not acknowledged and is not kept"
        else:
            try:
                _take(found, number, holdings)
            except Broken as error:
                losses.append(f"the record at byte {found.offset} makes no sense ({error})")
    if headless:  # the last one may have been just begun
        losses = [] if last and not has_bytes(file, 0, size) else ["its beginning cannot be read"]
    if losses:
        segment.damaged = True
        yield f"the queue {path} is damaged: {'; '.join(losses)}; {segment.messages} messages of it are kept"


def _loss(damage: Damage) -> str:
    what = f"{damage.length} bytes from byte {damage.offset} on are lost"
    if damage.lost is None:
        return what
    type, serial = damage.lost
    return f"{what}, first {'the message' if type is RecordType.ADD else 'what became of message'} {serial:X}"


def _take(record: Record, number: int, holdings: Holdings) -> None:
    serial = record.serial
    if record.type is RecordType.ADD:
        place = Place(number, record.offset, record.length)
        holdings.add(serial, plain_envelope(record.text) or load(record.text), place)
    elif record.type is RecordType.RESULT:
        if (state := plain_state(record.text)) and serial in holdings.messages:
            holdings.first_state(serial, state)
        else:
            holdings.change(serial, load(record.text))
    elif record.type is RecordType.DONE:
        holdings.done(serial)
    holdings.next_serial = max(holdings.next_serial, serial + 1)


def read_message(folder: QueueFolder, held: Held, *, content: bool) -> QueueEntry:
    """A message with its envelope, and with its content if asked for. Raises QueueError, FileNotFoundError."""
    path = folder.segment(held.place.segment)
    with folder.open(path) as file:
        return _read(path, file, held, content=content)


def read_envelopes(folder: QueueFolder, some: list[Held]) -> list[QueueEntry]:
    """Messages without contents and sessions; those of a segment that is gone are left out. Raises QueueError."""
    found = []
    with ExitStack() as files:
        opened: dict[int, _Opened] = {}
        for held in some:
            number = held.place.segment
            with suppress(FileNotFoundError):
                if number not in opened:
                    path = folder.segment(number)
                    opened[number] = _Opened(path, files.enter_context(folder.open(path)))
                found.append(opened[number].envelope(held))
    return found


class _Opened:
    """A segment of which several envelopes are read. Raises QueueError."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._read: dict[bytes, Any] = {}  # mail for a host that is down has one outcome: it is read once
        try:
            self._size = file.seek(0, 2)
            file.seek(0)
            self._head = read_head(file.read(HEAD_SIZE))
        except OSError as error:
            raise QueueError(f"the queue {path} cannot be read: {error.strerror}") from error

    def _outcomes(self, text: bytes) -> Any:
        found = self._read.get(text)
        if found is None:
            if len(self._read) >= _SHARED:
                self._read.clear()
            found = self._read[text] = load(text)
        return found

    def envelope(self, held: Held) -> QueueEntry:
        """A message without its content, and without what is known of the client."""
        path = self._path
        try:
            head = self._head
            record = record_of(self._file, held.place.offset, self._size, head.mark) if head is not None else None
            if record is None or record.serial != held.serial:
                raise QueueError(f"the queue {path} is damaged: message {held.queue_id} cannot be read any more")
            changes = {**held.changes(with_outcomes=False), "session": None}
            if held.outcomes:
                changes["state"] = self._outcomes(held.outcomes)
            return entry(held.serial, {**load(record.text), **changes})
        except OSError as error:
            raise QueueError(f"the queue {path} cannot be read: {error.strerror}") from error
        except Broken as error:
            raise QueueError(f"the queue {path} is damaged: message {held.queue_id}: {error}") from error


def _read(path: Path, file: BinaryIO, held: Held, *, content: bool) -> QueueEntry:
    try:
        size, offset, data = file.seek(0, 2), held.place.offset, b""
        file.seek(0)
        head = read_head(file.read(HEAD_SIZE))
        record = record_at(file, offset, size, head.mark, content=content) if head is not None else None
        if record is None or record.serial != held.serial:
            raise QueueError(f"the queue {path} is damaged: message {held.queue_id} cannot be read any more")
        if content:
            file.seek(record.start)
            data = file.read(record.length)
        return entry(held.serial, {**load(record.text), **held.changes()}, data)
    except OSError as error:
        raise QueueError(f"the queue {path} cannot be read: {error.strerror}") from error
    except Broken as error:
        raise QueueError(f"the queue {path} is damaged: message {held.queue_id}: {error}") from error

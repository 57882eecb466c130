"""The thread that writes: what is ready together shares one sync, and nobody in the event loop waits for the disk.

A message is acknowledged after the fdatasync(2) that covers its ADD. What became of messages is written and not waited
for; it is on the disk with the next message, or a second later.

When a write or a sync fails, what the disk holds of this group is unknown, and a second fdatasync of the same pages
would lie. So nobody of the group is acknowledged, the segment is closed for good, and the next one begins with DONE for
each message that was refused and with whatever was not known to be on the disk.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mailconf.mta.queue.entry import QueueError
from mailconf.mta.queue.envelope import Broken, dump, load
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.holdings import Place
from mailconf.mta.queue.records import HEAD_SIZE, RecordType, read_head, record_at
from mailconf.mta.queue.writer import Content, SegmentWriter

_MOST = 512  # things that may share a sync
_WINDOW = 0.002  # seconds in which others may join, if the last group had several messages
_LAZY = 1.0  # seconds after which what nobody waits for is synced


@dataclass(slots=True)
class Add:
    """A message that is to be durable. ``place`` or ``error`` is set when it is, or will not be."""

    serial: int
    text: bytes
    content: Content
    done: Callable[[Add], None]
    place: Place | None = None
    error: QueueError | None = None


@dataclass(slots=True)
class Move:
    """A message that is to be written again, from its place, with what became of it since: ``changes``.

    lost  set where it cannot be read any more
    """

    serial: int
    old: Place
    changes: dict[str, Any]
    place: Place | None = None
    error: QueueError | None = None
    lost: bool = False


@dataclass(slots=True)
class Note:
    """A record that nobody waits for."""

    type: RecordType
    serial: int
    text: bytes = b""


@dataclass(slots=True)
class Free:
    """Segments that are to be removed, in this order; those that are damaged are kept under other names."""

    segments: list[tuple[int, bool]]


Work = Add | Move | Note | Free


@dataclass(slots=True)
class Outcome:
    """What a group came to. ``begun`` are the segments that were begun, ``problems`` sentences for the log."""

    added: list[Add] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class GroupWriter:
    """``report`` is called in the thread with each Outcome that has something in it.

    synced  is called there, with the seconds that the disk took for a group
    """

    def __init__(
        self,
        folder: QueueFolder,
        writer: SegmentWriter,
        report: Callable[[Outcome], None],
        synced: Callable[[float], None] = lambda elapsed: None,
    ) -> None:
        self._folder = folder
        self._writer = writer
        self._report = report
        self._synced = synced
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="queue", daemon=True)
        self._unsure: list[Note] = []  # not known to be on the disk
        self._unneeded: list[tuple[int, bool]] = []  # segments that are to be removed, and whether they are damaged
        self._told = writer.number  # the last segment of which the report spoke
        self.syncs = 0
        self._thread.start()

    def put(self, work: Work) -> None:
        self._work.put(work)

    def close(self) -> None:
        """Everything that was asked for is done; call it outside the event loop."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        crowd, ended = 0, False
        while not ended:
            try:
                batch = [self._work.get(timeout=None if self._is_sure() else _LAZY)]
            except queue.Empty:
                batch = []
            if crowd > 1:
                time.sleep(_WINDOW)
            while len(batch) < _MOST and (not batch or batch[-1] is not None):
                try:
                    batch.append(self._work.get_nowait())
                except queue.Empty:
                    break
            ended = bool(batch) and batch[-1] is None
            work = [each for each in batch if each is not None]
            crowd = sum(isinstance(each, Add) for each in work)
            outcome = self._group(work, sync=not work or ended)
            if ended:
                self._end(outcome)
            if outcome.added or outcome.moved or outcome.begun or outcome.problems:
                self._report(outcome)

    def _is_sure(self) -> bool:
        return self._writer.is_synced and not self._unsure

    def _group(self, work: list[Work], *, sync: bool) -> Outcome:
        outcome = Outcome()
        try:
            for note in self._unsure if self._writer.is_closed else ():
                self._writer.append(note.type, note.serial, note.text)
            for each in work:
                self._one(each, outcome)
            if sync or outcome.added or outcome.moved:
                began = time.monotonic()
                self._writer.sync()
                self.syncs += 1
                self._synced(time.monotonic() - began)
                self._unsure.clear()
            else:
                self._writer.write()
        except Exception as error:  # also a defect: whoever waits must not wait for ever
            self._failed(error, work, outcome)
        outcome.begun = list(range(self._told + 1, self._writer.number + 1))
        self._told = self._writer.number
        for each in work:
            if isinstance(each, Free):
                self._free(each, outcome)
        return outcome

    def _one(self, work: Work, outcome: Outcome) -> None:
        if isinstance(work, Add):
            outcome.added.append(work)
            work.place = self._writer.append(RecordType.ADD, work.serial, work.text, work.content)
        elif isinstance(work, Move):
            outcome.moved.append(work)
            self._move(work)
        elif isinstance(work, Note):
            self._unsure.append(work)
            self._writer.append(work.type, work.serial, work.text)

    def _move(self, work: Move) -> None:
        path = self._folder.segment(work.old.segment)
        try:
            with self._folder.open(path) as file:
                head = read_head(file.read(HEAD_SIZE))
                size = file.seek(0, 2)
                record = record_at(file, work.old.offset, size, head.mark) if head is not None else None
                if record is None:
                    raise Broken("it cannot be read any more")
                text = dump({**load(record.text), **work.changes})
                content = Content(b"", record.crc, file, record.start, record.length)
                work.place = self._writer.append(RecordType.ADD, work.serial, text, content)
        except (Broken, QueueError, FileNotFoundError) as error:
            work.lost = True
            work.error = QueueError(f"the queue {path} is damaged: message {work.serial:X}: {error}")

    def _failed(self, error: Exception, work: list[Work], outcome: Outcome) -> None:
        """Nobody of this group is acknowledged; what was not known to be on the disk is written anew."""
        text = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        reason = QueueError(f"the queue {self._folder.path} cannot be written: {text}")
        self._writer.abandon()
        noted = {id(each) for each in self._unsure}
        self._unsure += [each for each in work if isinstance(each, Note) and id(each) not in noted]
        outcome.added = [each for each in work if isinstance(each, Add)]
        outcome.moved = [each for each in work if isinstance(each, Move)]
        for added in outcome.added:
            if added.place is not None:
                self._unsure.append(Note(RecordType.DONE, added.serial))
            added.place, added.error = None, reason
        for moved in outcome.moved:
            moved.place, moved.error = None, moved.error or reason
        outcome.problems.append(str(reason))

    def _free(self, work: Free, outcome: Outcome) -> None:
        """The oldest first: one that cannot be removed keeps those after it until the next time."""
        self._unneeded += work.segments
        while self._unneeded:
            number, damaged = self._unneeded[0]
            try:
                self._folder.free(number, damaged=damaged)
            except OSError as error:
                outcome.problems.append(f"the queue {self._folder.segment(number)} stays: {error.strerror}")
                return
            self._unneeded.pop(0)

    def _end(self, outcome: Outcome) -> None:
        try:
            self._writer.close()
        except OSError as error:
            self._writer.abandon()
            outcome.problems.append(f"the queue {self._folder.path} cannot be written: {error.strerror}")

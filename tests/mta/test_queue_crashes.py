"""250 means durable: power fails after each call that changes the disk, each call fails in turn (promise 7).

What must hold is `check`: of the messages that were acknowledged and not done, all are there, whole, once. Each mutant
of the queue that forgets a step is found.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest
from disk_model import Disk, Op
from test_queue import loaded

from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue import QueueError
from mailconf.mta.queue.envelope import dump
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.group import Add, Free, GroupWriter, Move, Outcome, Work
from mailconf.mta.queue.local_queue import LocalQueue
from mailconf.mta.queue.writer import SegmentWriter, content_of
from mailconf.mta.queue_ids import ShortIds
from mailconf.mta.submission import Submission
from tests.queue_reader import queue_of

CHANCES = (0.0, 1.0, 0.5)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small segments, of which few may be there: all that can happen to one happens soon. Nobody waits."""
    for module in ("writer", "holdings"):
        monkeypatch.setattr(f"mailconf.mta.queue.{module}.SEGMENT", 6000)
    monkeypatch.setattr("mailconf.mta.queue.writer._ZEROS", 2048)
    monkeypatch.setattr("mailconf.mta.queue.holdings._SPARE", 0)
    monkeypatch.setattr("mailconf.mta.queue.group._WINDOW", 0.0)
    monkeypatch.setattr("mailconf.mta.queue.group._LAZY", 3600.0)


def content(queue_id: str) -> bytes:
    """Of some hundred bytes to more than a sector."""
    return f"Subject: {queue_id}\n\n".encode() + f"{queue_id}\n".encode() * (20 + int(queue_id[-1], 16) * 20)


class Story:
    """What a queue goes through; the disk is told what was acknowledged ("ack ID") and what is done ("done ID")."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self.disk = disk
        self.folder = folder
        self.refused: set[str] = set()

    def run(self) -> None:
        with self.disk.recording():
            for rounds in (range(4), range(4, 6)):
                with suppress(QueueError):
                    asyncio.run(asyncio.wait_for(self._life(rounds), 60))

    async def _life(self, rounds: range) -> None:
        queue = LocalQueue(self.folder)
        queue.open()
        try:
            for number in rounds:
                await self._round(queue, number)
        finally:
            await queue.close()

    async def _round(self, queue: LocalQueue, number: int) -> None:
        await asyncio.gather(*(self._added(queue) for _ in range(3)))
        if number % 3 == 1:
            self._command()
        for serial in await queue.due():
            found = await loaded(queue, serial)
            assert found is not None and found.message.content == content(found.queue_id)
            if serial % 4 == 0:
                await queue.put_off(serial, 1e6)
            else:
                self.disk.mark(f"done {found.queue_id}")
                await queue.remove(serial)

    async def _added(self, queue: LocalQueue) -> None:
        queue_id = queue.new_id(0.0)
        try:
            await queue.add(Message(queue_id, "a@b", [Recipient("c@d")], content(queue_id), 0.0))
        except QueueError:
            self.refused.add(queue_id)
        else:
            self.refused.discard(queue_id)  # an id may come again if its message was not even written
            self.disk.mark(f"ack {queue_id}")

    def _command(self) -> None:
        submission = Submission(self.folder, ShortIds())
        queue_id = submission.queue_id(0.0)
        try:
            submission.add_whole(Message(queue_id, "a@b", [Recipient("c@d")], content(queue_id), 0.0))
        except QueueError:
            self.refused.add(queue_id)
        else:
            self.disk.mark(f"ack {queue_id}")


def check(folder: Path, ops: list[Op]) -> None:
    marks = [op.path.split() for op in ops if op.name == "mark"]
    done = {queue_id for what, queue_id in marks if what == "done"}
    expected = {queue_id for what, queue_id in marks if what == "ack"} - done
    problems: list[str] = []
    found = queue_of(folder, problems)
    times = Counter(each.queue_id for each in found)
    assert expected <= set(times), f"lost: {expected - set(times)}; {problems}"
    assert max(times.values(), default=1) == 1, f"twice: {times}"
    for each in found:
        assert each.message.content == content(each.queue_id)
    assert not [text for text in problems if "was not acknowledged" not in text], problems


def crash_everywhere(tmp_path: Path) -> int:
    """Run the story; look at the disk after each of its calls. Returns how many those are."""
    top = tmp_path / "disk"
    top.mkdir()
    disk = Disk(top)
    Story(disk, top / "queue").run()
    for count in range(len(disk.ops) + 1):
        if count and disk.ops[count - 1].name == "mark":
            continue
        # What is said just after a call holds too.
        until = count
        while until < len(disk.ops) and disk.ops[until].name == "mark":
            until += 1
        for seed, chance in enumerate(CHANCES):
            left = tmp_path / "left"
            left.mkdir()
            disk.after(count, chance, seed + 100 * count, left)
            check(left / "queue", disk.ops[:until])
            shutil.rmtree(left)
    return len(disk.ops)


def test_power_may_fail_at_any_moment(tmp_path: Path) -> None:
    assert crash_everywhere(tmp_path) > 150
    names = {path.name for path in (tmp_path / "disk/queue/.mailconf").iterdir()}
    assert "000000000001.segment" not in names, "the story has to remove segments"


def without_sync(self: SegmentWriter) -> None:
    if not self.is_synced:
        self._write()
        self._synced = self._written


def without_folder(folder: Path) -> None:
    pass


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "no fdatasync": lambda patched: patched.setattr(SegmentWriter, "sync", without_sync),
    "no sync of folders": lambda patched: patched.setattr("mailconf.mta.queue.folder.sync_folder", without_folder),
    "no sync of the folder of commands": lambda patched: patched.setattr(
        "mailconf.mta.queue.incoming.sync_folder", without_folder
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_forgotten_step_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    MUTANTS[mutant](monkeypatch)
    with pytest.raises(AssertionError, match=r"lost|twice|missing|damaged"):
        crash_everywhere(tmp_path)


def removed(top: Path) -> Disk:
    """Three segments are begun, the first two removed, one after the other."""
    disk = Disk(top)
    with disk.recording():
        folder = QueueFolder(top / "queue")
        folder.make()
        for number in (1, 2, 3):
            os.close(folder.create(number, 7, 0)[0])
        for number in (1, 2):
            folder.free(number, damaged=False)
    return disk


def gaps(tmp_path: Path) -> list[list[int]]:
    """The segments that power may leave behind of which one in the middle is missing: its mail would count as lost."""
    top = tmp_path / "disk"
    top.mkdir()
    disk, found = removed(top), []
    for count in range(len(disk.ops) + 1):
        for seed in range(20):
            left = tmp_path / "left"
            left.mkdir()
            disk.after(count, 0.5, seed, left)
            folder = QueueFolder(left / "queue")
            numbers = folder.segments() if folder.path.is_dir() else []
            if numbers and numbers != list(range(numbers[0], numbers[-1] + 1)):
                found.append(numbers)
            shutil.rmtree(left)
    return found


def test_segments_are_removed_in_order(tmp_path: Path) -> None:
    assert gaps(tmp_path) == []


def test_a_removal_without_an_order_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def free(self: QueueFolder, number: int, *, damaged: bool) -> None:
        self.segment(number).unlink()

    monkeypatch.setattr(QueueFolder, "free", free)
    assert [1, 3] in gaps(tmp_path)


def test_what_is_written_again_is_on_the_disk_before_the_old_place_goes(tmp_path: Path) -> None:
    before: list[list[Op]] = []

    def unlinked(op: Op) -> None:
        if op.name == "unlink":
            before.append(list(disk.ops))
            going.set()

    going = Event()
    disk = Disk(tmp_path, unlinked)
    outcomes: SimpleQueue[Outcome] = SimpleQueue()
    with disk.recording():
        folder = QueueFolder(tmp_path / "queue")
        folder.make()
        group = GroupWriter(folder, SegmentWriter(folder, 0, 1), outcomes.put)
        for serial, size in ((1, 100), (2, 7000)):  # the second one fills a segment
            group.put(Add(serial, dump({}), content_of(b"x" * size), lambda added: None))
            (added,) = outcomes.get(timeout=60).added
            if serial == 1:
                assert added.place is not None and added.place.segment == 1
                move = Move(1, added.place, {})
        group.put(move)
        assert outcomes.get(timeout=60).moved == [move]
        assert move.place is not None and move.place.segment == 3
        group.put(Free([(1, False)]))
        assert going.wait(60)  # the end of the queue would sync everything
        group.close()
    ((*ops,),) = before
    path = str(folder.segment(3))
    last = {op.name: at for at, op in enumerate(ops) if op.path == path}
    assert last["create"] < last["write"] < last["sync"]


def sweep(tmp_path: Path, number: int) -> tuple[int, Counter[str]]:
    """Run the story with each of its calls failing in turn; how many those are, and of which kinds."""
    hit: Counter[str] = Counter()
    for at in range(10_000):
        top = tmp_path / f"disk{at}"
        top.mkdir()
        left = [at]

        def fail(op: Op, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                hit[op.name] += 1
                raise OSError(number, os.strerror(number))

        disk = Disk(top, fail)
        story = Story(disk, top / "queue")
        story.run()
        if left[0] >= 0:
            break  # the story has fewer calls
        check(top / "queue", disk.ops)
        back = story.refused & {each.queue_id for each in queue_of(top / "queue")}
        assert not back, f"refused, and comes back: {back}"
        shutil.rmtree(top)
    return at, hit


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_every_call_may_fail(tmp_path: Path, number: int) -> None:
    """Nothing that was acknowledged is lost, and nothing that was refused comes back."""
    calls, hit = sweep(tmp_path, number)
    assert {"create", "write", "sync", "folder", "rename", "unlink", "mkdir"} <= set(hit), hit
    assert sum(hit.values()) == calls > 100


def without_done(self: GroupWriter, error: Exception, work: list[Work], outcome: Outcome) -> None:
    FAILED(self, error, work, outcome)
    refused = {added.serial for added in outcome.added}
    self._unsure = [note for note in self._unsure if note.serial not in refused]


FAILED = GroupWriter._failed


def test_the_sweep_finds_a_refused_message_that_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GroupWriter, "_failed", without_done)
    with pytest.raises(AssertionError, match="comes back"):
        sweep(tmp_path, errno.EIO)


def test_a_sync_is_not_repeated_on_the_same_segment(tmp_path: Path) -> None:
    """After a sync has failed, nothing more is written to that file, whatever follows."""
    failed: list[str] = []

    def fail(op: Op) -> None:
        if op.name == "sync" and op.path.endswith(".segment") and len(disk.ops) > 40 and not failed:
            failed.append(op.path)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        assert op.path not in failed or op.name == "unlink"

    disk = Disk(tmp_path, fail)
    Story(disk, tmp_path / "queue").run()
    assert failed
    check(tmp_path / "queue", disk.ops)

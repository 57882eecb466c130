"""The segments of the queue: what is read of them after whatever happened to the files, and how they come and go."""

from __future__ import annotations

import asyncio
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_queue import listed, message, nothing, with_queue

from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue import QueueError
from mailconf.mta.queue.envelope import Broken, dump, entry, load
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.holdings import Holdings, read_segments
from mailconf.mta.queue.local_queue import LocalQueue
from mailconf.mta.queue.records import (
    HEAD_SIZE,
    RECORD_SIZE,
    Damage,
    Found,
    Record,
    RecordType,
    SegmentHead,
    Unfinished,
    pack,
    record_at,
    record_of,
    scan,
)
from mailconf.mta.queue.writer import SegmentWriter, content_of
from tests.limits import within
from tests.queue_reader import queue_of

MARK = b"\x01markmar"


def found_in(data: bytes) -> list[Found]:
    return list(scan(io.BytesIO(data), len(data)))


def segment_of(*records: bytes) -> bytes:
    return SegmentHead(1, 7, MARK).pack() + b"".join(records)


def record(serial: int, synced: int = 0, text: bytes = b"{}", content: bytes = b"", mark: bytes = MARK) -> bytes:
    made = content_of(content)
    return pack(mark, RecordType.ADD, serial, synced, text, made.size, made.crc) + content


def serials(found: list[Found]) -> list[int]:
    return [each.serial for each in found if isinstance(each, Record)]


# Reading


def test_records_are_found_until_the_zeros() -> None:
    data = segment_of(record(5, text=b'{"a":1}', content=b"abc"), record(6)) + bytes(5000)
    head, first, second = found_in(data)
    assert head == SegmentHead(1, 7, MARK)
    assert isinstance(first, Record) and isinstance(second, Record)
    assert (first.offset, first.serial, first.text, first.length) == (HEAD_SIZE, 5, b'{"a":1}', 3)
    assert data[first.start : first.end] == b"abc" and second.offset == first.end


@pytest.mark.parametrize("cut", range(1, RECORD_SIZE + 5 + 3))
def test_a_torn_end_is_not_kept(cut: int) -> None:
    whole = segment_of(record(5, content=b"abc"))
    data = whole + record(6, text=b'{"a"}', content=b"abc")[:cut] + bytes(100)
    found = found_in(data)
    assert serials(found) == [5] and found[-1] == Unfinished(len(whole))


@pytest.mark.parametrize("at", range(HEAD_SIZE, HEAD_SIZE + RECORD_SIZE + 2))
def test_a_record_that_is_read_by_its_place_is_whole(tmp_path: Path, at: int) -> None:
    """As a tool or an attempt reads it: with its content, or without."""
    data = bytearray(segment_of(record(1, content=b"abc")))
    path = tmp_path / "segment"
    for changed in (False, True):
        data[at] ^= changed
        path.write_bytes(data)
        with path.open("rb") as file:
            for found in (
                record_at(file, HEAD_SIZE, len(data), MARK),
                record_at(file, HEAD_SIZE, len(data), MARK, content=False),
                record_of(file, HEAD_SIZE, len(data), MARK),
            ):
                assert (found is None) is changed


def test_a_torn_group_is_not_kept_whatever_of_it_is_there() -> None:
    """The second record of a group may be on the disk without the first: neither was acknowledged."""
    whole = segment_of(record(5))
    torn = bytearray(record(6, synced=len(whole), content=b"abc") + record(7, synced=len(whole)))
    torn[RECORD_SIZE + 3] ^= 1
    assert serials(found_in(whole + torn)) == [5]


@pytest.mark.parametrize("where", [3, RECORD_SIZE - 1, RECORD_SIZE, RECORD_SIZE + 3])
def test_damage_is_proved_by_what_was_synced_later(where: int) -> None:
    before = segment_of(record(5))
    damaged = bytearray(record(6, content=b"abc" * 50))
    damaged[where] ^= 1
    start = len(before) + len(damaged)
    found = found_in(before + damaged + record(7, synced=start) + record(8, synced=start))
    assert serials(found) == [5, 7, 8]
    (damage,) = [each for each in found if isinstance(each, Damage)]
    assert (damage.offset, damage.length) == (len(before), len(damaged))
    assert damage.lost == (None if where < RECORD_SIZE else (RecordType.ADD, 6))


def test_records_of_a_mail_s_content_are_not_records() -> None:
    """What stands in a message cannot have the segment's mark."""
    forged = record(99, mark=b"\x00" * 8) + record(98, mark=b"guessed!")
    damaged = bytearray(record(6, content=forged))
    damaged[RECORD_SIZE] ^= 1
    before = segment_of(record(5))
    found = found_in(before + damaged + record(7, synced=len(before) + len(damaged)))
    assert serials(found) == [5, 7]


def test_nothing_follows_the_end() -> None:
    data = segment_of(record(5), pack(MARK, RecordType.END, 0, 0, b""), record(6))
    assert serials(found_in(data)) == [5, 0]


@pytest.mark.parametrize("data", [b"", bytes(1000), b"no segment at all" * 100, segment_of()[:-1], b"x" + segment_of()])
def test_a_file_without_a_head_is_damaged(data: bytes) -> None:
    assert found_in(data) == [Damage(0, len(data))]


@given(st.lists(st.one_of(st.binary(max_size=200), st.integers(0, 300)), max_size=20), st.booleans())
def test_any_bytes_are_read(parts: list[bytes | int], headed: bool) -> None:
    """Whole records, bytes and cut records in any order: what is found is whole, in order, and ends."""
    pieces = [record(each, synced=each * 9, content=b"c" * each) if isinstance(each, int) else each for each in parts]
    data = (segment_of() if headed else b"") + b"".join(pieces)
    end = 0
    for found in found_in(data):
        if isinstance(found, Record):
            assert found.offset >= end and found.end <= len(data)
            assert data[found.offset : found.end] == record(found.serial, found.synced, found.text, b"c" * found.serial)
            end = found.end


@given(st.data())
def test_a_record_that_is_changed_anywhere_is_not_taken_for_another(data: st.DataObject) -> None:
    good = [record(n, content=b"content %d" % n) for n in range(1, 5)]
    bad = bytearray(segment_of(*good) + bytes(64))
    at = data.draw(st.integers(0, len(bad) - 1))
    bad[at] ^= data.draw(st.integers(1, 255))
    for found in found_in(bytes(bad)):
        if isinstance(found, Record):
            assert bytes(bad[found.offset : found.end]) == good[found.serial - 1]


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    )
)
def test_any_text_of_a_record_is_a_message_or_broken(value: object) -> None:
    good = {"id": "X", "from": "", "at": 1.0, "next": 1.0, "size": 1, "local": True, "to": [{"address": "a"}]}
    texts = [value, *({**good, name: value} for name in (*good, "state", "session", "hold"))]
    for values in texts:
        try:
            entry(1, load(dump(values)))  # type: ignore[arg-type]
        except Broken:
            pass


@pytest.mark.parametrize("text", [b"[" * 100_000, b"\xff", b'{"a":', b"[]", b'"x"'])
def test_a_text_that_is_no_json_of_ours_is_broken(text: bytes) -> None:
    with pytest.raises(Broken):
        load(text)


def test_much_damage_takes_little_time() -> None:
    """Every second of 5,000 records is damaged: each search ends at the next record."""
    pieces, at = [], HEAD_SIZE
    for number in range(5000):
        one = bytearray(record(number, synced=at, content=b"x" * 400))
        one[-1] ^= number % 2
        pieces.append(bytes(one))
        at += len(one)
    data = segment_of(*pieces)
    with within(10):
        whole = len(serials(found_in(data)))
    assert whole == 2500


# What the log says at the start


def open_and_close(folder: Path) -> list[str]:
    problems: list[str] = []

    async def main() -> None:
        queue = LocalQueue(folder, report=problems.append)
        queue.open()
        await queue.close()

    asyncio.run(main())
    return problems


def fill(folder: Path, count: int, size: int = 1000) -> list[str]:
    """Put messages into a queue, one by one; their ids."""
    ids: list[str] = []

    async def main(queue: LocalQueue) -> None:
        for _ in range(count):
            ids.append(queue.new_id(0.0))
            await queue.add(Message(ids[-1], "a@b", [Recipient("c@d")], ids[-1].encode() * size, 0.0))

    with_queue(folder, main)
    return ids


def segments(folder: Path) -> list[Path]:
    return sorted((folder / ".mailconf").glob("*.segment"))


def flip(path: Path, needle: bytes) -> None:
    """Damage the first place where ``needle`` stands."""
    data = bytearray(path.read_bytes())
    data[data.index(needle)] ^= 1
    path.write_bytes(data)


def test_damage_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    """Today's failure: a damaged file started silently, and lost mail was answered 250."""
    ids = fill(tmp_path, 4)
    (path,) = segments(tmp_path)
    flip(path, ids[1].encode() * 1000)
    (problem,) = open_and_close(tmp_path)
    assert problem.startswith(f"the queue {path} is damaged: ")
    assert "first the message 20002; 3 messages of it are kept" in problem
    problems: list[str] = []
    assert [each.queue_id for each in queue_of(tmp_path, problems)] == [ids[0], *ids[2:]]
    assert problems == [problem]


def test_the_end_of_a_segment_proves_that_its_last_message_was_there(tmp_path: Path) -> None:
    ids = fill(tmp_path, 1)
    (path,) = segments(tmp_path)
    flip(path, ids[0].encode() * 1000)
    (problem,) = open_and_close(tmp_path)
    assert "is damaged" in problem and "0 messages of it are kept" in problem


def test_a_segment_without_a_beginning_is_named(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    (path,) = segments(tmp_path)
    flip(path, b"mailconf")
    assert open_and_close(tmp_path) == [
        f"the queue {path} is damaged: its beginning cannot be read; 0 messages of it are kept"
    ]


def test_a_segment_that_is_gone_is_named(tmp_path: Path) -> None:
    for _ in range(3):
        fill(tmp_path, 1)
    gone = segments(tmp_path)[1]
    gone.unlink()
    assert open_and_close(tmp_path) == [f"the queue {gone} is missing; the mail that was only there is lost"]


def test_a_segment_that_was_being_made_is_nothing(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    path = QueueFolder(tmp_path).segment(2)
    path.write_bytes(bytes(100))
    path.chmod(0o600)
    assert open_and_close(tmp_path) == []
    assert len(queue_of(tmp_path)) == 1


def test_bytes_that_were_not_acknowledged_are_named(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    (path,) = segments(tmp_path)
    data = path.read_bytes()
    end = len(data.rstrip(b"\0"))
    path.write_bytes(data[: end - RECORD_SIZE // 2] + bytes(100))  # in the END
    (problem,) = open_and_close(tmp_path)
    assert problem.endswith("what follows was not acknowledged and is not kept")
    assert len(queue_of(tmp_path)) == 1


def test_a_damaged_file_is_kept_when_it_is_not_needed_any_more(tmp_path: Path) -> None:
    ids = fill(tmp_path, 2)
    flip(segments(tmp_path)[0], ids[0].encode() * 1000)

    async def main(queue: LocalQueue) -> None:
        (serial,) = await queue.due()
        await queue.add(message(queue.new_id(0.0)))
        await queue.remove(serial)

    with_queue(tmp_path, main)
    assert [path.name for path in (tmp_path / ".mailconf").glob("*1.*")] == ["000000000001.damaged"]
    assert len(queue_of(tmp_path)) == 1


def test_a_message_that_cannot_be_read_any_more_is_an_error(tmp_path: Path) -> None:
    ids = fill(tmp_path, 2)

    async def main(queue: LocalQueue) -> None:
        flip(segments(tmp_path)[0], ids[0].encode() * 1000)
        with pytest.raises(QueueError, match=f"is damaged: message {ids[0]} cannot be read"):
            await queue.find(ids[0])
        assert await queue.find(ids[1]) is not None

    with_queue(tmp_path, main)


@pytest.mark.parametrize("kind", ["writable", "link", "pipe"])
def test_a_segment_that_another_user_can_have_written_is_not_read(tmp_path: Path, kind: str) -> None:
    fill(tmp_path, 1)
    (path,) = segments(tmp_path)
    if kind == "writable":
        path.chmod(0o620)
    else:
        path.rename(tmp_path / "other")
        if kind == "link":
            path.symlink_to(tmp_path / "other")
        else:
            os.mkfifo(path)
    with pytest.raises(QueueError, match=path.name):
        with_queue(tmp_path, nothing)


# How segments come and go


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of 16 KB."""
    for module in ("writer", "holdings"):
        monkeypatch.setattr(f"mailconf.mta.queue.{module}.SEGMENT", 16384)
    monkeypatch.setattr("mailconf.mta.queue.writer._ZEROS", 4096)


async def settled(queue: LocalQueue, is_true: Callable[[], bool]) -> None:
    """Return when the thread that writes has made it true."""
    while not is_true():
        await asyncio.sleep(0.001)


@pytest.mark.usefixtures("small")
def test_segments_in_which_nothing_lives_are_removed(tmp_path: Path) -> None:
    async def main(queue: LocalQueue) -> None:
        for _ in range(100):
            await queue.remove(await queue.add(Message(queue.new_id(0.0), "a@b", [Recipient("c@d")], b"x" * 2000, 0.0)))
        await settled(queue, lambda: len(segments(tmp_path)) == 1)

    with_queue(tmp_path, main)
    assert queue_of(tmp_path) == []


@pytest.mark.usefixtures("small")
def test_a_survivor_does_not_keep_the_segments_after_it(tmp_path: Path) -> None:
    """It is written again at the end, with what became of it."""
    kept: list[str] = []

    async def main(queue: LocalQueue) -> None:
        for number in range(300):
            queue_id = queue.new_id(0.0)
            serial = await queue.add(Message(queue_id, "a@b", [Recipient("c@d")], b"%d," % number * 500, 0.0))
            if number in (3, 50):
                kept.append(queue_id)
                await queue.put_off(serial, 5000.0 + number, warned=True)
            else:
                await queue.remove(serial)
        await settled(queue, lambda: len(segments(tmp_path)) <= 7)
        found = await queue.find(kept[0])
        assert found is not None and found.message.content == b"3," * 500

    with_queue(tmp_path, main)
    found = queue_of(tmp_path)
    assert [(each.queue_id, each.next_attempt, each.warned) for each in found] == [
        (kept[0], 7003.0, True),
        (kept[1], 7050.0, True),
    ]
    assert found[1].message.content == b"50," * 500


@pytest.mark.usefixtures("small")
def test_a_survivor_that_cannot_be_read_does_not_keep_the_others(tmp_path: Path) -> None:
    problems: list[str] = []

    async def main() -> None:
        queue = LocalQueue(tmp_path, report=problems.append)
        queue.open()
        await queue.add(Message("00000FF", "a@b", [Recipient("c@d")], b"survivor" * 100, 0.0))
        await queue.content(0xFF)
        flip(segments(tmp_path)[0], b"survivor")
        for _ in range(100):
            await queue.remove(await queue.add(Message(queue.new_id(0.0), "a@b", [Recipient("c@d")], b"x" * 2000, 0.0)))
        await settled(queue, lambda: len(segments(tmp_path)) == 1)
        await queue.close()

    asyncio.run(asyncio.wait_for(main(), 60))
    (problem,) = problems
    assert "message FF" in problem and problem.endswith("it is lost")
    assert (tmp_path / ".mailconf/000000000001.damaged").exists()


@pytest.mark.usefixtures("small")
def test_a_message_may_be_larger_than_a_segment(tmp_path: Path) -> None:
    ids = fill(tmp_path, 3, size=10_000)
    assert [each.message.content for each in queue_of(tmp_path)] == [each.encode() * 10_000 for each in ids]
    assert len(segments(tmp_path)) == 3


def test_many_starts_make_few_files(tmp_path: Path) -> None:
    async def main(queue: LocalQueue) -> None:
        await queue.add(message(queue.new_id(0.0)))
        await settled(queue, lambda: len(segments(tmp_path)) <= 7)

    for _ in range(20):
        with_queue(tmp_path, main)
    assert len(queue_of(tmp_path)) == 20


def test_starts_without_mail_make_no_files(tmp_path: Path) -> None:
    for _ in range(3):
        with_queue(tmp_path, nothing)
    assert segments(tmp_path) == []


def test_what_lies_in_preallocated_zeros_has_no_new_length(tmp_path: Path) -> None:
    async def main(queue: LocalQueue) -> None:
        await queue.add(message(queue.new_id(0.0)))
        (path,) = segments(tmp_path)
        before = path.stat().st_size
        for _ in range(20):
            await queue.add(message(queue.new_id(0.0)))
        assert path.stat().st_size == before > 100_000

    with_queue(tmp_path, main)


# Failures of the disk


def test_a_failed_sync_refuses_the_group_and_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed fdatasync the same pages count as written: a second one would lie (promise 7)."""
    synced: list[str] = []
    real = os.fdatasync

    def sync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        if len(synced) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    async def main(queue: LocalQueue) -> None:
        await queue.add(message("000001"))
        refused = await asyncio.gather(*(queue.add(message(f"00000{n}")) for n in (2, 3)), return_exceptions=True)
        # The first of them may have been alone in the group that failed.
        errors = [each for each in refused if isinstance(each, QueueError)]
        assert errors and all(str(each).endswith("cannot be written: Input/output error") for each in errors)
        taken = [f"00000{n}" for n, each in zip((2, 3), refused, strict=True) if not isinstance(each, QueueError)]
        await queue.add(message("000004"))
        assert [each.queue_id for each in await listed(queue)] == ["000001", *taken, "000004"]
        expected.extend(["000001", *taken, "000004"])

    expected: list[str] = []
    monkeypatch.setattr("os.fdatasync", sync)
    with_queue(tmp_path, main)
    first, second = segments(tmp_path)
    assert synced[:2] == [str(first)] * 2 and set(synced[2:]) == {str(second)}
    # What was refused does not come back, though the bytes of it are there.
    assert b"000002" in first.read_bytes()
    assert [each.queue_id for each in queue_of(tmp_path)] == expected


def test_what_became_of_messages_is_not_lost_with_the_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a failed sync left in doubt is written again into the next segment."""
    real = os.fdatasync
    failing = [False]

    def sync(descriptor: int) -> None:
        if failing[0]:
            failing[0] = False
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    async def main(queue: LocalQueue) -> None:
        first = await queue.add(message("000001"))
        await queue.add(message("000002"))
        failing[0] = True
        await queue.remove(first)
        with pytest.raises(QueueError):
            await queue.add(message("000003"))
        await queue.add(message("000004"))

    monkeypatch.setattr("os.fdatasync", sync)
    with_queue(tmp_path, main)
    folder = QueueFolder(tmp_path)
    data = segments(tmp_path)[1].read_bytes()
    done = [each.serial for each in found_in(data) if isinstance(each, Record) and each.type is RecordType.DONE]
    assert done == [1, 3]
    holdings = Holdings()
    assert list(read_segments(folder, holdings)) == [] and sorted(holdings.messages) == [2, 4]


def test_a_full_disk_refuses_until_there_is_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def main(queue: LocalQueue) -> None:
        first = await queue.add(message("000001"))
        with monkeypatch.context() as patched:
            patched.setattr("os.pwrite", full)
            for name in ("000002", "000003"):
                with pytest.raises(QueueError, match="No space left on device"):
                    await queue.add(message(name))
            await queue.remove(first)
        await queue.add(message("000004"))

    with_queue(tmp_path, main)
    assert [each.queue_id for each in queue_of(tmp_path)] == ["000004"]
    assert [path.stem for path in segments(tmp_path)] == ["000000000002"], "what could not be made is left behind"


def test_a_defect_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("oops")

    async def main(queue: LocalQueue) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(SegmentWriter, "append", broken)
            with pytest.raises(QueueError, match="ZeroDivisionError"):
                await queue.add(message("000001"))
        await queue.add(message("000002"))

    with_queue(tmp_path, main)

"""The queue: durable before it is acknowledged, syncs shared, everything that mailq and postsuper need."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from system_calls import Call, check_synced, mark, recorded

from mailconf.model.recipient import Identity, RecipientKind
from mailconf.model.session import NameOutcome, Session, Verified
from mailconf.model.verdict import Reply
from mailconf.mta.message import Message, Recipient, Result, Status
from mailconf.mta.queue import QueueEntry, QueueError, RecipientState
from mailconf.mta.queue.envelope import dump, entry, envelope, load, session_of
from mailconf.mta.queue.local_queue import LocalQueue
from mailconf.mta.queue_ids import ShortIds
from mailconf.mta.submission import Spool, Submission
from mailconf.source import decode
from tests.queue_reader import queue_of

WRITER = """
import asyncio, sys, time
from pathlib import Path
from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue.local_queue import LocalQueue

async def client(queue):
    while True:
        queue_id = queue.new_id(time.time())
        await queue.add(Message(queue_id, "a@b", [Recipient("c@d")], b"x" * 3000, time.time()))
        sys.stdout.write(queue_id + "\\n")
        sys.stdout.flush()

async def main():
    queue = LocalQueue(Path(sys.argv[1]))
    queue.open()
    await asyncio.gather(*(client(queue) for _ in range(8)))

asyncio.run(main())
"""


def message(queue_id: str = "000001", *recipients: str, sender: str = "a@example.com") -> Message:
    wanted = [Recipient(address, address) for address in recipients or ("b@example.com",)]
    return Message(queue_id, sender, wanted, b"Subject: x\n\nbody\n", 1000.0)


@dataclass
class Clock:
    """``wall`` is what somebody may set."""

    wall: float = 2000.0
    steady: float = 0.0


def with_queue(
    folder: Path,
    main: Callable[[LocalQueue], Coroutine[Any, Any, None]],
    clock: Clock | None = None,
    longest: float = math.inf,
) -> None:
    """Run ``main`` with the queue open."""
    at = clock or Clock()

    async def run() -> None:
        queue = LocalQueue(folder, wall=lambda: at.wall, steady=lambda: at.steady)
        queue.open(longest)
        try:
            await main(queue)
        finally:
            await queue.close()

    asyncio.run(asyncio.wait_for(run(), 60))


async def loaded(queue: LocalQueue, serial: int) -> QueueEntry | None:
    """A message with its content, as an attempt takes it: first the envelope."""
    found = await queue.look(serial)
    if found is not None:
        assert found.message.content == b""
        found.message.content = await queue.content(serial) or b""
    return found


async def listed(queue: LocalQueue) -> list[QueueEntry]:
    return [each async for each in queue.entries()]


def test_every_acknowledged_message_survives_kill_9(tmp_path: Path) -> None:
    for acknowledged_at_least in (1, 40, 400):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        seen = [writer.stdout.readline() for _ in range(acknowledged_at_least)]
        os.kill(writer.pid, signal.SIGKILL)
        seen += writer.stdout.readlines()
        writer.wait()
        acknowledged = {line.strip() for line in seen if line.endswith("\n")}
        found = {each.queue_id: each.message.content for each in queue_of(tmp_path)}
        assert acknowledged <= set(found)
        assert set(found.values()) == {b"x" * 3000}


BODY = b"the content of a message that must not be lost"


def check_acknowledged(calls: list[Call], folders: list[Path], count: int) -> None:
    marks = [at for at, call in enumerate(calls) if call.name == "mark"]
    assert len(marks) == count
    for at in marks:
        body = BODY + calls[at].path.split()[1].encode()
        holding = {call.path for call in calls[:at] if call.name == "write" and body in call.data}
        assert holding, "the content was not written"
        renamed = {call.path: call.new for call in calls[:at] if call.name == "rename"}
        for path in holding:
            check_synced(calls[:at], renamed.get(path, path))
        for each in folders:
            assert Call("sync", str(each)) in calls[:at], f"the names in {each} are not durable"


def test_a_message_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    """Whatever the files are: none is written and not synced when `add` returns, and each has a durable name."""
    folder = tmp_path / "deep" / "queue"

    async def main(queue: LocalQueue) -> None:
        for _ in range(3):
            queue_id = queue.new_id(0.0)
            await queue.add(Message(queue_id, "a@b", [Recipient("c@d")], BODY + queue_id.encode(), 0.0))
            mark(f"acknowledged {queue_id}")

    calls = recorded(lambda: with_queue(folder, main))
    check_acknowledged(calls, [folder / ".mailconf", folder, folder.parent, tmp_path], 3)


def test_a_command_leaves_a_message_on_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "queue"

    def submit() -> None:
        submission = Submission(folder, ShortIds())
        queue_id = submission.queue_id(0.0)
        submission.add_whole(Message(queue_id, "a@b", [Recipient("c@d")], BODY + queue_id.encode(), 0.0))
        mark(f"acknowledged {queue_id}")

    folders = [folder / ".mailconf/incoming", folder / ".mailconf", folder, folder.parent, tmp_path]
    check_acknowledged(recorded(submit), folders, 1)


def test_outcomes_are_on_the_disk_when_the_queue_is_closed(tmp_path: Path) -> None:
    """They are written at once, so that they survive the process, and the end syncs them."""

    async def main(queue: LocalQueue) -> None:
        serial = await queue.add(message(queue.new_id(0.0)))
        b = Recipient("b@example.com")
        mark("begin")
        await queue.record(serial, [(0, Result(b, Status.DEFERRED, "4.0.0", "an outcome to be found", "local"))])
        await queue.put_off(serial, 5000.0)

    calls = recorded(lambda: with_queue(tmp_path, main))
    begin = next(at for at, call in enumerate(calls) if call.name == "mark")
    written = [call for call in calls[begin:] if call.name == "write" and b"an outcome to be found" in call.data]
    assert written
    check_synced(calls[begin:], written[0].path)
    (found,) = queue_of(tmp_path)
    assert (found.next_attempt, found.recipients[0].text) == (7000.0, "an outcome to be found")


def test_what_became_of_a_message_is_on_the_disk_soon_without_another_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailconf.mta.queue.group._LAZY", 0.001)

    async def main(queue: LocalQueue) -> None:
        serial = await queue.add(message(queue.new_id(0.0)))
        before = queue.syncs
        await queue.remove(serial)
        while queue.syncs == before:
            await asyncio.sleep(0.001)

    with_queue(tmp_path, main)


def test_messages_that_are_ready_together_share_a_sync(tmp_path: Path) -> None:
    async def main(queue: LocalQueue) -> None:
        await asyncio.gather(*(queue.add(message(queue.new_id(0.0))) for _ in range(200)))
        assert queue.syncs < 100
        assert len(await listed(queue)) == 200

    with_queue(tmp_path, main)


def test_a_message_alone_does_not_wait_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailconf.mta.queue.group._WINDOW", 3600.0)

    async def main(queue: LocalQueue) -> None:
        for _ in range(5):
            await queue.add(message(queue.new_id(0.0)))
        assert queue.syncs == 5

    with_queue(tmp_path, main)


def test_an_id_that_is_there_is_refused(tmp_path: Path) -> None:
    async def main(queue: LocalQueue) -> None:
        one, two = message("000001"), message("000002")
        results = await asyncio.gather(queue.add(one), queue.add(two))
        assert results == [1, 2]
        with pytest.raises(QueueError, match="has a message 000001 already"):
            await queue.add(one)
        assert [each.queue_id for each in await listed(queue)] == ["000001", "000002"]

    with_queue(tmp_path, main)


def test_a_queue_id_is_never_used_twice(tmp_path: Path) -> None:
    found: list[str] = []

    async def main(queue: LocalQueue) -> None:
        found.extend(queue.new_id(1.25) for _ in range(3))
        await queue.remove(await queue.add(message(found[-1])))

    for _ in range(3):
        with_queue(tmp_path, main)
    assert len(set(found)) == 9
    assert all(queue_id == queue_id.upper() and int(queue_id, 16) for queue_id in found)


def test_the_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "queue"

    async def main(queue: LocalQueue) -> None:
        await queue.add(message(queue.new_id(0.0)))

    old = os.umask(0)
    try:
        with_queue(folder, main)
        submit(folder, b"x")
    finally:
        os.umask(old)
    paths = [folder, *folder.rglob("*")]
    assert len(paths) == 6
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_folder_that_another_user_can_write_is_no_place_for_a_queue(tmp_path: Path, mode: int) -> None:
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue").chmod(mode)
    with pytest.raises(QueueError, match="is not used: other users can write to it"):
        with_queue(tmp_path / "queue", nothing)
    with pytest.raises(QueueError, match="is not used: other users can write to it"):
        Submission(tmp_path / "queue", ShortIds())
    assert list((tmp_path / "queue").iterdir()) == []


async def nothing(queue: LocalQueue) -> None:
    """Open it and close it."""


@pytest.mark.parametrize("kind", ["writable", "link"])
@pytest.mark.parametrize("name", [".mailconf", ".mailconf/incoming"])
def test_the_folders_in_it_are_looked_at(tmp_path: Path, kind: str, name: str) -> None:
    with_queue(tmp_path, nothing)
    folder = tmp_path / name
    if kind == "writable":
        folder.chmod(0o770)
    else:
        folder.rename(tmp_path / "other")
        folder.symlink_to(tmp_path / "other")
    with pytest.raises(QueueError, match=f"{name} is not used"):
        with_queue(tmp_path, nothing)


def test_a_second_mta_is_refused(tmp_path: Path) -> None:
    async def main(first: LocalQueue) -> None:
        second = LocalQueue(tmp_path)
        with pytest.raises(QueueError, match="another mail system"):
            second.open()
        await first.close()
        second.open()
        await second.close()

    with_queue(tmp_path, main)


def test_a_queue_that_is_not_open_takes_nothing(tmp_path: Path) -> None:
    queue = LocalQueue(tmp_path)
    with pytest.raises(QueueError, match="is not open"):
        asyncio.run(queue.add(message()))


def test_outcomes_are_kept(tmp_path: Path) -> None:
    reply = Reply.of(550, "5.1.1 line one", "line two")

    def check(found: QueueEntry | None) -> None:
        assert found is not None
        states = [RecipientState.DONE, RecipientState.DEFERRED, RecipientState.FAILED]
        assert [q.state for q in found.recipients] == states
        assert [q.tries for q in found.recipients] == [1, 1, 1]
        assert found.recipients[2].reply == reply
        assert [q.recipient.address for q in found.active] == ["b@x"]

    async def first(queue: LocalQueue) -> None:
        await queue.add(message("000001", "a@x", "b@x", "c@x"))
        found = await loaded(queue, 1)
        assert found is not None and [q.state for q in found.recipients] == [RecipientState.PENDING] * 3
        a, b, c = found.recipients
        results = [
            (a.id, Result(a.recipient, Status.SENT, "2.0.0", "ok", "local")),
            (b.id, Result(b.recipient, Status.DEFERRED, "4.4.1", "timed out", "none")),
            (c.id, Result(c.recipient, Status.BOUNCED, "5.1.1", "no", "mx[1.2.3.4]:25", reply)),
        ]
        await queue.record(1, results[:2])
        await queue.record(1, results[:2], again=True)
        await queue.record(1, results[2:])
        check(await loaded(queue, 1))

    async def second(queue: LocalQueue) -> None:
        check(await loaded(queue, 1))
        await queue.put_off(1, 9000.0, told=[2], warned=True)
        found = await loaded(queue, 1)
        assert found is not None and (found.next_attempt, found.warned) == (11000.0, True)
        assert found.recipients[2].state is RecipientState.DONE and found.recipients[2].reply == reply

    with_queue(tmp_path, first)
    with_queue(tmp_path, second)


def test_what_postsuper_does(tmp_path: Path) -> None:
    clock = Clock()

    async def main(queue: LocalQueue) -> None:
        await queue.add(message("000001"))
        await queue.put_off(1, 5000.0)
        clock.steady = 4999.0
        assert await queue.due() == []
        clock.steady = 5000.0
        assert await queue.due() == [1]
        assert await queue.hold("000001") and not await queue.hold("000001")
        assert await queue.due() == []
        await queue.put_off(1, 1000.0)
        assert await queue.release("000001") and await queue.due() == [1]
        assert not await queue.release("000001")
        await queue.put_off(1, 1000.0)
        assert await queue.due() == []
        assert await queue.flush() == 1 and await queue.due() == [1]
        result = Result(Recipient("b@example.com"), Status.DEFERRED, "4.0.0", "later", "none")
        await queue.record(1, [(0, result)])
        await queue.put_off(1, 1000.0)
        await queue.hold("000001")
        assert await queue.requeue("000001") and not await queue.requeue("NONE")
        assert await queue.due() == [1]
        found = await queue.find("000001")
        assert found is not None and found.message.content == b"Subject: x\n\nbody\n"
        assert found.recipients[0].state is RecipientState.PENDING
        assert [each.message.content for each in await listed(queue)] == [b""]
        assert await queue.delete("000001") and await queue.find("000001") is None
        assert not await queue.delete("000001")

    with_queue(tmp_path, main, clock)
    assert queue_of(tmp_path) == []


def test_no_clock_that_is_set_moves_an_attempt(tmp_path: Path) -> None:
    """Today's failure: a clock set back stopped deferred mail."""
    clock = Clock(wall=1_000_000.0)

    async def first(queue: LocalQueue) -> None:
        await queue.add(message("000001"))
        await queue.put_off(1, 300.0)
        for wall in (0.0, 1e9):
            clock.wall = wall
            assert await queue.due() == []
        clock.wall, clock.steady = 500_000.0, 300.0
        assert await queue.due() == [1]
        await queue.put_off(1, 300.0)

    async def second(queue: LocalQueue) -> None:
        assert await queue.due() == []
        clock.steady += 300.0
        assert await queue.due() == [1]

    async def third(queue: LocalQueue) -> None:
        clock.steady += 4000.0
        assert await queue.due() == [1]

    with_queue(tmp_path, first, clock)
    assert queue_of(tmp_path)[0].next_attempt == 500_300.0
    with_queue(tmp_path, second, clock)
    clock.wall = 1000.0  # the machine has begun anew, with a clock that is wrong
    with_queue(tmp_path, third, clock, longest=4000.0)


@given(st.binary(), st.binary(), st.binary(), st.text(alphabet=st.characters(codec="ascii")))
def test_every_envelope_survives(sender: bytes, address: bytes, content: bytes, helo: str) -> None:
    one = Recipient(decode(address), "o", "rfc822;x", "NEVER")
    two = Recipient("|run " + decode(address), kind=RecipientKind.COMMAND, owner="o-x", identity=Identity(5, 6))
    three = Recipient("bad", kind=RecipientKind.ERROR, error="550 5.1.1 User unknown")
    sent = Message("000001", decode(sender), [one, two, three], content, 1.5)
    sent.session = Session(helo=helo, sender_parameters={"SIZE": "1"}, client_name=Verified.unknown(NameOutcome.FORGED))
    sent.session.reverse_name = Verified.found("mx.example")
    sent.local = False
    found = entry(1, load(dump(envelope(sent, size=7, body=1, hold=True, filter="smtp:x"))), content)
    assert (found.message.sender, found.message.content) == (sent.sender, sent.content)
    assert (found.message.recipients, found.message.session) == (sent.recipients, sent.session)
    assert (found.size, found.hold, found.filter, found.message.local) == (7, True, "smtp:x", False)


def test_the_content_of_the_moment_is_not_kept_twice(tmp_path: Path) -> None:
    sent = message()
    sent.session = Session(content=b"secret")
    assert b"secret" not in dump(envelope(sent, size=1, body=1, hold=False, filter=""))


def test_a_session_of_a_queue_before_names_had_outcomes() -> None:
    session = session_of({"client_name": "mx.example", "reverse_name": "unknown", "helo": "x"})
    assert session is not None
    assert (session.client_name, session.reverse_name) == (Verified.found("mx.example"), Verified.unknown())


# Messages of commands


def submit(folder: Path, content: bytes, *, hold: bool = False) -> str:
    submission = Submission(folder, ShortIds())
    queue_id = submission.queue_id(1000.5)
    submission.add_whole(Message(queue_id, "a@b", [Recipient("c@d")], content, 1000.5), hold=hold)
    return queue_id


def test_the_messages_of_commands_are_due_with_the_others(tmp_path: Path) -> None:
    async def main(queue: LocalQueue) -> None:
        ids = [submit(tmp_path, b"one\n"), submit(tmp_path, b"two\n"), submit(tmp_path, b"three\n", hold=True)]
        due = await queue.due()
        found = [await loaded(queue, serial) for serial in due]
        assert [(each.queue_id, each.message.content) for each in found if each] == [
            (ids[0], b"one\n"),
            (ids[1], b"two\n"),
        ]
        assert {each.queue_id for each in await listed(queue)} == set(ids)
        assert not list((tmp_path / ".mailconf/incoming").iterdir())
        for serial in due:
            await queue.remove(serial)

    submit(tmp_path, b"zero\n")
    with_queue(tmp_path, nothing)
    assert [each.message.content for each in queue_of(tmp_path)] == [b"zero\n"]
    next((tmp_path / ".mailconf/incoming").iterdir()).unlink()
    with_queue(tmp_path, main)
    assert [each.message.content for each in queue_of(tmp_path)] == [b"three\n"]


def test_a_message_that_was_taken_in_before_a_crash_is_not_taken_twice(tmp_path: Path) -> None:
    async def main(queue: LocalQueue) -> None:
        assert len(await queue.due()) == 1

    submit(tmp_path, b"x\n")
    (path,) = (tmp_path / ".mailconf/incoming").iterdir()
    data = path.read_bytes()
    with_queue(tmp_path, main)
    path.write_bytes(data)  # its removal was not on the disk
    path.chmod(0o600)
    with_queue(tmp_path, main)
    assert len(queue_of(tmp_path)) == 1


def test_a_message_is_not_attempted_while_its_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise OSError(errno.EIO, "broken")

    async def main(queue: LocalQueue) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("mailconf.mta.queue.local_queue.sync_folder", broken)
            assert await queue.due() == []
        assert len(await queue.due()) == 1

    submit(tmp_path, b"x\n")
    with_queue(tmp_path, main)


def test_a_damaged_message_of_a_command_is_put_aside(tmp_path: Path) -> None:
    submit(tmp_path, b"x\n")
    (path,) = (tmp_path / ".mailconf/incoming").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    problems: list[str] = []

    async def main() -> None:
        queue = LocalQueue(tmp_path, report=problems.append)
        queue.open()
        assert await queue.due() == []
        assert await queue.due() == []
        await queue.close()

    asyncio.run(main())
    assert problems == [f"{path} is not taken into the queue: it is no whole message"]
    assert [each.suffix for each in path.parent.iterdir()] == [".damaged"]


def test_a_large_body_is_not_in_memory(tmp_path: Path) -> None:
    """A command's message goes through in pieces, also when the MTA takes it in."""
    spool = Spool(tmp_path)
    spool.write([b"x" * 999 + b"\n"] * 5000)
    submission = Submission(tmp_path, ShortIds())
    header = Message(submission.queue_id(1000.5), "a@b", [Recipient("c@d")], b"Subject: x\n\n", 1000.5)
    submission.add(header, spool)
    spool.close()

    async def main(queue: LocalQueue) -> None:
        (serial,) = await queue.due()
        found = await loaded(queue, serial)
        assert found is not None and found.message.content == b"Subject: x\n\n" + (b"x" * 999 + b"\n") * 5000
        assert found.size == len(found.message.content) + 5002

    with_queue(tmp_path, main)


def test_what_a_command_did_not_finish_is_removed(tmp_path: Path) -> None:
    with_queue(tmp_path, nothing)
    incoming = tmp_path / ".mailconf/incoming"
    for name, age in (("old", 7200), ("new", 0)):
        path = incoming / f"{name}.unfinished"
        path.touch()
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    with_queue(tmp_path, nothing)
    assert [path.stem for path in incoming.iterdir()] == ["new"]


def test_a_command_that_cannot_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with_queue(tmp_path, nothing)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(QueueError, match="No space left on device"):
        submit(tmp_path, b"x\n")
    assert list((tmp_path / ".mailconf/incoming").iterdir()) == []

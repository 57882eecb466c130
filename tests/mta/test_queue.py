"""The queue: durable before it is acknowledged, commits shared, everything that mailq and postsuper need."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from system_calls import Call, check_synced, mark, recorded

from mailconf.model.session import NameOutcome, Session, Verified
from mailconf.model.verdict import Reply
from mailconf.mta.message import Message, Recipient, Result, Status
from mailconf.mta.queue import Queue, QueueError, State, Store
from mailconf.source import decode

WRITER = """
import asyncio, sys, time
from pathlib import Path
from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue import Queue

async def client(queue):
    while True:
        queue_id = queue.new_id(time.time())
        await queue.add(Message(queue_id, "a@b", [Recipient("c@d")], b"x" * 3000, time.time()))
        sys.stdout.write(queue_id + "\\n")
        sys.stdout.flush()

async def main():
    queue = Queue(Path(sys.argv[1]))
    queue.open()
    await asyncio.gather(*(client(queue) for _ in range(8)))

asyncio.run(main())
"""


def message(queue_id: str = "000001", *recipients: str, sender: str = "a@example.com") -> Message:
    wanted = [Recipient(address, address) for address in recipients or ("b@example.com",)]
    return Message(queue_id, sender, wanted, b"Subject: x\n\nbody\n", 1000.0)


def test_every_acknowledged_message_survives_kill_9(tmp_path: Path) -> None:
    for acknowledged_at_least in (1, 40, 400):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        seen = [writer.stdout.readline() for _ in range(acknowledged_at_least)]
        os.kill(writer.pid, signal.SIGKILL)
        seen += writer.stdout.readlines()
        writer.wait()
        acknowledged = {line.strip() for line in seen if line.endswith("\n")}
        store = Store(tmp_path)
        found = {entry.queue_id for entry in store.entries()}
        assert acknowledged <= found
        assert all(store.find(queue_id).message.content == b"x" * 3000 for queue_id in found)  # type: ignore[union-attr]
        store.close()


BODY = b"the content of a message that must not be lost"


def test_a_message_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    """Whatever the files are: none is written and not synced when `Queue.add` returns, and each has a durable name."""
    folder = tmp_path / "deep" / "queue"

    async def main() -> None:
        queue = Queue(folder)
        queue.open()
        for _ in range(3):
            queue_id = queue.new_id(0.0)
            await queue.add(Message(queue_id, "a@b", [Recipient("c@d")], BODY + queue_id.encode(), 0.0))
            mark(f"acknowledged {queue_id}")
        await queue.close()

    calls = recorded(lambda: asyncio.run(main()))
    marks = [at for at, call in enumerate(calls) if call.name == "mark"]
    assert len(marks) == 3
    for at in marks:
        body = BODY + calls[at].path.split()[1].encode()
        holding = {call.path for call in calls[:at] if call.name == "write" and body in call.data}
        assert holding, "the content was not written"
        for path in holding:
            check_synced(calls[:at], path)
        for each in (folder, folder.parent, tmp_path):
            assert Call("sync", str(each)) in calls[:at], f"the names in {each} are not durable"


def test_what_was_done_for_a_message_is_on_disk_when_the_queue_says_so(tmp_path: Path) -> None:
    """An outcome that a crash undoes is a message that is delivered twice."""

    async def main() -> None:
        queue = Queue(tmp_path)
        queue.open()
        serial = await queue.add(message(queue.new_id(0.0)))
        entry = await queue.run(lambda store: store.load(serial))
        assert entry is not None
        (b,) = entry.recipients
        mark("begin")
        result = Result(b.recipient, Status.SENT, "2.0.0", "ok", "local")
        await queue.run(lambda store: store.record([(b.id, result)]))
        mark("recorded")
        await queue.run(lambda store: store.defer(serial, 5000.0))
        mark("deferred")
        await queue.run(lambda store: store.remove(serial))
        mark("removed")
        await queue.close()

    calls = recorded(lambda: asyncio.run(main()))
    marks = [at for at, call in enumerate(calls) if call.name == "mark"]
    assert [calls[at].path for at in marks] == ["begin", "recorded", "deferred", "removed"]
    for begin, end in pairwise(marks):
        part = calls[begin:end]
        files = {call.path for call in part if call.name == "write" and Path(call.path).parent == tmp_path}
        assert files
        for path in files:
            check_synced(part, path)


def test_messages_that_are_ready_together_share_a_commit(tmp_path: Path) -> None:
    async def main() -> None:
        queue = Queue(tmp_path)
        queue.open()
        await asyncio.gather(*(queue.add(message(queue.new_id(0.0))) for _ in range(200)))
        assert queue.commits < 100
        assert len(await queue.run(lambda store: list(store.entries()))) == 200
        await queue.close()

    asyncio.run(main())


def test_one_bad_operation_does_not_undo_its_neighbours(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, two = message("000001"), message("000002")
    results = store.together([lambda s: s.add(one, 1), lambda s: s.add(one, 1), lambda s: s.add(two, 2)])
    assert results[0] == 1 and isinstance(results[1], QueueError) and results[2] == 2
    assert [entry.queue_id for entry in store.entries()] == ["000001", "000002"]


def test_a_queue_id_is_never_used_twice(tmp_path: Path) -> None:
    async def ids() -> list[str]:
        queue = Queue(tmp_path)
        queue.open()
        found = [queue.new_id(1.25) for _ in range(3)]
        serial = await queue.add(message(found[-1]))
        await queue.run(lambda store: store.remove(serial))
        await queue.close()
        return found

    first, second = asyncio.run(ids()), asyncio.run(ids())
    assert not set(first[-1:]) & set(second)
    assert all(queue_id == queue_id.upper() and int(queue_id, 16) for queue_id in first)


def test_the_files_are_private(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store(tmp_path / "deep" / "queue")
        store.run(lambda s: s.add(message(), 1))
    finally:
        os.umask(old)
    for path in (tmp_path / "deep" / "queue").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((tmp_path / "deep" / "queue").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_folder_that_another_user_can_write_is_no_place_for_a_queue(tmp_path: Path, mode: int) -> None:
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue").chmod(mode)
    with pytest.raises(QueueError, match="is not used: other users can write to it"):
        Store(tmp_path / "queue")
    assert list((tmp_path / "queue").iterdir()) == []


def test_a_second_mta_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        first, second = Queue(tmp_path), Queue(tmp_path)
        first.open()
        with pytest.raises(QueueError, match="another mail system"):
            second.open()
        await first.close()
        second.open()
        await second.close()

    asyncio.run(main())


def test_outcomes_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.run(lambda s: s.add(message("000001", "a@x", "b@x", "c@x"), 1))
    entry = store.load(1)
    assert entry is not None and [q.state for q in entry.recipients] == [State.PENDING] * 3
    reply = Reply.of(550, "5.1.1 line one", "line two")
    a, b, c = entry.recipients
    results = [
        (a.id, Result(a.recipient, Status.SENT, "2.0.0", "ok", "local")),
        (b.id, Result(b.recipient, Status.DEFERRED, "4.4.1", "timed out", "none")),
        (c.id, Result(c.recipient, Status.BOUNCED, "5.1.1", "no", "mx[1.2.3.4]:25", reply)),
    ]
    store.run(lambda s: s.record(results))
    entry = store.load(1)
    assert entry is not None
    assert [q.state for q in entry.recipients] == [State.DONE, State.DEFERRED, State.FAILED]
    assert [q.tries for q in entry.recipients] == [1, 1, 1]
    assert entry.recipients[2].reply == reply
    assert [q.recipient.address for q in entry.active] == ["b@x"]


def test_what_postsuper_does(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.run(lambda s: s.add(message("000001"), 1))
    store.run(lambda s: s.defer(1, 5000.0))
    assert store.due(4999.0) == [] and store.due(5000.0) == [1]
    assert store.run(lambda s: s.hold("000001")) and not store.run(lambda s: s.hold("000001"))
    assert store.due(9000.0) == []
    assert store.run(lambda s: s.release("000001", 6000.0)) and store.due(6000.0) == [1]
    store.run(lambda s: s.defer(1, 9000.0))
    assert store.run(lambda s: s.flush(7000.0)) == 1 and store.due(7000.0) == [1]
    assert store.run(lambda s: s.requeue("000001", 8000.0)) and not store.run(lambda s: s.requeue("NONE", 8000.0))
    found = store.find("000001")
    assert found is not None and found.message.content == b"Subject: x\n\nbody\n"
    assert next(store.entries()).message.content == b""
    assert store.run(lambda s: s.delete("000001")) and store.find("000001") is None


@given(st.binary(), st.binary(), st.binary(), st.text(alphabet=st.characters(codec="ascii")))
def test_every_envelope_survives(sender: bytes, address: bytes, content: bytes, helo: str) -> None:
    sent = Message("000001", decode(sender), [Recipient(decode(address), "o", "rfc822;x", "NEVER")], content, 1.5)
    sent.session = Session(helo=helo, sender_parameters={"SIZE": "1"}, client_name=Verified.unknown(NameOutcome.FORGED))
    sent.session.reverse_name = Verified.found("mx.example")
    sent.local = False
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder))) as store:
        store.run(lambda s: s.add(sent, 1))
        entry = store.load(1)
    assert entry is not None
    assert (entry.message.sender, entry.message.content) == (sent.sender, sent.content)
    assert (entry.message.recipients, entry.message.session) == (sent.recipients, sent.session)
    assert entry.message.local is False


def test_a_session_of_a_queue_before_names_had_outcomes(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "queue")) as store:
        sent = Message("000001", "a@b", [Recipient("c@d")], b"", 1.5, session=Session(helo="x"))
        store.run(lambda s: s.add(sent, 1))
        old = '{"client_name": "mx.example", "reverse_name": "unknown", "helo": "x"}'
        store.run(lambda s: s._db.execute("UPDATE message SET client = ?", (old,)))
        entry = store.load(1)
    assert entry is not None and entry.message.session is not None
    assert entry.message.session.client_name == Verified.found("mx.example")
    assert entry.message.session.reverse_name == Verified.unknown()

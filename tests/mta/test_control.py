"""The queue worked on from outside: while the MTA runs, while it does not, and by those who mean it no good."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mta_fixture import Mta

from mailconf.mta.control import Listed, Operation, QueueName
from mailconf.mta.control.client import QueueAccess, StoppedQueue, nudge, open_queue
from mailconf.mta.control.server import LONGEST, MOST
from mailconf.mta.queue import QueueError
from mailconf.mta.queue_ids import ShortIds
from mailconf.mta.submission import Submission

T = TypeVar("T")
FAR = "b@far.test"


def drive(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 60))


async def used(top: Path, work: Callable[[QueueAccess], T]) -> T:
    """What a tool gets from the queue, which it uses in a thread as another process would."""

    def run() -> T:
        queue = open_queue(top / "queue")
        try:
            return work(queue)
        finally:
            queue.close()

    return await asyncio.to_thread(run)


async def attempted(mta: Mta, count: int) -> None:
    """Returns when there have been that many attempts, and nothing is under way."""
    while len(mta.smtp.attempts) < count:
        await asyncio.sleep(0)
    await mta.settle()


async def deferred(mta: Mta, *recipients: str) -> str:
    await mta.manager.listen()
    mta.smtp.answers.update(dict.fromkeys(recipients, ("4.4.1", "connect timed out")))
    return await mta.send("a@far.test", *recipients)


def test_a_list_tells_where_each_message_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            waiting = await deferred(mta, FAR, "c@far.test")
            held = await mta.send("a@far.test", FAR)
            assert await used(tmp_path, lambda queue: queue.operate(Operation.HOLD, held))
            mta.smtp.gate = asyncio.Event()
            message = mta.message("", "d@far.test")
            assert mta.context.intake is not None
            await mta.context.intake.accept(message)
            while not mta.smtp.running:
                await asyncio.sleep(0)
            found = await used(tmp_path, lambda queue: list(queue.listings()))
            reason = "connect timed out"
            assert [(each.id, each.queue, each.sender, each.recipients) for each in found] == [
                (waiting, QueueName.DEFERRED, "a@far.test", [Listed(FAR, reason), Listed("c@far.test", reason)]),
                (held, QueueName.HOLD, "a@far.test", [Listed(FAR, reason)]),
                (message.queue_id, QueueName.ACTIVE, "", [Listed("d@far.test", "")]),
            ]
            mta.smtp.gate.set()
            await mta.settle()

    drive(main())


def test_a_message_is_shown_with_its_content(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            await mta.manager.listen()
            mta.smtp.answers[FAR] = ("4.4.1", "later")
            content = b"Subject: t\n\n" + b"\x00\xff\n" * 100_000
            queue_id = await mta.send("a@far.test", FAR, content=content)
            found = await used(tmp_path, lambda queue: queue.show(queue_id))
            assert found is not None
            about, data = found
            assert (about.id, about.queue, about.length) == (queue_id, QueueName.DEFERRED, len(data))
            assert data.endswith(content.partition(b"\n\n")[2])
            assert await used(tmp_path, lambda queue: queue.show("NONE")) is None

    drive(main())


def test_operations_say_whether_they_did_something(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            queue_id = await deferred(mta, FAR)

            async def done(operation: Operation, name: str = queue_id) -> bool:
                return await used(tmp_path, lambda queue: queue.operate(operation, name))

            assert await done(Operation.HOLD) and not await done(Operation.HOLD)
            assert await done(Operation.RELEASE) and not await done(Operation.RELEASE)
            await mta.settle()
            assert await done(Operation.EXPIRE) and not await done(Operation.EXPIRE)
            assert not await done(Operation.DELETE, "NONE")
            assert await done(Operation.DELETE) and not await done(Operation.DELETE)
            said = [line for line in mta.lines if line.startswith("postsuper: ")]
            words = ("placed on hold", "released from hold", "expired", "removed")
            assert said == [f"postsuper: {queue_id}: {word}" for word in words]

    drive(main())


def test_all_messages_of_the_queues_that_are_meant(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            for _ in range(3):
                await deferred(mta, FAR)

            async def all_of(operation: Operation, *queues: QueueName) -> int:
                return await used(tmp_path, lambda queue: queue.operate_all(operation, queues))

            assert await all_of(Operation.RELEASE) == 0
            assert await all_of(Operation.HOLD, QueueName.INCOMING) == 0
            assert await all_of(Operation.HOLD) == 3
            assert await all_of(Operation.DELETE, QueueName.DEFERRED) == 0
            assert await all_of(Operation.RELEASE) == 3
            await mta.settle()
            assert await all_of(Operation.DELETE) == 3

    drive(main())


def test_a_message_that_is_requeued_comes_in_once_more(tmp_path: Path) -> None:
    """Addresses are mapped anew, recipients that are done are left out, and its arrival stays."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            await mta.manager.listen()
            mta.smtp.answers["c@far.test"] = ("4.4.1", "later")
            queue_id = await mta.send("a@far.test", FAR, "c@far.test")
            (before,) = await used(tmp_path, lambda queue: list(queue.listings()))
            mta.policy.aliases["c@far.test"] = ("d@far.test",)
            assert await used(tmp_path, lambda queue: queue.operate(Operation.REQUEUE, queue_id))
            await attempted(mta, 2)
            assert [names for _, names in mta.smtp.attempts] == [[FAR, "c@far.test"], ["d@far.test"]]
            assert await used(tmp_path, lambda queue: list(queue.listings())) == []
            new = next(line for line in reversed(mta.lines) if line.endswith(": removed"))
            assert queue_id not in new
            assert before.arrival == mta.world.time

    drive(main())


def test_a_message_that_is_given_up_goes_back_without_an_attempt(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            queue_id = await deferred(mta, FAR)
            assert await used(tmp_path, lambda queue: queue.operate(Operation.EXPIRE, queue_id))
            assert await used(tmp_path, lambda queue: queue.attempt(queue_id))
            await attempted(mta, 2)
            assert len([names for _, names in mta.smtp.attempts if FAR in names]) == 1
            assert f"{queue_id}: from=<a@far.test>, status=force-expired, returned to sender" in mta.log("qmgr")
            assert [names for _, names in mta.smtp.attempts if names == ["a@far.test"]]  # the report

    drive(main())


def test_attempts_that_are_asked_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            first = await deferred(mta, FAR)
            second = await deferred(mta, "c@other.test")
            attempts = mta.smtp.attempts
            assert await used(tmp_path, lambda queue: queue.attempt(first))
            await attempted(mta, 3)
            assert [names for _, names in attempts[2:]] == [[FAR]]
            assert await used(tmp_path, lambda queue: queue.site("OTHER.test")) == 1
            assert await used(tmp_path, lambda queue: queue.site("test")) == 0
            await attempted(mta, 4)
            assert [names for _, names in attempts[3:]] == [["c@other.test"]]
            assert await used(tmp_path, lambda queue: queue.flush()) == 2
            await attempted(mta, 6)
            assert sorted(name for _, names in attempts[4:] for name in names) == [FAR, "c@other.test"]
            assert await used(tmp_path, lambda queue: queue.operate(Operation.HOLD, second))
            assert not await used(tmp_path, lambda queue: queue.attempt(second))

    drive(main())


def test_what_a_command_leaves_is_listed_and_taken_at_once(tmp_path: Path) -> None:
    def leave(mta: Mta) -> str:
        submission = Submission(tmp_path / "queue", ShortIds())
        message = mta.message("a@far.test", FAR)
        message.queue_id = submission.queue_id(mta.world.time)
        submission.add_whole(message)
        return message.queue_id

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            await mta.manager.listen()
            queue_id = leave(mta)
            await asyncio.to_thread(nudge, tmp_path / "queue")
            await attempted(mta, 1)
            assert [names for _, names in mta.smtp.attempts] == [[FAR]]
            await mta.settle()
        queue_id = leave(mta)
        queue = open_queue(tmp_path / "queue")
        assert [each.id for each in queue.listings()] == [queue_id]
        found = queue.show(queue_id)
        assert found is not None and found[1] == b"Subject: t\n\nx\n"

    drive(main())


def test_a_queue_that_nobody_works_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            ids = [await deferred(mta, FAR) for _ in range(3)]
        before = sorted(path.name for path in (tmp_path / "queue/.mailconf").iterdir())

        def look(queue: QueueAccess) -> list[tuple[str, QueueName]]:
            return [(each.id, each.queue) for each in queue.listings()]

        assert await used(tmp_path, look) == [(queue_id, QueueName.DEFERRED) for queue_id in ids]
        assert sorted(path.name for path in (tmp_path / "queue/.mailconf").iterdir()) == before
        assert await used(tmp_path, lambda queue: queue.operate(Operation.HOLD, ids[1]))
        assert await used(tmp_path, lambda queue: queue.operate(Operation.DELETE, ids[0]))
        assert await used(tmp_path, look) == [(ids[1], QueueName.HOLD), (ids[2], QueueName.DEFERRED)]

        def several(queue: QueueAccess) -> list[tuple[str, QueueName]]:
            assert queue.show(ids[1]) is not None
            assert queue.operate_all(Operation.RELEASE, ()) == 1
            found = queue.show(ids[1])
            assert found is not None and found[0].queue is QueueName.DEFERRED
            return look(queue)

        assert await used(tmp_path, several) == [(queue_id, QueueName.DEFERRED) for queue_id in ids[1:]]
        nudge(tmp_path / "queue")

    drive(main())


def test_a_queue_that_was_never_there(tmp_path: Path) -> None:
    queue = open_queue(tmp_path / "queue")
    assert isinstance(queue, StoppedQueue)
    assert list(queue.listings()) == [] and queue.show("A") is None
    assert queue.operate_all(Operation.DELETE, ()) == 0 and not queue.operate(Operation.HOLD, "A")
    assert not (tmp_path / "queue").exists()


def test_a_queue_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "queue/.mailconf/incoming").mkdir(parents=True)
    (tmp_path / "queue/.mailconf").chmod(0o777)
    with pytest.raises(QueueError, match="is not used"):
        open_queue(tmp_path / "queue")


def test_a_folder_of_any_length_has_a_socket(tmp_path: Path) -> None:
    async def main() -> None:
        top = tmp_path / ("x" * 120)
        top.mkdir()
        async with Mta(top) as mta:
            queue_id = await deferred(mta, FAR)
            found = await used(top, lambda queue: [each.id for each in queue.listings()])
            assert found == [queue_id] and (top / "queue/.mailconf/control").is_socket()
        assert not (top / "queue/.mailconf/control").exists()

    drive(main())


def test_a_socket_that_was_left_over_is_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            await deferred(mta, FAR)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(tmp_path / "queue/.mailconf/control"))
        assert open_queue(tmp_path / "queue").stopped == os.strerror(111)
        async with Mta(tmp_path) as mta:
            await mta.manager.listen()
            assert len(await used(tmp_path, lambda queue: list(queue.listings()))) == 1

    drive(main())


# Those who mean no good


async def said(top: Path, data: bytes, *, end: bool = True) -> bytes:
    """All that is answered to bytes."""
    reader, writer = await asyncio.open_unix_connection(str(top / "queue/.mailconf/control"))
    writer.write(data)
    if end:
        writer.write_eof()
    answer = b""
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return answer


BAD = (
    b"\n", b"x\n", b"[]\n", b"null\n", b'"list"\n', b"{}\n", b'{"do":null}\n', b'{"do":["list"]}\n', b'{"do":"hold"}\n',
    b'{"do":"hold","id":1}\n', b'{"do":"hold","queues":"deferred"}\n', b'{"do":"hold","queues":["x"]}\n',
    b'{"do":"show"}\n', b'{"do":"site","name":{}}\n', b"\xff\n", b"{" * 30000 + b"\n", b"[" * 30000 + b"\n",
    b"x" * LONGEST + b"y\n", b'{"do":"attempt"}\n', b'{"do":"hold","queues":[["hold"]]}\n',
)  # fmt: skip


def test_requests_that_are_none(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            queue_id = await deferred(mta, FAR)
            for data in BAD:
                (line,) = (await said(tmp_path, data, end=False)).splitlines()
                assert list(json.loads(line)) == ["error"], data[:100]
            assert await said(tmp_path, b'{"do":"list"}') == b""  # no whole line
            found = await used(tmp_path, lambda queue: list(queue.listings()))
            assert [(each.id, each.queue) for each in found] == [(queue_id, QueueName.DEFERRED)]

    drive(main())


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(BAD[:15]))))
def test_any_bytes_are_answered_and_change_nothing(pieces: list[bytes]) -> None:
    import tempfile

    async def main(top: Path) -> None:
        async with Mta(top) as mta:
            await mta.manager.listen()
            for line in (await said(top, b"".join(pieces))).splitlines():
                assert isinstance(json.loads(line), dict)

    with tempfile.TemporaryDirectory() as name:
        drive(main(Path(name)))


def test_clients_that_do_not_talk_hold_up_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            await deferred(mta, FAR)
            place = str(tmp_path / "queue/.mailconf/control")
            idle = [await asyncio.open_unix_connection(place) for _ in range(MOST)]
            await asyncio.sleep(0)
            assert await said(tmp_path, b'{"do":"list"}\n') == b""  # one too many
            for _, writer in idle:
                writer.close()
                await writer.wait_closed()
            while mta.manager.control.clients:
                await asyncio.sleep(0)
            assert b"end" in await said(tmp_path, b'{"do":"list"}\n')

    drive(main())


def test_a_list_that_nobody_reads_costs_no_memory(tmp_path: Path) -> None:
    """The MTA goes on meanwhile, and ends in time."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            await mta.manager.listen()
            mta.smtp.answers[FAR] = ("4.4.1", "x" * 5000)
            for _ in range(300):
                await mta.send("a@far.test", FAR)
            _, writer = await asyncio.open_unix_connection(str(tmp_path / "queue/.mailconf/control"))
            writer.write(b'{"do":"list"}\n')
            await mta.send("a@far.test", "fine@far.test")
            writer.close()

    drive(main())


USER = """
import os, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from mailconf.mta.control.client import open_queue
from mailconf.mta.queue import QueueError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    print(len(list(open_queue(Path(sys.argv[1])).listings())))
except QueueError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can become another user")
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_another_user_is_not_listened_to(tmp_path: Path, mode: int) -> None:
    """Even where somebody has opened the folder and the socket to all."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            await deferred(mta, FAR)
            for path in (tmp_path, *tmp_path.parents):
                if not path.stat().st_mode & 0o001:
                    path.chmod(path.stat().st_mode | 0o011)
            for path in ("queue", "queue/.mailconf", "queue/.mailconf/incoming"):
                (tmp_path / path).chmod(mode)
            if mode == 0o755:
                (tmp_path / "queue/.mailconf/control").chmod(0o666)
            import mailconf

            above = str(Path(mailconf.__file__).parents[1])
            command = [sys.executable, "-c", USER, str(tmp_path / "queue"), above]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
            assert "Permission denied" in done.stdout or "hung up" in done.stdout or "does not answer" in done.stdout

    drive(main())


def test_a_tool_says_when_the_mail_system_hangs_up(tmp_path: Path) -> None:
    for folder in ("queue", "queue/.mailconf", "queue/.mailconf/incoming"):
        (tmp_path / folder).mkdir(mode=0o700)
    for answer in (b"", b"x\n", b"[]\n", b'{"error":"the disk is full"}\n', b'{"id":"A"'):
        place = tmp_path / "queue/.mailconf/control"
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))
            listener.listen()

            def serve(answer: bytes = answer, listener: socket.socket = listener) -> None:
                with listener.accept()[0] as peer:
                    peer.recv(1000)
                    peer.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            queue = open_queue(tmp_path / "queue")
            with pytest.raises(QueueError):
                list(queue.listings())
            queue.close()
            thread.join()

"""The queue of several machines, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.model.recipient import Identity, RecipientKind
from mailconf.model.session import NameOutcome, Session, Verified
from mailconf.model.verdict import Reply
from mailconf.mta.control.client import open_queue
from mailconf.mta.control.works import Works
from mailconf.mta.message import Message, Recipient, Result, Status
from mailconf.mta.queue import QueueEntry, QueueError, RecipientState
from mailconf.mta.queue import shared_queue as shared_queue_module
from mailconf.mta.queue.local_queue import LocalQueue
from mailconf.mta.queue.shared_queue import SharedQueue
from mailconf.mta.queue_ids import ShortIds
from mailconf.mta.submission import Submission
from mailconf.source import decode
from tests.live.database_servers import postgresql

pytestmark = pytest.mark.live

TOP = Path(__file__).parents[2]


def _there(port: int) -> Callable[[], None]:
    def ask() -> None:
        try:
            psycopg.connect(_where(port)).close()
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from error

    return ask


def _where(port: int) -> str:
    return f"postgresql://mail@127.0.0.1:{port}/postgres"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql(tmp_path_factory.mktemp("postgresql") / "server", _there) as port:
        yield _where(port)


@pytest.fixture
def where(database: str) -> str:
    """A database without a queue."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return database


def message(queue: SharedQueue, *recipients: str, content: bytes = b"Subject: x\n\nbody\n") -> Message:
    wanted = [Recipient(address, address) for address in recipients or ("b@example.com",)]
    return Message(queue.new_id(1000.0), "a@example.com", wanted, content, 1000.0)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 120))


@contextlib.asynccontextmanager
async def opened(where: str, *folders: Path) -> Any:
    """A node for each folder, or the one that there is."""
    problems: list[str] = []
    queues = [SharedQueue(where, folder, report=problems.append) for folder in folders]
    for queue in queues:
        await queue.open()
    try:
        yield queues[0] if len(queues) == 1 else queues
    finally:
        for queue in queues:
            await queue.close()


async def listed(queue: SharedQueue) -> list[QueueEntry]:
    return [each async for each in queue.entries()]


async def freed(queue: SharedQueue, count: int) -> list[int]:
    """Put messages into the queue that no node has under way."""
    serials = []
    for _ in range(count):
        new = message(queue)
        serials.append(await queue.add(new, hold=True))
        await queue.release(new.queue_id)
    return serials


def test_outcomes_are_kept(where: str, tmp_path: Path) -> None:
    reply = Reply.of(550, "5.1.1 line one", "line two")

    def check(found: QueueEntry | None) -> None:
        assert found is not None
        states = [RecipientState.DONE, RecipientState.DEFERRED, RecipientState.FAILED]
        assert [q.state for q in found.recipients] == states
        assert [q.tries for q in found.recipients] == [1, 1, 1]
        assert found.recipients[2].reply == reply

    async def main() -> None:
        async with opened(where, tmp_path / "a") as queue:
            serial = await queue.add(message(queue, "a@x", "b@x", "c@x"))
            found = await queue.look(serial)
            assert found is not None and [q.state for q in found.recipients] == [RecipientState.PENDING] * 3
            assert await queue.content(serial) == b"Subject: x\n\nbody\n"
            a, b, c = found.recipients
            results = [
                (a.id, Result(a.recipient, Status.SENT, "2.0.0", "ok", "local")),
                (b.id, Result(b.recipient, Status.DEFERRED, "4.4.1", "timed out", "none")),
                (c.id, Result(c.recipient, Status.BOUNCED, "5.1.1", "no", "mx[1.2.3.4]:25", reply)),
            ]
            await queue.record(serial, results[:2])
            await queue.record(serial, results[:2], again=True)
            await queue.record(serial, results[2:])
            check(await queue.look(serial))
        async with opened(where, tmp_path / "b") as queue:
            check(await queue.look(serial))
            await queue.put_off(serial, 9000.0, told=[2], warned=True)
            found = await queue.look(serial)
            assert found is not None and found.warned
            assert found.recipients[2].state is RecipientState.DONE and found.recipients[2].reply == reply
            assert await queue.due() == []

    run(main())


def test_what_postsuper_does(where: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(where, tmp_path) as queue:
            new = message(queue)
            serial, name = await queue.add(new), new.queue_id
            with pytest.raises(QueueError, match="already"):
                await queue.add(new)
            assert await queue.due() == [serial]
            await queue.put_off(serial, 5000.0)
            assert await queue.due() == []
            assert await queue.hasten(name) and await queue.due() == [serial]
            assert await queue.hold(name) and not await queue.hold(name)
            assert await queue.due() == [] and not await queue.hasten(name)
            await queue.put_off(serial, 1000.0)
            assert await queue.release(name) and await queue.due() == [serial]
            assert not await queue.release(name)
            await queue.put_off(serial, 1000.0)
            assert await queue.flush() == 1 and await queue.due() == [serial]
            result = Result(Recipient("b@example.com"), Status.DEFERRED, "4.0.0", "later", "none")
            await queue.put_off(serial, 1000.0, results=[(0, result)])
            await queue.hold(name)
            assert await queue.requeue(name) and not await queue.requeue("NONE")
            assert await queue.due() == [serial]
            assert await queue.expire(name) and not await queue.expire(name)
            found = await queue.find(name)
            assert found is not None and found.message.content == b"Subject: x\n\nbody\n" and found.expire
            assert found.recipients[0].state is RecipientState.PENDING
            assert [each.message.content for each in await listed(queue)] == [b""]
            assert await queue.delete(name) and await queue.find(name) is None
            assert not await queue.delete(name) and await listed(queue) == []

    run(main())


def test_every_envelope_survives(where: str, tmp_path: Path) -> None:
    async def kept(sender: bytes, address: bytes, content: bytes) -> None:
        async with opened(where, tmp_path) as queue:
            one = Recipient(decode(address), "o", "rfc822;x", "NEVER")
            two = Recipient("|" + decode(address), kind=RecipientKind.COMMAND, owner="o-x", identity=Identity(5, 6))
            sent = Message(queue.new_id(1.5), decode(sender), [one, two], content, 1.5)
            sent.session = Session(helo="\0x", client_name=Verified.unknown(NameOutcome.FORGED))
            await queue.add(sent, filter="smtp:x")
            found = await queue.find(sent.queue_id)
            assert found is not None and (found.message.sender, found.message.content) == (sent.sender, content)
            assert (found.message.recipients, found.message.session) == (sent.recipients, sent.session)
            assert (found.filter, found.message.arrival) == ("smtp:x", 1.5)

    @settings(max_examples=25, deadline=None)
    @given(st.binary(), st.binary(), st.binary())
    def check(sender: bytes, address: bytes, content: bytes) -> None:
        run(kept(sender, address, content))

    check()


def test_a_list_is_in_order_of_arrival_whoever_took_the_mail(where: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(where, tmp_path / "a", tmp_path / "b") as (a, b):
            names = []
            for n in range(450):
                queue = (a, b)[n % 2]
                new = message(queue)
                new.arrival = 1000.0 + n // 3
                names.append((new.arrival, await queue.add(new)))
            assert [(each.message.arrival, each.serial) for each in await listed(a)] == sorted(names)

    run(main())


def test_nodes_share_what_is_due(where: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(where, tmp_path / "a", tmp_path / "b") as (a, b):
            serials = await freed(a, 60)
            first, second = await asyncio.gather(a.due(), b.due())
            assert sorted(first + second) == serials
            assert not set(first) & set(second)
            mine, other = (a, b) if first else (b, a)
            serial = (first or second)[0]
            assert await mine.look(serial) is not None and await other.look(serial) is None
            seen = {each.serial: each for each in await listed(other)}
            assert seen[serial].elsewhere and Works(other)._under_way(seen[serial])

    run(main())


def test_no_more_than_a_part_is_taken_at_a_time(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_queue_module, "_TAKEN", 10)
    monkeypatch.setattr(shared_queue_module, "_AGAIN", 0.01)

    async def main() -> None:
        async with opened(where, tmp_path / "a", tmp_path / "b") as (a, b):
            serials = await freed(a, 15)
            again = asyncio.Event()
            a.changed = again.set
            assert await a.due() == serials[:10]
            await again.wait()
            assert await b.due() == serials[10:]

    run(main())


def test_what_a_dead_node_had_is_free_and_what_a_living_one_has_is_not(where: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(where, tmp_path / "a", tmp_path / "b") as (a, b):
            serials = [await a.add(message(a)) for _ in range(3)]
            await a.remove(serials[1])
            assert await b.due() == []
            a._watch.cancel()  # no goodbye: the connection ends
            await asyncio.gather(a._watch, return_exceptions=True)
            await a._alive.close()
            while await b.due() != [serials[0], serials[2]]:
                await asyncio.sleep(0)
            assert await a.look(serials[0]) is None
            await b.remove(serials[0])

    run(main())


def test_a_lost_connection_is_made_again(where: str, tmp_path: Path) -> None:
    async def main() -> None:
        problems: list[str] = []
        queue = SharedQueue(where, tmp_path / "a", report=problems.append)
        await queue.open()
        back = asyncio.Event()
        queue.changed = back.set
        serial = await queue.add(message(queue))
        async with await psycopg.AsyncConnection.connect(where, autocommit=True) as other:
            await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        await back.wait()
        node = queue.node
        async with opened(where, tmp_path / "b") as late:
            assert await late.due() == []  # it lives, and has its lock again
        assert await queue.due() == [serial] and queue.node == node
        assert "out of reach" in problems[0] and "there again" in problems[1]
        await queue.close()

    run(main())


def test_without_the_database_mail_is_refused_and_nothing_else_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_queue_module, "_PATIENCE", 1.0)

    async def main(where: str, stop: Callable[[], None]) -> None:
        queue = SharedQueue(where, tmp_path / "a")
        await queue.open()
        serial = await queue.add(message(queue))
        stop()
        with pytest.raises(QueueError, match="database"):
            await queue.add(message(queue))
        with pytest.raises(QueueError, match="database"):
            await queue.due()
        with pytest.raises(QueueError, match="database"):
            await queue.remove(serial)
        await queue.close()

    with contextlib.ExitStack() as stack:
        port = stack.enter_context(postgresql(tmp_path / "server", _there))
        run(main(_where(port), stack.close))
    with pytest.raises(QueueError, match="database"):
        run(SharedQueue(_where(port), tmp_path / "b").open())


def test_mail_of_a_queue_of_its_own_is_not_left_behind(where: str, tmp_path: Path) -> None:
    async def main() -> None:
        local = LocalQueue(tmp_path)
        local.open()
        queue_id = local.new_id(1.0)
        await local.add(Message(queue_id, "a@b", [Recipient("c@d")], b"x\n", 1.0))
        await local.close()
        queue = SharedQueue(where, tmp_path)
        with pytest.raises(QueueError, match="holds 1 messages of this machine alone"):
            await queue.open()
        local = LocalQueue(tmp_path)
        local.open()
        await local.delete(queue_id)
        await local.close()
        await queue.open()
        with pytest.raises(QueueError, match="another mail system"):
            await SharedQueue(where, tmp_path).open()
        await queue.close()

    run(main())


def test_what_commands_leave_is_taken_once(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the node dies between the row and the removal of the file, or before the row is changed."""

    def submit(content: bytes) -> None:
        submission = Submission(tmp_path / "a", ShortIds())
        submission.add_whole(Message(submission.queue_id(5.5), "a@b", [Recipient("c@d")], content, 5.5), hold=False)

    async def main() -> None:
        submit(b"one\n")
        async with opened(where, tmp_path / "a") as queue:
            (serial,) = await queue.due()
            assert await queue.content(serial) == b"one\n"
            await queue.remove(serial)
        submit(b"two\n")
        for place, error in (("received", OSError(5, "lost")), ("_execute", QueueError("lost"))):
            async with opened(where, tmp_path / "a", tmp_path / "b") as (queue, other):
                at = queue._folder if place == "received" else queue
                kept = getattr(at, place)

                def dies(*words: Any, error: Exception = error, kept: Any = kept) -> Any:
                    if "came = NULL" in str(words[0]) or ".message" in str(words[0]):
                        raise error
                    return kept(*words)

                monkeypatch.setattr(at, place, dies)
                with contextlib.suppress(QueueError):
                    assert await queue.due() == []
                assert await other.due() == [] and await listed(other) == []
                monkeypatch.undo()
        async with opened(where, tmp_path / "a") as queue:
            (serial,) = await queue.due()
            assert await queue.content(serial) == b"two\n"
            assert len(await listed(queue)) == 1

    run(main())


class Node:
    """A server of its own on the shared queue, whose mail all goes to one mailbox."""

    def __init__(self, top: Path, where: str, mailbox: Path) -> None:
        top.mkdir()
        (top / "name").write_text("node.test\n")
        self.queue = top / "queue"
        environment = os.environ | {"SHARED_QUEUE": where, "MAILBOX": str(mailbox), "PYTHONPATH": str(TOP)}
        command = [sys.executable, str(TOP / "tests/mta/server_main.py"), str(top)]
        with (top / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (top / "log").read_text()
        self.port = int(line)

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_a_node_that_is_killed_loses_nothing(where: str, tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    mailbox = tmp_path / "mail/alice"
    nodes = [Node(tmp_path / name, where, mailbox) for name in ("one", "two")]
    acknowledged: list[str] = []
    enough = threading.Event()

    def client(number: int) -> None:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            connection = smtplib.SMTP("127.0.0.1", nodes[0].port, timeout=60)
            for n in range(10_000):
                name = f"{number}-{n}"
                connection.sendmail("a@example.org", ["alice@example.com"], f"Subject: {name}\r\n\r\nx\r\n")
                acknowledged.append(name)
                if len(acknowledged) >= 100:
                    enough.set()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for each in clients:
        each.start()
    assert enough.wait(100)
    nodes[0].end(signal.SIGKILL)
    for each in clients:
        each.join()
    queue = open_queue(nodes[1].queue)
    try:
        while True:  # the server learns that the node is gone when its connection ends
            queue.flush()
            if not list(queue.listings()):
                break
    finally:
        queue.close()
    nodes[1].end(signal.SIGTERM)
    found = Counter(re.findall(rb"^Subject: (\S+)$", mailbox.read_bytes(), re.MULTILINE))
    assert {name.encode() for name in acknowledged} <= set(found)
    again = sum(count - 1 for count in found.values())
    print(f"{len(acknowledged)} acknowledged, {len(found)} delivered, {again} of them twice")
    assert max(found.values()) <= 2 and again <= 6 + 64  # what was being written, and what a commit had not reached

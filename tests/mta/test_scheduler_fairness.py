"""No destination waits for another, no attempt comes before its time, whatever waits and whatever the clock does.

Promise 3 of docs/mta.md; each test is of a failure that was seen once.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from mta_fixture import START, FakeSmtp, Mta

from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Delivery, DeliveryKind, Reply
from mailconf.mta.destinations import Destinations
from mailconf.mta.message import Job, Recipient, Result, Status
from mailconf.mta.scheduler import Attempt

DEAD = "dead.test"


FIRST = 5  # deliveries to a destination at a time, to begin with (initial_destination_concurrency)


def drive(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 120))


class Network(FakeSmtp):
    """``DEAD`` does not answer until ``gate`` is opened; then it cannot be reached. Others take everything."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = asyncio.Event()
        self.by_address: Counter[str] = Counter()

    async def deliver(self, job: Job) -> list[Result]:
        if job.nexthop != DEAD:
            return await super().deliver(job)
        self.running += 1
        self.most = max(self.most, self.running)
        self.by_address.update(recipient.address for recipient, _ in job.recipients)
        try:
            await self.closed.wait()
        finally:
            self.running -= 1
        text = f"connect to {DEAD}[192.0.2.9]:25: Connection timed out"
        reply = Reply.of(450, f"4.4.1 {text}")
        return [Result(recipient, Status.DEFERRED, "4.4.1", text, "none", reply) for recipient, _ in job.recipients]


def with_network(mta: Mta) -> Network:
    network = mta.context.agents[AgentKind.SMTP] = Network()
    return network


async def accept(mta: Mta, *recipients: str, content: bytes = b"Subject: t\n\nx\n") -> str:
    intake = mta.context.intake
    assert intake is not None
    message = mta.message("", *recipients, content=content)
    await intake.accept(message)
    return message.queue_id


async def fill(mta: Mta, count: int, content: bytes = b"Subject: t\n\nx\n") -> None:
    for first in range(0, count, 100):
        some = range(first, min(first + 100, count))
        await asyncio.gather(*(accept(mta, f"u{n}@{DEAD}", content=content) for n in some))


async def until_logged(mta: Mta, program: str, line: str) -> None:
    while line not in mta.log(program):
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("recipient", ["alice@example.com", "b@live.test"])
def test_mail_does_not_wait_behind_mail_for_a_dead_host(tmp_path: Path, recipient: str) -> None:
    """A message to a local mailbox waited more than 75 s behind 2,500 for a host that does not answer."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            network = with_network(mta)
            alice = Delivery(DeliveryKind.DISCARD, "", Recipient("alice@example.com"))
            mta.policy.deliveries["alice@example.com"] = (alice,)
            await fill(mta, 2500)
            while network.running < FIRST:
                await asyncio.sleep(0.001)
            queue_id = await accept(mta, recipient)
            await until_logged(mta, "qmgr", f"{queue_id}: removed")
            assert network.running == FIRST, "the host does not answer yet"
            await mta.manager.close(grace=0.0)

    drive(main())


def test_what_waits_is_attempted_once(tmp_path: Path) -> None:
    """What waited for its first attempt was put into line again at each queue run: 4 to 5 attempts in 50 s, whatever
    minimal_backoff_time was, and 2 MB of memory for each run.
    """

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            network = with_network(mta)
            await fill(mta, 300)
            for _ in range(10):
                await mta.clock.asleep.wait()
                mta.clock.advance(300)
                for _ in range(20):
                    await asyncio.sleep(0.001)
            scheduler = mta.manager.scheduler
            assert len(scheduler._taken) == 300 and len(scheduler._fresh) + len(scheduler._old) <= 300
            network.closed.set()
            await mta.settle()
            assert max(network.by_address.values()) == 1

    drive(main())


def test_a_queue_run_leaves_nothing_in_memory(tmp_path: Path) -> None:
    """Attempts of what is deferred, again and again: as many objects are there after twelve rounds as after four."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            network = with_network(mta)
            network.closed.set()
            await fill(mta, 60)
            await mta.settle()
            counts = []
            for _ in range(3):
                for _ in range(4):
                    await mta.advance(5000)
                    await mta.settle()
                    mta.lines.clear()
                    network.by_address.clear()
                await accept(mta, "u@far.test")  # with it everything before it is on the disk, and not remembered
                await mta.settle()
                mta.lines.clear()
                network.attempts.clear()
                gc.collect()
                counts.append(sys.getallocatedblocks())
            assert len(mta.manager.queue._holdings.messages) == 60
            # 60 messages have had 8 attempts more each: one block that stays of each attempt were 480 blocks.
            assert counts[2] - counts[0] < 240, counts

    drive(main())


def test_a_host_that_cannot_be_reached_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            network = with_network(mta)
            await fill(mta, 100)
            while network.running < FIRST:
                await asyncio.sleep(0.001)
            network.closed.set()
            await mta.settle()
            first = len(network.by_address)
            assert first == FIRST, "the first failures free no place, the third one sets the host aside"
            suspended = [line for line in mta.log("error") if "delivery temporarily suspended:" in line]
            assert len(suspended) == 100 - first
            reason = f"connect to {DEAD}[192.0.2.9]:25: Connection timed out"
            tail = f"dsn=4.4.1, status=deferred (delivery temporarily suspended: {reason})"
            assert all(line.endswith(tail) and ", relay=none, " in line for line in suspended)
            # New mail for it waits, too.
            await accept(mta, f"new@{DEAD}")
            await mta.settle()
            assert len(network.by_address) == first
            assert [len(q.recipients) async for q in mta.manager.queue.entries()] == [1] * 101
            # Each is attempted again when its time has come, not before.
            await mta.advance(299)
            assert len(network.by_address) == first
            await mta.advance(1)
            assert first < sum(network.by_address.values()) <= 2 * first and max(network.by_address.values()) <= 2

    drive(main())


def test_a_flush_tries_a_host_that_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            network = with_network(mta)
            await fill(mta, 25)
            while network.running < FIRST:
                await asyncio.sleep(0.001)
            network.closed.set()
            await mta.settle()
            assert await mta.manager.scheduler.flush() == 25
            mta.clock.asleep.clear()
            await mta.settle()
            assert sum(network.by_address.values()) == 2 * FIRST

    drive(main())


def test_messages_that_come_alone_are_each_attempted(tmp_path: Path) -> None:
    """Postfix 3.7.11 forgets a destination for which nothing waits, and so attempts each."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            network = with_network(mta)
            network.closed.set()
            for number in range(8):
                await accept(mta, f"u{number}@{DEAD}")
                await mta.settle()
            assert len(network.by_address) == 8

    drive(main())


def test_a_refusal_does_not_set_a_host_aside(tmp_path: Path) -> None:
    """Only a host that was not reached is left alone: what it says of one message says nothing of the next."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.smtp.answers["a@far.test"] = ("4.2.0", "greylisted")
            await mta.send("", "a@far.test")
            await mta.send("", "b@far.test")
            assert [to for _, to in mta.smtp.attempts] == [["a@far.test"], ["b@far.test"]]

    drive(main())


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_clock_that_is_set_moves_no_attempt(tmp_path: Path, jump: float) -> None:
    """A clock set back stopped deferred mail; one set forward attempted everything at once."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.smtp.answers["b@far.test"] = ("4.4.1", "connect timed out")
            await mta.send("a@far.test", "b@far.test")
            mta.world.time += jump
            await mta.advance(299)
            assert len(mta.smtp.attempts) == 1
            await mta.advance(1)
            assert [when for when, _ in mta.smtp.attempts] == [START, START + jump + 300]

    drive(main())


def test_what_waits_holds_no_content(tmp_path: Path) -> None:
    """Contents are read when a place is granted: 50,000 waiting messages would not fit into memory with them."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            with_network(mta)
            await fill(mta, 200, b"Subject: x\n\n" + b"x" * 1000)
            while mta.manager.scheduler._destinations.waiting < 180:
                await asyncio.sleep(0.001)
            attempts = [each for each in gc.get_objects() if isinstance(each, Attempt) and each.left]
            assert len(attempts) >= 180
            assert sum(each.content is not None for each in attempts) == FIRST
            assert not any(each.entry.message.content for each in attempts)
            await mta.manager.close(grace=0.0)

    drive(main())


def test_destinations_take_turns() -> None:
    destinations: Destinations[str] = Destinations()
    for name, count in (("a", 4), ("b", 2), ("c", 1)):
        for number in range(count):
            destinations.put(destinations.get("smtp", name, 2, 0.0), f"{name}{number}")
    begun = list(destinations.ready(0.0))
    assert [item for _, item in begun] == ["a0", "b0", "c0", "a1", "b1"]
    assert destinations.waiting == 2
    destinations.ended(begun[0][0], 0.0)
    assert [item for _, item in destinations.ready(0.0)] == ["a2"]


def test_destinations_that_nobody_uses_are_forgotten() -> None:
    destinations: Destinations[str] = Destinations()
    for number in range(100):
        destinations.put(destinations.get("smtp", f"h{number}", 2, 0.0), "x")
    for destination, _ in list(destinations.ready(0.0)):
        destinations.ended(destination, 0.0)
    assert len(destinations) == 0
    dead = destinations.get("smtp", "dead", 2, 0.0)
    destinations.put(dead, "x")
    ((_, item),) = destinations.ready(0.0)
    assert item == "x" and destinations.set_aside(dead, 300.0, "4.4.1", "dead") == []
    destinations.ended(dead, 0.0)
    assert len(destinations) == 1
    destinations.forget(299.0)
    assert destinations.get("smtp", "dead", 2, 299.0).until == 300.0
    destinations.forget(300.0)
    assert len(destinations) == 0


def test_transports_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailconf.mta.destinations.LANE", 3)
    destinations: Destinations[str] = Destinations()
    for number in range(5):
        destinations.put(destinations.get("smtp", f"h{number}", 2, 0.0), "smtp")
    destinations.put(destinations.get("local", "alice", 2, 0.0), "local")
    assert [item for _, item in destinations.ready(0.0)] == ["smtp"] * 3 + ["local"]

"""A queue with many messages that wait: what a start and a list cost grows with their number, and no faster."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import time
from pathlib import Path

from mailconf.mta.control.client import open_queue
from mailconf.mta.control.operation import QueueName
from mailconf.mta.measures import Census
from mailconf.mta.message import Message, Recipient, Result, Status
from mailconf.mta.queue.holdings import Held, Place
from mailconf.mta.queue.local_queue import LocalQueue

SMALL = 1500  # messages; the large queue has four times as many


def fill(directory: Path, count: int) -> None:
    async def put(queue: LocalQueue, number: int) -> None:
        to = Recipient(f"user{number}@dead.example")
        message = Message(queue.new_id(0.0), f"sender{number}@example.org", [to], b"Subject: x\n\nx\n", 1_000_000.0)
        serial = await queue.add(message, hold=number % 10 == 0)
        result = Result(to, Status.DEFERRED, "4.4.1", "connect to dead.example[192.0.2.1]:25: timed out", "none")
        await queue.put_off(serial, 3000, results=[(0, result)])

    async def run() -> None:
        queue = LocalQueue(directory)
        queue.open()
        for first in range(0, count, 500):
            await asyncio.gather(*(put(queue, number) for number in range(first, min(first + 500, count))))
        await queue.close()

    directory.mkdir()
    asyncio.run(run())


def opened(directory: Path) -> tuple[float, Census]:
    """Seconds of processor time for a start, with a census."""

    async def run() -> tuple[float, Census]:
        began = time.process_time()
        queue = LocalQueue(directory)
        queue.open()
        census = await queue.census(lambda serial: False)
        elapsed = time.process_time() - began
        await queue.close()
        return elapsed, census

    return asyncio.run(run())


def listed(directory: Path) -> tuple[float, int]:
    """Seconds of processor time for a list, as postqueue -p makes it where no MTA runs; how many messages it has."""
    began = time.process_time()
    queue = open_queue(directory)
    found = sum(each.queue is not QueueName.ACTIVE for each in queue.listings())
    queue.close()
    return time.process_time() - began, found


def test_costs_grow_in_proportion(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    fill(small, SMALL)
    fill(large, 4 * SMALL)
    gc.collect()
    _, census = opened(large)
    assert (census.hold.count, census.deferred.count) == (4 * SMALL // 10, 4 * SMALL - 4 * SMALL // 10)
    assert census.deferred.since == census.hold.since == 1_000_000.0
    assert listed(large)[1] == 4 * SMALL
    # The best of some: other work on the machine only adds. A square would be 16 times.
    starts = [min(opened(each)[0] for _ in range(4)) for each in (small, large)]
    lists = [min(listed(each)[0] for _ in range(4)) for each in (small, large)]
    assert starts[1] < 8 * starts[0] + 0.05, starts
    assert lists[1] < 8 * lists[0] + 0.05, lists


def test_a_copy_has_every_field() -> None:
    held = Held(5, "5ABC", Place(1, 2, 3), 7.0, True, True, True, b"{}", "x", 9.0)
    assert held.copy() == held and held.copy() is not held
    assert all(getattr(held, field.name) for field in dataclasses.fields(held))  # none is at its default

"""Mail of commands that mail filters are to see lies in the queue until they have (mailconf.mta.admission)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mailconf.model.filtering import FilterHabits, Filtering, FilterSettings
from mailconf.mta.control.operation import Operation
from mailconf.mta.message import Message
from mailconf.mta.queue import QueueEntry
from tests.milter_server import MilterServer
from tests.mta.mta_fixture import Mta

HABITS = FilterHabits(aborts_always=False, is_local=True)


def run(top: Path, server: MilterServer, work: Callable[[Mta], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Mta(top) as mta:
            site = mta.policy.site
            settings = FilterSettings("a filter", f"inet:127.0.0.1:{server.address.rpartition(':')[2]}")
            site.local_filtering, site.filters_commands = Filtering((settings,), habits=HABITS), True
            await work(mta)

    asyncio.run(asyncio.wait_for(main(), 60))


def message(mta: Mta) -> Message:
    left = mta.message("ann@near.test", "bob@far.test")
    left.session, left.user, left.full_name = None, 1000, "Ann"
    return left


async def entries(mta: Mta) -> list[QueueEntry]:
    return [entry async for entry in mta.manager.queue.entries()]


async def leave(mta: Mta) -> None:
    assert mta.context.intake is not None
    await mta.context.intake.leave(message(mta))
    await mta.settle()


def script(**answers: Any) -> dict[str, Any]:
    return {"answers": {letter: [[answer]] for letter, answer in answers.items()}}


def test_it_is_delivered_once_the_filter_has_seen_it(tmp_path: Path) -> None:
    async def work(mta: Mta) -> None:
        server.begin({"answers": {"E": [["hX-Seen\0yes\0", "c"]]}})
        contents: list[bytes] = []
        deliver = mta.smtp.deliver

        async def keep(job: Any) -> Any:
            contents.append(job.message.content)
            return await deliver(job)

        mta.smtp.deliver = keep  # type: ignore[method-assign]
        await leave(mta)
        assert [b"X-Seen: yes\n" in content for content in contents] == [True]
        assert await entries(mta) == []

    with MilterServer() as server:
        run(tmp_path, server, work)


def test_a_filter_that_is_away_loses_nothing(tmp_path: Path) -> None:
    async def work(mta: Mta) -> None:
        server.begin(script(M="t"))
        await leave(mta)
        assert mta.smtp.attempts == []
        (left,) = await entries(mta)
        assert left.message.unseen and left.message.user == 1000 and left.message.full_name == "Ann"
        server.begin({})
        await mta.advance(59)
        assert mta.smtp.attempts == []
        await mta.advance(301)  # the next queue run after the minute
        assert len(mta.smtp.attempts) == 1
        assert await entries(mta) == []

    with MilterServer() as server:
        run(tmp_path, server, work)


def test_it_is_still_unseen_after_a_restart(tmp_path: Path) -> None:
    async def first(mta: Mta) -> None:
        server.begin(script(C="t"))
        await leave(mta)

    async def second(mta: Mta) -> None:
        server.begin(script(E="d"))
        await mta.advance(400)
        assert mta.smtp.attempts == []
        assert await entries(mta) == []  # the filter has dropped it now

    with MilterServer() as server:
        run(tmp_path, server, first)
        run(tmp_path, server, second)


@pytest.mark.parametrize("letter", ["C", "M", "T", "E"])
def test_what_is_refused_goes_back_to_the_sender(tmp_path: Path, letter: str) -> None:
    async def work(mta: Mta) -> None:
        server.begin(script(**{letter: "r"}))
        await leave(mta)
        assert [recipients for _, recipients in mta.smtp.attempts] == [["ann@near.test"]]
        assert await entries(mta) == []

    with MilterServer() as server:
        run(tmp_path, server, work)


def test_it_can_be_given_up(tmp_path: Path) -> None:
    async def work(mta: Mta) -> None:
        server.begin(script(C="t"))
        await leave(mta)
        (left,) = await entries(mta)
        assert await mta.manager.works.operate(Operation.EXPIRE, left.queue_id)
        await mta.advance(400)
        assert [recipients for _, recipients in mta.smtp.attempts] == [["ann@near.test"]]

    with MilterServer() as server:
        run(tmp_path, server, work)

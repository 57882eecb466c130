"""When messages are attempted, and what becomes of them; time is the test's."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from mta_fixture import START, Mta

from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Delivery, DeliveryKind, Effect, EffectKind
from mailconf.mta.message import Job, Recipient, Result
from mailconf.mta.queue import RecipientState


def drive(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def test_a_new_message_is_delivered_at_once_and_removed(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            queue_id = await mta.send("a@far.test", "b@far.test")
            assert mta.smtp.attempts == [(START, ["b@far.test"])]
            assert mta.log("qmgr") == [
                f"{queue_id}: from=<a@far.test>, size={mta_size(mta)}, nrcpt=1 (queue active)",
                f"{queue_id}: removed",
            ]
            assert mta.log("smtp") == [
                f"{queue_id}: to=<b@far.test>, relay=mx.test[192.0.2.1]:25, delay=0, delays=0/0/0/0, dsn=2.0.0,"
                " status=sent (250 2.0.0 Ok)"
            ]
            assert [entry async for entry in mta.manager.queue.entries()] == []

    drive(main())


def mta_size(mta: Mta) -> int:
    """What the log says, which the cleanup tests pin down."""
    line = next(line for line in mta.log("qmgr") if "size=" in line)
    return int(line.partition("size=")[2].partition(",")[0])


def test_retries_follow_age_between_the_limits_on_the_grid_of_queue_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.smtp.answers["b@far.test"] = ("4.4.1", "connect timed out")
            await mta.send("a@far.test", "b@far.test")
            for _ in range(60):
                await mta.advance(300)
            ages = [int(when - START) for when, _ in mta.smtp.attempts]
            # age: 0 -> +300, 300 -> +300, 600 -> +600, 1200 -> +1200, 2400 -> +2400, 4800 -> +4000 (run at +4200), ...
            assert ages == [0, 300, 600, 1200, 2400, 4800, 9000, 13200, 17400]

    drive(main())


def test_a_message_that_is_too_old_goes_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.site.limits = limits(mta, queue_lifetime=1000.0)
            mta.smtp.answers["b@far.test"] = ("4.4.1", "connect timed out")
            queue_id = await mta.send("a@far.test", "b@far.test")
            await mta.advance(300)
            await mta.advance(300)
            assert len(mta.smtp.attempts) == 3
            await mta.advance(600)
            assert f"{queue_id}: from=<a@far.test>, status=expired, returned to sender" in mta.log("qmgr")
            assert mta.smtp.attempts[-1][1] == ["a@far.test"]
            assert [entry async for entry in mta.manager.queue.entries()] == []

    drive(main())


@pytest.mark.parametrize(
    ("sender", "lifetime", "expires"),
    [
        ("a@far.test", {"queue_lifetime": 599.0}, True),
        ("a@far.test", {"queue_lifetime": 600.0}, True),
        ("a@far.test", {"queue_lifetime": 601.0}, False),
        ("", {"bounce_lifetime": 600.0}, True),
        ("", {"bounce_lifetime": 601.0}, False),
    ],
)
def test_a_message_expires_at_the_end_of_its_lifetime(
    tmp_path: Path, sender: str, lifetime: dict[str, float], expires: bool
) -> None:
    """Postfix 3.7.11: qmgr(8) returns a message whose age is the lifetime or more, after the attempt."""

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.site.limits = limits(mta, **lifetime)
            mta.smtp.answers["b@far.test"] = ("4.4.1", "connect timed out")
            queue_id = await mta.send(sender, "b@far.test")
            expired = f"{queue_id}: from=<{sender}>, status=expired, returned to sender"
            await mta.advance(300)
            assert expired not in mta.log("qmgr")
            await mta.advance(300)
            assert [when - START for when, to in mta.smtp.attempts if to == ["b@far.test"]] == [0, 300, 600]
            assert (expired in mta.log("qmgr")) is expires

    drive(main())


def limits(mta: Mta, **changes: Any) -> Any:

    return mta.policy.site.limits._replace(**changes)


def test_a_failure_is_bounced_at_once_while_the_rest_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.smtp.answers["bad@far.test"] = ("5.1.1", "no such user")
            mta.smtp.answers["slow@far.test"] = ("4.2.0", "greylisted")
            queue_id = await mta.send("a@near.test", "bad@far.test", "slow@far.test", "good@far.test")
            assert [to for _, to in mta.smtp.attempts] == [
                ["bad@far.test", "slow@far.test", "good@far.test"],
                ["a@near.test"],
            ]
            assert any(f"{queue_id}: sender non-delivery notification: " in line for line in mta.log("bounce"))
            await mta.advance(300)
            assert mta.smtp.attempts[-1][1] == ["slow@far.test"]
            assert len(mta.log("bounce")) == 1
            mta.smtp.answers.clear()
            await mta.manager.scheduler.flush()
            mta.clock.asleep.clear()
            await mta.settle()
            assert f"{queue_id}: removed" in mta.log("qmgr")

    drive(main())


def test_what_was_recorded_and_not_told_is_told_after_a_crash(tmp_path: Path) -> None:
    async def main() -> None:
        first = Mta(tmp_path)
        first.manager.queue.open()
        intake = first.context.intake
        assert intake is not None
        message = first.message("a@near.test", "bad@far.test", "good@far.test")
        await intake.accept(message)
        entry = await first.manager.queue.find(message.queue_id)
        assert entry is not None
        bad = entry.recipients[0]
        first.smtp.answers["bad@far.test"] = ("5.1.1", "no such user")
        result = first.smtp._result(bad.recipient)
        await first.manager.queue.record(entry.serial, [(bad.id, result)])
        await first.manager.queue.close()
        # The process is gone here. The next one:
        async with Mta(tmp_path) as mta:
            await mta.settle()
            assert [to for _, to in mta.smtp.attempts] == [["good@far.test"], ["a@near.test"]]
            assert [entry async for entry in mta.manager.queue.entries()] == []

    drive(main())


def test_what_is_in_the_queue_is_taken_up_at_the_start(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.smtp.gate = asyncio.Event()
            intake = mta.context.intake
            assert intake is not None
            await intake.accept(mta.message("a@far.test", "b@far.test"))
            await mta.manager.close(grace=0.0)
        async with Mta(tmp_path) as mta:
            await mta.settle()
            assert [to for _, to in mta.smtp.attempts] == [["b@far.test"]]

    drive(main())


def test_held_mail_waits_until_it_is_released(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            intake = mta.context.intake
            assert intake is not None
            message = mta.message("a@far.test", "b@far.test")
            message.effects = (Effect(EffectKind.HOLD, "look at this"),)
            await intake.accept(message)
            await mta.advance(10_000)
            assert mta.smtp.attempts == []
            assert await mta.manager.queue.release(message.queue_id)
            mta.clock.asleep.clear()
            mta.manager.scheduler.scan()
            await mta.settle()
            assert len(mta.smtp.attempts) == 1

    drive(main())


def test_a_destination_gets_a_limited_number_of_jobs_at_a_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            site = mta.policy.site
            site.transports["smtp"] = site.transports["smtp"]._replace(concurrency=3)
            mta.smtp.gate = asyncio.Event()
            intake = mta.context.intake
            assert intake is not None
            for number in range(10):
                await intake.accept(mta.message("a@far.test", f"b{number}@far.test"))
            while mta.smtp.running < 3:
                await asyncio.sleep(0)
            mta.smtp.gate.set()
            await mta.settle()
            assert mta.smtp.most == 3 and len(mta.smtp.attempts) == 10

    drive(main())


def test_an_unknown_transport_defers(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.domains["odd.test"] = "nosuch"
            queue_id = await mta.send("a@far.test", "b@odd.test")
            assert mta.log("error") == [
                f"{queue_id}: to=<b@odd.test>, relay=none, delay=0, delays=0/0/0/0, dsn=4.3.0, status=deferred"
                " (mail transport unavailable)"
            ]

    drive(main())


def test_an_agent_that_fails_does_not_lose_mail(tmp_path: Path) -> None:
    class Broken:
        async def deliver(self, job: Job) -> list[Result]:
            raise ZeroDivisionError("oops")

    class Forgetful:
        async def deliver(self, job: Job) -> list[Result]:
            return []

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            for agent in (Broken(), Forgetful()):
                mta.context.agents[AgentKind.SMTP] = agent
                queue_id = await mta.send("a@far.test", "b@far.test")
                entry = await mta.manager.queue.find(queue_id)
                assert entry is not None and entry.recipients[0].state is RecipientState.DEFERRED

    drive(main())


def test_orig_to_and_parts_are_logged(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.deliveries["team@example.com"] = (
                Delivery(DeliveryKind.MBOX, "/var/mail/alice", Recipient("alice@example.com")),
                Delivery(DeliveryKind.MBOX, "/var/mail/bob", Recipient("bob@example.com")),
            )
            queue_id = await mta.send("a@far.test", Recipient("team@example.com", "team"))
            tail = "relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)"
            assert mta.log("local") == [
                f"{queue_id}: to=<alice@example.com>, orig_to=<team>, {tail}",
                f"{queue_id}: to=<bob@example.com>, orig_to=<team>, {tail}",
            ]

    drive(main())


def test_a_queue_that_cannot_be_written_refuses_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailconf.mta.message import IntakeRefused

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            intake = mta.context.intake
            assert intake is not None

            def full(descriptor: int, data: bytes, offset: int) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr("os.pwrite", full)
            try:
                await intake.accept(mta.message("a@far.test", "b@far.test"))
            except IntakeRefused as refused:
                assert str(refused.reply) == "451 4.3.0 Error: queue file write error"
            else:
                raise AssertionError("the message was acknowledged")
            assert any("No space left on device" in line for line in mta.log("cleanup"))
            monkeypatch.undo()
            await mta.send("a@far.test", "b@far.test")
            assert len(mta.smtp.attempts) == 1

    drive(main())

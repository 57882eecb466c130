"""Deliveries that have to wait for their time, and transports that deliver only when somebody asks for it.

Postfix 3.7.11 with smtp_destination_rate_delay = 2s began five messages to one nexthop 0, 2, 4, 6 and 8 s after they
came, with smtp_transport_rate_delay = 2s the first of three after 2 s; with defer_transports = smtp a message was
deferred with 4.3.2 (deferred transport), and sent after postqueue -f.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mta_fixture import START, Mta

from mailconf.diagnostics import Sink
from mailconf.model.transport import Concurrency, Spacing
from mailconf.mta.destinations import Destinations
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of


def spaced(mta: Mta, spacing: Spacing) -> None:
    transports = mta.policy.site.transports
    transports["smtp"] = transports["smtp"]._replace(spacing=spacing)


async def by_seconds(mta: Mta, count: int) -> list[float]:
    """When deliveries began, in seconds; time passes in steps of an eighth."""
    for _ in range(200):
        for _ in range(30):
            await asyncio.sleep(0)
        if len(mta.smtp.attempts) == count:
            break
        mta.clock.advance(0.125)
    return [at - START for at, _ in mta.smtp.attempts]


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        (Spacing(), [0.0, 0.0, 0.0, 0.0]),
        (Spacing(destination=2.0), [0.0, 0.0, 2.0, 4.0]),
        (Spacing(transport=2.0), [2.0, 4.0, 6.0, 8.0]),
    ],
)
def test_the_time_between_deliveries(tmp_path: Path, spacing: Spacing, expected: list[float]) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            spaced(mta, spacing)
            intake = mta.context.intake
            assert intake is not None
            for recipient in ("a@one.test", "b@one.test", "c@one.test", "d@two.test"):
                await intake.accept(mta.message("s@x.test", recipient))
            began = await by_seconds(mta, 4)
            assert sorted(began) == expected
            await mta.settle()
            if spacing.destination:  # it is remembered where nothing waits
                at = mta.world.time - START
                await intake.accept(mta.message("s@x.test", "e@one.test"))
                assert (await by_seconds(mta, 5))[-1] >= 6.0 > at

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_resting_destination_is_forgotten() -> None:
    destinations: Destinations[str] = Destinations()
    spacing = Spacing(destination=5.0)
    for number in range(50):
        destinations.put(destinations.get("smtp", f"h{number}", 9, 0.0, Concurrency(), spacing), "x")
    for destination, _ in list(destinations.ready(0.0)):
        destinations.ended(destination, 1.0)
    assert len(destinations) == 50 and destinations.release() == float("inf")
    destinations.put(destinations.get("smtp", "h1", 9, 2.0, Concurrency(), spacing), "y")
    assert list(destinations.ready(2.0)) == [] and destinations.release() == 6.0
    assert [item for _, item in destinations.ready(6.0)] == ["y"]
    destinations.forget(7.0)
    assert len(destinations) == 1


def test_an_idle_transport_waits_for_somebody(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.site.idle_transports = frozenset(("smtp",))
            await mta.send("s@x.test", "a@one.test")
            assert mta.smtp.attempts == []
            assert "dsn=4.3.2, status=deferred (deferred transport)" in mta.log("error")[0]
            await mta.advance(100_000)
            assert mta.smtp.attempts == []
            assert await mta.manager.scheduler.flush() == 1
            while not mta.smtp.attempts:
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize(
    ("main_cf", "expected"),
    [
        ("", (0.0, 0.0)),
        ("default_destination_rate_delay = 1s\n", (1.0, 0.0)),
        ("smtp_destination_rate_delay = 2s\ndefault_transport_rate_delay = 3s\n", (2.0, 3.0)),
        ("lmtp_destination_rate_delay = 2s\n", (0.0, 0.0)),
    ],
)
def test_what_main_cf_says(tmp_path: Path, main_cf: str, expected: tuple[float, float]) -> None:
    (tmp_path / "main.cf").write_text(main_cf + "defer_transports = smtp, uucp\n")
    (tmp_path / "master.cf").write_text("smtp unix - - n - - smtp\n")
    site: Any = site_of(Configuration.load(str(tmp_path), Sink()))
    assert site.transports["smtp"].spacing == expected
    assert site.idle_transports == {"smtp", "uucp"}

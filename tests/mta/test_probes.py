"""What probes came to is kept: for how long, how many answers, and in which file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mta_fixture import FakePolicy, FakeWorld, make_site
from smtpd_fixture import MemoryIntake

from mailconf.model.probing import Probing
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Reply
from mailconf.model.world import Deliverability, Probed
from mailconf.mta import probes as module
from mailconf.mta.message import Context, Job, Result, Status
from mailconf.mta.probes import Probes
from tests.personality import PERSONALITY

GOOD, BAD, PENDING = Deliverability.DELIVERABLE, Deliverability.UNDELIVERABLE, Deliverability.PENDING
SETTINGS = Probing(positive_expire=100, positive_refresh=50, negative_expire=40, negative_refresh=20)


class Prober:
    """Probes over a host whose answer tests set; ``asked`` are the addresses that it was asked about."""

    def __init__(self, path: Path | None = None, settings: Probing = SETTINGS) -> None:
        site = make_site(Path("/nowhere"))
        site.probing = settings
        self.world, self.lines = FakeWorld(), []
        self.context = Context(FakePolicy(site), self.world, self._log, PERSONALITY, MemoryIntake())
        self.context.agents[AgentKind.SMTP] = self
        self.status, self.asked = Status.SENT, []
        self.gate: asyncio.Event | None = None
        self.failing: Exception | None = None
        self.probes = Probes(self.context, path)

    lines: list[str]
    asked: list[str]

    def _log(self, program: str, text: str) -> None:
        self.lines.append(f"{program}: {text}")

    async def deliver(self, job: Job) -> list[Result]:
        assert job.probe and not job.message.content
        ((recipient, _),) = job.recipients
        self.asked.append(recipient.address)
        if self.gate is not None:
            await self.gate.wait()
        if self.failing is not None:
            raise self.failing
        dsn = {Status.SENT: "2.1.5", Status.BOUNCED: "5.1.1", Status.DEFERRED: "4.2.0"}[self.status]
        return [Result(recipient, self.status, dsn, self.status.value, "mx.test", Reply.of(250, "x"))]

    async def at(self, seconds: float, address: str = "x@away.test", patience: float = 5) -> Deliverability:
        self.world.time += seconds
        found: Probed = await self.probes.verify(address, patience)
        await self.rest()
        return found.outcome

    async def rest(self) -> None:
        """Until no probe is under way."""
        while self.probes._running:
            await asyncio.sleep(0)


def run(test: Callable[[Prober], Awaitable[Any]], *args: Any) -> None:
    async def whole() -> None:
        prober = Prober(*args)
        try:
            await test(prober)
        finally:
            await prober.probes.close()

    asyncio.run(whole())


def test_an_answer_holds_and_is_asked_for_again_without_anybody_waiting() -> None:
    async def test(prober: Prober) -> None:
        assert await prober.at(0) is GOOD
        assert await prober.at(49.9) is GOOD
        assert len(prober.asked) == 1
        prober.status = Status.BOUNCED
        assert await prober.at(0.1) is GOOD
        assert len(prober.asked) == 2, "it was asked for again"
        assert await prober.at(49.9) is GOOD, "a good answer stays until it expires"
        assert await prober.at(0.1) is BAD
        assert await prober.at(19.9) is BAD
        before = len(prober.asked)
        prober.status = Status.SENT
        assert await prober.at(0.1) is BAD
        assert len(prober.asked) == before + 1
        assert await prober.at(0) is GOOD

    run(test)


def test_a_bad_answer_expires() -> None:
    async def test(prober: Prober) -> None:
        prober.status = Status.DEFERRED
        assert await prober.at(0) is Deliverability.DEFERRED
        prober.status = Status.SENT
        assert await prober.at(40) is GOOD
        prober.world.time -= 1
        prober.status = Status.BOUNCED
        assert await prober.at(0) is BAD, "a clock that was set back ends an answer"

    run(test)


def test_one_address_is_probed_once_at_a_time_and_not_waited_for_longer_than_asked() -> None:
    async def test(prober: Prober) -> None:
        prober.gate = asyncio.Event()
        waiting = [asyncio.create_task(prober.probes.verify("x@away.test", 60)) for _ in range(20)]
        assert (await prober.probes.verify("x@away.test", 0)).outcome is PENDING
        assert (await prober.probes.verify("x@away.test", 0.01)).outcome is PENDING
        prober.gate.set()
        assert {found.outcome for found in await asyncio.gather(*waiting)} == {GOOD}
        assert prober.asked == ["x@away.test"]

    run(test)


def test_probes_under_way_have_a_limit() -> None:
    async def test(prober: Prober) -> None:
        prober.gate = asyncio.Event()
        for number in range(5):
            assert (await prober.probes.verify(f"{number}@away.test", 0)).outcome is PENDING
        await asyncio.sleep(0)
        assert len(prober.probes._running) == 3
        prober.gate.set()

    run(test, None, SETTINGS._replace(pending=3))


def test_what_cannot_be_found_out_is_not_known() -> None:
    async def test(prober: Prober) -> None:
        prober.failing = OSError("disk")
        assert await prober.at(0) is PENDING
        assert any("no probe of x@away.test: disk" in line for line in prober.lines)
        prober.failing = None
        assert await prober.at(0) is GOOD

    run(test)


def test_failures_are_kept_only_where_that_is_wanted() -> None:
    async def test(prober: Prober) -> None:
        prober.status = Status.BOUNCED
        assert await prober.at(0) is await prober.at(0) is PENDING
        assert len(prober.asked) == 2

    run(test, None, SETTINGS._replace(remembers_failures=False))


def test_answers_have_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 100)

    async def test(prober: Prober) -> None:
        for number in range(150):
            assert await prober.at(0, f"{number}@away.test") is GOOD
        assert await prober.at(0, f"{'x' * 2000}@away.test") is GOOD
        assert list(prober.probes._kept) == [f"{number}@away.test" for number in range(50, 150)]

    run(test)


def test_the_file_has_the_answers(tmp_path: Path) -> None:
    path = tmp_path / "verify"

    async def ask(prober: Prober) -> None:
        assert await prober.at(0, "good\u00e9@away.test") is GOOD
        prober.status = Status.BOUNCED
        assert await prober.at(0, 'b"a\nd@away.test') is BAD

    run(ask, path)
    assert path.stat().st_mode & 0o777 == 0o600

    async def again(prober: Prober) -> None:
        prober.probes.load()
        assert await prober.at(0, "good\u00e9@away.test") is GOOD
        assert await prober.at(0, 'b"a\nd@away.test') is BAD
        assert prober.asked == []

    run(again, path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"version": 2}\n["x@away.test", "deliverable", "2.0.0", "", 1795355705.0]\n',
        b'{"version": 1}\n["x@away.test"]\n',
        b'{"version": 1}\n["x@away.test", "maybe", "2.0.0", "", 1795355705.0]\n',
        b'{"version": 1}\n' + b"[" * 100_000 + b"\n",
    ],
)
def test_a_damaged_file_counts_for_nothing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "verify"
    path.write_bytes(content)
    path.chmod(0o600)

    async def test(prober: Prober) -> None:
        prober.probes.load()
        assert await prober.at(0) is GOOD
        assert prober.asked == ["x@away.test"]

    run(test, path)


def test_a_file_of_others_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "verify"
    path.write_bytes(b'{"version": 1}\n["x@away.test", "deliverable", "2.0.0", "", 1795355705.0]\n')
    path.chmod(0o666)
    target = tmp_path / "link"
    target.symlink_to(path)
    for name in (path, target):

        async def test(prober: Prober) -> None:
            prober.probes.load()
            prober.status = Status.BOUNCED
            assert await prober.at(0) is BAD
            prober.probes._path = None

        run(test, name)

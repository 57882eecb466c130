"""Connections that are kept for further messages go as with the real smtp(8) (tests/vectors/hop_reuse.jsonl).

The event loop's clock stands nearly still: what a test waits for comes as late as it likes, and pauses take no time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from client_fixture import FakeResolver, found

from mailconf.diagnostics import Sink
from mailconf.model.fileworld import FileWorld
from mailconf.model.trace import Trace
from mailconf.model.verdict import Route
from mailconf.model.world import Records
from mailconf.mta.journal import LogEvent
from mailconf.mta.message import Context, Job, Message, Recipient, Result
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.mta.world import MtaWorld
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.certificates import self_signed
from tests.hop_server import HopServer
from tests.personality import PERSONALITY
from tests.vectors.hop_reuse import SERIES, Series
from tests.vectors.record_hop_reuse import TIMES, neutral, settings_of
from tests.vectors.store import load

VECTORS = load("hop_reuse")
RECORDED = VECTORS.keyed("name")
MASTER = "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\nlmtp unix - - n - - lmtp\n"
SLOW = 1000.0  # times

T = TypeVar("T")


class SlowLoop(asyncio.SelectorEventLoop):
    """Its clock is slow, and set forward by `pass_by`."""

    def __init__(self) -> None:
        self.begun, self.passed = time.monotonic(), 0.0
        super().__init__()

    def time(self) -> float:
        return self.begun + (time.monotonic() - self.begun) / SLOW + self.passed


async def pass_by(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SlowLoop)
    loop.passed += seconds
    for _ in range(5):
        await asyncio.sleep(0)


async def until(condition: Any) -> None:
    """Let the loop run until something holds; a test that waits in vain fails."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.005 / SLOW)


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=SlowLoop) as runner:
        return runner.run(work)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed("localhost").write(tmp_path_factory.mktemp("key"), "localhost")


def policy_of(folder: Path, settings: dict[str, str]) -> PostfixPolicy:
    (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (folder / "master.cf").write_text(MASTER)
    sink = Sink()
    return compile_policy(Configuration.load(str(folder), sink), sink)


class House:
    """An agent by a configuration, and what it has to say."""

    def __init__(self, policy: PostfixPolicy, *, lmtp: bool = False) -> None:
        self.lines: list[str] = []
        self.resolver = FakeResolver(listed="127.0.0.1 localhost\n")
        self.world = MtaWorld(FileWorld(), self.resolver)
        self.context = Context(policy, self.world, lambda program, text: self.lines.append(text), PERSONALITY)
        self.agent = SmtpAgent(self.context, self.resolver, lmtp=lmtp)
        self.transport = "lmtp" if lmtp else "smtp"

    async def deliver(
        self, nexthop: str, name: str, *recipients: str, sender: str = "", reuse: bool = False, keep: bool = False
    ) -> list[Result]:
        """Deliver a message with this subject; the log has what became of it."""
        to = [Recipient(address, address) for address in recipients or ("x@y.example",)]
        content = f"Subject: {name}\n\nx\n".encode()
        message = Message("QID", sender, to, content, self.world.now())
        routes = [(each, Route(self.transport, nexthop, each.address, "default", Trace())) for each in to]
        job = Job(message, routes, self.transport, nexthop, self.context.policy, self.world, reuse=reuse, keep=keep)
        results = await self.agent.deliver(job)
        assert [result.recipient for result in results] == to
        times = {"arrival": 0.0, "since": 0.0, "begun": 0.0, "ended": 0.0}
        for result in results:
            facts = {"transport": self.transport, "size": 1, "recipients": len(to), **times}
            self.context.note(LogEvent.DELIVERY, program=self.transport, queue_id="QID", result=result, **facts)
        return results

    def said(self, port: int) -> list[str]:
        """Of the deliveries, in the recorder's form."""
        matches = (re.search(r"to=<\S+?>, (relay=.*)$", line) for line in self.lines)
        return [TIMES.sub("", match[1]).replace(str(port), "PORT") for match in matches if match]


async def deliver(series: Series, policy: PostfixPolicy, server: HopServer) -> House:
    house = House(policy, lmtp=series.lmtp)
    nexthop = f"inet:127.0.0.1:{server.port}" if series.lmtp else f"[127.0.0.1]:{server.port}"
    for number in range(series.messages):
        if number and series.pause >= 1:
            await pass_by(series.pause)
        elif number and series.pause:  # the server says something meanwhile
            await until(lambda: not len(house.agent.pool))
        sender = series.senders[number % len(series.senders)]
        domain = series.domains[number % len(series.domains)]
        where = series.nexthops.get(domain, nexthop).replace("@PORT@", str(server.port))
        await house.deliver(where, f"m{number}", f"x@{domain}", sender=sender)
    house.agent.close()
    assert len(house.agent.pool) == 0
    return house


# A connection that has waited for too long is ended with QUIT, and so is what waits when the agent ends: scache(8)
# closes them. One on which the host says something while it waits is dropped at once: Postfix finds that after RSET.
FOUND_EARLIER = "a reply too many while it waits"


def ended(sessions: list[list[str]]) -> list[list[str]]:
    return [each[:-1] if each[-1] == "QUIT" else each for each in sessions]


def test_the_recording_is_of_these_series() -> None:
    assert VECTORS.head.version == "3.7.11"
    assert set(RECORDED) == set(SERIES) and len(RECORDED) >= 40
    reused = [name for name, each in RECORDED.items() if any("conn_use=2" in line for line in each["log"])]
    assert len(reused) > 20


@pytest.mark.parametrize("name", RECORDED)
def test_as_recorded(name: str, tmp_path: Path, key: tuple[Path, Path]) -> None:
    series, recorded = SERIES[name], RECORDED[name]
    with HopServer(series.script, key=key) as server:
        policy = policy_of(tmp_path, settings_of(series, server.port))
        house = run(deliver(series, policy, server))
        assert server.over()
    assert house.said(server.port) == recorded["log"]
    assert [[number, name] for number, name in server.taken] == recorded["taken"]
    mine, theirs = ended([neutral(each) for each in server.sessions]), ended(recorded["sessions"])
    if name == FOUND_EARLIER:
        assert theirs[0].pop() == "RSET"
    assert mine == theirs
    limited = "limit" in str(series.settings) and "count" in str(series.settings)
    if limited or not any("conn_use" in line for line in recorded["log"]):
        kept = [number for number, each in enumerate(recorded["sessions"]) if each[-1] == "QUIT"]
        assert all(server.sessions[number][-1] == "QUIT" for number in kept)


# What a host can do to a connection that waits, and to what goes over it.

LATE = "250 ok<wait>250 2.0.0 nobody asked"


def series(script: list[dict[str, Any]], tmp_path: Path, work: Any, **settings: str) -> HopServer:
    """``work`` gets a House and the nexthop of a server with this script; the server, when all is over."""
    with HopServer(script) as server:
        policy = policy_of(tmp_path, settings_of(Series(settings=settings), server.port))

        async def main() -> None:
            house = House(policy)
            await work(house, f"[127.0.0.1]:{server.port}")
            house.agent.close()

        run(main())
        assert server.over()
    return server


def conversations(server: HopServer) -> list[str]:
    """Sessions in short: a letter for each command."""
    letters = {"MAIL": "M", "RCPT": "R", "DATA": "D", "RSET": "r", "QUIT": "q", "EHLO": "e", "<content>": "c"}
    return ["".join(letters.get(each.partition(" ")[0], "") for each in session) for session in server.sessions]


@pytest.mark.parametrize(
    ("script", "expected", "taken"),
    [
        # The connection is lost somewhere between RSET and the content: the message goes over another one.
        ([{"RSET": "<close>"}, {}], ["eMRDcr", "eMRDcq"], [0, 1]),
        ([{"MAIL": ["250 ok", "<close>"]}, {}], ["eMRDcrM", "eMRDcq"], [0, 1]),
        ([{"RCPT": ["250 ok", "<close>"]}, {}], ["eMRDcrMR", "eMRDcq"], [0, 1]),
        ([{"DATA": ["354 ok", "<close>"]}, {}], ["eMRDcrMRD", "eMRDcq"], [0, 1]),
        # Two connections in a row, and no third: the second one is new.
        ([{"RSET": "<close>"}, {"MAIL": "<close>"}, {}], ["eMRDcr", "eM"], [0]),
        # A reply too many at once: the connection is not kept.
        ([{".": "250 ok\n250 ok"}, {}], ["eMRDcq", "eMRDcq"], [0, 1]),
        ([{".": "250 ok\n250-and more"}, {}], ["eMRDcq", "eMRDcq"], [0, 1]),
        # One that meets RSET: replies are out of step.
        ([{"RSET": "250 ok\n250 ok"}, {}], ["eMRDcrMRD", "eMRDcq"], [0, 1]),
        ([{"RSET": "354 ok"}, {}], ["eMRDcr", "eMRDcq"], [0, 1]),
        ([{"EHLO": "250 sink.example", "RSET": "250 ok\n250 ok"}, {}], ["eMRDcrMRD", "eMRDcq"], [0, 1]),
        # What looks as if the content had been taken before it was sent.
        ([{"DATA": ["354 ok", "354 ok\n250 2.0.0 taken"]}, {}], ["eMRDcrMRD", "eMRDcq"], [0, 1]),
    ],
)
def test_a_connection_that_is_of_no_use(
    script: list[dict[str, Any]], expected: list[str], taken: list[int], tmp_path: Path
) -> None:
    """The second message is taken once, and by the connection that it was sent over."""
    results = []

    async def work(house: House, nexthop: str) -> None:
        results.extend(await house.deliver(nexthop, "m0"))
        results.extend(await house.deliver(nexthop, "m1"))

    server = series(script, tmp_path, work)
    assert [result.status.value for result in results] == ["sent", "sent"][: len(taken)] + ["deferred"][
        : 2 - len(taken)
    ]
    assert server.taken == [(number, f"m{message}") for message, number in enumerate(taken)]
    assert [each.rstrip("q") for each in conversations(server)] == [each.rstrip("q") for each in expected]


@pytest.mark.parametrize("end", ["<close>", "421 4.3.2 bye<close>", "451 4.3.0 no"])
def test_what_was_sent_is_not_sent_twice(end: str, tmp_path: Path) -> None:
    """Once the content was sent, what became of it is not known: the next attempt is the scheduler's."""
    results = []

    async def work(house: House, nexthop: str) -> None:
        await house.deliver(nexthop, "m0")
        results.extend(await house.deliver(nexthop, "m1"))

    server = series([{".": ["250 ok", end]}, {}], tmp_path, work)
    assert len(server.sessions) == 1 and server.taken == [(0, "m0")]
    assert [result.status.value for result in results] == ["deferred"]


def test_a_reply_before_the_content_is_no_acceptance(tmp_path: Path) -> None:
    """On a new connection, too; a refusal that comes early counts."""
    results = []

    async def work(house: House, nexthop: str) -> None:
        results.extend(await house.deliver(nexthop, "m0"))

    server = series([{"DATA": "354 go\n250 2.0.0 taken"}], tmp_path, work)
    assert results[0].status.value == "deferred" and server.taken == []
    series([{"DATA": "354 go\n552 5.3.4 too big"}], tmp_path, work)
    assert (results[1].status.value, results[1].dsn) == ("bounced", "5.3.4")


def test_a_host_that_does_not_answer_rset_is_given_up_soon(tmp_path: Path) -> None:
    """postconf(5) smtp_rset_timeout, and then another connection."""
    results = []

    async def work(house: House, nexthop: str) -> None:
        results.extend(await house.deliver(nexthop, "m0"))
        task = asyncio.create_task(house.deliver(nexthop, "m1"))
        await until(lambda: "RSET" in server[0].sessions[0])
        await pass_by(19.0)
        assert not task.done() and len(server[0].sessions) == 1
        await pass_by(2.0)
        results.extend(await task)

    server: list[HopServer] = []
    with HopServer([{"RSET": ""}, {}]) as silent:
        server.append(silent)
        policy = policy_of(tmp_path, settings_of(Series(), silent.port))

        async def main() -> None:
            house = House(policy)
            await work(house, f"[127.0.0.1]:{silent.port}")
            house.agent.close()

        run(main())
    assert [result.status.value for result in results] == ["sent", "sent"]
    assert silent.taken == [(0, "m0"), (1, "m1")]


def test_kept_only_where_it_is_asked_for(tmp_path: Path) -> None:
    """Who leaves none may still take one; who does not take one leaves the one that waits alone."""

    async def work(house: House, nexthop: str) -> None:
        pool = house.agent.pool
        await house.deliver(nexthop, "m0")
        assert len(pool) == 0
        await house.deliver(nexthop, "m1", keep=True)
        assert len(pool) == 1
        await house.deliver(nexthop, "m2")
        assert len(pool) == 1
        await house.deliver(nexthop, "m3", keep=True, reuse=True)
        assert len(pool) == 1
        await house.deliver(nexthop, "m4", reuse=True)
        assert len(pool) == 0

    server = series([{}], tmp_path, work, smtp_connection_cache_destinations="")
    assert [number for number, _ in server.taken] == [0, 1, 2, 1, 1]
    assert conversations(server) == ["eMRDcq", "eMRDcrMRDcrMRDcq", "eMRDcq"]


def test_connections_by_another_configuration_are_not_used(tmp_path: Path) -> None:
    """After a reload."""

    async def work(house: House, nexthop: str) -> None:
        await house.deliver(nexthop, "m0")
        house.context.policy = policy_of(tmp_path, house_settings)
        await house.deliver(nexthop, "m1")
        assert len(house.agent.pool) == 1

    house_settings = settings_of(Series(), 1)
    server = series([{}], tmp_path, work)
    assert [number for number, _ in server.taken] == [0, 1]


def test_the_pool_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailconf.mta.hop_pool.MOST", 2)
    names = ("a", "b", "c")

    async def work(house: House, nexthop: str) -> None:
        await asyncio.gather(*(house.deliver(nexthop, name, keep=True) for name in names))
        assert len(house.agent.pool) == 2
        await asyncio.gather(*(house.deliver(nexthop, name, reuse=True, keep=True) for name in names))
        assert len(house.agent.pool) == 2

    server = series([{}], tmp_path, work)
    assert len(server.sessions) == 4 and len(server.taken) == 6


def test_each_connection_has_one_message_at_a_time(tmp_path: Path) -> None:
    async def work(house: House, nexthop: str) -> None:
        for _ in range(3):
            await asyncio.gather(*(house.deliver(nexthop, f"m{n}", reuse=True, keep=True) for n in range(4)))

    server = series([{}], tmp_path, work)
    assert len(server.sessions) == 4 and server.most == 4
    assert sorted(conversations(server)) == ["eMRDcrMRDcrMRDcq"] * 4


def test_the_dns_is_asked_once(tmp_path: Path) -> None:
    """A connection for a nexthop is found without the DNS; that of another domain with the same exchanger by its
    address. Where the one that waits turns out to be lost, the DNS is asked again."""
    asked: list[str] = []

    class Counting(FakeResolver):
        async def query(self, name: str, kind: str) -> Records:
            asked.append(f"{name} {kind}")
            return await super().query(name, kind)

    async def work(house: House, nexthop: str) -> None:
        port = nexthop.rpartition(":")[2]
        records = {(f"{name}.example", "MX"): found("10 mx.example") for name in "yz"}
        house.agent.resolver = Counting({**records, ("mx.example", "A"): found("127.0.0.1")})
        for domain, questions in (("y", 3), ("y", 0), ("z", 3), ("z", 0), ("y", 0)):
            asked.clear()
            results = await house.deliver(f"{domain}.example:{port}", "m", reuse=True, keep=True)
            assert [result.relay for result in results] == [f"mx.example[127.0.0.1]:{port}"]
            assert len(asked) == questions, asked
        asked.clear()
        await house.deliver(f"y.example:{port}", "m", reuse=True, keep=True)
        assert len(asked) == 3

    settings = {"smtp_connection_cache_destinations": "", "smtp_host_lookup": "dns"}
    server = series(
        [{"RSET": ["250 ok"] * 4 + ["<close>"], "EHLO": "250 sink.example"}, {}], tmp_path, work, **settings
    )
    assert [number for number, _ in server.taken] == [0] * 5 + [1]


def test_who_is_put_off_over_a_kept_connection_is_tried_at_the_next_host(tmp_path: Path) -> None:
    """And not at the same one again."""

    async def work(house: House, nexthop: str) -> None:
        port = nexthop.rpartition(":")[2]
        records = {("y.example", "MX"): found("10 one.example", "20 two.example")}
        records |= {("one.example", "A"): found("127.0.0.1"), ("two.example", "A"): found("127.0.0.2")}
        house.agent.resolver = FakeResolver(records)
        await house.deliver(f"y.example:{port}", "m0", keep=True)
        first, second = await house.deliver(f"y.example:{port}", "m1", "a@y.example", "b@y.example", reuse=True)
        assert (first.status.value, first.uses) == ("sent", 2)
        assert second.status.value == "deferred" and second.relay == "none"  # nobody listens at the second host

    settings = {"smtp_connection_cache_destinations": "", "smtp_host_lookup": "dns"}
    script = [{"RCPT": ["250 ok", "250 ok", "450 4.2.0 later"]}]
    server = series(script, tmp_path, work, **settings)
    assert len(server.sessions) == 1 and [name for _, name in server.taken] == ["m0", "m1"]


def test_a_connection_is_found_by_few_nexthops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of late: a host that is the exchanger of a million domains costs no memory for each."""
    monkeypatch.setattr("mailconf.mta.hop_pool.DESTINATIONS", 2)

    async def work(house: House, nexthop: str) -> None:
        pool, port = house.agent.pool, nexthop.rpartition(":")[2]
        records = {(f"{name}.example", "MX"): found("10 mx.example") for name in "xyz"}
        house.agent.resolver = FakeResolver({**records, ("mx.example", "A"): found("127.0.0.1")})
        for domain in "xyzy":
            await house.deliver(f"{domain}.example:{port}", "m", reuse=True, keep=True)
        found_by = [domain for domain in "xyz" if pool.hosts("smtp", f"{domain}.example:{port}")]
        assert found_by == ["y", "z"] and len(pool) == 1 and len(pool._by_destination) == 2
        pool.close()
        assert not (pool._by_destination or pool._by_endpoint or len(pool))

    settings = {"smtp_connection_cache_destinations": "", "smtp_host_lookup": "dns"}
    server = series([{"EHLO": "250 sink.example"}], tmp_path, work, **settings)
    assert len(server.sessions) == 1

"""What sendmail 8.17.1.9 reports of messages, whole (tests/vectors/record_sendmail_reports.py), ours reports, too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_fixture import FakeResolver
from client_fixture import found as records
from mta_fixture import START, Clock

from mailconf.cli.shared.sendmail_daemon import compiled, mailers, personality
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.letter import Program
from mailconf.model.recipient import Recipient
from mailconf.model.session import Session, Verified
from mailconf.model.transport import AgentKind
from mailconf.mta import program
from mailconf.mta.hop import Hop
from mailconf.mta.manager import Manager
from mailconf.mta.message import Context, Message
from mailconf.mta.program import Ended
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.mta.world import MtaWorld
from mailconf.source import encode
from tests.vectors import store
from tests.vectors.sendmail_mailers_cases import HOST
from tests.vectors.sendmail_reports_cases import DNS, FILES, FOLDERS, site
from tests.vectors.sendmail_reports_driver import Hosts, shown

CASES = [case for case in store.load("sendmail_reports").cases if "accepted" in case["said"][-1]]
_WORDS = re.compile(r"(\w+)=(\S+)")
_REPORT = "Received: from localhost (localhost)"


class World(MtaWorld):
    """One whose clock tests move."""

    time = START

    def now(self) -> float:
        return self.time


class Place:
    """The files of the site, the hosts, and the daemon's parts."""

    def __init__(self, top: Path) -> None:
        for name in FOLDERS:
            (top / name[1:]).mkdir(parents=True, exist_ok=True)
        for name, (text, *_) in FILES.items():
            (top / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            (top / name[1:]).write_text(text)
        self.root = Root(top)
        self.hosts = Hosts(0)
        self.resolver = FakeResolver({key: records(*values) for key, values in DNS.items()})
        self.came: list[dict[str, Any]] = []
        self._policies: dict[str, Any] = {}

    def policy(self, name: str) -> Any:
        if name not in self._policies:
            text = site(name).replace("A=TCP $h\n", f"A=TCP $h {self.hosts.port}\n")
            self.root.path("/etc/mail/x.cf").write_text(text)
            self._policies[name] = compiled(self.root, "/etc/mail/x.cf", (), lambda problem: None)
        return self._policies[name]

    async def ran(self, called: Program, data: bytes, folder: str, longest: float = 0.0) -> Ended:
        """What the programs of the cases do."""
        words = list(called.argv[1:]) if called.path == "/srv/probe" else called.argv[-1].split()[1:]
        if called.path.startswith("/no/"):
            return Ended(0, not_run="No such file or directory")
        self.came.append({"by": "program", "envelope": words, "content": shown(data.decode("latin-1"))})
        text = " ".join(words)
        said = b"first line\nsecond line\n" if "prints" in text else b""
        said = b"550 5.7.1 not that\n" if "speaks550" in text else b"5.1.6 has moved\n" if "speaks5" in text else said
        if "killed" in text:
            return Ended(-9, said)
        status = re.search(r"exits(\d+)", text)
        return Ended(int(status[1]) if status else 0, said)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("site"))
    yield made
    made.hosts.close()


def parameters(text: str) -> tuple[str, dict[str, str]]:
    address, _, rest = text.partition("> ")
    return address.strip("<>"), dict(_WORDS.findall(rest))


async def played(place: Place, case: dict[str, Any], queue: Path) -> list[dict[str, Any]]:
    """What comes to the hosts and the programs of the case's message."""
    policy = place.policy(case["site"])
    policy.site.queue_directory = policy.site.queue_directory._replace(value=str(queue))
    world = World(FileWorld(place.root, trace=False), place.resolver, root=place.root)
    clock = Clock(world)  # type: ignore[arg-type]
    context = Context(policy, world, lambda name, line: None, personality(policy, place.root))
    context.agents[AgentKind.SMTP] = SmtpAgent(context, place.resolver, root=place.root)
    manager = Manager(context, Root(), wait=clock.wait, steady=lambda: clock.steady)
    context.agents |= mailers(context, place.root, manager.workers)
    place.hosts.case, place.hosts.came, place.came = case, [], []
    manager.open()
    try:
        assert context.intake is not None
        sender, asked = parameters(case["mail"])
        to = []
        for each in case["recipients"]:
            address, wanted = parameters(each)
            to.append(Recipient(address, address, wanted.get("ORCPT", ""), wanted.get("NOTIFY", "")))
        name = Verified.found(HOST)
        session = Session("127.0.0.1", client_name=name, reverse_name=name, helo="client.example", protocol="ESMTP")
        queue_id = context.intake.new_queue_id()
        hop = Hop(queue_id, world.now(), session, tuple(one.address for one in to))
        received = context.personality.hop.received(hop, policy.site)
        content = encode(f"{received}\n") + case["content"].encode("latin-1")
        words = asked.get("BODY", ""), asked.get("RET", ""), asked.get("ENVID", "")
        await context.intake.accept(Message(queue_id, sender, to, content, world.now(), *words, session=session))
        await settled(manager, clock)
        for age in case["ages"]:
            passed = START + age - world.time
            world.time += passed
            clock.steady += passed
            await manager.scheduler.run_once()
            await settled(manager, clock)
            place.hosts.came.append({"by": "run", "envelope": [], "content": ""})
    finally:
        await manager.close()
    return [*place.hosts.came, *place.came]


async def settled(manager: Manager, clock: Clock) -> None:
    """Returns when the scheduler sleeps and nothing is under way."""
    while True:
        await clock.asleep.wait()
        await manager.scheduler.idle()
        if clock.asleep.is_set() and not manager.scheduler.busy:
            return
        await asyncio.sleep(0)


def reports(came: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The reports among messages, of equal content in the order of their envelopes; those of a run by themselves."""
    found = []
    for each in came:
        if _REPORT in each["content"]:
            envelope = [line.replace(" BODY=8BITMIME", "").upper() for line in each["envelope"]]
            found.append({"by": each["by"], "envelope": envelope, "content": each["content"]})
    return sorted(found, key=lambda one: (one["content"], one["envelope"]))


@pytest.mark.parametrize("number", range(len(CASES)))
def test_as_recorded(number: int, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[number]
    monkeypatch.setattr(program, "run", place.ran)
    monkeypatch.setattr(program, "may_become", lambda called: True)
    came = asyncio.run(asyncio.wait_for(played(place, case, tmp_path / "queue"), 60))
    assert reports(came) == reports(case["came"])

"""A small site for the tests of the MTA: a Policy made of dictionaries, a World with a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mailconf.files import Root
from mailconf.maps.core.trust import ORDINARY, Trust
from mailconf.model.address import Address
from mailconf.model.distinction import Distinction, Values
from mailconf.model.filtering import NO_FILTERS, Filtering
from mailconf.model.policy import AddressPlace, Kept, Privilege, Role
from mailconf.model.recipient import RecipientKind
from mailconf.model.screening import Screener
from mailconf.model.security import HopAsked, HopSecurity
from mailconf.model.session import Session
from mailconf.model.site import Setting, Site
from mailconf.model.trace import Trace
from mailconf.model.transport import AgentKind, Transport
from mailconf.model.verdict import Deliveries, Delivery, DeliveryKind, Expansion, Inspection, Reply, Route, Verdict
from mailconf.model.world import ABSENT, Answer, Ask, LookupFailed, Outcome, Records, User
from mailconf.mta.manager import Manager
from mailconf.mta.message import Context, Job, Message, Recipient, Result, Status
from mailconf.personal import PersonalFile
from mailconf.postfix.policy.local import with_headers
from mailconf.postfix.settings.transports import MAILBOX_HEADERS
from tests.personality import PERSONALITY

AGENTS = {
    "local": AgentKind.MAILBOX,
    "virtual": AgentKind.MAILBOX,
    "smtp": AgentKind.SMTP,
    "error": AgentKind.ERROR,
    "discard": AgentKind.DISCARD,
}
START = 1_795_355_705.0  # Sun, 22 Nov 2026 13:55:05 UTC


class FakeWorld:
    def __init__(self) -> None:
        self.time = START

    async def lookup(self, table: str, key: str, trust: Trust = ORDINARY) -> Answer:
        return ABSENT

    async def dns(self, name: str, kind: str) -> Records:
        return Records(Outcome.ABSENT)

    async def hosts(self, name: str) -> Records:
        return Records(Outcome.ABSENT)

    async def user(self, name: str) -> User | None:
        return None

    async def account(self, uid: int) -> User | None:
        return None

    async def table_owner(self, table: str) -> int | None:
        return 0

    async def file(self, path: str, user: User | None, *, follow: bool) -> PersonalFile:
        return PersonalFile(reason="No such file or directory")

    async def policy_service(self, endpoint: str, attributes: Mapping[str, str]) -> Answer:
        return ABSENT

    def now(self) -> float:
        return self.time


class Clock:
    """Stands in for the scheduler's wait: time passes when a test says so."""

    def __init__(self, world: FakeWorld) -> None:
        self.world = world
        self.asleep = asyncio.Event()
        self.steady = 0.0
        self._until = 0.0
        self._due: asyncio.Future[None] | None = None

    async def wait(self, event: asyncio.Event, delay: float) -> None:
        self._until = self.steady + delay
        self._due = asyncio.get_running_loop().create_future()
        woken = asyncio.create_task(event.wait())
        if not event.is_set():
            self.asleep.set()
        await asyncio.wait({self._due, woken}, return_when=asyncio.FIRST_COMPLETED)
        self.asleep.clear()
        woken.cancel()

    def advance(self, seconds: float) -> None:
        self.world.time += seconds
        self.steady += seconds
        if self._due is not None and not self._due.done() and self.steady >= self._until:
            self.asleep.clear()
            self._due.set_result(None)


@dataclass
class FakePolicy:
    """domains: the transport of a domain; aliases: virtual aliases; mailboxes: what a recipient comes to."""

    site: Site
    domains: dict[str, str] = field(default_factory=lambda: {"example.com": "local", "example.net": "virtual"})
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    deliveries: dict[str, tuple[Delivery, ...]] = field(default_factory=dict)
    copies: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    copies_fail: bool = False
    privileges: set[Privilege] = field(default_factory=set)
    filtering: Filtering = NO_FILTERS
    screener: Screener | None = None

    def begin(self, session: Session) -> FakeSession:
        return FakeSession(self, session)

    def distinguishes(self, values: Values = lambda table: ()) -> Iterator[Distinction]:
        return iter(())

    def agent(self, transport: str) -> AgentKind | None:
        return AGENTS.get(transport)

    async def _never(self, session: Session, ask: Ask) -> Verdict:
        raise AssertionError("the queue side asks no SMTP question")

    connect = helo = mail = rcpt = data = end_of_data = vrfy = _never

    async def may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        if privilege is Privilege.LOCAL_HEADERS:
            return session.client_address == "127.0.0.1"
        return privilege in self.privileges and session.client_address.startswith("127.")

    async def worded(self, session: Session, reply: Reply, ask: Ask) -> Reply:
        return reply

    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        if "@" in address or not address:
            return address if address.endswith("..") else address.removesuffix(".")
        if role.place is AddressPlace.HEADER and not role.local:
            return f"{address}@{self.site.remote_header_domain}"
        return f"{address}@{self.site.origin.value}"

    async def expand(self, recipient: Recipient, ask: Ask) -> Expansion:
        if recipient.address in self.failing:
            return Expansion((), Trace(), Reply.of(451, "4.3.0 Error: queue file write error"))
        found = self.aliases.get(recipient.address, (recipient.address,))
        return Expansion(tuple(recipient.at(address) for address in found), Trace())

    async def filters(self, session: Session, ask: Ask) -> Filtering:
        return self.filtering

    async def inspect_field(self, session: Session, field: bytes, ask: Ask) -> Inspection:
        return Inspection(None, (), field, (), Trace())

    async def inspect_sent(self, transport: str, content: bytes, ask: Ask) -> Inspection:
        return Inspection(None, (), content, (), Trace())

    async def inspect(self, session: Session, content: bytes, ask: Ask) -> Inspection:
        return Inspection(None, (), content, (), Trace())

    async def bcc(self, sender: str, recipients: list[str], ask: Ask) -> list[str]:
        if self.copies_fail:
            raise LookupFailed("hash:/etc/postfix/bcc", "the file is damaged")
        return self.copies

    async def resolve(
        self, recipient: str, ask: Ask, *, sender: str = "", kind: RecipientKind = RecipientKind.ADDRESS
    ) -> Route:
        domain = Address.split(recipient).domain or ""
        transport = self.domains.get(domain, "smtp")
        return Route(transport, domain, recipient, transport, Trace())

    async def probe(self, recipient: str, ask: Ask, *, sender: str = "") -> Route:
        return await self.resolve(recipient, ask, sender=sender)

    async def security(self, asked: HopAsked, ask: Ask) -> HopSecurity:
        return HopSecurity()

    async def keep(self, transport: str, name: str, kind: str, records: Records, ask: Ask) -> Kept:
        return Kept(records)

    async def deliver(
        self, route: Route, ask: Ask, *, sender: str = "", recipient: Recipient | None = None
    ) -> Deliveries:
        items = self.deliveries.get(route.recipient)
        if items is None:
            user = Address.split(route.recipient).local
            reply = Reply.of(550, f'5.1.1 unknown user: "{user}"')
            items = (Delivery(DeliveryKind.ERROR, "", Recipient(route.recipient), reply),)
        named = recipient or Recipient(route.recipient)
        return Deliveries(tuple(with_headers(item, MAILBOX_HEADERS, sender, named) for item in items), Trace())


class FakeSession:
    """Puts each question to the policy, which remembers nothing."""

    def __init__(self, policy: FakePolicy, session: Session) -> None:
        self.policy = policy
        self.session = session

    async def connect(self, ask: Ask) -> Verdict:
        return await self.policy.connect(self.session, ask)

    async def helo(self, ask: Ask) -> Verdict:
        return await self.policy.helo(self.session, ask)

    async def mail(self, ask: Ask) -> Verdict:
        return await self.policy.mail(self.session, ask)

    async def rcpt(self, ask: Ask) -> Verdict:
        return await self.policy.rcpt(self.session, ask)

    async def vrfy(self, ask: Ask) -> Verdict:
        return await self.policy.vrfy(self.session, ask)

    async def data(self, ask: Ask) -> Verdict:
        return await self.policy.data(self.session, ask)

    async def end_of_data(self, ask: Ask) -> Verdict:
        return await self.policy.end_of_data(self.session, ask)

    async def secured(self, ask: Ask) -> Verdict:
        self.session.end_security()
        return Verdict(Reply.of(220, "2.0.0 Ready"), ask.trace)

    def forget(self) -> None:
        pass

    def branch(self, session: Session) -> FakeSession:
        return FakeSession(self.policy, session)


class FakeSmtp:
    """An agent whose answers a test sets: by address a reply's text, anything else is delivered."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, str]] = {}
        self.attempts: list[tuple[float, list[str]]] = []
        self.gate: asyncio.Event | None = None
        self.running = self.most = 0

    async def deliver(self, job: Job) -> list[Result]:
        self.attempts.append((job.world.now(), [recipient.address for recipient, _ in job.recipients]))
        self.running += 1
        self.most = max(self.most, self.running)
        if self.gate is not None:
            await self.gate.wait()
        self.running -= 1
        return [self._result(recipient) for recipient, _ in job.recipients]

    def _result(self, recipient: Recipient) -> Result:
        relay = "mx.test[192.0.2.1]:25"
        dsn, text = self.answers.get(recipient.address, ("2.0.0", "250 2.0.0 Ok"))
        status = {"2": Status.SENT, "4": Status.DEFERRED, "5": Status.BOUNCED}[dsn[0]]
        return Result(recipient, status, dsn, text, relay, Reply.of(int(dsn[0]) * 100 + 50, f"{dsn} {text}"))


def make_site(queue: Path) -> Site:
    programs = ("local", "virtual", "smtp", "error", "discard")
    return Site(
        dialect="postfix",
        directory="/etc/postfix",
        hostname=Setting("mail.example.com"),
        domain=Setting("example.com"),
        origin=Setting("example.com"),
        queue_directory=Setting(str(queue)),
        transports={
            name: Transport(name, AGENTS[name], name, concurrency=2 if name == "local" else None) for name in programs
        },
    )


class Mta:
    """The queue side, running. Use as an async context manager."""

    def __init__(self, top: Path, root: Root | None = None) -> None:
        self.lines: list[str] = []
        self.world = FakeWorld()
        self.clock = Clock(self.world)
        self.policy = FakePolicy(make_site(top / "queue"))
        self.context = Context(self.policy, self.world, self._log, PERSONALITY)
        self.smtp = FakeSmtp()
        self.context.agents[AgentKind.SMTP] = self.smtp
        self.manager = Manager(self.context, root or Root(top), wait=self.clock.wait, steady=lambda: self.clock.steady)

    def _log(self, program: str, text: str) -> None:
        self.lines.append(f"{program}: {text}")

    async def __aenter__(self) -> Mta:
        self.manager.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.manager.close()

    async def settle(self) -> None:
        """Returns when the scheduler sleeps and nothing is under way."""
        scheduler = self.manager.scheduler
        while True:
            await self.clock.asleep.wait()
            await scheduler.idle()
            if self.clock.asleep.is_set() and not scheduler.busy:
                return
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        await self.settle()
        self.clock.advance(seconds)
        await self.settle()

    async def send(self, sender: str, *recipients: str | Recipient, content: bytes = b"Subject: t\n\nx\n") -> str:
        """Hand a message to the intake as smtpd does, and wait until it is dealt with; its queue id."""
        message = self.message(sender, *recipients, content=content)
        intake = self.context.intake
        assert intake is not None
        await intake.accept(message)
        await self.settle()
        return message.queue_id

    def message(self, sender: str, *recipients: str | Recipient, content: bytes = b"Subject: t\n\nx\n") -> Message:
        intake = self.context.intake
        assert intake is not None
        wanted = [Recipient(r, r) if isinstance(r, str) else r for r in recipients]
        return Message(intake.new_queue_id(), sender, wanted, content, self.world.time, session=Session())

    def log(self, program: str) -> list[str]:
        """What ``program`` logged, the queue ids replaced."""
        return [line.partition(": ")[2] for line in self.lines if line.startswith(f"{program}: ")]

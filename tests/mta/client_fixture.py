"""The smtp and lmtp agents with a made-up DNS, for hermetic and live tests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from mta_fixture import FakePolicy, FakeWorld, make_site

from mailconf.hosts_file import HostsFile
from mailconf.model.fileworld import listed
from mailconf.model.limits import Limits
from mailconf.model.trace import Trace
from mailconf.model.transport import HostLookup, Transport
from mailconf.model.verdict import Route
from mailconf.model.world import Outcome, Records
from mailconf.mta.message import Context, Job, Message, Recipient, Result
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_client import SmtpAgent
from tests.personality import PERSONALITY

CONTENT = (
    b"From: a@b.example\nTo: x@y.example\nDate: Sun, 22 Nov 2026 13:55:05 +0000\nMessage-Id: <1@b.example>\n"
    b"\n.dot\nend\n"
)


@dataclass
class FakeResolver(Resolver):
    """``records``: (name, type) -> Records; everything else does not exist. ``listed`` is the hosts file."""

    records: dict[tuple[str, str], Records] = field(default_factory=dict)
    listed: str = ""

    def __post_init__(self) -> None:
        super().__init__(hosts=None)

    async def hosts(self, name: str) -> Records:
        return listed(HostsFile.of(self.listed), name)

    async def query(self, name: str, kind: str) -> Records:
        known = {n for n, _ in self.records}
        return self.records.get((name, kind), Records(Outcome.ABSENT, nxdomain=name not in known))


def found(*values: str) -> Records:
    return Records(Outcome.FOUND, values)


def deliver(
    nexthop: str,
    *recipients: Recipient | str,
    lmtp: bool = False,
    resolver: FakeResolver | None = None,
    limits: Limits | None = None,
    policy: type[FakePolicy] = FakePolicy,
    sender: str = "a@b.example",
    content: bytes = CONTENT,
    port: str = "",
    name: str = "",
    lookup: HostLookup | None = None,
    **fields: str,
) -> list[Result]:
    """What a delivery to ``nexthop`` comes to.

    port  what the transport's smtp_tcp_port or lmtp_tcp_port says
    name  what the agent calls itself in EHLO
    lookup  where it looks for hosts
    """

    async def main() -> list[Result]:
        site = make_site(Path("/nowhere"))
        site.limits = limits or Limits()
        transport = "lmtp" if lmtp else "smtp"
        site.transports[transport] = Transport(
            transport, client_name=name, client_port=port, host_lookup=lookup or HostLookup()
        )
        world = FakeWorld()
        context = Context(policy(site), world, lambda program, text: None, PERSONALITY)
        to = [r if isinstance(r, Recipient) else Recipient(r, r) for r in recipients]
        routes = [(r, Route(transport, nexthop, r.address, "default", Trace())) for r in to]
        message = Message("QID", sender, to, content, world.now(), **fields)
        job = Job(message, routes, transport, nexthop, context.policy, world)
        agent = SmtpAgent(context, resolver or FakeResolver(), lmtp=lmtp)
        return await asyncio.wait_for(agent.deliver(job), 30)

    return asyncio.run(main())

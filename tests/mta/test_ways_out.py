"""Mail leaves on the ways on which the real smtp(8) sends it (tests/vectors/ways_out.jsonl, by record_ways_out.py)."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from client_fixture import FakeResolver
from test_secure_hops import policy_of

from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import Session
from mailconf.model.trace import Trace
from mailconf.model.verdict import Route
from mailconf.mta.journal import LogEvent
from mailconf.mta.message import Context, Job, Message, Recipient, Result
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.mta.world import MtaWorld
from tests.personality import PERSONALITY
from tests.vectors.record_ways_out import Server, filled, neutral
from tests.vectors.store import load
from tests.vectors.ways_out import WAYS, Case

VECTORS = load("ways_out")
RECORDED = VECTORS.keyed("name")
# What we do otherwise: a relay that cannot be used is passed over, and the mail waits for what went wrong before it; a
# table about a host is asked before the host is connected to.
DEPARTURES = ("fallback, a bad name", "fallback, a host without an address", "keywords, a table that fails")
_ITS_OWN = re.compile(r"\b(PORT|IDENT)=\w+")
ON_THE_WAY_IN = ("8-bit, only a header",)  # a line that is no header field was set off when the message came


def go(case: Case, folder: Path, ports: tuple[int, int]) -> list[str]:
    """Deliver; the log."""
    lines: list[str] = []
    settings = filled({**VECTORS.head.common["settings"], **case.settings}, *ports)
    policy = policy_of(folder, {name: value for name, value in settings.items() if name != "header_checks"})
    nexthop = settings["default_transport"].partition(":")[2]

    async def main() -> None:
        resolver = FakeResolver(listed="127.0.0.1 localhost\n")
        world = MtaWorld(FileWorld(), resolver)
        context = Context(policy, world, lambda program, text: lines.append(f"{program}: {text}"), PERSONALITY)
        recipients = [
            Recipient(address, address) for address in sorted(case.recipients)
        ]  # the queue manager sorts them
        body = "" if case.content.isascii() else "8BITMIME"
        content = case.content if case.content.endswith(b"\n") else case.content + b"\n"
        message = Message("0123456789", "a@b.example", recipients, content, world.now(), body=body)
        message.session = Session(client_port="45756", helo="c.example", protocol="ESMTP")
        routes = [(each, Route("smtp", nexthop, each.address, "default", Trace())) for each in recipients]
        job = Job(message, routes, "smtp", nexthop, policy, world)
        agent = SmtpAgent(context, resolver, root=Root())
        results: list[Result] = await asyncio.wait_for(agent.deliver(job), 60)
        now = world.now()
        facts = {"program": "smtp", "queue_id": message.queue_id, "arrival": now, "since": now, "begun": now}
        for result in results:
            context.note(LogEvent.DELIVERY, **facts, ended=now, transport="smtp", size=0, recipients=1, result=result)

    asyncio.run(main())
    return [neutral(line, *ports) for line in lines]


def comparable(sessions: list[list[str]], first: list[str]) -> list[list[str]]:
    """The sessions of the message itself; a notice to its sender has others. Where the content begins with no more
    than an empty line, the submission of the recorded message ended with one more."""
    kept = [session for session in sessions if not any(command.startswith("MAIL FROM:<>") for command in session)]
    shown = [[re_end(command) for command in session] for session in kept]
    return shown[:1] if any("status=bounced" in line for line in first) else shown


def re_end(command: str) -> str:
    """smtplib adds a line's end to what has one."""
    return command.removesuffix("\r\n\r\n") if command.endswith("\r\n\r\n") else command.removesuffix("\r\n")


def sizeless(sessions: list[list[str]]) -> list[list[str]]:
    return [
        [command.partition(" SIZE=")[0] + " SIZE" if " SIZE=" in command else command for command in session]
        for session in (map(_ITS_OWN.sub, repeat(r"\1=ITS"), session) for session in sessions)
    ]


@pytest.mark.parametrize("name", [name for name in WAYS if name not in (*DEPARTURES, *ON_THE_WAY_IN)])
def test_as_recorded(name: str, tmp_path: Path) -> None:
    assert differing(WAYS[name], RECORDED[name], tmp_path) == []


def differing(case: Case, theirs: Mapping[str, Any], folder: Path) -> list[object]:
    """What we do otherwise: log lines, commands."""
    with Server(dict(case.first)) as first, Server(dict(case.second)) as second:
        log = go(case, folder, (first.port, second.port))
    for server in (first, second):
        for _ in range(len(server.sessions)):
            assert server.ended.wait(20)
    expected = [line for line in theirs["log"] if "to=<a@b.example>" not in line]
    differences: list[object] = []
    if list(dict.fromkeys(log)) != list(dict.fromkeys(expected)):
        differences.append((expected, log))
    for ours, server in ((first, "at_first"), (second, "at_second")):
        mine = sizeless(comparable(ours.sessions, theirs["log"]))
        recorded = sizeless(comparable(theirs[server], theirs["log"]))
        differences += [(server, recorded, mine)] if mine != recorded else []
    return differences


_TEXT = (b"caf\xc3\xa9 = two \n", b"y" * 73 + b"\n", b"z" * 90 + b"\t\n", b"\n", b"--a\n", b"seven =\n")
_PARTS = (
    b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n",
    b"Content-Transfer-Encoding: binary\nX-A: b\n",
    b"Content-Type: text/html\n",
    b"Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: y\nContent-Transfer-Encoding: 8bit\n",
    b"Content-Type: message/rfc822\n\nSubject: y\n",
    b"",
)


def at_random(chosen: random.Random, depth: int = 0) -> bytes:
    """A multipart: its header, text before, parts, text after."""
    mark = b"b%d" % depth

    def text() -> bytes:
        return b"".join(chosen.choice(_TEXT) for _ in range(chosen.randrange(4)))

    kind = chosen.choice((b"mixed", b"digest", b"alternative"))
    encoding = chosen.choice((b"", b"Content-Transfer-Encoding: 8bit\n"))
    out = b'Content-Type: multipart/%b; boundary="%b"\n%b\n%b' % (kind, mark, encoding, text())
    for _ in range(chosen.randrange(4)):
        inner = at_random(chosen, depth + 1) if not depth and chosen.random() < 0.3 else b""
        out += b"--%b\n%b" % (mark, inner or chosen.choice(_PARTS) + b"\n" + text())
    return out + (b"--%b--\n" % mark if chosen.random() < 0.7 else b"") + text()

"""The agents that deliver here: loops, forwarding, commands, and one result a recipient."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from mta_fixture import Mta

from mailconf.model.recipient import Identity
from mailconf.model.session import Session, Verified
from mailconf.model.verdict import Delivery, DeliveryKind, Effect, EffectKind, Reply, Route
from mailconf.mta import command
from mailconf.mta.agents import Discard, Error
from mailconf.mta.journal import Remark
from mailconf.mta.local import status_of
from mailconf.mta.message import Job, Recipient, Status
from tests.personality import PERSONALITY


def drive(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def forward(to: str, owner: str = "") -> Delivery:
    return Delivery(DeliveryKind.FORWARD, to, Recipient(to, owner=owner))


def test_forwarded_mail_names_who_forwarded_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.deliveries["team@example.com"] = (forward("x@far.test"), forward("y@far.test"))
            mta.smtp.gate = asyncio.Event()
            assert mta.context.intake is not None
            await mta.context.intake.accept(mta.message("a@x", Recipient("team@example.com", "team")))
            while not mta.smtp.attempts:
                await asyncio.sleep(0)
            (entry,) = [entry async for entry in mta.manager.queue.entries()]
            found = await mta.manager.queue.find(entry.queue_id)
            assert found is not None
            lines = found.message.content.split(b"\n")
            assert lines[0].startswith(b"Received: by mail.example.com")
            assert lines[2] == b"Delivered-To: team@example.com"
            assert [(q.recipient.address, q.recipient.original) for q in found.recipients] == [
                ("x@far.test", "team"),
                ("y@far.test", "team"),
            ]
            assert mta.log("local")[0].endswith(f"status=sent (forwarded as {found.queue_id})")
            mta.smtp.gate.set()
            await mta.settle()

    drive(main())


def test_an_owner_becomes_the_sender_and_hides_the_list(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.deliveries["list@example.com"] = (forward("x@far.test", "owner-list@example.com"),)
            queue_id = await mta.send("a@x", "list@example.com")
            assert f"{queue_id}: removed" in mta.log("qmgr")
            assert any("from=<owner-list@example.com>" in line for line in mta.log("qmgr"))
            assert "to=<x@far.test>, relay=" in mta.log("smtp")[0]

    drive(main())


def test_a_loop_is_broken(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.deliveries["a@example.com"] = (forward("b@example.com"),)
            mta.policy.deliveries["b@example.com"] = (forward("a@example.com"),)
            await mta.send("sender@far.test", "a@example.com")
            assert mta.log("local")[-1].endswith("dsn=5.4.6, status=bounced (mail forwarding loop for a@example.com)")
            assert mta.smtp.attempts[-1][1] == ["sender@far.test"]
            assert [entry async for entry in mta.manager.queue.entries()] == []

    drive(main())


def test_a_deferred_part_defers_the_recipient(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.deliveries["mixed@example.com"] = (
                Delivery(DeliveryKind.MBOX, "/mail/alice", Recipient("alice@example.com")),
                Delivery(DeliveryKind.ERROR, "", Recipient("bob@example.com"), Reply.of(451, "4.3.0 later")),
            )
            queue_id = await mta.send("a@x", "mixed@example.com")
            assert [line.partition("status=")[2].split()[0] for line in mta.log("local")] == ["sent", "deferred"]
            entry = await mta.manager.queue.find(queue_id)
            assert entry is not None and len(entry.active) == 1
            assert (tmp_path / "mail" / "alice").exists()

    drive(main())


def test_the_environment_of_a_command(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            out = tmp_path / "env"
            mta.policy.site.recipient_delimiter = "+"
            mine = Recipient("cmd@example.com", identity=Identity(os.geteuid(), os.getegid()))
            mta.policy.deliveries["cmd+x@example.com"] = (Delivery(DeliveryKind.COMMAND, f"env > {out}", mine),)
            message = mta.message("a`x`@far.test", Recipient("cmd+x@example.com", "cmd+x"))
            message.session = Session(client_name=Verified.found("far.test"), client_address="192.0.2.1", helo="h$(x)")
            assert mta.context.intake is not None
            await mta.context.intake.accept(message)
            await mta.settle()
            found = dict(line.split("=", 1) for line in out.read_text().splitlines())
            expected = {
                "SENDER": "a_x_@far.test", "RECIPIENT": "cmd+x@example.com".replace("+", "+"),
                "ORIGINAL_RECIPIENT": "cmd+x", "LOCAL": "cmd+x", "USER": "cmd", "EXTENSION": "x",
                "DOMAIN": "example.com", "CLIENT_ADDRESS": "192.0.2.1", "CLIENT_HOSTNAME": "far.test",
                "CLIENT_HELO": "h__x_", "PATH": "/usr/bin:/bin", "LANG": "C",
            }  # fmt: skip
            assert {name: found.get(name) for name in expected} == expected
            assert set(found) <= set(expected) | {"PWD", "SHLVL", "_", "MAIL_CONFIG", "LOGNAME", "CLIENT_PROTOCOL"}

    drive(main())


def outcome(text: str, *, limit: float = 20.0, data: bytes = b"x\n", uid: int | None = None) -> command.CommandOutcome:
    me = os.geteuid()
    return asyncio.run(
        command.run(
            text, data, {"PATH": "/usr/bin:/bin"}, uid=me if uid is None else uid, gid=os.getegid(), directory="/",
            limit=limit,
        )
    )  # fmt: skip


def said(found: command.CommandOutcome) -> str:
    return PERSONALITY.journal.remark(found.remark, **found.facts)


def test_exit_statuses() -> None:
    assert outcome("exit 0").dsn == "2.0.0"
    assert outcome("exit 75") == command.CommandOutcome("4.3.0", Remark.COMMAND_EXIT, {"status": 75}, "", 75)
    assert outcome("echo out; echo err >&2; exit 77").output == "out err "
    assert said(outcome("/bin/false x")) == 'Command died with status 1: "/bin/false x"'
    assert said(outcome("kill -9 $$")) == 'Command died with signal 9: "kill -9 $$"'
    assert outcome("/no/such/command").dsn == "4.3.0"


def test_a_command_that_hangs_or_does_not_read_or_talks_too_much() -> None:
    assert said(outcome("sleep 60", limit=0.05)) == 'Command time limit exceeded: "sleep 60"'
    assert outcome("exit 0", data=b"x" * 5_000_000).dsn == "2.0.0"
    assert len(outcome("yes | head -c 1000000; exit 65").output) <= 10_000


def test_nobody_elses_command_is_run_without_the_privilege(monkeypatch: Any) -> None:
    monkeypatch.setattr(command.os, "geteuid", lambda: 12345)
    found = outcome("touch /nonexistent/never", uid=54321)
    assert found.dsn == "4.3.0" and "without root privileges" in said(found)


def job(mta: Mta, transport: str, nexthop: str, error: Reply | None = None) -> Job:
    from mailconf.model.trace import Trace

    recipient = Recipient("a@b")
    route = Route(transport, nexthop, "a@b", "default", Trace(), error)
    mta.context.intake = None
    from mailconf.mta.message import Message

    message = Message("1", "s@x", [recipient], b"", 0.0)
    return Job(message, [(recipient, route)], transport, nexthop, mta.policy, mta.world)


def test_the_agents_without_a_mailbox(tmp_path: Path) -> None:
    mta = Mta(tmp_path)
    (said,) = asyncio.run(Error().deliver(job(mta, "error", "5.1.2 no such thing")))
    assert (said.status, said.dsn, said.text, said.relay) == (Status.BOUNCED, "5.1.2", "no such thing", "none")
    (said,) = asyncio.run(Error().deliver(job(mta, "error", "plain text")))
    assert (said.status, said.dsn, said.text) == (Status.BOUNCED, "5.0.0", "plain text")
    (said,) = asyncio.run(Error().deliver(job(mta, "retry", "later")))
    assert (said.status, said.dsn) == (Status.DEFERRED, "4.3.0")
    (said,) = asyncio.run(Error().deliver(job(mta, "error", "x", Reply.of(451, "4.3.5 broken"))))
    assert (said.status, said.dsn, said.text) == (Status.DEFERRED, "4.3.5", "broken")
    (said,) = asyncio.run(Discard(mta.context).deliver(job(mta, "discard", "d.test")))
    assert (said.status, said.text) == (Status.SENT, "d.test")


def test_the_status_of_a_reply() -> None:
    assert status_of(Reply.of(550, "5.1.1 no")) == ("5.1.1", "no")
    assert status_of(Reply.of(450, "mailbox busy")) == ("4.0.0", "mailbox busy")


def test_a_filter_overrides_the_route(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            message = mta.message("a@x", "alice@example.com")
            message.effects = (Effect(EffectKind.FILTER, "smtp:[127.0.0.1]:10025"),)
            assert mta.context.intake is not None
            await mta.context.intake.accept(message)
            await mta.settle()
            assert [to for _, to in mta.smtp.attempts] == [["alice@example.com"]]

    drive(main())


def test_another_transport_takes_the_place_of_the_mailbox(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.deliveries["a@example.com"] = (
                Delivery(DeliveryKind.TRANSPORT, "discard:gone", Recipient("a@example.com")),
            )
            nowhere = Delivery(DeliveryKind.TRANSPORT, "nosuch:", Recipient("b@example.com"))
            mta.policy.deliveries["b@example.com"] = (nowhere,)
            await mta.send("s@far.test", "a@example.com", "b@example.com")
            log = mta.log("local")
            assert any("to=<a@example.com>" in line and line.endswith("status=sent (gone)") for line in log)
            assert any("to=<b@example.com>" in line and "status=deferred (mail transport unav" in line for line in log)

    drive(main())

"""What bounce(8) delivers and logs under many configurations (tests/vectors/record_reports.py), ours does too."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from mta_fixture import Mta
from test_mailbox_vectors import RECEIVED, recipient

from mailconf.cli.own.personality import postfix_personality
from mailconf.diagnostics import Sink
from mailconf.model.verdict import Delivery, DeliveryKind
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.vectors.record_mailbox import delivered
from tests.vectors.record_reports import FILE, logged
from tests.vectors.store import load

VECTORS = load("reports")
RECORDED = VECTORS.keyed("name")
FATAL = [name for name, case in RECORDED.items() if any(text.startswith("fatal: ") for text in case["log"])]
COMMANDS = {"fails": "echo some output; exit 67", "slow": "exit 75"}


def configuration_of(top: Path, case: dict[str, Any], sink: Sink) -> Configuration:
    etc = top / "etc"
    etc.mkdir()
    parameters = {**VECTORS.head.common["parameters"], **case["settings"], "alias_maps": ""}
    main = "".join(f"{name} = {value}\n" for name, value in parameters.items())
    (etc / "main.cf").write_text(main.replace("@TOP@", str(top)))
    (etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    (etc / "templates").write_text(case["templates"], encoding="utf-8")
    return Configuration.load(str(etc), sink)


def deliveries(mail: Path) -> dict[str, tuple[Delivery, ...]]:
    mine = {"uid": os.geteuid(), "gid": os.getegid()}
    kinds = {
        "games": (DeliveryKind.MBOX, f"{mail}/games"),
        **{name: (DeliveryKind.FILE, f"{mail}/{name}") for name in ("boss", "second", "late", "postmaster")},
        **{name: (DeliveryKind.COMMAND, command) for name, command in COMMANDS.items()},
    }
    addresses = {f"{name}@example.com": found for name, found in kinds.items()}
    return {to: (Delivery(kind, target, to, **mine),) for to, (kind, target) in addresses.items()}


async def run(top: Path, case: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The mailboxes and the lines about reports when our MTA is given the case's message."""
    sink = Sink()
    configuration = configuration_of(top, case, sink)
    policy = compile_policy(configuration, sink)
    mail = top / "mail"
    mail.mkdir()
    async with Mta(top) as mta:
        context, fake = mta.context, mta.policy
        context.personality = postfix_personality(configuration, sink)
        assert not sink.failed
        kept = fake.site
        fake.site = dataclasses.replace(policy.site, queue_directory=kept.queue_directory, transports=kept.transports)
        fake.rewrite = policy.rewrite  # type: ignore[method-assign]
        fake.deliveries = deliveries(mail)
        sender, recipients, options, text = case["message"]
        message = mta.message(sender, *map(recipient, recipients), content=RECEIVED + text.encode())
        parameters = dict(option.split("=", 1) for option in options)
        message.ret, message.body = parameters.get("RET", ""), parameters.get("BODY", "")
        message.local = True
        assert context.intake is not None
        await context.intake.accept(message)
        await mta.settle()
        for _ in range(8):
            await mta.advance(1)
        lines = [f"postfix/{line}" for line in mta.lines]
    lines += [f"postfix/bounce: warning: {text}" for text in context.personality.reports.warnings]
    return delivered(mail), [text.replace(str(top), "TOP") for text in logged(lines)]


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in FATAL])
def test_as_recorded(name: str, tmp_path: Path) -> None:
    case = RECORDED[name]
    boxes, log = asyncio.run(asyncio.wait_for(run(tmp_path, case), 60))
    assert boxes == case["delivered"]
    assert log == case["log"]


@pytest.mark.parametrize("name", FATAL)
def test_what_ends_bounce_is_reported(name: str, tmp_path: Path) -> None:
    case, sink = RECORDED[name], Sink()
    postfix_personality(configuration_of(tmp_path, case, sink), sink)
    said = [f"{d.message.replace(str(tmp_path), 'TOP')}" for d in sink if d.code == "PF237"]
    assert said == [text.removeprefix("fatal: ") for text in case["log"] if text.startswith("fatal: ")]
    assert sink.failed


def test_a_template_that_is_ignored_is_reported(tmp_path: Path) -> None:
    case, sink = RECORDED["unknown label"], Sink()
    postfix_personality(configuration_of(tmp_path, case, sink), sink)
    assert [d.code for d in sink] == ["PF238"] and not sink.failed
    assert case["settings"] == FILE and 'unknown "X-Subject" header label' in next(iter(sink)).message

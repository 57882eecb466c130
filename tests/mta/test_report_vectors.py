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

from mailconf.cli.shared.postfix_personality import postfix_personality
from mailconf.diagnostics import Sink
from mailconf.model.recipient import Identity, Recipient
from mailconf.model.verdict import Delivery, DeliveryKind
from mailconf.mta.headers import Fields, HeaderLimits, records_head_of
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.vectors.record_mailbox import delivered
from tests.vectors.record_reports import CASES, FILE, HEADER_CASES, PARAMETERS, logged
from tests.vectors.store import load, versions_of

RECORDED = {
    version: load(f"reports@{version}").keyed("name") | load(f"report_headers@{version}").keyed("name")
    for version in versions_of("reports")
}
FATAL = [name for name, case in RECORDED["3.7.11"].items() if any(text.startswith("fatal: ") for text in case["log"])]
each_version = pytest.mark.parametrize("version", RECORDED)
COMMANDS = {"fails": "echo some output; exit 67", "slow": "exit 75"}


def configuration_of(top: Path, case: dict[str, Any], sink: Sink) -> Configuration:
    etc = top / "etc"
    etc.mkdir()
    parameters = {**PARAMETERS, **case["settings"], "alias_maps": ""}
    main = "".join(f"{name} = {value}\n" for name, value in parameters.items())
    (etc / "main.cf").write_text(main.replace("@TOP@", str(top)))
    (etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    (etc / "templates").write_text(case["templates"], encoding="utf-8")
    return Configuration.load(str(etc), sink)


def deliveries(mail: Path) -> dict[str, tuple[Delivery, ...]]:
    mine = Identity(os.geteuid(), os.getegid())
    kinds = {
        "games": (DeliveryKind.MBOX, f"{mail}/games"),
        **{name: (DeliveryKind.FILE, f"{mail}/{name}") for name in ("boss", "second", "late", "postmaster")},
        **{name: (DeliveryKind.COMMAND, command) for name, command in COMMANDS.items()},
    }
    addresses = {f"{name}@example.com": found for name, found in kinds.items()}
    return {to: (Delivery(kind, target, Recipient(to, identity=mine)),) for to, (kind, target) in addresses.items()}


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
        message = mta.message(
            sender, *map(recipient, recipients), content=RECEIVED + text.encode("utf-8", "surrogateescape")
        )
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


@each_version
@pytest.mark.parametrize("name", [name for name in (*CASES, *HEADER_CASES) if name not in FATAL])
def test_as_recorded(version: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", version)
    case = RECORDED[version][name]
    boxes, log = asyncio.run(asyncio.wait_for(run(tmp_path, case), 60))
    assert boxes == case["delivered"]
    assert log == case["log"]


@each_version
@pytest.mark.parametrize("name", FATAL)
def test_what_ends_bounce_is_reported(version: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", version)
    case, sink = RECORDED[version][name], Sink()
    postfix_personality(configuration_of(tmp_path, case, sink), sink)
    said = [f"{d.message.replace(str(tmp_path), 'TOP')}" for d in sink if d.code == "PF237"]
    assert said == [text.removeprefix("fatal: ") for text in case["log"] if text.startswith("fatal: ")]
    assert sink.failed


def test_records_of_headers() -> None:
    fields = b"A: b\n c\nB: d\n"
    assert records_head_of(fields + b"\nbody\n", 4) == fields
    assert records_head_of(fields + b"\nbody\n", 0) == fields
    for rest, kept in (
        (b"xx", b""),
        (b" x", b" x"),
        (b"\tx", b"\tx"),
        (b"x:", b"x:"),
        (b":x", b""),
        (b"x :y", b"x :y"),
    ):
        whole = b"Name" + b":" * (rest[:1] != b"") + b"xxx" + rest + b"\nB: d\n"
        assert records_head_of(whole, 8) == (whole if kept else b"Name:xxx"), rest
    assert records_head_of(b"Name:xxx x:yyyyyzz\nB: d\n", 8) == b"Name:xxx x:yyyyy"


def test_fields_with_nulls() -> None:
    limits = HeaderLimits(12, 8)
    for raw, taken in (
        (b"A: b\0c", b"A: b"),
        (b"A: b\0c\n d\0e\n \0", b"A: b\n d\n "),
        (b"A: xxx\0xxyy\0zzzzz", b"A: xxxxyyz"),  # records of 8 bytes
        (b"A: xxxxxyyyyyyyy\0\n z", b"A: xxxxxyyyyyyyy"),  # which are taken while there are less than 12
    ):
        assert [header.raw for header in Fields(raw + b"\nB: c\n\nbody\n", limits)] == [taken, b"B: c"], raw
        assert b"\0" not in b"".join(header.raw for header in Fields(raw + b"\n"))


def test_a_template_that_is_ignored_is_reported(tmp_path: Path) -> None:
    case, sink = RECORDED["3.7.11"]["unknown label"], Sink()
    postfix_personality(configuration_of(tmp_path, case, sink), sink)
    assert [d.code for d in sink] == ["PF238"] and not sink.failed
    assert case["settings"] == FILE and 'unknown "X-Subject" header label' in next(iter(sink)).message

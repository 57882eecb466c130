"""What the real Postfix put into mailboxes, bounces and its log (tests/vectors/record_mailbox.py), ours puts too."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from mta_fixture import Mta

from mailconf.model.recipient import Identity
from mailconf.model.verdict import Delivery, DeliveryKind, Reply
from mailconf.mta.headers import guard
from mailconf.mta.message import Recipient

VECTORS = Path(__file__).parent.parent / "vectors"
sys.path.insert(0, str(VECTORS))
sys.path.insert(0, str(VECTORS.parent / "live"))

from record_mailbox import delivered, normal  # noqa: E402

from tests.vectors.store import load  # noqa: E402

RECORDED = load("mailbox").keyed("name")
RECEIVED = b"Received: from client.example.org (localhost [127.0.0.1])\n\tby mail.example.com; now\n"


def deliveries(mail: str) -> dict[str, tuple[Delivery, ...]]:
    """What the recorded site's aliases and mailboxes come to."""

    def to(address: str, kind: DeliveryKind, target: str, recipient: str = "") -> tuple[str, Delivery]:
        mine = Identity(os.geteuid(), os.getegid())
        return address, Delivery(kind, target, Recipient(recipient or address, identity=mine))

    games = to("games@example.com", DeliveryKind.MBOX, f"{mail}/games")[1]
    noisy = "|echo a rather long line of output that has to be wrapped somewhere in the report to the sender; exit 77"
    single = dict(
        [
            ("games@example.com", games),
            ("GAMES@Example.COM", games),
            to("x@example.net", DeliveryKind.MBOX, f"{mail}/vmbox"),
            to("m@example.net", DeliveryKind.MAILDIR, f"{mail}/vmaildir/"),
            to("file@example.com", DeliveryKind.FILE, f"{mail}/file"),
            to("mdir@example.com", DeliveryKind.MAILDIR, f"{mail}/mdir/"),
            to("command@example.com", DeliveryKind.COMMAND, f"cat > {mail}/command"),
            to("fails@example.com", DeliveryKind.COMMAND, "echo some output; exit 67"),
            to("dies@example.com", DeliveryKind.COMMAND, "exit 3"),
            to("refuses@example.com", DeliveryKind.COMMAND, noisy[1:]),
        ]
    )
    long = "no-such-user-with-a-long-name"
    unknown = Delivery(
        DeliveryKind.ERROR, "", Recipient(f"{long}@example.com"), Reply.of(550, f'5.1.1 unknown user: "{long}"')
    )
    found = {address: (item,) for address, item in single.items()}
    found["list@example.com"] = (games, to("list@example.com", DeliveryKind.COMMAND, "exit 69")[1])
    found["unknown@example.com"] = (unknown,)
    return found


def recipient(text: str) -> Recipient:
    address, *parameters = text.split(" ")
    found = dict(parameter.split("=", 1) for parameter in parameters)
    return Recipient(address, address, found.get("ORCPT", ""), found.get("NOTIFY", ""))


async def run(top: Path, case: dict[str, Any], from_lines: bool = True) -> tuple[dict[str, str], list[str]]:
    (top / "mail").mkdir()
    async with Mta(top) as mta:
        mta.policy.deliveries = deliveries(str(top / "mail"))
        mta.policy.domains["Example.COM"] = "local"
        sender = case["sender"].replace('"', "")
        options = dict(option.split("=", 1) for option in case["options"] if "=" in option)
        text = guard(case["text"].encode(), from_lines)
        content = RECEIVED + (text if text.endswith(b"\n") or not text else text + b"\n")
        message = mta.message(sender, *map(recipient, case["recipients"]), content=content)
        message.ret, message.envid = options.get("RET", ""), options.get("ENVID", "")
        assert mta.context.intake is not None
        await mta.context.intake.accept(message)
        await mta.settle()
        lines = [line.partition(": ")[0::2] for line in mta.lines if ": to=<" in line]
    log = [
        f"postfix/{program}: " + normal(re.sub(r"delay=\S+ delays=\S+ ", "", text.partition(": ")[2]), str(top))
        for program, text in lines
    ]
    return delivered(top / "mail"), sorted(log)


@pytest.mark.parametrize("name", RECORDED)
def test_as_recorded(name: str, tmp_path: Path) -> None:
    case = RECORDED[name]
    boxes, log = asyncio.run(asyncio.wait_for(run(tmp_path, case), 30))
    assert boxes == case["delivered"]
    assert log == case["log"]

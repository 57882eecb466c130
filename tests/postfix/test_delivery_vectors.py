"""Replays what local and virtual did (tests/vectors/deliveries.jsonl, by record_deliveries.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from delivery_scenarios import BASE, FILES, Deliveries, scenarios  # noqa: E402
from dialogue import policy_of  # noqa: E402

from mailconf.diagnostics import Sink  # noqa: E402
from mailconf.files import Root  # noqa: E402
from mailconf.maps.build.write import write_map  # noqa: E402
from mailconf.model.address import external  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.policy import AddressPlace, Role, Side  # noqa: E402
from mailconf.model.verdict import Delivery, DeliveryKind  # noqa: E402
from mailconf.model.world import Ask, run  # noqa: E402
from mailconf.source import Source, encode  # noqa: E402
from mailconf.tables.aliases import read_aliases  # noqa: E402
from mailconf.tables.postmap import fold  # noqa: E402
from tests.vectors.store import load  # noqa: E402

RECORDED = load("deliveries").by("scenario")
PASSWD = """\
root:x:0:0:root:/root:/bin/bash
sync:x:4:65534:sync:/bin:/bin/sync
games:x:5:60:games:/usr/games:/usr/sbin/nologin
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
lp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin
news:x:9:9:news:/var/spool/news:/usr/sbin/nologin
uucp:x:10:10:uucp:/var/spool/uucp:/usr/sbin/nologin
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
list:x:38:38:Mailing List Manager:/var/list:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
# As private_postfix.py runs it.
COMMON = {
    "compatibility_level": "3.6",
    "inet_protocols": "ipv4",
    "mail_spool_directory": "@TOP@/mail",
    "mailbox_size_limit": "0",
}


@pytest.mark.parametrize(("number", "scenario"), list(enumerate(scenarios())))
def test_deliveries_are_as_recorded(number: int, scenario: Deliveries, tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name, content in FILES.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.replace("@TOP@", "/site"))
    entries = read_aliases(Source.read(Root(), site / "aliases"), Sink())
    write_map("hash", site / "aliases.db", [(fold(encode(e.key)), encode(e.value)) for e in entries])
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text(PASSWD)
    lines = "".join(f"{name} = {value}\n" for name, value in {**COMMON, **BASE, **scenario.parameters}.items())
    (site / "main.cf").write_text(lines.replace("@TOP@", "/site"))
    (site / "master.cf").write_text("local unix - n n - - local\nvirtual unix - n n - - virtual\n")
    root = Root(tmp_path)
    policy, _ = policy_of(Path("/site"), root)
    world = FileWorld(root)
    for case in RECORDED[number]:
        recipient, theirs = case["recipient"], case["results"]
        ask = Ask(world)
        address = run(policy.rewrite(recipient, Role(AddressPlace.ENVELOPE, Side.RECIPIENT), ask))
        route = run(policy.resolve(address, ask))
        items = run(policy.deliver(route, ask)).items
        agent = policy.site.transports[route.transport].program
        ours = [shown(item, agent) for item in items if item.kind is not DeliveryKind.FORWARD] + forwards(items)
        assert sorted(ours) == sorted(simple(result) for result in theirs), recipient


def simple(result: list[str]) -> list[str]:
    """A recorded result; where the engine could not write, what counts is where it tried to."""
    if result[0] == "forward":
        return result
    agent, address, dsn, status, text = result
    for failure, kind in (
        ("maildir delivery failed: create maildir file ", "maildir"),
        ("cannot update mailbox ", "mailbox"),
    ):
        if text.startswith(failure):
            path = text.removeprefix(failure).split(" for ")[0].split("/tmp/")[0]
            return [agent, address, "2.0.0", "sent", f"delivered to {kind} {path}"]
    if status == "SOFTBOUNCE":
        status = "deferred"
    return [agent, address, dsn, status, text]


def forwards(items: tuple[Delivery, ...]) -> list[list[str]]:
    found: dict[str, set[str]] = {}
    for item in items:
        if item.kind is DeliveryKind.FORWARD:
            found.setdefault(external(item.recipient.owner) or "s@sender.example", set()).add(external(item.target))
    return [["forward", sender, *sorted(targets)] for sender, targets in found.items()]


def shown(item: Delivery, agent: str) -> list[str]:
    """An item as the log would have it."""
    done = ["2.0.0", "sent"]
    target = item.target.replace("/site", "@TOP@")
    match item.kind:
        case DeliveryKind.ERROR:
            assert item.reply is not None
            dsn, _, text = item.reply.text.partition(" ")
            return [agent, item.recipient.address, dsn, "deferred" if dsn.startswith("4") else "bounced", text]
        case DeliveryKind.TRANSPORT:
            transport, _, nexthop = item.target.partition(":")
            return [transport, item.recipient.address, *done, nexthop]
        case DeliveryKind.MBOX:
            elsewhere = target.startswith(("@TOP@/mail/", "@TOP@/v/"))
            return [agent, item.recipient.address, *done, "delivered to mailbox" + ("" if elsewhere else f" {target}")]
        case DeliveryKind.MAILDIR:
            elsewhere = target.startswith(("@TOP@/maildirs/", "@TOP@/v/"))
            text = "delivered to maildir" + ("" if elsewhere else f" {target.removesuffix('/')}")
            return [agent, item.recipient.address, *done, text]
        case DeliveryKind.DISCARD:
            return [agent, item.recipient.address, *done, item.target]
    return [agent, item.recipient.address, *done, f"delivered to {item.kind.value}: {target}"]

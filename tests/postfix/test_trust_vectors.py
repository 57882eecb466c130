"""Replays what Postfix does with tables that it does not trust in their role (tests/vectors/trust.jsonl)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from dialogue import policy_of  # noqa: E402
from test_delivery_vectors import COMMON, PASSWD  # noqa: E402
from trust_scenarios import BASE, FILES, ROLES, scenarios  # noqa: E402

from mailconf.files import Root  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.verdict import DeliveryKind  # noqa: E402
from mailconf.model.world import Ask, run  # noqa: E402
from tests.vectors.store import load  # noqa: E402

RECORDED = load("trust").keyed("parameter", "table")
SENDER = "s@sender.example"


def outcome(top: Path, name: str, table: str) -> list[str]:
    """[agent, recipient, text]: the start of what the engine logs."""
    site = top / "site"
    site.mkdir()
    (top / "etc").mkdir()
    (top / "etc/passwd").write_text(PASSWD)
    for file, content in FILES.items():
        (site / file).write_text(content)
    lines = "".join(f"{key} = {value}\n" for key, value in {**COMMON, **BASE, name: table}.items())
    (site / "main.cf").write_text(lines.replace("@TOP@", "/site"))
    (site / "master.cf").write_text("".join(f"{x} unix - n n - - {x}\n" for x in ("local", "virtual", "discard")))
    policy, _ = policy_of(Path("/site"), Root(top))
    ask = Ask(FileWorld(Root(top)))
    route = run(policy.resolve(ROLES[name], ask, sender=SENDER))
    agent = policy.site.transports[route.transport].program
    if agent == "discard":
        return [agent, route.recipient, route.nexthop]
    [item] = run(policy.deliver(route, ask)).items
    match item.kind:
        case DeliveryKind.ERROR:
            assert item.reply is not None
            return [agent, item.recipient.address, item.reply.text]
        case DeliveryKind.TRANSPORT:
            transport, _, nexthop = item.target.partition(":")
            return [transport, item.recipient.address, nexthop]
        case DeliveryKind.COMMAND:
            return [agent, item.recipient.address, item.target]
    return [agent, item.recipient.address, "delivered to mailbox"]


@pytest.mark.parametrize(("name", "table"), scenarios())
def test_as_recorded(name: str, table: str, tmp_path: Path) -> None:
    [[agent, recipient, dsn, status, text]] = RECORDED[name, table]["results"]
    if '"discard:$1"' in text:  # what the shell says of it is of no interest
        text = "discard:$1"
    expected = [agent, recipient, text if status == "sent" or text == "discard:$1" else f"{dsn} {text}"]
    assert outcome(tmp_path, name, table) == expected

"""Replays what trivial-rewrite and cleanup did (by record_rewriting.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from dialogue import policy_of  # noqa: E402
from rewriting_scenarios import BASE, CLEANUP, Messages, Questions, messages, questions  # noqa: E402

from mailconf.model.address import external, internal  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.policy import AddressPlace, Role, Side  # noqa: E402
from mailconf.model.recipient import Recipient  # noqa: E402
from mailconf.model.world import Ask, LookupFailed, run  # noqa: E402
from mailconf.postfix.policy.policy import PostfixPolicy  # noqa: E402
from mailconf.postfix.settings.lookup import Tables  # noqa: E402
from tests.vectors.store import load  # noqa: E402

FORMS, ROUTES, QUEUED = (load(name).by("scenario") for name in ("standard_forms", "routes", "queued_addresses"))
COMMON = {"compatibility_level": "3.6", "inet_protocols": "ipv4"}

# resolve's flags: the address class, and what else is known of the address.
CLASSES = {256: "local", 512: "virtual alias", 1024: "virtual mailbox", 2048: "relay", 4096: "default"}
ROUTED, BAD, FAILED = 2, 4, 8


def open_policy(top: Path, parameters: dict[str, str], tables: dict[str, str] | None = None) -> PostfixPolicy:
    for name, content in (tables or {}).items():
        (top / name).write_text(content)
    lines = "".join(f"{name} = {value}\n" for name, value in {**COMMON, **parameters}.items())
    (top / "main.cf").write_text(lines.replace("@TOP@", str(top)))
    (top / "master.cf").write_text("")
    return policy_of(top)[0]


def numbered(values: list[Any]) -> list[Any]:
    return [pytest.param(n, value, id=f"{n}-{next(iter(value.parameters), 'plain')}") for n, value in enumerate(values)]


@pytest.mark.parametrize(("number", "scenario"), numbered(questions()))
def test_standard_form_and_routes(number: int, scenario: Questions, tmp_path: Path) -> None:
    policy = open_policy(tmp_path, {**BASE, **scenario.parameters})
    standard = [
        [external(policy.rewriter.standard(a)), external(policy.rewriter.standard(a, local=False))]
        for a in scenario.standard
    ]
    assert standard == [[case["local"], case["remote"]] for case in FORMS.get(number, [])]
    world = FileWorld()
    ours = []
    for address in scenario.resolve:
        for sender in scenario.senders:
            found = run(policy.resolver.resolve(address, Ask(world), sender))
            route = (found.transport, found.nexthop, found.recipient)
            if found.failed is not None:
                ours.append((address, sender, "failed"))
            elif found.bad:
                ours.append((address, sender, found.address_class, "bad"))
            else:
                ours.append((address, sender, found.address_class, found.routed, *route))
    assert ours == [recorded_route(case) for case in ROUTES.get(number, [])]


def recorded_route(case: dict[str, Any]) -> tuple[Any, ...]:
    asked, bits = (case["address"], case["sender"]), int(case["flags"])
    if bits & FAILED:
        return (*asked, "failed")
    if bits & BAD:
        return (*asked, CLASSES[bits & ~15], "bad")
    route = (case["transport"], case["nexthop"], case["recipient"])
    return (*asked, CLASSES[bits & ~15], bool(bits & ROUTED), *route)


@pytest.mark.parametrize(("number", "scenario"), numbered(messages()))
def test_messages_are_queued_as_recorded(number: int, scenario: Messages, tmp_path: Path) -> None:
    policy = open_policy(tmp_path, {**CLEANUP, **scenario.parameters}, scenario.tables)
    fields = ("refused", "sender", "recipients", "from", "to")
    recorded = [{name: case[name] for name in fields if name in case} for case in QUEUED[number]]
    ours = [queued(policy, *message) for message in scenario.messages]
    for answer in recorded:
        if "recipients" in answer and any("bcc" in name for name in scenario.parameters):
            answer["recipients"].sort()
    assert ours == recorded


def queued(policy: PostfixPolicy, sender: str, recipients: list[str], author: str, addressee: str) -> dict[str, Any]:
    """What would be in the queue, in the recorded form."""
    ask = Ask(FileWorld())
    envelope_sender = Role(AddressPlace.ENVELOPE, Side.SENDER)
    envelope_recipient = Role(AddressPlace.ENVELOPE, Side.RECIPIENT)
    final: list[str] = []
    try:
        from_ = run(policy.rewrite(internal(sender), envelope_sender, ask))
        copies = run(policy.bcc(from_, [internal(r) for r in recipients], ask))
        for recipient in [*map(internal, recipients), *copies]:
            rewritten = run(policy.rewrite(recipient, envelope_recipient, ask))
            expansion = run(policy.expand(Recipient(rewritten), ask))
            if expansion.error is not None:
                return {"refused": str(expansion.error)}
            final += [
                r for r in (found.address for found in expansion.recipients) if r.lower() not in map(str.lower, final)
            ]
        return {
            "sender": from_,
            "recipients": sorted(final) if copies else final,  # where copies stand is the queue's affair
            "from": external(run(policy.rewrite(internal(author), Role(AddressPlace.HEADER, Side.SENDER), ask))),
            "to": external(run(policy.rewrite(internal(addressee), Role(AddressPlace.HEADER, Side.RECIPIENT), ask))),
        }
    except LookupFailed:
        return {"refused": "451 4.3.0 Error: queue file write error"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<x@y.example>", ["x@y.example"]),
        ("Name <x@y.example>, z@y.example", ["x@y.example", "z@y.example"]),
        ('"A, B" <"x y"@y.example>', ["x y@y.example"]),
        ("<x>", ["x@mx.example.com"]),
        ('<"x@y">', ["x@y@mx.example.com"]),
        ("<(c) x@y.example (d)>", ["x@y.example"]),
    ],
)
def test_what_a_table_has_in_brackets_is_an_address(value: str, expected: list[str], tmp_path: Path) -> None:
    """mail_addr_crunch of Postfix's own source answers the same; tests/live/suite_inputs.py asks more."""
    policy = open_policy(tmp_path, {"myhostname": "mx.example.com", "myorigin": "mx.example.com"})
    tables = Tables.of(f"inline:{{ {{k@example.com = {value}}} }}", "hash")
    found = run(policy.rewriter.map_all(Ask(FileWorld()), tables, "k@example.com", propagate=True))
    assert found == expected

"""Our Policy beside the real Postfix, on addresses, aliases, restriction lists and sessions made at random.

The sessions need a DNS of their own and run in a process that has one (tests/vectors/record_policy.py).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("vectors", "live", "postfix")]

from dialogue import Dialogue  # noqa: E402
from policy_replay import open_site  # noqa: E402
from policy_scenarios import CLIENTS, HELOS, RESTRICTIONS, SENDERS, STAGES, Scenario, client  # noqa: E402
from private_postfix import PrivatePostfix  # noqa: E402
from refusal_scenarios import CODES, with_codes  # noqa: E402
from rewriting_scenarios import BASE, CLEANUP, Messages  # noqa: E402
from test_rewriting_vectors import CLASSES, open_policy, queued  # noqa: E402

from mailconf.model.address import external, internal  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.world import Ask, run  # noqa: E402

pytestmark = pytest.mark.live

_LOCAL = [
    "a",
    "b",
    "user",
    "+",
    "ext",
    "-",
    ".",
    "!",
    "%",
    "@",
    " ",
    "foo.example",
    "rel.example",
    "y.z",
    "MAILER-DAEMON",
]
_LOCAL += [",", "..", "ä", "[x]", "<", ";", '"']
_DOMAINS = ["", "@", "@foo.example", "@rel.example", "@sub.rel.example", "@va.example", "@vm.example", "@y.z", "@B.C"]
_DOMAINS += [
    "@[127.0.0.1]",
    "@[1.2.3.4]",
    "@localhost",
    "@ä.example",
    "@1.2.3.4",
    "@y.z.",
    "@-y.z",
    "@y..z",
    "@[x]",
    "@b",
]
_CONFIGURATIONS: list[dict[str, str]] = [
    {},
    {"append_dot_mydomain": "yes", "recipient_delimiter": "+-"},
    {"swap_bangpath": "no", "transport_maps": "inline:{user@y.z=tu:, y.z=ty:ny, .rel.example=tsub:, *=star:hop}"},
    {"relayhost": "[rh]:26", "relocated_maps": "inline:{a=moved, user@y.z=gone}", "resolve_null_domain": "yes"},
]


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    # Not below pytest's own folder: every run of pytest closes that to other users, Postfix's included.
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as running:
        yield running


@pytest.mark.parametrize("parameters", _CONFIGURATIONS, ids=lambda p: next(iter(p), "plain"))
def test_random_addresses_are_rewritten_and_resolved_alike(
    postfix: PrivatePostfix, parameters: dict[str, str], tmp_path: Path
) -> None:
    postfix.configure({**BASE, **parameters})
    policy = open_policy(tmp_path, {**BASE, **parameters})
    world = FileWorld()
    pick = random.Random(repr(parameters))
    for _ in range(150):
        address = "".join(pick.choice(_LOCAL) for _ in range(pick.randint(1, 5))) + pick.choice(_DOMAINS)
        asked = external(internal(address))
        assert external(policy.rewriter.standard(internal(asked))) == postfix.canonify(asked), asked
        address = policy.rewriter.standard(internal(asked))
        answer = postfix.resolve(address)
        found = run(policy.resolver.resolve(address, Ask(world), ""))
        flags = int(answer["flags"])
        ours: list[Any] = [found.bad]
        theirs: list[Any] = [bool(flags & 4)]
        if not found.bad:
            ours += [found.address_class, found.routed, found.transport, found.nexthop, found.recipient]
            theirs += [
                CLASSES[flags & ~15],
                bool(flags & 2),
                answer["transport"],
                answer["nexthop"],
                answer["recipient"],
            ]
        assert ours == theirs, address


def test_random_aliases_expand_alike(postfix: PrivatePostfix, tmp_path: Path) -> None:
    from record_rewriting import queue

    pick = random.Random("aliases")
    names = [f"n{k}" for k in range(20)] + ["n1+e", "n2+e", "@va.example", "n3@va.example", "n4@foo.example"]

    def target() -> str:
        word = pick.choice([*(n for n in names if n[0] != "@"), "x@far.example", "y@far.example", "n5+z"])
        return word if "@" in word or pick.random() < 0.5 else f"{word}@example.com"

    # "@domain" keeps the local part, and is meant to stand alone.
    lines = {
        name: "@foo.example" if pick.random() < 0.1 else ", ".join(target() for _ in range(pick.randint(1, 4)))
        for name in names
        if pick.random() < 0.8
    }
    table = "".join(f"{name}\t{value}\n" for name, value in lines.items())
    scenario = Messages(
        {
            "virtual_alias_maps": "texthash:@TOP@/v",
            "virtual_alias_expansion_limit": "40",
            "virtual_alias_recursion_limit": "30",
        },
        [("s", [name.replace("@", "u@") if name[0] == "@" else name], "x@h.example", "y@h.example") for name in names],
        {"v": table},
    )
    theirs = queue(postfix, scenario)
    policy = open_policy(tmp_path, {**CLEANUP, **scenario.parameters}, scenario.tables)
    ours = [queued(policy, *message) for message in scenario.messages]
    assert ours == theirs


def test_random_sessions_are_answered_alike(tmp_path: Path) -> None:
    scenarios = [_random_scenario(random.Random(seed), seed) for seed in range(20)]
    recorded = _recorded(scenarios)
    for number, scenario in enumerate(scenarios):
        folder = tmp_path / str(number)
        folder.mkdir()
        policy, world = open_site(scenario, folder)
        for session, answer in zip(scenario.sessions, recorded[number]["answers"], strict=True):
            dialogue = Dialogue(policy, world)
            replies = [dialogue.command(line) for line in session]
            assert replies == answer["replies"], (scenario.parameters, session)
            assert dialogue.log == answer["log"], (scenario.parameters, session)


def test_random_reply_codes_are_answered_alike(tmp_path: Path) -> None:
    pick = random.Random("codes")
    confined = {"unverified_recipient_defer_code", "unverified_sender_defer_code"}
    scenarios = []
    for number in range(6):
        codes = {name: str(pick.choice([pick.randint(380, 620), pick.randint(0, 999)])) for name in CODES}
        codes.update({name: str(pick.randint(200, 499)) for name in confined})
        scenarios.append(with_codes(codes, pick.choice(["yes", "no"]), f"codes {number}"))
    recorded = _recorded(scenarios)
    for number, scenario in enumerate(scenarios):
        folder = tmp_path / str(number)
        folder.mkdir()
        policy, world = open_site(scenario, folder)
        for session, answer in zip(scenario.sessions, recorded[number]["answers"], strict=True):
            dialogue = Dialogue(policy, world)
            assert [dialogue.command(line) for line in session] == answer["replies"], (scenario.parameters, session)


def _recorded(scenarios: list[Scenario]) -> list[dict[str, Any]]:
    """What the real Postfix answers, in a process that has a DNS of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.vectors.record_policy", "-"],
        cwd=TESTS.parent,
        input=json.dumps([vars(scenario) for scenario in scenarios]),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return [found[scenario.name] for scenario in scenarios]


def _random_scenario(pick: random.Random, seed: int) -> Scenario:
    """Lists made of the words that need no class, with the default guard behind them."""
    # XCLIENT does not change the address that permit_inet_interfaces looks at; the others need an argument, or wait.
    unfit = ("check_foo", "no_such", "sleep", "permit_inet_interfaces")
    words = [w for w in RESTRICTIONS if not w.startswith(unfit) and w != "check_client_access"]
    words += ["permit_mynetworks", "permit_auth_destination", "check_sender_access texthash:@TOP@/acc"]
    # In these stages the original forgets to look again, see mailconf/postfix/policy/smtpd.py.
    early = [w for w in words if "unlisted" not in w and w != "check_recipient_maps"]
    parameters = {}
    for stage in STAGES[:5]:
        choice = _usable(pick, early if stage in ("client", "helo") else words, pick.randint(0, 4))
        parameters[f"smtpd_{stage}_restrictions"] = ", ".join(choice)
    # What comes behind "permit" does not count, and a server without a guard does not start.
    relay = ", ".join(w for w in parameters["smtpd_relay_restrictions"].split(", ") if w != "permit")
    parameters["smtpd_relay_restrictions"] = (
        f"{relay}, reject_unauth_destination" if relay else "reject_unauth_destination"
    )
    for name in ("soft_bounce", "smtpd_reject_unlisted_sender", "allow_untrusted_routing"):
        parameters[name] = pick.choice(["yes", "no"])
    parameters["smtpd_reject_unlisted_recipient"] = pick.choice(["yes", "yes", "no"])
    parameters["smtpd_relay_before_recipient_restrictions"] = pick.choice(["yes", "yes", "no"])
    actions = [
        "OK",
        "REJECT go",
        "DEFER_IF_PERMIT x",
        "DEFER_IF_REJECT y",
        "HOLD",
        "WARN w",
        "450 4.1.8 z",
        "permit_mynetworks, reject",
    ]
    table = "".join(
        f"{key} {pick.choice(actions)}\n" for key in ("good.example", "s@", "<>", "spam.example", "example.com")
    )
    recipients = ["alice@example.com", "nobody@example.com", "x@rel.example", "y@rel.example", "r@good.example", "bob"]
    recipients += ["info@va.example", "y@va.example", "box@vm.example", "u%y@rel.example", "r@missing.example"]
    sessions = [
        [
            pick.choice([*CLIENTS, client("192.0.2.9")]),
            f"EHLO {pick.choice([*HELOS[:8], 'good.example', 'client.example'])}",
            f"MAIL FROM:<{pick.choice(SENDERS)}>",
            *(f"RCPT TO:<{recipient}>" for recipient in pick.sample(recipients, 4)),
        ]
        for _ in range(25)
    ]
    return Scenario(f"random {seed}", parameters, sessions, {"acc": table})


def _usable(pick: random.Random, words: list[str], count: int) -> list[str]:
    """Some words; nothing comes behind one that always decides, which the original warns about."""
    chosen: list[str] = []
    for word in pick.sample(words, count):
        chosen.append(word)
        if word.split(", ")[-1] in ("permit", "reject", "defer"):
            break
    return chosen

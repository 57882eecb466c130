"""trivial-rewrite(8) beside ours: the lines of rewrite_clnt.in and resolve_clnt.in, and addresses at random.

What smtpd(8) hands on is asked: the internal form of an address, and its external form where a rewriting is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from suite_runner import Tally, source

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.address import external, internal
from mailconf.model.fileworld import FileWorld
from mailconf.model.world import Ask, run
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.live.private_postfix import PrivatePostfix

BASE = {
    "myhostname": "mx.example.com",
    "mydestination": "example.com, localhost.$mydomain, foo.example",
    "relay_domains": "rel.example",
    "virtual_alias_domains": "va.example",
    "virtual_mailbox_domains": "vm.example",
    "inet_interfaces": "loopback-only",
    "recipient_delimiter": "+",
    "local_recipient_maps": "",
}
CONFIGURATIONS: tuple[dict[str, str], ...] = (
    {},
    {"append_dot_mydomain": "yes"},
    {"remote_header_rewrite_domain": "inv.example", "append_dot_mydomain": "yes"},
    {"remote_header_rewrite_domain": "inv", "append_dot_mydomain": "yes"},
    {"remote_header_rewrite_domain": "inv.example", "append_at_myorigin": "no", "append_dot_mydomain": "yes"},
    {"myorigin": "nodots", "append_dot_mydomain": "yes"},
    {"swap_bangpath": "no", "allow_percent_hack": "no", "append_dot_mydomain": "yes"},
    {"resolve_null_domain": "yes", "resolve_numeric_domain": "yes"},
    {"relayhost": "[rh.example]:26", "resolve_dequoted_address": "no"},
    {"empty_address_recipient": "nobody", "myorigin": "example.com"},
    {"transport_maps": 'inline:{u@y.z=tu:nu, y.z=ty:, .y.z=tdy:, *=star:, foo.example=ft:, {"a b"@y.z=q:r}}'},
    {"transport_maps": "inline:{example.com=:[h]:99}", "relocated_maps": "inline:{gone@example.com=somewhere}"},
    {"allow_min_user": "yes", "myorigin": "[127.0.0.1]"},
)
LOCALS = (
    *("a", "user", "u", "foo+x", "a!b", "a%b", "a%rel.example", "example.com!u", "x@y", "a b", '"a b"', '"a@b"', "a@b"),
    *(
        '"a!b"',
        "a\\ b",
        '"a\\"b"',
        "",
        "-x",
        "a..b",
        ".a",
        "a.",
        "gone",
        "a%b!c",
        "a%%b",
        "!",
        "%",
        "(c)a",
        "é",
        "root",
    ),
    *("MAILER-DAEMON", "postmaster", '""', '"a."', "a;b", "a,b", "double-bounce"),
)
DOMAINS = (
    *("example.com", "host", "foo.example", "rel.example", "sub.rel.example", "va.example", "vm.example", "y.z"),
    *("a.y.z", "[127.0.0.1]", "[1.2.3.4]", "1.2.3.4", "127.0.0.1", "host.", "example.com.", "a..b", "", "[::1]"),
    *("[IPv6:2001:db8::1]", "-a.b", "a_b.c", "localhost", "mx.example.com", "EXAMPLE.COM", "é.example", "[host]"),
    *("a b", ".", ".a", "[1.2.3.400]", "nodots", "inv"),
)


def shipped() -> Iterator[str]:
    """The addresses of the shipped scripts."""
    for name in ("rewrite_clnt.in", "resolve_clnt.in"):
        text = source(f"global/{name}", "eai").read_text(errors="surrogateescape")
        text = text.replace("MYHOSTNAME", "mx.example.com").replace("MYDOMAIN", "example.com")
        for line in text.splitlines():
            yield line.partition(" ")[2]


def at_random(chance: Random, count: int) -> Iterator[str]:
    for _ in range(count):
        local = chance.choice(LOCALS)
        yield local if chance.random() < 0.25 else f"{local}@{chance.choice(DOMAINS)}"


def is_departure(address: str) -> bool:
    """What looks like a source route in internal form, and brackets behind a word in a route; docs/departures.md."""
    return (address.startswith("@") and ":" in address) or ("!" in address and "a[b]" in address)


def compare(postfix: PrivatePostfix, configuration: dict[str, str], addresses: list[str], tally: Tally) -> None:
    """Ask for the standard form, for a local and a remote client, and where the address goes."""
    postfix.configure({**BASE, **configuration})
    policy = compile_policy(Configuration.load(str(postfix.etc), Sink(), Root()), Sink())
    for written in addresses:
        address = internal(written)
        if is_departure(address):
            tally.forms["left out: differs on purpose"] += 1
            continue
        for context in ("local", "remote"):
            theirs = internal(postfix.canonify(external(address), context)) if address else ""
            found = policy.rewriter.standard(address, local=context == "local")
            tally.add((configuration, context, address), theirs, found)
        _resolve(postfix, policy, address, tally, configuration)


def _resolve(
    postfix: PrivatePostfix, policy: PostfixPolicy, address: str, tally: Tally, configuration: dict[str, str]
) -> None:
    answer = postfix.resolve(address)
    theirs: object = tuple(answer[name] for name in ("transport", "nexthop", "recipient"))
    if int(answer["flags"]) & 4:  # RESOLVE_FLAG_ERROR: nothing else counts
        theirs = "bad"
    route = run(policy.resolver.resolve(address, Ask(FileWorld(Root(), trace=False)), ""))
    tally.add(
        (configuration, "resolve", address),
        theirs,
        "bad" if route.bad else (route.transport, route.nexthop, route.recipient),
    )

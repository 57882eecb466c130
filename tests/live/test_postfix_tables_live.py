"""What the typed readings of Postfix's tables say happens is what trivial-rewrite, smtp and cleanup do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailconf.tables import content, recipients, transport
from tests.live.private_postfix import PrivatePostfix

pytestmark = pytest.mark.live

TRANSPORTS = [
    *("smtp", "smtp:", ":", ":[h.test]", "smtp:[h.test]:2525", "smtp:h.test, i.test", "error:", "error:5.1.1 gone"),
    *("retry:4.3.2 later", "discard:", "local:", "relay: h.test", "slow:x", "discard:silently gone"),
]
NO_TRANSPORTS = ["smtp host", "[h.test]", "[h.test]:25", "smtp :h"]
# Nexthops at which smtp(8) gives up, and some that it takes; nothing listens on port 9.
FATAL = ["[127.0.0.1", "127.0.0.1:25:26", "2001:db8::1", "[127.0.0.1]x", "inet:127.0.0.1:9"]
TAKEN = ["[127.0.0.1]:9", "127.0.0.1:9", " [127.0.0.1]:9", "[127.0.0.1]:9,, [127.0.0.1]:9", "[127.0.0.1]:discard"]
KEYS = {
    "k.test": "x@k.test",
    ".s.test": "x@a.s.test",
    "u@k.test": "u@k.test",
    "[192.0.2.1]": "x@[192.0.2.1]",
    "@at.test": "x@at.test",
    "joe@": "joe@other.test",
    "*.star.test": "x@a.star.test",
    "*@star.test": "x@star.test",
    "end.test.": "x@end.test",
    "<a@angle.test>": "a@angle.test",
    "a@.sub.test": "a@b.sub.test",
}
MOVED = {
    "joe@k.test": "joe@k.test",
    "@d.test": "x@d.test",
    "ann": "ann@local.test",
    "@end.test.": "x@end.test",
    "bob@end.test.": "bob@end.test",
    "<eve@k.test>": "eve@k.test",
    ".sub.test": "x@a.sub.test",
    "@.sub.test": "x@a.sub.test",
    "*@star.test": "x@star.test",
}
ACTIONS = [
    *("REJECT", "reject no", "DISCARD", "FILTER smtp:[127.0.0.1]:9", "PREPEND X-Y: z", "REPLACE X-Y: z", "HOLD"),
    *("INFO x", "REDIRECT a@b.test", "BCC a@b.test", "WARN", "DUNNO", "OK", "IGNORE", "PASS", "STRIP", "strip x"),
    *(
        "REPLACE X-Y:",
        "REJCT",
        "550 x",
        "554",
        "permit",
        "DEFER",
        "PREPEND: x",
        "FILTER",
        "FILTER smtp",
        "PREPEND",
        "REPLACE",
        "BCC a",
    ),
    *("PREPEND noheader", "REPLACE noheader", "PREPEND X Y: z", "REDIRECT", "REDIRECT a", "BCC", "STRIP:"),
]
CLIENT_ACTIONS = [
    "REJECT",
    "DISCARD",
    "HOLD",
    "FILTER smtp:",
    "REDIRECT a@b.test",
    "BCC a@b.test",
    "PASS",
    "WARN",
    "INFO",
]
CLIENT_ACTIONS += ["IGNORE", "STRIP", "DUNNO", "PREPEND X-Y: z", "REPLACE X-Y: z"]


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostfix]:
    with PrivatePostfix(tmp_path_factory.mktemp("postfix")) as running:
        yield running


def table(postfix: PrivatePostfix, parameter: str, rows: dict[str, str], **others: str) -> None:
    """A texthash table of ``rows`` as ``parameter``."""
    text = "".join(f"{key} {value}\n" for key, value in rows.items())
    parameters = {parameter: "texthash:@TOP@/table", "mydestination": "local.test", "myorigin": "local.test", **others}
    postfix.configure(parameters, {"table": text})


def test_transports(postfix: PrivatePostfix) -> None:
    values = [*TRANSPORTS, *NO_TRANSPORTS]
    table(postfix, "transport_maps", {f"t{n}.test": value for n, value in enumerate(values)})
    for n, value in enumerate(values):
        answer = postfix.resolve(f"x@t{n}.test")
        side = transport.read_transport(value)
        if side.meaning is None:
            assert answer["transport"] not in ("smtp", "local", "error", "relay"), value
            continue
        empty = "Address is undeliverable" if side.meaning.transport == "error" else f"t{n}.test"
        expected = (side.meaning.transport or "smtp", side.meaning.nexthop or empty)
        assert (answer["transport"], answer["nexthop"].lstrip()) == expected, value


@pytest.mark.parametrize("subdomains", [False, True])
def test_keys_of_transports(postfix: PrivatePostfix, subdomains: bool) -> None:
    """With transport_maps in parent_domain_matches_subdomains a key like .s.test is not asked for (CK033)."""
    listed = "transport_maps" if subdomains else "relay_domains"
    rows = dict.fromkeys(KEYS, "smtp:found")
    table(postfix, "transport_maps", rows, parent_domain_matches_subdomains=listed)
    for key, address in KEYS.items():
        found = postfix.resolve(address)["nexthop"] == "found"
        never = bool(transport.read_transport_key(key).faults) or (subdomains and key.startswith("."))
        assert found is not never, key


def test_keys_of_addresses(postfix: PrivatePostfix) -> None:
    table(postfix, "relocated_maps", dict.fromkeys(MOVED, "new@other.test"))
    for key, address in MOVED.items():
        found = "moved" in postfix.resolve(address)["nexthop"]
        assert found is not bool(recipients.read_address_key(key).faults), key


def send(postfix: PrivatePostfix, recipient: str, text: str = "Subject: x\r\n\r\nbody") -> str:
    client = postfix.client()
    for line in ("EHLO x", "MAIL FROM:<a@x.test>", f"RCPT TO:<{recipient}>", "DATA"):
        client.command(line)
    reply = client.command(f"{text}\r\n.")
    client.close()
    return reply


def awaited(postfix: PrivatePostfix, since: int, pattern: str) -> str:
    """The log from ``since`` on, when it has a line like ``pattern``."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        lines = "\n".join(postfix.log_lines(since))
        if re.search(pattern, lines):
            return lines
        time.sleep(0.05)
    raise AssertionError(f"no {pattern} in the log: {postfix.log_lines(since)}")


def delivery(postfix: PrivatePostfix) -> str:
    """What the log says of a message to n.test, once it says how it went."""
    since = postfix.log.stat().st_size
    assert send(postfix, "x@n.test").startswith("250")
    return awaited(postfix, since, "fatal:|status=deferred")


class Routed(PrivatePostfix):
    """Started with its one route: a client that ends in an error is held back for a minute, and delays a restart."""

    def __init__(self, top: Path, nexthop: str) -> None:
        super().__init__(top)
        self._route = {"transport_maps": f"inline:{{{{n.test = smtp:{nexthop}}}}}"}

    def configure(self, parameters: dict[str, str], files: dict[str, str] | None = None, text: str = "") -> None:
        super().configure({**self._route, **parameters}, files, text)


@pytest.mark.parametrize("nexthop", FATAL)
def test_nexthops_that_end_the_client(tmp_path: Path, nexthop: str) -> None:
    with Routed(tmp_path, nexthop) as routed:
        assert "smtp: fatal:" in delivery(routed)
    assert transport.read_nexthops(nexthop).faults != ()


def test_nexthops_that_are_taken(postfix: PrivatePostfix) -> None:
    for nexthop in TAKEN:
        table(postfix, "transport_maps", {"n.test": f"smtp:{nexthop}"})
        assert "Connection refused" in delivery(postfix), nexthop
        assert transport.read_nexthops(nexthop.strip()).faults == ()


@pytest.mark.parametrize(("role", "start"), [("header_checks", "header"), ("body_checks", "body")])
def test_content_checks(postfix: PrivatePostfix, role: str, start: str) -> None:
    rules = "".join(f"/^X-T{n}: / {action}\n" for n, action in enumerate(ACTIONS))
    parameters = {role: "regexp:@TOP@/checks", "mydestination": "local.test", "defer_transports": "smtp local"}
    postfix.configure(parameters, {"checks": rules})
    for n, action in enumerate(ACTIONS):
        since = postfix.log.stat().st_size
        text = f"Subject: x\r\nX-T{n}: v\r\n\r\nbody" if start == "header" else f"Subject: x\r\n\r\nX-T{n}: v"
        reply = send(postfix, "root@local.test", text)
        side = content.read_action(start, None, action)
        name = side.meaning.name if side.meaning else ""
        assert reply.startswith("550" if name == "REJECT" else "250"), action
        if name != "REJECT":
            awaited(postfix, since, "qmgr: .*queue active|hold: |discard: ")
        said = "\n".join(line for line in postfix.log_lines(since) if "cleanup: " in line)
        assert ("cleanup: warning: " in said) is bool(side.faults), (action, said)
        if name in ("DISCARD", "FILTER", "PREPEND", "REPLACE", "HOLD", "INFO", "REDIRECT", "BCC", "PASS", "STRIP"):
            assert f"{name.lower()}: {start} X-T{n}: v" in said


def test_content_checks_of_the_smtp_client(postfix: PrivatePostfix, tmp_path: Path) -> None:
    """Mail goes to the instance itself, which rejects it; what the client says of its rules is in the log."""
    rules = "".join(f"/^X-T{n}: / {action}\n" for n, action in enumerate(CLIENT_ACTIONS))
    parameters = {
        "smtp_header_checks": "regexp:@TOP@/checks",
        "mydestination": "local.test",
        "transport_maps": f"inline:{{{{far.test = smtp:[127.0.0.1]:{postfix.port}}}}}",
        "relay_domains": "far.test",
    }
    postfix.configure(parameters, {"checks": rules})
    since = postfix.log.stat().st_size
    lines = "".join(f"X-T{n}: v\r\n" for n in range(len(CLIENT_ACTIONS)))
    assert send(postfix, "x@far.test", f"Subject: x\r\n{lines}\r\nbody").startswith("250")
    said = awaited(postfix, since, "postfix/smtp: .*status=")
    warned = set(re.findall(r"smtp: .*warning: (?:unsupported|unknown) command in smtp_header_checks map: (\w+)", said))
    for action in CLIENT_ACTIONS:
        name = action.split()[0]
        side = content.read_action("header", content.CLIENT, action)
        assert (name in warned) is bool(side.faults), (action, said)

"""The hosts file, as the system's library reads it. What is expected was seen with getaddrinfo(3) of glibc 2.36."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from mailconf.files import Memory, Root
from mailconf.hosts_file import MOST, Hosts, HostsFile, in_protocols
from mailconf.model.fileworld import FileWorld
from mailconf.model.trace import Trace
from mailconf.model.world import Ask, Outcome, run
from mailconf.mta.resolver import Resolver
from mailconf.mta.world import MtaWorld

TEXT = b"""127.0.0.1 localhost # c
192.0.2.9 both.example Other.Example#glued
192.0.2.10 both.example
2001:DB8:0::9 both.example
2001:db8::8 six.example
::1 loop6.example
::ffff:192.0.2.77 mapped.example
192.0.2 short.example
  192.0.2.55 indented.example
192.0.2.012 zero.example
0x7f.1 hex.example
192.0.2.66 dot.example.
fe80::1%lo scope.example
192.0.2.99\tb\xc3\xbccher.example
192.0.2.96
192.0.2.95 #nothing.example
192.0.2.94 crlf.example\r
192.0.2.93\x0bvt.example
bad.address ok.example
192.0.2.91 nul.example\x00more.example
192.0.2.87 both.example other2
2001:db8::5 last.example"""
BOTH = ("192.0.2.9", "192.0.2.10", "2001:db8::9", "192.0.2.87")
NONE: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("name", "either", "ipv4", "ipv6"),
    [
        ("localhost", ("127.0.0.1",), ("127.0.0.1",), NONE),
        ("BOTH.example", BOTH, ("192.0.2.9", "192.0.2.10", "192.0.2.87"), ("2001:db8::9",)),
        ("both.example.", NONE, NONE, NONE),
        ("other.example", ("192.0.2.9",), ("192.0.2.9",), NONE),
        ("glued", NONE, NONE, NONE),
        ("six.example", ("2001:db8::8",), NONE, ("2001:db8::8",)),
        ("loop6.example", ("::1",), ("127.0.0.1",), ("::1",)),
        ("mapped.example", ("::ffff:192.0.2.77",), ("192.0.2.77",), ("::ffff:192.0.2.77",)),
        *((f"{word}.example", NONE, NONE, NONE) for word in ("short", "zero", "hex", "dot", "scope", "nothing", "ok")),
        ("indented.example", ("192.0.2.55",), ("192.0.2.55",), NONE),
        ("dot.example.", ("192.0.2.66",), ("192.0.2.66",), NONE),
        ("bücher.example", ("192.0.2.99",), ("192.0.2.99",), NONE),
        ("crlf.example", ("192.0.2.94",), ("192.0.2.94",), NONE),
        ("vt.example", ("192.0.2.93",), ("192.0.2.93",), NONE),
        ("nul.example", ("192.0.2.91",), ("192.0.2.91",), NONE),
        ("more.example", NONE, NONE, NONE),
        ("last.example", ("2001:db8::5",), NONE, ("2001:db8::5",)),
    ],
)
def test_addresses(name: str, either: tuple[str, ...], ipv4: tuple[str, ...], ipv6: tuple[str, ...]) -> None:
    found = Hosts(TEXT).addresses(name)
    assert in_protocols(found) == either
    assert in_protocols(found, ipv6=False) == ipv4
    assert in_protocols(found, ipv4=False) == ipv6


def test_names() -> None:
    hosts = Hosts(TEXT)
    assert hosts.names("192.0.2.9") == ("both.example", "Other.Example")
    assert hosts.names("2001:db8:0:0::9") == ("both.example",)
    assert hosts.names("192.0.2.1") == hosts.names("192.0.2.96") == hosts.names("ä") == ()


def test_the_file_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    hosts = HostsFile(Root(tmp_path))
    # A copy of a configuration has no such file; localhost is this machine everywhere.
    assert hosts.read().addresses("localhost") == ("127.0.0.1", "::1")
    file = tmp_path / "etc/hosts"
    file.write_text("192.0.2.1 a.example\n")
    assert hosts.read().addresses("a.example") == ("192.0.2.1",)
    assert hosts.read().addresses("localhost") == ()
    new = tmp_path / "new"
    new.write_text("192.0.2.2 a.example\n")
    new.rename(file)
    assert hosts.read().addresses("a.example") == ("192.0.2.2",)


@pytest.mark.parametrize("bad", ["large", "pipe"])
def test_what_cannot_be_read_is_a_failure(tmp_path: Path, bad: str) -> None:
    """Not found would let through what another address is refused for."""
    (tmp_path / "etc").mkdir()
    if bad == "large":
        (tmp_path / "etc/hosts").write_bytes(b"127.0.0.1 a.example\n" * (MOST // 20 + 1))
    else:
        os.mkfifo(tmp_path / "etc/hosts")
    hosts = HostsFile(Root(tmp_path))
    resolver = Resolver(hosts=hosts)
    for world in (FileWorld(Root(tmp_path)), MtaWorld(FileWorld(), resolver)):
        found = asyncio.run(world.hosts("a.example"))
        assert found.outcome is Outcome.FAILED
        assert found.reason.startswith("/etc/hosts: ")
    assert asyncio.run(resolver.addresses("a.example")).outcome is Outcome.FAILED
    assert not asyncio.run(resolver.client_names("127.0.0.1"))[0].is_found


def test_a_large_file_is_read_soon() -> None:
    lines = MOST // 32
    hosts = Hosts(b"".join(b"0.0.0.0 same.example n%d.example\n" % number for number in range(lines)))
    assert hosts.addresses("n99.example") == ("0.0.0.0",)
    assert len(hosts.addresses("same.example")) == lines


def test_the_trace_has_the_question() -> None:
    trace = Trace()
    ask = Ask(FileWorld(Memory({"/etc/hosts": "192.0.2.1 a.example\n2001:db8::1 a.example\n"})), trace)
    assert run(ask.hosts("A.example")).values == ("192.0.2.1", "2001:db8::1")
    assert run(ask.hosts("b.example")).outcome is Outcome.ABSENT
    steps = [(step.subject, step.detail, step.result) for _, step in trace.walk()]
    assert steps == [
        ("hosts", "A.example", "192.0.2.1, 2001:db8::1"),
        ("hosts", "b.example", "not found"),
    ]

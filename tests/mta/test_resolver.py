"""DNS against a server of the test's own: found, absent and failed are three things."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from mailconf.hosts_file import HostsFile
from mailconf.model.session import NO_NAME, NameOutcome, Verified
from mailconf.model.world import Outcome
from mailconf.mta.resolver import Resolver

ZONE = {
    ("example.com.", "MX"): ["20 b.example.com.", "10 a.example.com."],
    ("a.example.com.", "A"): ["192.0.2.1"],
    ("a.example.com.", "AAAA"): ["2001:db8::1"],
    ("null.example.", "MX"): ["0 ."],
    ("txt.example.", "TXT"): ['"one " "two"'],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["a.example.com."],
    ("2.2.0.192.in-addr.arpa.", "PTR"): ["a.example.com."],
    ("3.2.0.192.in-addr.arpa.", "PTR"): ["-bad.example."],
    ("6.2.0.192.in-addr.arpa.", "PTR"): ["broken.example."],
    ("xn--fa-hia.example.", "MX"): ["10 mx.example."],
    ("fass.example.", "MX"): ["10 stranger.example."],
}
ALIASES = {"alias.example.": "a.example.com."}
BROKEN = ("broken.", "5.2.0.192.")
NAMES = {name for name, _ in ZONE}


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        stop = threading.Event()

        def serve() -> None:
            while True:
                data, client = server.recvfrom(4096)
                if stop.is_set():
                    return
                query = dns.message.from_wire(data)
                question = query.question[0]
                name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
                if name.startswith("silent."):
                    continue
                answer = dns.message.make_response(query)
                answer.flags |= dns.flags.RA
                if name in ALIASES:
                    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", ALIASES[name]))
                    name = ALIASES[name]
                if name.startswith(BROKEN):
                    answer.set_rcode(dns.rcode.SERVFAIL)
                elif (name, kind) in ZONE:
                    answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *ZONE[name, kind]))
                elif name not in NAMES:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                server.sendto(answer.to_wire(), client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        server.sendto(b"", server.getsockname())
        thread.join(10)


def resolver(port: int, hosts: HostsFile | None = None, timeout: float = 5.0) -> Resolver:
    return Resolver(nameservers=[("127.0.0.1", port)], hosts=hosts, timeout=timeout)


def test_outcomes(port: int) -> None:
    async def main() -> None:
        ask = resolver(port).query
        mx = await ask("example.com", "MX")
        assert (mx.outcome, mx.values) == (Outcome.FOUND, ("10 a.example.com", "20 b.example.com"))
        assert (await ask("null.example", "MX")).values == ("0 ",)
        assert (await ask("txt.example", "TXT")).values == ("one ",)
        alias = await ask("alias.example", "A")
        assert (alias.values, alias.owner) == (("192.0.2.1",), "a.example.com")
        assert (await ask("A.example.com", "A")).owner == "A.example.com"
        missing = await ask("nowhere.example", "MX")
        assert (missing.outcome, missing.nxdomain) == (Outcome.ABSENT, True)
        empty = await ask("example.com", "A")
        assert (empty.outcome, empty.nxdomain) == (Outcome.ABSENT, False)
        assert (await ask("broken.example", "MX")).outcome is Outcome.FAILED
        assert (await resolver(port, timeout=0.2).query("silent.example", "MX")).outcome is Outcome.FAILED
        for bad in ("a..b", "x" * 70 + ".example", ""):
            assert (await ask(bad, "MX")).outcome is not Outcome.FOUND

    asyncio.run(main())


def test_addresses(port: int) -> None:
    hosts = HostsFile.of("192.0.2.9 Near.example near # me\n::1 near.example\nnonsense x\n")

    async def main() -> None:
        ask = resolver(port, hosts).addresses
        assert (await ask("a.example.com")).values == ("192.0.2.1", "2001:db8::1")
        assert (await ask("a.example.com", ipv6=False)).values == ("192.0.2.1",)
        assert (await ask("near.example.")).values == ("192.0.2.9", "::1")
        assert (await ask("192.0.2.5")).values == ("192.0.2.5",)
        assert (await ask("nowhere.example")).nxdomain
        assert (await ask("broken.example")).outcome is Outcome.FAILED

    asyncio.run(main())


def test_client_names(port: int) -> None:
    async def main() -> None:
        ask = resolver(port).client_names
        name, local = Verified.found("a.example.com"), Verified.found("localhost")
        assert await ask("192.0.2.1") == (name, name)
        assert await ask("192.0.2.2") == (Verified.unknown(NameOutcome.FORGED), name)
        assert await ask("192.0.2.3") == (NO_NAME, NO_NAME)
        assert await ask("192.0.2.4") == (NO_NAME, NO_NAME)
        # What may be found later is neither absent nor forged: such a client is asked to come again.
        later = Verified.unknown(NameOutcome.FAILED)
        assert await ask("192.0.2.5") == (later, later)
        assert await ask("192.0.2.6") == (later, Verified.found("broken.example"))
        assert await ask("127.0.0.1") == (local, local)
        assert await ask("no address") == (NO_NAME, NO_NAME)

    asyncio.run(main())


def test_names_in_other_letters(port: int) -> None:
    hosts = HostsFile.of("192.0.2.8 xn--mnchen-3ya.example\n")

    async def main() -> None:
        asked = resolver(port, hosts)
        assert (await asked.query("fa\u00df.example", "MX")).values == ("10 mx.example",)
        assert (await asked.query("-\u00e4.example", "MX")).nxdomain
        assert (await asked.query("a b.example", "MX")).nxdomain
        assert (await asked.addresses("M\u00dcNCHEN.example")).values == ("192.0.2.8",)
        asked.transitional = True
        assert (await asked.query("fa\u00df.example", "MX")).values == ("10 stranger.example",)

    asyncio.run(main())

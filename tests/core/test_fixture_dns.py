"""The name server of the live tests answers aliases as a resolver does."""

from __future__ import annotations

import dns.message
import dns.rcode
import pytest

from tests.live.fixture_dns import answer

ZONE = {
    "www.a.test": {"CNAME": ["host.a.test."]},
    "far.a.test": {"CNAME": ["WWW.a.test."]},
    "lost.a.test": {"CNAME": ["nowhere.a.test."]},
    "round.a.test": {"CNAME": ["again.a.test."]},
    "again.a.test": {"CNAME": ["round.a.test."]},
    "broken.a.test": {"CNAME": ["x.servfail.example."]},
    "host.a.test": {"A": ["192.0.2.1", "192.0.2.2"], "TXT": ["SERVFAIL"]},
    "untold.a.test": {"CNAME": ["SERVFAIL"]},
}


def asked(name: str, kind: str) -> tuple[str, list[str]]:
    reply = dns.message.from_wire(answer(dns.message.make_query(name, kind).to_wire(), ZONE), one_rr_per_rrset=True)
    return dns.rcode.to_text(reply.rcode()), [rrset.to_text().replace(" 300 IN", "") for rrset in reply.answer]


@pytest.mark.parametrize(
    ("name", "kind", "code", "records"),
    [
        (
            "www.a.test",
            "A",
            "NOERROR",
            ["www.a.test. CNAME host.a.test.", "host.a.test. A 192.0.2.1", "host.a.test. A 192.0.2.2"],
        ),
        (
            "far.a.test",
            "MX",
            "NOERROR",
            ["far.a.test. CNAME WWW.a.test.", "WWW.a.test. CNAME host.a.test."],
        ),
        ("www.a.test", "CNAME", "NOERROR", ["www.a.test. CNAME host.a.test."]),
        ("lost.a.test", "A", "NXDOMAIN", ["lost.a.test. CNAME nowhere.a.test."]),
        ("round.a.test", "A", "SERVFAIL", []),
        ("broken.a.test", "A", "SERVFAIL", []),
        ("www.a.test", "TXT", "SERVFAIL", []),
        ("untold.a.test", "A", "SERVFAIL", []),
        ("untold.a.test", "CNAME", "SERVFAIL", []),
    ],
)
def test_aliases_are_followed(name: str, kind: str, code: str, records: list[str]) -> None:
    assert asked(name, kind) == (code, records)

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.maps.registry import open_table


def ask(rules: list[str], key: str) -> bytes | None:
    name = "{" + " ".join(f"{{{rule}}}" for rule in rules) + "}"
    return open_table(f"cidr:{name}").lookup(key.encode())


@pytest.mark.parametrize(
    ("rule", "key", "value"),
    [
        ("192.168.1.1 OK", "192.168.1.1", b"OK"),
        ("192.168.0.0/16 REJECT a b", "192.168.3.4", b"REJECT a b"),
        ("192.168.0.0/16 REJECT", "192.169.0.0", None),
        ("[192.168.0.0]/16 x", "192.168.3.4", b"x"),
        ("[2001:db8::/32] x", "2001:DB8:0::1", b"x"),
        ("0.0.0.0/0 x", "::1", None),
        ("::/0 x", "1.2.3.4", None),
        ("::/0 x", "::ffff:1.2.3.4", b"x"),
        ("!10.0.0.0/8 x", "11.0.0.0", b"x"),
        ("!10.0.0.0/8 x", "::1", None),
        ("0.0.0.0/0 x", "[1.2.3.4]", None),
        ("0.0.0.0/0 x", "host.example.com", None),
        ("0.0.0.0/0 x", "", None),
    ],
)
def test_networks(rule: str, key: str, value: bytes | None) -> None:
    assert ask([rule], key) == value


def test_the_first_rule_answers() -> None:
    assert ask(["10.1.0.0/16 first", "10.0.0.0/8 second"], "10.1.2.3") == b"first"
    assert ask(["10.1.0.0/16 first", "10.0.0.0/8 second"], "10.2.2.3") == b"second"


@given(st.ip_addresses(), st.data())
def test_as_the_standard_library(address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, address.max_prefixlen))
    network = ipaddress.ip_network((address, length), strict=False)
    other = data.draw(st.ip_addresses(v=address.version))
    assert ask([f"{network} x"], str(address)) == b"x"
    assert ask([f"{network} x"], str(other)) == (b"x" if other in network else None)

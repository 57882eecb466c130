"""Addresses of hosts as Postfix 3.7.11's valid_hostname finds nothing wrong with them."""

from __future__ import annotations

import pytest

from mailconf.smtp.host_addresses import valid_ipv4, valid_ipv6
from mailconf.smtp.nexthop import BadNexthop, host_port


@pytest.mark.parametrize(
    "text",
    [
        *("::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3", "0000::ffff", "ABCD::"),
        *("::192.0.2.1", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "1:2:192.0.2.1", "a:a:a:a:a:1.2.3.4"),
        "::1:010.0.2.1",
    ],
)
def test_an_ipv6_address(text: str) -> None:
    assert valid_ipv6(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ":",
            "1",
            "1:2",
            ":1:2",
            "1:2:",
            ":::",
            "1::2::3",
            "1:::2",
            "10000::",
            "g::",
            "::1%eth0",
            "::1 ",
            "[::1]",
        ),
        *("1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "é::1", "1:2:3:4:5:6:7:192.0.2.1"),
        *(
            "192.0.2.1",
            "1:192.0.2.1",
            "::256.0.2.1",
            "::192.0.2",
            "::192.0.2.1.",
            "::192.0.2.1:1",
            "::a.0.2.1",
            "::.1.2.3",
        ),
    ],
)
def test_no_ipv6_address(text: str) -> None:
    assert not valid_ipv6(text)


def test_ipv4() -> None:
    assert valid_ipv4("192.0.2.1") and valid_ipv4("0.0.0.0")
    assert not any(map(valid_ipv4, ("0.0.0.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.x", "")))


def test_a_nexthop_with_an_ipv6_address() -> None:
    assert host_port("[ipv6:2001:db8::1]:25", "smtp") == ("2001:db8::1", "25")
    assert host_port("1:2:3:25", "smtp") == ("1:2:3", "25")
    for text in ("[ipv6:1:2]", "[ipv6:1:2:3:4:5:6:7::]:25", "[::1%eth0]"):
        with pytest.raises(BadNexthop):
            host_port(text, "smtp")

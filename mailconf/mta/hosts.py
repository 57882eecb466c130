"""Lists of clients: addresses, networks, names, domains (postconf(5) mynetworks, smtpd_authorized_xclient_hosts)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network


def matches(patterns: Sequence[str], name: str, address: str) -> bool:
    """Whether a client is on the list. The first pattern that fits decides; ``!`` before it means "not".

    Forms: ``192.0.2.1``, ``[2001:db8::1]``, ``192.0.2.0/24``, ``mail.example.com``, ``.example.com``,
    ``static:all`` (postconf(5) smtpd_authorized_xclient_hosts). Others never fit.
    """
    for pattern in patterns:
        positive = not pattern.startswith("!")
        if _fits(pattern.lstrip("!"), name.lower(), address):
            return positive
    return False


def _fits(pattern: str, name: str, address: str) -> bool:
    if pattern.startswith("static:"):
        return True
    pattern = pattern.replace("[", "").replace("]", "")
    try:
        return ip_address(address) in ip_network(pattern, strict=False)
    except ValueError:
        pass
    except TypeError:  # an IPv4 address and an IPv6 network
        return False
    pattern = pattern.lower()
    return name == pattern or (pattern.startswith(".") and name.endswith(pattern))

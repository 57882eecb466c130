"""A content filter that speaks SMTP and gets mail before it is queued (postconf(5) smtpd_proxy_filter)."""

from __future__ import annotations

from typing import NamedTuple


class ProxySettings(NamedTuple):
    """How mail passes it.

    name      as the configuration has it
    address   "inet:host:port" or "unix:/path"; "" where the configuration has no address
    hello     the name that it is given in EHLO
    timeout   seconds for the connection, and for each answer
    adjusted  it gets a message only once that has come whole
    """

    name: str
    address: str
    hello: str
    timeout: float = 100.0
    adjusted: bool = False

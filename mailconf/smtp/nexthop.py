"""Nexthops of smtp(8) and lmtp(8), taken apart (transport(5), postconf(5) relayhost).

``domain``, ``domain:port``, ``[host]``, ``[host]:port``, ``[IPv6:address]:port``; for LMTP ``unix:/path`` and
``inet:host:port``, too. Several stand in a row, between commas and blanks. At any other text the agent ends, and the
mail waits: a port or a host that is wrong never becomes another one.
"""

from __future__ import annotations

from typing import NamedTuple

from mailconf.edits import misspelled
from mailconf.ports import Ports
from mailconf.smtp.host_addresses import valid_ipv6
from mailconf.smtp.path import valid_hostname, valid_literal

MAIL_PORTS = ("smtp", "smtps", "submission", "submissions", "lmtp")  # the names in services(5)
SMTP_PORT, LMTP_PORT = "smtp", "24"  # the defaults of postconf(5) smtp_tcp_port and lmtp_tcp_port
_SEPARATORS = str.maketrans(dict.fromkeys(",\t\r\n", " "))
_DIGITS = frozenset("0123456789")


class BadNexthop(ValueError):
    """What ends the delivery agent; the message has its words."""


class Nexthop(NamedTuple):
    """A destination, taken apart.

    direct  no MX records are looked up
    path    of a UNIX socket; ``host`` is empty then
    name    as it was written
    """

    host: str
    port: int
    direct: bool
    path: str = ""
    name: str = ""

    @classmethod
    def parse(cls, text: str, *, lmtp: bool, ports: Ports, default: str = "") -> Nexthop:
        """``default`` is the port where ``text`` has no port; "" for the protocol's own. Raises BadNexthop."""
        if lmtp and text.startswith("unix:"):
            return cls("", 0, True, text.removeprefix("unix:"), text)
        written = text.removeprefix("inet:") if lmtp else text
        host, service = host_port(written, default or (LMTP_PORT if lmtp else SMTP_PORT))
        direct = lmtp or written.startswith("[")
        return cls(host, _number(service, text, ports), direct, "", text)


def split_nexthops(text: str) -> list[str]:
    """The nexthops of a list, at least one: an empty text is a nexthop without a host."""
    return [word for word in text.translate(_SEPARATORS).split(" ") if word] or [text]


def nexthop_meant(text: str, *, lmtp: bool, ports: Ports) -> str:
    """The nexthop that is certainly meant by one that ends the agent, or "".

    A bracket is not closed before the port or the end; or one letter of the name of a port is wrong.
    """
    host, colon, port = text.rpartition(":")
    better = ""
    if text.startswith("[") and "]" not in text and text.count(":") <= 1:
        better = f"{host}]:{port}" if colon else f"{text}]"
    elif near := misspelled(port, MAIL_PORTS):
        better = f"{host}:{near}"
    try:
        return Nexthop.parse(better, lmtp=lmtp, ports=ports).name if better else ""
    except BadNexthop:
        return ""


def host_port(text: str, default: str) -> tuple[str, str]:
    """The host and the port's name or number of ``text``, ``default`` where it has no port.

    Raises BadNexthop in the words of the original.
    """

    def bad(problem: str) -> BadNexthop:
        return BadNexthop(f"{problem} in server description: {text}")

    if text.startswith("["):
        inner = text[6:] if text[1:6].lower() == "ipv6:" else text[1:]
        host, bracket, rest = inner.partition("]")
        if not bracket:
            raise bad('missing "]"')
        if rest and rest[0] != ":":
            raise bad('garbage after "]"')
        if inner != text[1:] and not _is_ipv6(host):
            raise bad("malformed IPv6 address")
        port = rest[1:]
    else:
        host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
        if not host:
            raise bad("missing host information")
    if (host.endswith(".") or not valid_hostname(host, smtputf8=True)) and not _is_address(host):
        raise bad("valid hostname or network address required")
    if port[:1] in _DIGITS and not _DIGITS.issuperset(port):
        raise bad("garbage after numerical service")
    return host, port or default


def _is_address(host: str) -> bool:
    if ":" in host:
        return valid_ipv6(host)
    return not host.startswith("0") and valid_literal(f"[{host}]")


def _is_ipv6(host: str) -> bool:
    return ":" in host and _is_address(host)


def _number(service: str, text: str, ports: Ports) -> int:
    number = ports.number(service)
    if number:
        return number
    if _DIGITS.issuperset(service):
        raise BadNexthop(f"bad network port: {service} for destination: {text}")
    raise BadNexthop(f"unknown service: {service}/tcp")

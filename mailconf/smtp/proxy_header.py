"""The header by which a proxy says whose connection it hands on, before the client's own first byte (HAProxy's PROXY
protocol, versions 1 and 2).

Version 1 is a line: ``PROXY TCP4 client server client-port server-port``, parted by blanks. Version 2 begins with a
signature and is binary. As Postfix 3.7.11 reads them (tests/vectors/proxied.jsonl): a line may end by LF alone, words
after the last are of no interest, ``UNKNOWN`` is refused, and so is a header of more than 536 bytes.

Departure: a header may come in pieces. Postfix looks at what comes first, and at nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

LIMIT = 536  # bytes of a header
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_LINE = b"PROXY "
_FIXED = 16  # bytes of version 2 that precede the addresses
_LOCAL, _PROXIED = 0, 1
_TCP4, _TCP6 = 0x11, 0x21
_OCTET = re.compile(r"[0-9]+\Z", re.ASCII)
_PORT = re.compile(r"(?:0|[1-9][0-9]{0,4})\Z", re.ASCII)


class Fault(Enum):
    """What is wrong with a header."""

    NOTHING = auto()  # the connection has ended before it
    TIMEOUT = auto()
    SHORT = auto()
    UNKNOWN = auto()  # it is none
    UNENDED = auto()  # the line does not end
    TYPE = auto()
    CLIENT = auto()
    SERVER = auto()
    CLIENT_PORT = auto()
    SERVER_PORT = auto()
    VERSION = auto()
    SHORT_SECOND = auto()  # version 2 is longer than what has come
    COMMAND = auto()
    FAMILY = auto()
    NO_IPV4 = auto()
    NO_IPV6 = auto()
    ADDRESSES = auto()  # they are shorter than their family's


class BadHeader(Exception):
    """The header is of no use."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Endpoints(NamedTuple):
    client_address: str
    client_port: str
    server_address: str
    server_port: str


class Header(NamedTuple):
    """A header of ``size`` bytes; without ``endpoints`` the connection is the proxy's own."""

    size: int
    endpoints: Endpoints | None


def read(data: bytes, *, ipv4: bool = True, ipv6: bool = True) -> Header | None:
    """The header that ``data`` begins with, None where more of it has to come. Raises BadHeader.

    ipv4, ipv6  the families of addresses that are in use
    """
    head = data[:LIMIT]
    if head.startswith(_LINE):
        return _line(head, ipv4=ipv4, ipv6=ipv6)
    if head.startswith(_SIGNATURE):
        return _binary(head, ipv4=ipv4, ipv6=ipv6) if len(head) >= _FIXED else None
    if _LINE.startswith(head) or _SIGNATURE.startswith(head):
        return None
    raise BadHeader(Fault.UNKNOWN)


def missing(data: bytes, *, timed_out: bool) -> Fault:
    """What is wrong with the beginning of a header of which no more comes."""
    if not data:
        return Fault.TIMEOUT if timed_out else Fault.NOTHING
    if data.startswith(_LINE):
        return Fault.UNENDED
    return Fault.SHORT_SECOND if data.startswith(_SIGNATURE) and len(data) >= _FIXED else Fault.SHORT


def _line(head: bytes, *, ipv4: bool, ipv6: bool) -> Header | None:
    end, ended = head.find(b"\n"), head.find(b"\0")
    if ended >= 0 and not 0 <= end < ended:
        raise BadHeader(Fault.UNENDED)
    if end < 0:
        if len(head) == LIMIT:
            raise BadHeader(Fault.UNENDED)
        return None
    words = re.split(r"[ \r]+", head[len(_LINE) : end].decode("latin-1").strip(" \r"))
    kind, client, server, client_port, server_port = [*words, *[""] * 5][:5]
    kind = kind.upper()
    if (kind, True) not in (("TCP4", ipv4), ("TCP6", ipv6)):
        raise BadHeader(Fault.TYPE)
    address: Callable[[str], str] = _address4 if kind == "TCP4" else _address6
    checks = (
        (client, address, Fault.CLIENT),
        (server, address, Fault.SERVER),
        (client_port, _port, Fault.CLIENT_PORT),
        (server_port, _port, Fault.SERVER_PORT),
    )
    found = []
    for text, check, fault in checks:
        try:
            found.append(check(text))
        except ValueError:
            raise BadHeader(fault) from None
    return Header(end + 1, Endpoints(found[0], found[2], found[1], found[3]))


def _address4(text: str) -> str:
    parts = text.split(".")
    if len(parts) != 4 or not all(_OCTET.match(part) and len(part) <= 3 for part in parts):
        raise ValueError(text)
    return str(IPv4Address(".".join(str(int(part)) for part in parts)))


def _address6(text: str) -> str:
    if "%" in text:
        raise ValueError(text)
    return _shown(IPv6Address(text))


def _shown(address: IPv6Address) -> str:
    """An IPv4 address that is written as IPv6 is IPv4."""
    return str(address.ipv4_mapped or address)


def _port(text: str) -> str:
    if not _PORT.match(text) or int(text) > 65_535:
        raise ValueError(text)
    return text


def _binary(head: bytes, *, ipv4: bool, ipv6: bool) -> Header | None:
    version, command, family = head[12] >> 4, head[12] & 15, head[13]
    size = _FIXED + int.from_bytes(head[14:16], "big")
    if version != 2:
        raise BadHeader(Fault.VERSION)
    if size > LIMIT:
        raise BadHeader(Fault.SHORT_SECOND)
    if len(head) < size:
        return None
    if command == _LOCAL:
        return Header(size, None)
    if command != _PROXIED:
        raise BadHeader(Fault.COMMAND)
    if family not in (_TCP4, _TCP6):
        raise BadHeader(Fault.FAMILY)
    width, used, fault = (4, ipv4, Fault.NO_IPV4) if family == _TCP4 else (16, ipv6, Fault.NO_IPV6)
    if not used:
        raise BadHeader(fault)
    body = head[_FIXED:size]
    if len(body) < 2 * width + 4:
        raise BadHeader(Fault.ADDRESSES)
    both = body[:width], body[width : 2 * width]
    client, server = (str(IPv4Address(each)) if width == 4 else _shown(IPv6Address(each)) for each in both)
    ports = [str(int.from_bytes(body[at : at + 2], "big")) for at in (2 * width, 2 * width + 2)]
    return Header(size, Endpoints(client, ports[0], server, ports[1]))

"""Networks as Postfix writes them in cidr tables and in lists of hosts (cidr_table(5), postconf(5) mynetworks).

``address``, ``address/length``, ``[address]``, ``[address]/length`` or ``[address/length]``. Addresses are those that
inet_pton() reads, and no bit of one may be set behind the length. The messages are those of Postfix 3.7.

Departure: a length of prefix above 2^31 is bad; the original takes some of them, modulo 2^32.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

_BITS = {socket.AF_INET: 32, socket.AF_INET6: 128}


class IpAddress(NamedTuple):
    family: int
    value: int


class Network(NamedTuple):
    """``value``: of the prefix, shifted down; ``shift``: how many bits of an address are not compared."""

    family: int
    value: int
    shift: int

    @property
    def length(self) -> int:
        """How many bits the prefix has."""
        return _BITS[socket.AddressFamily(self.family)] - self.shift


class BadNetwork(ValueError):
    """A pattern that is no network; the message has the reason."""


def read_network(pattern: str) -> Network:
    """Raises BadNetwork."""
    text = _unbracketed(pattern)
    if "/" not in text:
        address = read_address(text)
        if address is None:
            raise BadNetwork(f'bad address pattern: "{text}"')
        return Network(*address, 0)
    name, _, length = text.partition("/")
    if not (length.isascii() and length.isdigit()):
        raise BadNetwork(f'bad mask value in "{text}"')
    family = _family(name)
    bits = _BITS[family]
    shift = bits - int(length[:20])
    if shift < 0:
        raise BadNetwork(f'bad mask length in "{text}"')
    address = read_address(name)
    if address is None:
        raise BadNetwork(f'bad network value in "{text}"')
    prefix = address.value >> shift
    if prefix << shift != address.value:
        better = socket.inet_ntop(family, (prefix << shift).to_bytes(bits // 8, "big"))
        advice = f'perhaps you should use "{better}/{bits - shift}" instead'
        raise BadNetwork(f'non-null host address bits in "{text}", {advice}')
    return Network(family, prefix, shift)


def read_address(text: str) -> IpAddress | None:
    """The number of an IP address, None where the text is no address."""
    family = _family(text)
    try:
        return IpAddress(family, int.from_bytes(socket.inet_pton(family, text), "big"))
    except (OSError, ValueError):
        return None


def _unbracketed(pattern: str) -> str:
    if not pattern.startswith("["):
        return pattern
    inside, bracket, tail = pattern[1:].partition("]")
    if not bracket:
        raise BadNetwork(f"missing ']' character after \"{pattern}\"")
    if tail and not tail.startswith("/"):
        raise BadNetwork(f'garbage after "[{inside}]"')
    return inside + tail


def _family(text: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in text else socket.AF_INET

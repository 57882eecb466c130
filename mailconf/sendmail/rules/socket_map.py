"""The client of sendmail's ``socket`` maps: one netstring there, one back.

Addresses are those of mail filters: ``unix:/path``, ``local:/path``, ``inet:port@host``, ``inet6:port@host``; without a
type a path.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from mailconf.sendmail.rules.world import Unable

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.sendmail.rules.machine import Machine

_MOST = 1_000_000
_DIGITS = 9


def ask(root: Tree, machine: Machine, address: str, request: bytes, timeout: float) -> bytes:
    """The answer's content. Raises Unable."""
    protocol, colon, place = address.partition(":")
    if not colon:
        protocol, place = "unix", address
    try:
        with _connected(root, machine, protocol.lower() or "unix", place, timeout) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as replies:
                digits = b""
                while len(digits) <= _DIGITS and (byte := replies.read(1)) != b":":
                    if not byte.isdigit():
                        raise Unable("missing ':' in reply")
                    digits += byte
                length = int(digits or b"0")
                if length > _MOST:
                    raise Unable(f"reply too long: {length}")
                reply = replies.read(length)
                if len(reply) < length or replies.read(1) != b",":
                    raise Unable("missing ',' in reply")
                return reply
    except (OSError, ValueError) as failure:
        raise Unable(str(failure)) from failure


def _connected(root: Tree, machine: Machine, protocol: str, place: str, timeout: float) -> socket.socket:
    if protocol in ("unix", "local"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            connection.connect(str(root.socket(place)))
        except OSError:
            connection.close()
            raise
        return connection
    if protocol not in ("inet", "inet6"):
        raise Unable(f"unknown socket type {protocol}")
    port, at, host = place.partition("@")
    number = machine.port(port)
    if not at or number is None:
        raise Unable(f"bad address {place} (expected port@host)")
    return socket.create_connection((host.strip("[]"), number), timeout)

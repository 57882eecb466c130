"""Servers that tables ask: their names as Postfix writes them, and a connection that keeps to a deadline.

``host:port``, ``[address]:port`` or only a port, which is the local host's; a path for a UNIX-domain socket. A port is
a number or a name (`mailconf.ports`).
"""

from __future__ import annotations

import re
import socket
import time

from mailconf.domain_names import for_resolver
from mailconf.maps.core.table import UnsupportedMap
from mailconf.ports import Ports

_NUMBER = re.compile(r"[0-9]+")


class Disconnected(Exception):
    """The server closed the connection."""


class TooLong(Exception):
    """The server sent more than a reply may have."""


def parse_inet(text: str) -> tuple[str, str]:
    """The host and the port of ``text``; raises UnsupportedMap in the original's words."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not rest.startswith(":") or not rest[1:]:
            raise UnsupportedMap(f"{text}: missing service name")
        return host, rest[1:]
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = "", text
    number = _NUMBER.match(port)
    if number and number[0] != port:
        raise UnsupportedMap(f"{port}: garbage after numerical service")
    return host or "localhost", port


class Connection:
    """A connection to ``place``: a (host, port) or the path of a socket.

    ``ports`` resolves the port's name. Everything raises OSError; what is read and not yet taken stays for the next
    call.
    """

    def __init__(self, place: tuple[str, str] | str, timeout: float, ports: Ports) -> None:
        self._timeout = timeout
        self._waiting = b""
        if isinstance(place, str):
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.settimeout(timeout)
                self._socket.connect(place)
            except BaseException:
                self._socket.close()
                raise
        else:
            host, port = place
            number = ports.number(port)
            if number is None:
                raise OSError(f"host or service {host}:{port} not found")
            self._socket = socket.create_connection((for_resolver(host), number), timeout)

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send all. Raises Disconnected when the server has sent more than it was asked for."""
        if self._waiting:
            raise Disconnected
        self._socket.settimeout(self._timeout)
        self._socket.sendall(data)

    def read_to(self, end: bytes, limit: int) -> bytes:
        """The bytes up to ``end`` and with it, at most ``limit``. Raises Disconnected, TooLong."""
        deadline = time.monotonic() + self._timeout
        while end not in self._waiting[:limit]:
            if len(self._waiting) >= limit:
                raise TooLong
            self._receive(deadline)
        taken, _, self._waiting = self._waiting.partition(end)
        return taken + end

    def read(self, count: int) -> bytes:
        """``count`` bytes. Raises Disconnected."""
        deadline = time.monotonic() + self._timeout
        while len(self._waiting) < count:
            self._receive(deadline)
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _receive(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timeout")
        self._socket.settimeout(left)
        data = self._socket.recv(65536)
        if not data:
            raise Disconnected
        self._waiting += data


def reason(problem: Exception) -> str:
    """What went wrong, in few words."""
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__

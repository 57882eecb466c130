"""``socketmap:inet:host:port:name`` and ``socketmap:unix:path:name`` (socketmap_table(5)).

Request and reply are netstrings: the request is the name of a map, a space and the key; the reply a word and what
belongs to it. A reply has at most 100,000 bytes.

    OK value    NOTFOUND    TEMP reason    TIMEOUT reason    PERM reason: the last three and any other are failures
"""

from __future__ import annotations

import threading

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.servers.endpoint import Connection, Disconnected, TooLong, parse_inet, reason
from mailconf.source import decode, encode

TIMEOUT = 100.0  # seconds to send, and to receive
LONGEST_REPLY = 100_000
TRIES = 2

_FAILURES = {b"TEMP": "temporary", b"TIMEOUT": "timeout", b"PERM": "permanent"}


class SocketmapTable:
    """The map that the end of ``name`` names, of the server before it."""

    type = "socketmap"

    def __init__(self, name: str, opening: Opening) -> None:
        self.name = name
        server, _, self._map = name.rpartition(":")
        if not server:
            raise UnsupportedMap("socketmap requires server:socketmap argument")
        transport, _, place = server.partition(":")
        if transport == "unix":
            self._place: tuple[str, str] | str = str(opening.root.socket(place))
        elif transport == "inet":
            self._place = parse_inet(place)
        else:
            raise UnsupportedMap(f"invalid transport name: {transport} in service: {server}")
        self._shown = place
        self._opening = opening
        self._connection: Connection | None = None
        self._turn = threading.Lock()

    def lookup(self, key: bytes) -> bytes | None:
        request = encode(self._map) + b" " + key.partition(b"\0")[0]
        with self._turn:
            reply = self._ask(b"%d:%s," % (len(request), request))
        word, space, text = reply.partition(b" ")
        text = text.partition(b"\0")[0]
        if word == b"OK":
            return text if space else None
        if word == b"NOTFOUND":
            return None
        kind = _FAILURES.get(word, "unknown")
        why = f": {decode(text)}" if text else ""
        raise TemporaryFailure(f"socketmap:{self.name} socketmap server {kind} error{why}")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, request: bytes) -> bytes:
        """The reply. A connection that was open before may have been closed meanwhile, so it is tried twice."""
        for attempt in range(1, TRIES + 1):
            try:
                if self._connection is None:
                    self._connection = self._connected()
                self._connection.send(request)
                return _read_netstring(self._connection)
            except Disconnected:
                problem = "unexpected disconnect"
            except TooLong:
                problem = "input exceeds size limit"
            except ValueError:
                problem = "input format error"
            except OSError as failure:
                problem = reason(failure)
            self.close()
            if problem.startswith("input ") or attempt == TRIES:
                break
        raise TemporaryFailure(f"table socketmap:{self.name} lookup error: {problem}")

    def _connected(self) -> Connection:
        try:
            return Connection(self._place, TIMEOUT, self._opening.ports)
        except OSError as failure:
            self._opening.warn(f"connect to {self._shown}: {reason(failure)}")
            raise


def _read_netstring(connection: Connection) -> bytes:
    """Raises Disconnected, TooLong, and ValueError for what is no netstring."""
    try:
        head = connection.read_to(b":", 12)
    except TooLong:
        raise ValueError from None
    if not head[:-1].isdigit():
        raise ValueError
    length = int(head[:-1])
    if length > LONGEST_REPLY:
        raise TooLong
    text = connection.read(length + 1)
    if not text.endswith(b","):
        raise ValueError
    return text[:-1]

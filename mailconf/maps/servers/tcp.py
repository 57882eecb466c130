"""``tcp:host:port``: a server that answers a line for each key (tcp_table(5)).

    get SPACE key NEWLINE        200 SPACE value NEWLINE    500 SPACE text NEWLINE: absent    400: try again later

In keys and values ``%XX`` stands for a byte; in keys, percent signs, white space and what cannot be printed are written
so. A reply has at most 4096 bytes.

Departure: a server that cannot be reached, or breaks off, is tried twice; the original tries it ten times and waits a
second before each, for which time its process does nothing else.
"""

from __future__ import annotations

import re
import threading

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.servers.endpoint import Connection, Disconnected, TooLong, parse_inet, reason
from mailconf.source import decode

TIMEOUT = 100.0  # seconds to send, and to receive
LONGEST_REPLY = 4096
TRIES = 2

_REPLY = re.compile(rb"([0-9])[0-9]{2}[ \t\v\f\r]+(.*)\n", re.DOTALL)
_CODED = re.compile(rb"%([0-9A-Fa-f]{2})|%")
_TO_CODE = re.compile(rb"[^!-$&-~]")


class TcpTable:
    """The table that the server ``name`` has."""

    type = "tcp"

    def __init__(self, name: str, opening: Opening) -> None:
        self.name = name
        self._place = parse_inet(name)
        self._opening = opening
        self._connection: Connection | None = None
        self._turn = threading.Lock()

    def lookup(self, key: bytes) -> bytes | None:
        request = b"get " + encoded(key.partition(b"\0")[0]) + b"\n"
        with self._turn:
            reply = self._ask(request)
        match = _REPLY.fullmatch(reply)
        if match is None:
            raise self._bad_reply("malformed reply", reply)
        status, text = match[1], decoded(match[2])
        if status == b"5":
            return None
        if status == b"4":
            raise TemporaryFailure(f"TCP map {self.name}: {decode(match[2])}")
        if status != b"2":
            raise self._bad_reply("bad status code", reply)
        if text is None:
            raise self._bad_reply("malformed reply", reply)
        return text.partition(b"\0")[0]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, request: bytes) -> bytes:
        """The server's line. A connection that was open before may have been closed meanwhile."""
        problem = ""
        for _ in range(TRIES):
            try:
                if self._connection is None:
                    problem = f"connect to TCP map {self.name}"
                    self._connection = Connection(self._place, TIMEOUT, self._opening.ports)
                problem = f"read TCP map reply from {self.name}"
                self._connection.send(request)
                return self._connection.read_to(b"\n", LONGEST_REPLY)
            except TooLong:
                problem += f": text longer than {LONGEST_REPLY}"
            except Disconnected:
                problem += ": unexpected EOF"
            except OSError as failure:
                problem += f": {reason(failure)}"
            self._opening.warn(problem)
            self.close()
        raise TemporaryFailure(problem)

    def _bad_reply(self, what: str, reply: bytes) -> TemporaryFailure:
        self.close()
        shown = decode(reply.rstrip(b"\n"))
        return TemporaryFailure(f"read TCP map reply from {self.name}: {what}: {shown}")


def encoded(key: bytes) -> bytes:
    """A key as requests have it."""
    return _TO_CODE.sub(lambda match: b"%%%02X" % ord(match[0]), key)


def decoded(text: bytes) -> bytes | None:
    """The inverse, None when a percent sign has no two hexadecimal digits."""
    if any(match[1] is None for match in _CODED.finditer(text)):
        return None
    return _CODED.sub(lambda match: bytes([int(match[1], 16)]), text)

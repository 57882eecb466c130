"""``memcache``: a memcached server, and after it another table (memcache_table(5)).

Two commands are needed, ``get``, and ``set`` to keep what the other table (parameter backup) answered; so the client is
the few lines below and no library. A key with white space cannot be asked for and is absent.

Parameters: memcache, backup, flags, ttl (seconds), key_format, domain, data_size_limit, line_size_limit (bytes),
max_try, retry_pause, timeout (seconds).
"""

from __future__ import annotations

import re
import threading
import time

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.servers.client_config import ClientConfig
from mailconf.maps.servers.endpoint import Connection, Disconnected, TooLong, parse_inet, reason
from mailconf.maps.servers.query import Domains, Template
from mailconf.source import decode

_VALUE = re.compile(rb"VALUE +[^ ]+ +[0-9]+ +([0-9]{1,9})(?: .*)?")
_CANNOT_BE_ASKED = re.compile(rb"[ \t\n\v\f\r]")


class _Unexpected(Exception):
    """The server's reply is not valid."""


class MemcacheTable:
    """The table that the file ``name`` describes."""

    type = "memcache"

    def __init__(self, name: str, opening: Opening) -> None:
        self.name = name
        config = ClientConfig(name, opening)
        self._opening = opening
        self._flags = config.number("flags", 0, least=0)
        self._ttl = config.number("ttl", 3600, least=0)
        self._timeout = config.number("timeout", 2, least=0)
        self._tries = config.number("max_try", 2, least=1)
        self._pause = config.number("retry_pause", 1, least=1)
        self._longest_line = config.number("line_size_limit", 1024, least=1)
        self._longest_value = config.number("data_size_limit", 10240, least=1)
        self._key_format = Template(name, config.text("key_format", "%s", least=1), "query")
        self._place, self._shown = _place(config.text("memcache", "inet:localhost:11211"), opening)
        self._domains = Domains(config.text("domain"), opening)
        backup = config.text("backup")
        self._backup: LookupTable | None = opening.open(backup) if backup else None
        self._connection: Connection | None = None
        self._turn = threading.Lock()

    def lookup(self, key: bytes) -> bytes | None:
        key = self._opening.folded(key.partition(b"\0")[0])
        if not key or not self._domains.allow(key):
            return None
        asked = self._key_format.expand(key, key)
        if asked is None or _CANNOT_BE_ASKED.search(asked):
            return None
        with self._turn:
            try:
                value = self._ask(asked, None)
            except TemporaryFailure:
                if self._backup is None:
                    raise
                return self._backup.lookup(key)
            if value is not None or self._backup is None:
                return value
            value = self._backup.lookup(key)
            if value is not None:
                self._keep(asked, value)
            return value

    def close(self) -> None:
        self._hang_up()
        self._domains.close()
        if self._backup is not None:
            self._backup.close()

    def _keep(self, key: bytes, value: bytes) -> None:
        try:
            self._ask(key, value)
        except TemporaryFailure as problem:
            self._opening.warn(f"memcache:{self.name}: update failed: {problem}")

    def _ask(self, key: bytes, new: bytes | None) -> bytes | None:
        """Get a value, or set ``new``."""
        for attempt in range(1, self._tries + 1):
            if attempt > 1:
                time.sleep(self._pause)
            try:
                if self._connection is None:
                    self._connection = Connection(self._place, self._timeout or 3600, self._opening.ports)
            except OSError as problem:  # a server that does not listen is not tried again
                self._opening.warn(f"connect to {self._shown}: {reason(problem)}")
                raise self._failed(reason(problem)) from problem
            try:
                if new is None:
                    return self._get(key)
                self._set(key, new)
                return None
            except (_Unexpected, Disconnected, TooLong, OSError) as problem:
                self._hang_up()
                why = str(problem) if isinstance(problem, _Unexpected) else f"I/O error: {reason(problem)}"
        raise self._failed(why)

    def _get(self, key: bytes) -> bytes | None:
        assert self._connection is not None
        self._connection.send(b"get " + key + b"\r\n")
        line = self._line()
        if line == b"END":
            return None
        match = _VALUE.fullmatch(line)
        if match is None:
            raise _Unexpected(f"unexpected memcache server reply: {decode(line[:100])}")
        length = int(match[1])
        if length > self._longest_value:
            raise _Unexpected(f"memcache server reply of {length} bytes exceeds data_size_limit")
        data = self._connection.read(length + 2)
        if not data.endswith(b"\r\n"):
            raise _Unexpected("memcache server reply has no end of line")
        self._line()
        return data[:-2].partition(b"\0")[0]

    def _set(self, key: bytes, value: bytes) -> None:
        assert self._connection is not None
        head = b"set %s %d %d %d\r\n" % (key, self._flags, self._ttl, len(value))
        self._connection.send(head + value + b"\r\n")
        line = self._line()
        if line != b"STORED":
            raise _Unexpected(f"update failed: {decode(line[:100])}")

    def _line(self) -> bytes:
        assert self._connection is not None
        return self._connection.read_to(b"\r\n", self._longest_line + 2)[:-2]

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _failed(self, why: str) -> TemporaryFailure:
        return TemporaryFailure(f"database memcache:{self.name}: {why}")


def _place(text: str, opening: Opening) -> tuple[tuple[str, str] | str, str]:
    """Where the server is, and how messages call it."""
    transport, _, rest = text.partition(":")
    if transport == "unix":
        return str(opening.root.socket(rest)), rest
    if transport == "inet":
        return parse_inet(rest), rest
    raise UnsupportedMap(f"invalid transport name: {transport} in service: {text}")

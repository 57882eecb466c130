"""What pgsql and mysql tables share: several servers, any of which will do.

A query goes to a server that a connection is open to, or else to the next one in a random order. A server that fails is
left alone for a minute. The lookup fails only when all do. Connections that were idle for a minute are closed.
"""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.servers.client_config import ClientConfig
from mailconf.maps.servers.query import QueryTable, Template, sql_template

RETRY_AFTER = 60.0  # seconds before a server that failed is asked again
IDLE = 60.0  # seconds

Row = Iterable[bytes | None]


class ServerError(Exception):
    """A server did not answer; the message has the reason."""


class _Server:
    def __init__(self, name: str) -> None:
        self.name = name
        self.connection: Any = None
        self.used = 0.0
        self.failed_until = 0.0
        self.reason = ""


class SqlServerTable(QueryTable, ABC):
    """A type adds how to connect, to quote and to ask."""

    functions = False  # whether there is a parameter select_function

    def __init__(self, name: str, opening: Opening) -> None:
        config = ClientConfig(name, opening)
        self._query = Template(name, sql_template(config, functions=self.functions), "query")
        super().__init__(name, config, opening, function=f"dict_{self.type}_lookup")
        hosts = config.text("hosts").replace(",", " ").split() or ["localhost"]
        self._servers = [_Server(host) for host in hosts]
        self._turn = threading.Lock()
        self._configure(config)

    @abstractmethod
    def _configure(self, config: ClientConfig) -> None:
        """Take the parameters of the type, and import its client library (UnsupportedMap without it)."""

    @abstractmethod
    def _connect(self, server: str) -> Any:
        """Raises ServerError."""

    @abstractmethod
    def _disconnect(self, connection: Any) -> None: ...

    @abstractmethod
    def _quote(self, connection: Any, text: bytes) -> bytes: ...

    @abstractmethod
    def _ask(self, connection: Any, query: bytes) -> list[Row]:
        """The rows of the answer. Raises ServerError."""

    def lookup(self, key: bytes) -> bytes | None:
        asked = self._asked(key)
        if asked is None or self._query.expand(asked, asked) is None:
            return None
        with self._turn:
            rows = self._rows(asked)
        return self._joined(asked, [value for row in rows for value in row])

    def close(self) -> None:
        for server in self._servers:
            self._hang_up(server)
        super().close()

    def _rows(self, key: bytes) -> list[Row]:
        now = time.monotonic()
        for server in self._servers:
            if server.connection is not None and now - server.used > IDLE:
                self._hang_up(server)
        order = random.sample(self._servers, len(self._servers))
        order.sort(key=lambda server: (server.connection is None, self._rank(server.name)))
        for server in order:
            if server.failed_until > now:
                continue
            try:
                return self._rows_of(server, key)
            except ServerError as problem:
                self._opening.warn(str(problem))
                self._hang_up(server)
                server.failed_until = now + RETRY_AFTER
                server.reason = str(problem)
        raise TemporaryFailure("; ".join(server.reason for server in order))

    def _rows_of(self, server: _Server, key: bytes) -> list[Row]:
        if server.connection is None:
            try:
                server.connection = self._connect(server.name)
            except ServerError as problem:
                raise ServerError(f"connect to {self.type} server {server.name}: {problem}") from problem
        server.used = time.monotonic()
        query = self._query.expand(key, key, lambda text: self._quote(server.connection, text))
        assert query is not None  # as `lookup` has seen
        try:
            return self._ask(server.connection, query)
        except ServerError as problem:
            raise ServerError(f"{self.type}:{self.name}: query failed: {problem} (host {server.name})") from problem

    def _rank(self, _: str) -> int:
        """Which kind of servers comes first."""
        return 0

    def _hang_up(self, server: _Server) -> None:
        if server.connection is not None:
            self._disconnect(server.connection)
            server.connection = None

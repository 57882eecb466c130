"""``pgsql``: a query to a PostgreSQL server (pgsql_table(5)), through libpq as the original (package psycopg).

Every column of every row is a value, NULL an empty one; of several statements the last one's rows count.

Departures: the connection's encoding is UTF-8 (parameter encoding, as since Postfix 3.8), so that a key with other than
ASCII characters can be found; a server that does not answer a connection in ten seconds has failed.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.servers.client_config import ClientConfig
from mailconf.maps.servers.sql_servers import Row, ServerError, SqlServerTable
from mailconf.source import decode, encode

CONNECT_TIMEOUT = 10  # seconds
_URI = re.compile("[A-Za-z][A-Za-z0-9]*://")


class PgsqlTable(SqlServerTable):
    """The table that ``name`` describes."""

    type = "pgsql"
    functions = True

    def _configure(self, config: ClientConfig) -> None:
        self._login = {"user": config.text("user"), "password": config.text("password")}
        self._database = config.text("dbname", least=0 if self._opening.uri_names_database else 1)
        if not self._database:
            self._need_no_database()
        self._encoding = config.text("encoding", "UTF8", least=1)
        try:
            self._pq: Any = import_module("psycopg.pq")
            self._make_conninfo: Any = import_module("psycopg.conninfo").make_conninfo
        except ImportError as problem:
            raise UnsupportedMap(f"pgsql tables need mailconf[pgsql]: {problem}") from problem

    def _need_no_database(self) -> None:
        """Without a dbname every host has to be a URI, which names the database itself."""
        for server in self._servers:
            if not _URI.match(server.name):
                host, _ = _place(server.name)
                raise TemporaryFailure(f"pgsql:{self.name} host target '{host}' requires dbname setting")

    def _connect(self, server: str) -> Any:
        connection = self._pq.PGconn.connect(encode(self._conninfo(server)))
        if connection.status != self._pq.ConnStatus.OK:
            message = decode(connection.error_message).strip()
            connection.finish()
            raise ServerError(message)
        self._executed(connection, b"SET client_encoding TO '%s'" % self._quote(connection, encode(self._encoding)))
        return connection

    def _conninfo(self, server: str) -> str:
        settings: dict[str, object] = {"connect_timeout": CONNECT_TIMEOUT}
        if _URI.match(server):
            try:
                return str(self._make_conninfo(server, **settings))
            except Exception as problem:  # psycopg's ProgrammingError: libpq takes it for no URI
                raise ServerError(str(problem).strip()) from problem
        host, port = _place(server)
        settings |= {name: value for name, value in self._login.items() if value}
        settings |= {"host": host.removeprefix("[").removesuffix("]"), "dbname": self._database}
        return str(self._make_conninfo("", **settings, **({"port": port} if port else {})))

    def _disconnect(self, connection: Any) -> None:
        connection.finish()

    def _quote(self, connection: Any, text: bytes) -> bytes:
        try:
            return bytes(self._pq.Escaping(connection).escape_string(text))
        except Exception as problem:  # psycopg's OperationalError: the text is not valid in the connection's encoding
            raise ServerError(str(problem)) from problem

    def _ask(self, connection: Any, query: bytes) -> list[Row]:
        result = self._executed(connection, query)
        columns = range(result.nfields)
        return [[result.get_value(row, column) or b"" for column in columns] for row in range(result.ntuples)]

    def _executed(self, connection: Any, query: bytes) -> Any:
        result = connection.exec_(query)
        if result.status not in (self._pq.ExecStatus.TUPLES_OK, self._pq.ExecStatus.COMMAND_OK):
            raise ServerError(decode(result.error_message).strip() or "no result")
        return result


def _place(server: str) -> tuple[str, str]:
    """The host and the port, "" where no port is named, of one of the hosts."""
    place = server.removeprefix("unix:").removeprefix("inet:")
    host, colon, port = place.rpartition(":")
    return (host, port) if colon and not place.startswith("/") else (place, "")

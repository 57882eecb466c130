"""``mysql``: a query to a MySQL or MariaDB server (mysql_table(5)), through the package PyMySQL.

Every column of every row is a value, NULL is left out. A query that gives no rows at all, like a stored procedure that
selects nothing, is an error unless ``require_result_set = no``; one that gives several sets of rows always is.

``localhost`` is the local socket, as in the client library that the original uses. The connection's character set is
utf8mb4.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mailconf.files import Root
from mailconf.maps.core.table import UnsupportedMap
from mailconf.maps.servers.client_config import ClientConfig
from mailconf.maps.servers.endpoint import parse_inet
from mailconf.maps.servers.sql_servers import Row, ServerError, SqlServerTable
from mailconf.ports import Ports
from mailconf.source import decode, encode

TIMEOUT = 10  # seconds to connect, to send and to receive
LOCAL_SOCKETS = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock")


class MysqlTable(SqlServerTable):
    """The table that ``name`` describes."""

    type = "mysql"

    def _configure(self, config: ClientConfig) -> None:
        try:
            self._client: Any = import_module("pymysql")
        except ImportError as problem:
            raise UnsupportedMap(f"mysql tables need mailconf[mysql]: {problem}") from problem
        self._require_rows = config.boolean("require_result_set", True)
        self._settings: dict[str, Any] = {
            "user": config.text("user"),
            "password": config.text("password"),
            "database": config.text("dbname", least=1),
            "charset": "utf8mb4",
            "connect_timeout": TIMEOUT,
            "read_timeout": TIMEOUT,
            "write_timeout": TIMEOUT,
            # Nothing is decoded: columns come as the server writes them.
            "use_unicode": False,
            "conv": self._client.converters.encoders,
        }
        option_file, option_group = config.text("option_file"), config.text("option_group", "client")
        if option_file:
            self._settings |= {"read_default_file": option_file, "read_default_group": option_group or "client"}
        tls = {
            "ssl_ca": config.text("tls_CAfile") or None,
            "ssl_cert": config.text("tls_cert_file") or None,
            "ssl_key": config.text("tls_key_file") or None,
        }
        if any(tls.values()):
            self._settings |= {**tls, "ssl_verify_identity": config.boolean("tls_verify_cert", False)}

    def _rank(self, server: str) -> int:
        return 0 if server.startswith("unix:") else 1

    def _connect(self, server: str) -> Any:
        try:
            return self._client.connect(**self._settings, **_place(server, self._opening.ports))
        except (self._client.Error, OSError) as problem:
            raise ServerError(_words(problem)) from problem

    def _disconnect(self, connection: Any) -> None:
        try:
            connection.close()
        except (self._client.Error, OSError):
            pass  # it is gone already

    def _quote(self, connection: Any, text: bytes) -> bytes:
        return encode(connection.escape(decode(text))[1:-1])  # without the quotes around it

    def _ask(self, connection: Any, query: bytes) -> list[Row]:
        sets: list[list[Row]] = []
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                while True:
                    if cursor.description is not None:
                        sets.append(list(cursor.fetchall()))
                    if not cursor.nextset():
                        break
            connection.commit()
        except (self._client.Error, OSError) as problem:
            raise ServerError(_words(problem)) from problem
        if len(sets) > 1:
            raise ServerError("query returned multiple result sets")
        if not sets and self._require_rows:
            raise ServerError("query returned no result set (require_result_set = yes)")
        return sets[0] if sets else []


def _place(server: str, ports: Ports) -> dict[str, Any]:
    """Where a server is, in the form that the package takes."""
    if server.startswith("unix:"):
        return {"unix_socket": server.removeprefix("unix:")}
    name = server.removeprefix("inet:")
    if ":" not in name:
        local = next((path for path in LOCAL_SOCKETS if Root().exists(path)), None)
        return {"unix_socket": local} if name == "localhost" and local else {"host": name}
    host, port = parse_inet(name)
    number = ports.number(port)
    if number is None:
        raise OSError(f"unknown service: {port}/tcp")
    return {"host": host, "port": number}


def _words(problem: BaseException) -> str:
    """An error without its number."""
    return str(problem.args[-1]) if problem.args else str(problem)

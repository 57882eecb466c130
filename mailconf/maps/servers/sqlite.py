"""``sqlite``: a query in an SQLite database (sqlite_table(5)).

The first column of each row is a value, as SQLite's text of it. Of several statements only the first is run.

Departures: the database is not created when it is missing; an error in a query is a temporary failure where the
original ends its process; a database that was replaced by another file is opened anew.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from urllib.parse import quote

from mailconf.maps.core.opening import Opening, cannot_open
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.servers.client_config import ClientConfig
from mailconf.maps.servers.query import QueryTable, Template, sql_template
from mailconf.source import encode

BUSY_TIMEOUT = 1.0  # seconds to wait for a writer


class SqliteTable(QueryTable):
    """The table that ``name`` describes."""

    type = "sqlite"

    def __init__(self, name: str, opening: Opening) -> None:
        config = ClientConfig(name, opening)
        self._tree = opening.root
        self._name = config.text("dbpath", least=1)
        self._query = Template(name, sql_template(config), "query")
        super().__init__(name, config, opening, function="dict_sqlite_lookup")
        self._turn = threading.Lock()
        self._database = self._connected()

    def lookup(self, key: bytes) -> bytes | None:
        asked = self._asked(key)
        query = None if asked is None else self._query.expand(asked, asked, _quoted)
        if asked is None or query is None:
            return None
        with self._turn:
            if self._state != self._found():
                self._database.close()
                self._database = self._connected()
            return self._joined(asked, self._values(_first_statement(query.decode())))

    def close(self) -> None:
        self._database.close()
        super().close()

    def _found(self) -> tuple[int, int] | None:
        """Which file there is."""
        try:
            status = self._tree.stat(self._name)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _connected(self) -> sqlite3.Connection:
        try:
            path = self._tree.real(self._name)
        except OSError as problem:
            raise cannot_open(self._name, problem) from problem
        self._state = self._found()
        # Writable where the file is: a reader must be able to undo what a crashed writer left.
        place = f"file:{quote(encode(str(path)))}?mode=rw"
        try:
            database = sqlite3.connect(
                place, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as problem:
            raise TemporaryFailure(f"sqlite:{self.name}: Can't open database: {problem}?") from problem
        database.text_factory = bytes
        return database

    def _values(self, statement: str) -> Iterator[bytes | None]:
        try:
            for value, *_ in self._database.execute(statement):
                yield value if value is None or isinstance(value, bytes) else self._text(value)
        except (sqlite3.Error, sqlite3.Warning) as problem:
            if self._compiles(statement):
                raise self._failed(f"SQL finalize failed for query '{statement}': {problem}?") from problem
            raise self._failed(f"SQL prepare failed: {problem}?") from problem

    def _compiles(self, statement: str) -> bool:
        try:
            self._database.execute("EXPLAIN " + statement).close()
        except sqlite3.Error:
            return False
        return True

    def _text(self, number: float) -> bytes:
        """A number as SQLite writes it."""
        text: bytes = self._database.execute("SELECT CAST(? AS TEXT)", (number,)).fetchone()[0]
        return text


def _quoted(text: bytes) -> bytes:
    return text.replace(b"'", b"''")


def _first_statement(text: str) -> str:
    """The text up to the end of the first complete statement."""
    end = text.find(";")
    while end >= 0:
        if sqlite3.complete_statement(text[: end + 1]):
            return text[: end + 1]
        end = text.find(";", end + 1)
    return text

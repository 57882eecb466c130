"""mysql tables over a fake of PyMySQL."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.maps.servers import mysql

CONFIG = "hosts = {hosts}\nuser = mail\npassword = secret\ndbname = base\nquery = call find('%s')\n"


class Error(Exception):
    pass


class Server:
    """``sets`` is what the next query gives: sets of rows, None for a statement without one."""

    def __init__(self) -> None:
        self.sets: list[list[tuple[bytes | None, ...]] | None] = [[(b"one", None), (b"two", b"three")]]
        self.connects: list[dict[str, Any]] = []
        self.queries: list[bytes] = []
        self.down: set[str] = set()
        self.closed = 0


class Cursor:
    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, query: bytes) -> None:
        if b"bad" in query:
            raise Error(1064, "You have an error in your SQL syntax")
        self._server.queries.append(query)
        self._left = list(self._server.sets)

    @property
    def description(self) -> object:
        return None if self._left[0] is None else ()

    def fetchall(self) -> list[tuple[bytes | None, ...]]:
        return self._left[0] or []

    def nextset(self) -> bool:
        del self._left[0]
        return bool(self._left)


class Connection:
    def __init__(self, server: Server) -> None:
        self._server = server

    def cursor(self) -> Cursor:
        return Cursor(self._server)

    def commit(self) -> None:
        pass

    def close(self) -> None:
        self._server.closed += 1
        raise Error("Already closed")

    def escape(self, text: str) -> str:
        return "'" + text.replace("'", "\\'") + "'"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()

    def connect(**settings: Any) -> Connection:
        found.connects.append(settings)
        place = settings.get("host") or settings["unix_socket"]
        if place in found.down:
            raise Error(2003, f"Can't connect to MySQL server on '{place}'")
        return Connection(found)

    module = types.ModuleType("pymysql")
    converters = types.SimpleNamespace(encoders={})
    module.__dict__.update(connect=connect, Error=Error, converters=converters)
    monkeypatch.setitem(sys.modules, "pymysql", module)
    return found


def table(tmp_path: Path, config: str, told: list[str] | None = None) -> LookupTable:
    path = tmp_path / "t.cf"
    path.write_text(config)
    return open_table(f"mysql:{path}", warn=[].append if told is None else told.append)


def test_answers(tmp_path: Path, server: Server) -> None:
    asked = table(tmp_path, CONFIG.format(hosts="h"))
    assert asked.lookup("o'né".encode()) == b"one,two,three"
    assert server.queries == ["call find('o\\'né')".encode()]
    server.sets = [[]]
    assert asked.lookup(b"x") is None
    assert len(server.connects) == 1
    asked.close()
    asked.close()
    assert server.closed == 1


@pytest.mark.parametrize(
    ("hosts", "place"),
    [
        ("h", {"host": "h"}),
        ("inet:h:77", {"host": "h", "port": 77}),
        ("unix:/run/s", {"unix_socket": "/run/s"}),
        ("inet:[::1]:77", {"host": "::1", "port": 77}),
    ],
)
def test_places(tmp_path: Path, server: Server, hosts: str, place: dict[str, object]) -> None:
    table(tmp_path, CONFIG.format(hosts=hosts)).lookup(b"x")
    assert {name: server.connects[0].get(name) for name in place} == place
    assert {name: server.connects[0][name] for name in ("user", "password", "database")} == {
        "user": "mail",
        "password": "secret",
        "database": "base",
    }


def test_localhost_is_the_local_socket(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql, "LOCAL_SOCKETS", (str(tmp_path / "none"), str(tmp_path)))
    table(tmp_path, CONFIG.format(hosts="localhost")).lookup(b"x")
    assert server.connects[0]["unix_socket"] == str(tmp_path)


def test_sockets_come_before_hosts(tmp_path: Path, server: Server) -> None:
    for _ in range(10):
        table(tmp_path, CONFIG.format(hosts="h1 h2 unix:/s h3")).lookup(b"x")
    assert {settings.get("unix_socket") for settings in server.connects} == {"/s"}


def test_options(tmp_path: Path, server: Server) -> None:
    tls = "tls_CAfile = /ca\ntls_cert_file = /cert\ntls_key_file = /key\ntls_verify_cert = yes\n"
    more = "option_file = /my.cnf\noption_group = mail\n"
    table(tmp_path, CONFIG.format(hosts="h") + tls + more).lookup(b"x")
    expected = {
        "ssl_ca": "/ca",
        "ssl_cert": "/cert",
        "ssl_key": "/key",
        "ssl_verify_identity": True,
        "read_default_file": "/my.cnf",
        "read_default_group": "mail",
    }
    assert {name: server.connects[0][name] for name in expected} == expected


@pytest.mark.parametrize(
    ("sets", "more", "words"),
    [
        ([None], "", "query returned no result set (require_result_set = yes)"),
        ([[], []], "", "query returned multiple result sets"),
        ([[(b"x",)], [(b"y",)]], "require_result_set = no\n", "query returned multiple result sets"),
    ],
)
def test_sets(tmp_path: Path, server: Server, sets: list[Any], more: str, words: str) -> None:
    server.sets = sets
    with pytest.raises(TemporaryFailure) as caught:
        table(tmp_path, CONFIG.format(hosts="h") + more).lookup(b"x")
    assert words in str(caught.value)


def test_no_set_can_be_an_answer(tmp_path: Path, server: Server) -> None:
    server.sets = [[(b"x",)], None]  # what a stored procedure gives
    asked = table(tmp_path, CONFIG.format(hosts="h") + "require_result_set = no\n")
    assert asked.lookup(b"k") == b"x"
    server.sets = [None]
    assert asked.lookup(b"k") is None


def test_failures(tmp_path: Path, server: Server) -> None:
    told: list[str] = []
    server.down = {"h"}
    with pytest.raises(TemporaryFailure, match="connect to mysql server h: Can't connect to MySQL server on 'h'"):
        table(tmp_path, CONFIG.format(hosts="h"), told).lookup(b"x")
    server.down = set()
    with pytest.raises(TemporaryFailure, match=r"query failed: You have an error in your SQL syntax \(host h\)"):
        table(tmp_path, CONFIG.format(hosts="h"), told).lookup(b"bad")
    assert len(told) == 2


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(UnsupportedMap, match=r"^mysql tables need mailconf\[mysql\]: "):
        table(tmp_path, CONFIG.format(hosts="h"))

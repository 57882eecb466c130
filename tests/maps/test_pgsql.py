"""pgsql tables over a fake of psycopg's libpq layer that asks SQLite; tests/live asks a real server."""

from __future__ import annotations

import enum
import sqlite3
import sys
import types
from pathlib import Path

import pytest

from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.maps.servers import sql_servers

CONFIG = "hosts = {hosts}\nuser = mail\npassword = p w\ndbname = base\nquery = select v, w from a where k = '%s'\n"


class ExecStatus(enum.Enum):
    COMMAND_OK = 1
    TUPLES_OK = 2
    FATAL_ERROR = 7


class ConnStatus(enum.Enum):
    OK = 0
    BAD = 1


class Result:
    def __init__(self, rows: list[tuple[bytes | None, ...]], error: str = "") -> None:
        self.status = ExecStatus.FATAL_ERROR if error else ExecStatus.TUPLES_OK
        self.error_message = error.encode()
        self.ntuples, self.nfields = len(rows), len(rows[0]) if rows else 0
        self._rows = rows

    def get_value(self, row: int, column: int) -> bytes | None:
        return self._rows[row][column]


class Server:
    """What the fake connects to: ``down`` hosts refuse, ``asked`` are the queries, ``infos`` the conninfos."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.infos: list[str] = []
        self.asked: list[bytes] = []
        self.broken = False
        self.base = sqlite3.connect(":memory:")
        self.base.text_factory = bytes
        self.base.execute("create table a (k, v, w)")
        rows = [("x@y.z", "one", "two"), ("x@y.z", "three", None), ("q'", "quoted", ""), ("é", "letter", "")]
        self.base.executemany("insert into a values (?, ?, ?)", rows)


class Connection:
    def __init__(self, server: Server, info: str) -> None:
        self.server = server
        host = next((word[5:] for word in info.split() if word.startswith("host=")), "")
        self.status = ConnStatus.BAD if host in server.down else ConnStatus.OK
        self.error_message = b"connection refused\n"
        self.finished = False

    def exec_(self, query: bytes) -> Result:
        if query.startswith(b"SET client_encoding"):
            return Result([])
        self.server.asked.append(query)
        if self.server.broken:
            return Result([], "ERROR:  the server is broken\n")
        return Result(self.server.base.execute(query.decode()).fetchall())

    def finish(self) -> None:
        self.finished = True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()

    class PGconn:
        @staticmethod
        def connect(info: bytes) -> Connection:
            found.infos.append(info.decode())
            return Connection(found, info.decode())

    class Escaping:
        def __init__(self, connection: Connection) -> None:
            pass

        def escape_string(self, text: bytes) -> bytes:
            return text.replace(b"'", b"''")

    pq = types.ModuleType("psycopg.pq")
    pq.__dict__.update(PGconn=PGconn, Escaping=Escaping, ExecStatus=ExecStatus, ConnStatus=ConnStatus)
    conninfo = types.ModuleType("psycopg.conninfo")
    conninfo.__dict__["make_conninfo"] = lambda text="", **more: " ".join(
        [text, *(f"{name}={value}" for name, value in more.items())]
    ).strip()
    for name, module in {
        "psycopg": types.ModuleType("psycopg"),
        "psycopg.pq": pq,
        "psycopg.conninfo": conninfo,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


def table(
    tmp_path: Path, config: str, told: list[str] | None = None, *, uri_names_database: bool = True
) -> LookupTable:
    path = tmp_path / "t.cf"
    path.write_text(config)
    return open_table(
        f"pgsql:{path}",
        fold=lambda key: key.lower(),
        warn=[].append if told is None else told.append,
        uri_names_database=uri_names_database,
    )


@pytest.mark.parametrize(
    ("hosts", "named"),
    [
        ("", "localhost"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("postgresql://127.0.0.1:1/x inet:127.0.0.1:1", "127.0.0.1"),
        ("a:1 b:2", "a"),
        ("[::1]:1", "[::1]"),
        ("unix:/nosuch", "/nosuch"),
        ("unix:/a:5", "/a:5"),
        ("/a/b:5", "/a/b:5"),
        ("unix:a:5", "a"),
        ("x_y://a/x", "x_y"),
        ("1x://a/x", "1x"),
        ("a:b:c", "a:b"),
        ("a:", "a"),
        (":5", ""),
        ("postgresql:/a", "postgresql"),
        ("inet:postgres://a/x", "postgres"),
    ],
)
def test_hosts_that_need_a_database(tmp_path: Path, server: Server, hosts: str, named: str) -> None:
    """The words are those of postmap 3.10.13; 3.7.11 wants a dbname in every case."""
    config = CONFIG.replace("dbname = base\n", "").format(hosts=hosts)
    with pytest.raises(TemporaryFailure) as failure:
        table(tmp_path, config)
    assert str(failure.value) == f"pgsql:{tmp_path}/t.cf host target '{named}' requires dbname setting"
    for host in (hosts, "postgresql://h/x"):
        with pytest.raises(TemporaryFailure) as failure:
            table(tmp_path, CONFIG.replace("base", "").format(hosts=host), uri_names_database=False)
        assert str(failure.value) == f"{tmp_path}/t.cf: bad string length 0 < 1: dbname = "


def test_a_uri_names_the_database(tmp_path: Path, server: Server) -> None:
    asked = table(tmp_path, CONFIG.replace("dbname = base\n", "").format(hosts="postgresql://h/x"))
    assert asked.lookup(b"q'") == b"quoted"
    assert server.infos == ["postgresql://h/x connect_timeout=10"]


def test_a_uri_that_libpq_does_not_take(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str, **_: object) -> str:
        raise ValueError(f'missing "=" after "{text}" in connection info string\n')

    monkeypatch.setattr(sys.modules["psycopg.conninfo"], "make_conninfo", refuse)
    told: list[str] = []
    asked = table(tmp_path, CONFIG.format(hosts="x1://a"), told)
    with pytest.raises(TemporaryFailure):
        asked.lookup(b"q'")
    assert told == ['connect to pgsql server x1://a: missing "=" after "x1://a" in connection info string']


def test_answers(tmp_path: Path, server: Server) -> None:
    told: list[str] = []
    asked = table(tmp_path, CONFIG.format(hosts="h"), told)
    assert asked.lookup(b"X@y.z") == b"one,two,three"
    assert asked.lookup(b"q'") == b"quoted"
    assert asked.lookup("é".encode()) == b"letter"
    assert asked.lookup(b"none") is None
    assert len(server.infos) == 1
    assert told[0] == f'table "pgsql:{asked.name}": empty lookup result for: "x@y.z" -- ignored'
    assert asked.lookup(b"\xff") is None
    assert "non-UTF-8 key" in told[-1]
    asked.close()
    asked.close()


@pytest.mark.parametrize(
    ("hosts", "info"),
    [
        ("h", "connect_timeout=10 user=mail password=p w host=h dbname=base"),
        ("inet:h:77", "connect_timeout=10 user=mail password=p w host=h dbname=base port=77"),
        ("unix:/run/pg", "connect_timeout=10 user=mail password=p w host=/run/pg dbname=base"),
        ("[::1]:77", "connect_timeout=10 user=mail password=p w host=::1 dbname=base port=77"),
        ("postgresql://u@h/b?host=h", "postgresql://u@h/b?host=h connect_timeout=10"),
    ],
)
def test_places(tmp_path: Path, server: Server, hosts: str, info: str) -> None:
    server.down.add("h")
    asked = table(tmp_path, CONFIG.format(hosts=hosts))
    with pytest.raises((TemporaryFailure, StopIteration)):
        asked.lookup(b"q'")
        raise StopIteration
    assert server.infos == [info]


def test_another_server_answers(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.down = {"bad", "worse"}
    told: list[str] = []
    asked = table(tmp_path, CONFIG.format(hosts="bad, good worse"), told)
    assert asked.lookup(b"q'") == b"quoted"
    count = len(server.infos)
    assert asked.lookup(b"q'") == b"quoted"
    assert len(server.infos) == count  # over the connection that is open
    monkeypatch.setattr(sql_servers, "IDLE", -1.0)
    monkeypatch.setattr(sql_servers, "RETRY_AFTER", 1e9)
    assert [asked.lookup(b"q'") for _ in range(20)] == [b"quoted"] * 20
    assert {line for line in told if "connect" in line} <= {
        f"connect to pgsql server {name}: connection refused" for name in server.down
    }
    assert len([line for line in told if "connect to pgsql server bad" in line]) <= 1


def test_all_servers_fail(tmp_path: Path, server: Server) -> None:
    server.down = {"a", "b"}
    asked = table(tmp_path, CONFIG.format(hosts="a b"))
    for _ in range(2):  # the second time nobody is asked
        with pytest.raises(TemporaryFailure, match=r"connect to pgsql server [ab]: connection refused"):
            asked.lookup(b"x")
    assert len(server.infos) == 2


def test_a_failed_query(tmp_path: Path, server: Server) -> None:
    server.broken = True
    told: list[str] = []
    asked = table(tmp_path, CONFIG.format(hosts="h"), told)
    with pytest.raises(TemporaryFailure, match=r"query failed: ERROR:  the server is broken \(host h\)"):
        asked.lookup(b"x")


def test_functions(tmp_path: Path, server: Server) -> None:
    asked = table(tmp_path, "dbname = base\nselect_function = upper\n")
    assert asked.lookup(b"a'b") == b"A'B"
    assert server.asked == [b"SELECT upper('a''b')"]
    assert "host=localhost" in server.infos[0]


def test_limits(tmp_path: Path, server: Server) -> None:
    asked = table(tmp_path, CONFIG.format(hosts="h") + "expansion_limit = 2\n")
    with pytest.raises(TemporaryFailure, match=r"dict_pgsql_lookup: .*: Expansion limit exceeded for key: 'x@y.z'"):
        asked.lookup(b"x@y.z")
    assert asked.lookup(b"q'") == b"quoted"


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg.pq", None)
    with pytest.raises(UnsupportedMap, match=r"^pgsql tables need mailconf\[pgsql\]: "):
        table(tmp_path, CONFIG.format(hosts="h"))

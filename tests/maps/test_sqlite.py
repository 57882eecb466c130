from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from mailconf.files import Root
from mailconf.maps.core.table import LookupTable, TemporaryFailure
from mailconf.maps.registry import open_table

QUERY = "query = select v from a where k = '%s'\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.db"
    fill(path, [("a", "1"), ("b", "x"), ("b", "y"), ("n", None), ("e", ""), ("i", 5), ("r", 1.5), ("q'", "quote")])
    return path


def fill(path: Path, rows: list[tuple[str, object]]) -> None:
    database = sqlite3.connect(path)
    database.execute("create table a (k, v)")
    database.executemany("insert into a values (?, ?)", rows)
    database.commit()
    database.close()


def table(base: Path, config: str = QUERY, told: list[str] | None = None) -> LookupTable:
    path = base.with_name("t.cf")
    path.write_text(f"dbpath = {base}\n{config}")
    return open_table(f"sqlite:{path}", fold=bytes.lower, warn=[].append if told is None else told.append)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"a", b"1"),
        (b"A", b"1"),
        (b"b", b"x,y"),
        (b"n", None),
        (b"i", b"5"),
        (b"r", b"1.5"),
        (b"q'", b"quote"),
        (b"' or 1=1 --", None),
        (b"a\0b", b"1"),
        (b"none", None),
    ],
)
def test_answers(base: Path, key: bytes, value: bytes | None) -> None:
    assert table(base).lookup(key) == value


def test_what_is_told(base: Path) -> None:
    told: list[str] = []
    asked = table(base, told=told)
    assert [asked.lookup(key) for key in (b"e", b"", b"\xe9")] == [None, None, None]
    name = asked.name
    assert told == [
        f'table "sqlite:{name}": empty lookup result for: "e" -- ignored',
        f'table "sqlite:{name}": empty query string -- ignored',
        f'sqlite:{name}: non-UTF-8 key "\udce9": malformed UTF-8 or invalid codepoint',
    ]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (QUERY + "expansion_limit = 1\n", "Expansion limit exceeded for key 'b'"),
        ("query = selekt\n", 'SQL prepare failed: near "selekt": syntax error?'),
        ("query = select v from a limit (select 'x')\n", "SQL finalize failed for query 'select v from a limit"),
    ],
)
def test_failures_of_a_lookup(base: Path, config: str, words: str) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        table(base, config).lookup(b"b")
    assert words in str(caught.value)


def test_a_missing_database_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(TemporaryFailure, match="Can't open database: unable to open database file"):
        table(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_file_that_is_no_database(base: Path) -> None:
    base.write_bytes(b"no database " * 1000)
    with pytest.raises(TemporaryFailure, match="SQL prepare failed: file is not a database"):
        table(base).lookup(b"a")


def test_a_replaced_database_is_seen(base: Path, tmp_path: Path) -> None:
    asked = table(base)
    assert asked.lookup(b"a") == b"1"
    fill(tmp_path / "new.db", [("a", "new")])
    (tmp_path / "new.db").replace(base)
    assert asked.lookup(b"a") == b"new"


def test_a_database_that_a_writer_holds_is_a_failure(base: Path) -> None:
    writer = sqlite3.connect(base, isolation_level=None)
    writer.execute("begin exclusive")
    asked = table(base)
    with pytest.raises(TemporaryFailure, match="database is locked"):
        asked.lookup(b"a")
    writer.execute("rollback")
    writer.close()
    assert asked.lookup(b"a") == b"1"


def test_threads_share_a_table(base: Path) -> None:
    asked = table(base)
    wrong: list[bytes | None] = []

    def run() -> None:
        wrong.extend(found for _ in range(200) if (found := asked.lookup(b"b")) != b"x,y")

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_parameters_of_main_cf(base: Path) -> None:
    main_cf = {"users_dbpath": str(base), "users_query": "select v from a where k = '%s'"}
    asked = open_table("sqlite:users", parameter=main_cf.get)
    assert asked.lookup(b"a") == b"1"
    with pytest.raises(TemporaryFailure, match=r"^bad string length 0 < 1: others_dbpath = $"):
        open_table("sqlite:others", parameter=main_cf.get)


def test_below_another_root(base: Path, tmp_path: Path) -> None:
    (tmp_path / "t.cf").write_text(f"dbpath = /base.db\n{QUERY}")
    asked = open_table("sqlite:/t.cf", Root(tmp_path))
    assert (asked.type, asked.name, asked.lookup(b"a")) == ("sqlite", "/t.cf", b"1")
    asked.close()
    asked.close()

"""Berkeley DB files of both kinds."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_vectors import FILES, FOLDER, brief, names
from mutations import mutate
from shares import shared

from mailconf.maps.core.opening import Repeated
from mailconf.maps.database.bdb import DamagedMap
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_btree_writer import write_btree
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.database.bdb_hash_writer import write_hash
from mailconf.maps.database.bdb_table import c_string

ITEMS = st.binary(max_size=30) | st.binary(max_size=4) | st.integers(0, 9000).map(lambda n: b"x" * n)
TABLES = st.dictionaries(ITEMS, ITEMS, max_size=60)
Database = HashFile | BtreeFile
READERS: dict[str, Callable[[Path], Database]] = {"hash": HashFile, "btree": BtreeFile}
WRITERS: dict[str, Callable[..., None]] = {"hash": write_hash, "btree": write_btree}
KINDS = list(READERS)
NAMES = [name for kind in KINDS for name in names(kind)]


def opened(path: Path) -> Database:
    """A file of the vectors."""
    return READERS[path.name.split("-")[0]](path)


def written(kind: str, path: Path, table: dict[bytes, bytes], **options: Any) -> Database:
    with path.open("wb") as file:
        WRITERS[kind](file, list(table), list(table.values()), **options)
    return READERS[kind](path)


@pytest.mark.parametrize("name", NAMES)
def test_reads_what_libdb_reads(name: str) -> None:
    database = opened(FOLDER / name)
    assert [[brief(key), brief(value)] for key, value in database.items()] == FILES[name]


@pytest.mark.parametrize("name", NAMES)
def test_finds_every_key(name: str) -> None:
    database = opened(FOLDER / name)
    first: dict[bytes, bytes] = {}
    for key, value in database.items():
        first.setdefault(key, value)
    for key, value in first.items():
        assert database.get(key) == value
        for other in (key + b"?", key[:-1], key + b"\0", b"\0" + key):
            assert database.get(other) == first.get(other)


@pytest.mark.parametrize("name", NAMES)
def test_many_keys_at_once(name: str) -> None:
    database = opened(FOLDER / name)
    keys = [key for key, _ in database.items()]
    keys += [key + b"?" for key in keys] + keys[:3] + [b"", b"x" * 5000] + [b"%d" % n for n in range(100)]
    assert database.get_all(keys) == [c_string(database.get(key)) for key in keys]
    assert database.get_all(keys, b"\0") == [c_string(database.get(key + b"\0")) for key in keys]
    assert shared(database, keys, b"") == database.get_all(keys)
    assert database.get_all([]) == []


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(table=TABLES, end=st.sampled_from([b"", b"\0"]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, kind: str, table: dict[bytes, bytes], end: bytes) -> None:
    database = written(kind, tmp_path_factory.mktemp("bdb") / "t.db", table, end=end)
    pairs = list(database.items())
    assert len(pairs) == len(table)
    assert dict(pairs) == {key + end: value + end for key, value in table.items()}
    for key, value in table.items():
        assert database.get(key + end) == value + end
    assert database.get(b"\xff no such key") is None
    database.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, 10, 500, 20_000])
def test_sizes(tmp_path: Path, kind: str, count: int) -> None:
    table = {b"user%d@example%d.com" % (n, n % 9): b"value %d" % n for n in range(count)}
    database = written(kind, tmp_path / "t.db", table, end=b"\0")
    assert dict(database.items()) == {key + b"\0": value + b"\0" for key, value in table.items()}
    for key in list(table)[::97]:
        assert database.get(key + b"\0") == table[key] + b"\0"
        assert database.get(key) is None
    assert (tmp_path / "t.db").stat().st_size % 4096 == 0


@pytest.mark.parametrize("kind", KINDS)
def test_long_keys_with_long_common_beginnings(tmp_path: Path, kind: str) -> None:
    table = {b"k" * 2000 + b"%04d" % n + b"x" * (n * 37): b"v" * n for n in range(900)}
    database = written(kind, tmp_path / "t.db", table)
    assert dict(database.items()) == table
    for key, value in table.items():
        assert database.get(key) == value
        assert database.get(key[:-1] + b"y") is None


@pytest.mark.parametrize("kind", KINDS)
def test_progress_reaches_the_end(tmp_path: Path, kind: str) -> None:
    table = {b"%d" % n: b"x" * 100 for n in range(40_000)}
    seen: list[tuple[int, int]] = []
    written(kind, tmp_path / "t.db", table, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1] == (40_000, 40_000)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_comes_twice(tmp_path: Path, kind: str) -> None:
    with (tmp_path / "t.db").open("wb") as file, pytest.raises(Repeated):
        WRITERS[kind](file, [b"a", b"b", b"a"], [b"1", b"2", b"3"])


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_told(tmp_path: Path, name: str) -> None:
    original = (FOLDER / name).read_bytes()
    database = opened(FOLDER / name)
    size = database.file.page_size
    keys = [*[key for key, _ in database.items()][:20], b"absent", b"absent" * 300]
    many = [*keys, *(b"absent%d" % n for n in range(100))]
    dice = random.Random(name)
    path = tmp_path / name
    told = 0
    for _ in range(100):
        path.write_bytes(mutate(original, dice, size))
        try:
            database = opened(path)
        except DamagedMap:
            told += 1
            continue
        limit = path.stat().st_size * 2
        try:
            assert sum(len(key) + len(value) for key, value in database.items()) <= limit
        except DamagedMap:
            told += 1
        for key in keys:
            try:
                database.get(key)
            except DamagedMap:
                pass
        try:
            database.get_all(many)
        except DamagedMap:
            pass
        database.close()
    assert told > 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "t.db"
    path.write_bytes((FOLDER / f"{kind}-4096.db").read_bytes())
    database = READERS[kind](path)
    with path.open("r+b") as file:
        file.truncate(4096)
    with pytest.raises(DamagedMap):
        list(database.items())
    path.write_bytes(b"")
    with pytest.raises(DamagedMap, match="shorter than a meta page"):
        READERS[kind](path)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_told_apart(kind: str) -> None:
    other = FOLDER / ("btree-4096.db" if kind == "hash" else "hash-4096.db")
    with pytest.raises(DamagedMap, match="not a Berkeley DB file of the expected kind"):
        READERS[kind](other)

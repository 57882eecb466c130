from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_vectors import FILES, FOLDER, brief, names
from mutations import mutate

from mailconf.maps.bdb import DamagedMap
from mailconf.maps.bdb_hash import HashFile
from mailconf.maps.bdb_hash_writer import longer_first, write_hash
from mailconf.maps.opening import Repeated

ITEMS = st.binary(max_size=30) | st.binary(max_size=4) | st.integers(0, 9000).map(lambda n: b"x" * n)
TABLES = st.dictionaries(ITEMS, ITEMS, max_size=60)


def written(path: Path, table: dict[bytes, bytes], end: bytes = b"") -> HashFile:
    with path.open("wb") as file:
        write_hash(file, list(table), list(table.values()), end=end)
    return HashFile(path)


@pytest.mark.parametrize("name", names("hash"))
def test_reads_what_libdb_reads(name: str) -> None:
    database = HashFile(FOLDER / name)
    assert [[brief(key), brief(value)] for key, value in database.items()] == FILES[name]


@pytest.mark.parametrize("name", names("hash"))
def test_finds_every_key(name: str) -> None:
    database = HashFile(FOLDER / name)
    first: dict[bytes, bytes] = {}
    for key, value in database.items():
        first.setdefault(key, value)
    for key, value in first.items():
        assert database.get(key) == value
        for other in (key + b"?", key[:-1], key + b"\0"):
            assert database.get(other) == first.get(other)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.sampled_from([b"", b"\0"]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, table: dict[bytes, bytes], end: bytes) -> None:
    database = written(tmp_path_factory.mktemp("hash") / "t.db", table, end)
    pairs = list(database.items())
    assert len(pairs) == len(table)
    assert dict(pairs) == {key + end: value + end for key, value in table.items()}
    for key, value in table.items():
        assert database.get(key + end) == value + end
    assert database.get(b"\xff no such key") is None
    database.close()


@pytest.mark.parametrize("count", [0, 1, 2, 10, 500, 20_000])
def test_sizes(tmp_path: Path, count: int) -> None:
    table = {b"user%d@example%d.com" % (n, n % 9): b"value %d" % n for n in range(count)}
    database = written(tmp_path / "t.db", table, b"\0")
    assert dict(database.items()) == {key + b"\0": value + b"\0" for key, value in table.items()}
    assert (tmp_path / "t.db").stat().st_size % 4096 == 0


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    table = {b"%d" % n: b"x" * 100 for n in range(20_000)}
    seen: list[tuple[int, int]] = []
    with (tmp_path / "t.db").open("wb") as file:
        write_hash(file, list(table), list(table.values()), progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1] == (20_000, 20_000)


def test_a_key_that_comes_twice(tmp_path: Path) -> None:
    with (tmp_path / "t.db").open("wb") as file, pytest.raises(Repeated):
        write_hash(file, [b"a", b"b", b"a"], [b"1", b"2", b"3"])


@given(st.lists(st.text("ab", max_size=6).map(str.encode), unique=True))
def test_order_of_keys_that_begin_with_others(keys: list[bytes]) -> None:
    # The order is that of the keys with an end mark above all bytes.
    assert longer_first(sorted(keys)) == sorted(keys, key=lambda key: [*key, 256])


@pytest.mark.parametrize("name", names("hash"))
def test_damaged_files_are_told(tmp_path: Path, name: str) -> None:
    original = (FOLDER / name).read_bytes()
    size = HashFile(FOLDER / name).file.page_size
    keys = [*[key for key, _ in HashFile(FOLDER / name).items()][:20], b"absent", b"absent" * 300]
    dice = random.Random(name)
    path = tmp_path / "damaged.db"
    told = 0
    for _ in range(180):
        path.write_bytes(mutate(original, dice, size))
        try:
            database = HashFile(path)
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
        database.close()
    assert told > 20


def patched(tmp_path: Path, name: str, offset: int, form: str, *numbers: int) -> Path:
    data = bytearray((FOLDER / name).read_bytes())
    struct.pack_into(form, data, offset, *numbers)
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("offset", "form", "number", "what"),
    [
        (12, "<I", 0x053162, "not a Berkeley DB file of the expected kind"),
        (16, "<I", 8, "unsupported version 8"),
        (20, "<I", 0, "page size 0"),
        (20, "<I", 4095, "page size 4095"),
        (24, "<B", 1, "encrypted"),
        (26, "<B", 1, "checksummed"),
        (48, "<I", 2, "several databases"),
        (72, "<I", 0xFFFFFFFF, "buckets on"),
        (92, "<I", 1, "hash function"),
    ],
)
def test_meta_page_is_checked(tmp_path: Path, offset: int, form: str, number: int, what: str) -> None:
    with pytest.raises(DamagedMap, match=what):
        HashFile(patched(tmp_path, "hash-4096.db", offset, form, number))


def test_a_page_that_follows_itself(tmp_path: Path) -> None:
    database = HashFile(patched(tmp_path, "hash-postmap.db", 4096 + 16, "<I", 1))
    with pytest.raises(DamagedMap, match="two chains"):
        list(database.items())


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    path.write_bytes((FOLDER / "hash-4096.db").read_bytes())
    database = HashFile(path)
    with path.open("r+b") as file:
        file.truncate(4096)
    with pytest.raises(DamagedMap):
        list(database.items())
    with pytest.raises(DamagedMap, match="shorter than a meta page"):
        path.write_bytes(b"")
        HashFile(path)


def test_many_places_that_look_like_the_key(tmp_path: Path) -> None:
    table = {b"other": b"\1a" * 400, b"a": b"found"}
    assert written(tmp_path / "t.db", table).get(b"a") == b"found"
    del table[b"a"]
    assert written(tmp_path / "t.db", table).get(b"a") is None

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import pytest
from file_vectors import FILES, FOLDER, names
from hypothesis import given, settings
from hypothesis import strategies as st
from map_vectors import brief
from mutations import mutate
from shares import shared

from mailconf.maps.build.change import delete_keys, update_map
from mailconf.maps.build.write import write_map
from mailconf.maps.core.opening import Repeated
from mailconf.maps.core.table import DamagedMap, SequenceTable, UnsupportedMap
from mailconf.maps.database import cdb_writer
from mailconf.maps.database.cdb import HEADER, PRIME, START, CdbFile
from mailconf.maps.database.cdb_writer import write_cdb
from mailconf.maps.database.fnv import hash_all, hash_one
from mailconf.maps.registry import open_table
from tests.limits import within

ITEMS = st.binary(max_size=30) | st.binary(max_size=3) | st.integers(0, 9000).map(lambda n: b"x" * n)


def written(path: Path, table: dict[bytes, bytes], end: bytes = b"") -> CdbFile:
    with path.open("wb") as file:
        write_cdb(file, list(table), list(table.values()), end=end)
    return CdbFile(path)


@pytest.mark.parametrize("name", names("cdb"))
def test_reads_what_tinycdb_reads(name: str) -> None:
    database = CdbFile(FOLDER / name)
    pairs = list(database.items())
    assert [[brief(key), brief(value)] for key, value in pairs] == FILES[name]
    first: dict[bytes, bytes] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    for key, value in first.items():
        assert database.get(key) == value
        for other in (key + b"?", key[:-1], key + b"\0"):
            assert database.get(other) == first.get(other)


def test_has_the_same_bytes_as_postmap_s() -> None:
    original = FOLDER / "postmap.cdb"
    table = dict(CdbFile(original).items())
    ours = io.BytesIO()
    write_cdb(ours, list(table), list(table.values()))
    assert ours.getvalue() == original.read_bytes()


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(ITEMS, ITEMS, max_size=60), st.sampled_from([b"", b"\0"]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, table: dict[bytes, bytes], end: bytes) -> None:
    database = written(tmp_path_factory.mktemp("cdb") / "t.cdb", table, end)
    assert list(database.items()) == [(key + end, value + end) for key, value in table.items()]
    for key, value in table.items():
        assert database.get(key + end) == value + end
    assert database.get(b"\xff no such key") is None
    database.close()


@given(st.lists(st.binary(max_size=80)))
def test_hash_of_all_keys_is_that_of_each(keys: list[bytes]) -> None:
    assert list(hash_all(keys, prime=PRIME, start=START)) == [hash_one(key, PRIME, START) for key in keys]


def test_a_repeated_key_is_told(tmp_path: Path) -> None:
    keys = [b"%d" % n for n in range(2000)]
    with (tmp_path / "t").open("wb") as file, pytest.raises(Repeated):
        write_cdb(file, [*keys, b"77"], [b"x"] * 2001)
    told: list[bytes] = []
    write_map("cdb", tmp_path / "t.cdb", [(b"a", b"1"), (b"a", b"2")], on_duplicate=told.append)
    assert told == [b"a"]
    assert open_table(f"cdb:{tmp_path / 't'}").lookup(b"a") == b"1"


def test_keys_of_one_hash(tmp_path: Path) -> None:
    # Two letters of two neighbours: 33 * a + b, and b differs from the other's by exclusive or.
    same = [b"bb" * n + pair for n in range(3) for pair in (b"Zz", b"zZ")]
    by_hash: dict[int, list[bytes]] = {}
    for a in range(256):
        for b in range(256):
            key = bytes([a, b])
            by_hash.setdefault(hash_one(key, PRIME, START), []).append(key)
    shared = next(keys for keys in by_hash.values() if len(keys) > 3)
    table = {key: b"value of " + key for key in [*shared, *same]}
    database = written(tmp_path / "t.cdb", table)
    assert {key: database.get(key) for key in table} == table


def test_a_file_cannot_exceed_its_32_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdb_writer, "LARGEST", 3000)
    target = tmp_path / "t.cdb"
    write_map("cdb", target, [(b"a", b"b")])
    with pytest.raises(OSError, match="File too large"):
        write_map("cdb", target, [(b"a", b"b" * 1000)])
    assert CdbFile(target).get(b"a") == b"b"
    assert [path.name for path in tmp_path.iterdir()] == ["t.cdb"]


def test_maps_of_postmap_are_without_nul_and_never_changed(tmp_path: Path) -> None:
    target = tmp_path / "t.cdb"
    write_map("cdb", target, [(b"a", b"b")])
    assert list(CdbFile(target).items()) == [(b"a", b"b")]
    for change in (lambda: update_map("cdb", target, [(b"c", b"d")]), lambda: delete_keys("cdb", target, [b"a"])):
        with pytest.raises(UnsupportedMap, match="inappropriate open flags for cdb database"):
            change()
    write_map("cdb", target, [(b"a", b"b")], nul=True)
    assert list(CdbFile(target).items()) == [(b"a\0", b"b\0")]
    table = open_table(f"cdb:{tmp_path / 't'}")
    assert table.lookup(b"a") == b"b"
    assert isinstance(table, SequenceTable)


@pytest.mark.parametrize("name", names("cdb"))
def test_damaged_files_are_told(tmp_path: Path, name: str) -> None:
    original = (FOLDER / name).read_bytes()
    keys = [*[key for key, _ in CdbFile(FOLDER / name).items()][:40], b"absent"]
    dice = random.Random(name)
    path = tmp_path / "damaged.cdb"
    told = 0
    for _ in range(300):
        path.write_bytes(mutate(original, dice, 512))
        try:
            database = CdbFile(path)
            assert sum(len(key) + len(value) + 8 for key, value in database.items()) <= path.stat().st_size
        except DamagedMap:
            told += 1
            continue
        for key in keys:
            try:
                database.get(key)
            except DamagedMap:
                told += 1
        database.close()
    assert told > 20


def test_a_table_without_end_ends(tmp_path: Path) -> None:
    path = tmp_path / "t.cdb"
    slots = 1_000_000
    record = struct.pack("<II", 1, 1) + b"ab"
    header = struct.pack("<II", HEADER + len(record), slots) * 256
    full = struct.pack("<II", hash_one(b"x", PRIME, START), HEADER) * slots
    path.write_bytes(header + record + full)
    with within(50):
        with pytest.raises(DamagedMap, match="too many records with one hash"):
            CdbFile(path).get(b"x")
        assert CdbFile(path).get(b"y") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut short"),
        (b"x" * 2047, "cut short"),
        (struct.pack("<II", 4096, 1) * 256, "a table lies outside the file"),
        (struct.pack("<II", 0, 1) * 256, "a table lies outside the file"),
        (struct.pack("<II", 2048, 1) * 256 + struct.pack("<II", 177604, 5), "a record lies outside the file"),
    ],
)
def test_what_is_no_cdb_file(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "t.cdb"
    path.write_bytes(content)
    with pytest.raises(DamagedMap, match=words):
        CdbFile(path).get(b"a")


def test_many_keys_at_once(tmp_path: Path) -> None:
    table = {b"user%d@example%d.com" % (n, n % 97): b"v" * (n % 700) for n in range(6000)}
    path = tmp_path / "t.cdb"
    write_map("cdb", path, table.items(), nul=True)
    keys = [key + b"x" * (n % 3) for n, key in enumerate([*table, *table, b"", b"\xff" * 600, b"a"])]
    random.Random(1).shuffle(keys)
    for asked in (keys, keys[:300], []):
        expected = [table.get(key) for key in asked]
        assert CdbFile(path).get_all(asked, b"\0") == expected
        assert shared(CdbFile(path), asked, b"\0") == expected
    assert CdbFile(path).get_all([key + b"\0" for key in table]) == list(table.values())
    assert open_table(f"cdb:{tmp_path / 't'}").lookup_all(keys) == [table.get(key) for key in keys]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", names("cdb"))
def test_many_keys_of_a_damaged_file(tmp_path: Path, name: str) -> None:
    original = (FOLDER / name).read_bytes()
    keys = [*[key for key, _ in CdbFile(FOLDER / name).items()], *(b"absent%d" % n for n in range(1500))]
    dice = random.Random(name)
    path = tmp_path / "damaged.cdb"
    for _ in range(40):
        path.write_bytes(mutate(original, dice, 512))
        try:
            database = CdbFile(path)
        except DamagedMap:
            continue
        try:
            one_by_one: object = [database.get(key) for key in keys]
        except DamagedMap:
            one_by_one = None
        try:
            together: object = database.get_all(keys)
        except DamagedMap:
            together = None
        # Where pages are in no order, a search of one key and one of all may go different ways.
        assert together is None or one_by_one is None or len(together) == len(keys)  # type: ignore[arg-type]
        database.close()

from __future__ import annotations

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
from mailconf.maps.core.table import DamagedMap, SequenceTable
from mailconf.maps.database.lmdb import LmdbFile
from mailconf.maps.database.lmdb_writer import SMALLEST_MAP
from mailconf.maps.registry import open_table
from tests.limits import within

KEYS = st.binary(min_size=1, max_size=40) | st.integers(1, 510).map(lambda n: b"k" * n)
VALUES = st.binary(max_size=30) | st.integers(0, 20_000).map(lambda n: b"v" * n)


@pytest.mark.parametrize("name", names("lmdb"))
def test_reads_what_the_library_reads(name: str) -> None:
    database = LmdbFile(FOLDER / name)
    pairs = list(database.items())
    assert [[brief(key), brief(value)] for key, value in pairs] == FILES[name]
    table = dict(pairs)
    for key, value in pairs:
        assert database.get(key) == value
        for other in (key + b"?", key[:-1], key + b"\0"):
            assert database.get(other) == table.get(other)
    assert database.get(b"") is None
    assert database.get(b"\xff" * 600) is None


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=60), st.booleans())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, table: dict[bytes, bytes], nul: bool) -> None:
    path = tmp_path_factory.mktemp("lmdb") / "t.lmdb"
    write_map("lmdb", path, table.items(), nul=nul)
    end = b"\0" if nul else b""
    database = LmdbFile(path)
    assert list(database.items()) == [(key + end, value + end) for key, value in sorted(table.items())]
    for key, value in table.items():
        assert database.get(key + end) == value + end
    assert database.get(b"\xff no such key") is None
    database.close()


def map_size(path: Path) -> int:
    size: int = struct.unpack_from("=Q", path.read_bytes(), 32)[0]
    return size


@pytest.mark.parametrize(("count", "size"), [(0, 16), (1000, 16), (20_000, 32), (70_000, 128)])
def test_the_map_grows(tmp_path: Path, count: int, size: int) -> None:
    path = tmp_path / "t.lmdb"
    table = {b"user%d@example%d.com" % (n, n % 97): b"v" * (n % 2000) for n in range(count)}
    progress: list[tuple[int, int]] = []
    write_map("lmdb", path, table.items(), progress=lambda done, total: progress.append((done, total)))
    assert map_size(path) == size << 20
    assert map_size(path) >= SMALLEST_MAP
    assert not table or progress[-1] == (count, count)
    database = LmdbFile(path)
    assert sum(1 for _ in database.items()) == count
    for key, value in list(table.items())[:: max(1, count // 500)]:
        assert database.get(key + b"\0") == value + b"\0"
    assert [path.name for path in tmp_path.iterdir()] == ["t.lmdb"]


def test_the_size_is_tried_again_when_the_estimate_was_low(tmp_path: Path) -> None:
    # A value just above half a page has a page for itself.
    table = {b"%05d" % n: b"v" * 2100 for n in range(7000)}
    path = tmp_path / "t.lmdb"
    write_map("lmdb", path, table.items(), nul=False)
    assert path.stat().st_size > sum(len(key) + len(value) + 16 for key, value in table.items())
    assert map_size(path) == 32 << 20
    assert dict(LmdbFile(path).items()) == table


@pytest.mark.parametrize("key", [b"k" * 511, b"k" * 2000])
def test_keys_that_lmdb_does_not_take(tmp_path: Path, key: bytes) -> None:
    path = tmp_path / "t.lmdb"
    write_map("lmdb", path, [(b"old", b"map")])
    with pytest.raises(OSError, match="MDB_BAD_VALSIZE: Unsupported size of key/DB name/data, or wrong DUPFIXED size"):
        write_map("lmdb", path, [(b"a", b"b"), (key, b"x")])
    assert dict(LmdbFile(path).items()) == {b"old\0": b"map\0"}
    assert [path.name for path in tmp_path.iterdir()] == ["t.lmdb"]


def test_changes(tmp_path: Path) -> None:
    path = tmp_path / "t.lmdb"
    told: list[bytes] = []
    write_map("lmdb", path, [(b"a", b"1"), (b"a", b"2"), (b"c", b"3")], on_duplicate=told.append)
    table = open_table(f"lmdb:{tmp_path / 't'}", fold=bytes.lower)
    update_map("lmdb", path, [(b"b", b"2"), (b"c", b"4")], on_duplicate=told.append)
    assert told == [b"a", b"c"]
    assert isinstance(table, SequenceTable)
    assert list(table.entries()) == [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]
    assert delete_keys("lmdb", path, [b"a", b"x"]) == {b"a"}
    assert [table.lookup(key) for key in (b"A", b"B", b"c")] == [None, b"2", b"3"]


def test_an_update_in_place_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "t.lmdb"
    path.write_bytes((FOLDER / "postmap.lmdb").read_bytes())
    database = LmdbFile(path)
    assert database.get(b"user7@example0.com\0") == b"box 7\0"
    with path.open("r+b") as file:
        file.write((FOLDER / "postmap-deleted.lmdb").read_bytes())
    assert database.get(b"user7@example0.com\0") is None
    assert database.get(b"user140@example0.com\0") == b"box 140\0"


@pytest.mark.parametrize("name", names("lmdb"))
def test_damaged_files_are_told(tmp_path: Path, name: str) -> None:
    original = (FOLDER / name).read_bytes()
    keys = [*[key for key, _ in LmdbFile(FOLDER / name).items()][:40], b"absent"]
    dice = random.Random(name)
    path = tmp_path / "damaged.lmdb"
    told = 0
    for _ in range(300):
        path.write_bytes(mutate(original, dice, 4096))
        try:
            database = LmdbFile(path)
            assert sum(len(key) + len(value) for key, value in database.items()) <= path.stat().st_size
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


def patched(tmp_path: Path, *changes: tuple[int, str, int]) -> LmdbFile:
    """postmap.lmdb with numbers changed, in both meta pages where they lie in the first."""
    data = bytearray((FOLDER / "postmap.lmdb").read_bytes())
    for offset, form, number in changes:
        struct.pack_into("=" + form, data, offset, number)
        if offset < 4096:
            struct.pack_into("=" + form, data, 4096 + offset, number)
    path = tmp_path / "t.lmdb"
    path.write_bytes(data)
    return LmdbFile(path)


@pytest.mark.parametrize(
    ("offset", "form", "number", "words"),
    [
        (16, "I", 0x053162, "it has no meta page"),
        (10, "H", 2, "it has no meta page"),
        (20, "I", 999, "unsupported version 999"),
        (40, "I", 0, "page size 0"),
        (40, "I", 4095, "page size 4095"),
        (92, "H", 4, "unsupported flags 0x4"),
        (94, "H", 400, "400 levels"),
    ],
)
def test_meta_pages_are_checked(tmp_path: Path, offset: int, form: str, number: int, words: str) -> None:
    with pytest.raises(DamagedMap, match=words):
        patched(tmp_path, (offset, form, number))


def root_of(name: str) -> int:
    data = (FOLDER / name).read_bytes()
    return max(struct.unpack_from("=QQQ", data, place + 128)[::-1] for place in (0, 4096))[2]  # type: ignore[no-any-return]


def test_a_branch_that_contains_itself(tmp_path: Path) -> None:
    root = root_of("postmap.lmdb")
    place = root * 4096
    data = (FOLDER / "postmap.lmdb").read_bytes()
    first_node = place + struct.unpack_from("=H", data, place + 16)[0]
    database = patched(tmp_path, (first_node, "I", root))
    with pytest.raises(DamagedMap, match="belongs to itself"):
        list(database.items())
    with within(50), pytest.raises(DamagedMap, match="more than 32 levels"):
        database.get(b"\1")


@pytest.mark.parametrize("size", [0, 1, 4096, 4096 + 151])
def test_a_file_cut_short(tmp_path: Path, size: int) -> None:
    path = tmp_path / "t.lmdb"
    path.write_bytes((FOLDER / "postmap.lmdb").read_bytes()[:size])
    with pytest.raises(DamagedMap, match="cut short"):
        LmdbFile(path)


def test_a_value_longer_than_its_pages(tmp_path: Path) -> None:
    data = (FOLDER / "postmap.lmdb").read_bytes()
    node = data.index(struct.pack("=IHH", 20_001, 1, len(b"long@example.com\0")))
    database = patched(tmp_path, (node, "I", 2_000_000_000))
    with pytest.raises(DamagedMap, match="does not hold a value of 2000000000 bytes"):
        database.get(b"long@example.com\0")
    with pytest.raises(DamagedMap):
        list(database.items())


def test_many_keys_at_once(tmp_path: Path) -> None:
    table = {b"user%d@example%d.com" % (n, n % 97): b"v" * (n % 700) for n in range(6000)}
    path = tmp_path / "t.lmdb"
    write_map("lmdb", path, table.items(), nul=True)
    keys = [key + b"x" * (n % 3) for n, key in enumerate([*table, *table, b"", b"\xff" * 600, b"a"])]
    random.Random(1).shuffle(keys)
    for asked in (keys, keys[:300], []):
        expected = [table.get(key) for key in asked]
        assert LmdbFile(path).get_all(asked, b"\0") == expected
        assert shared(LmdbFile(path), asked, b"\0") == expected
    assert LmdbFile(path).get_all([key + b"\0" for key in table]) == list(table.values())
    assert open_table(f"lmdb:{tmp_path / 't'}").lookup_all(keys) == [table.get(key) for key in keys]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", names("lmdb"))
def test_many_keys_of_a_damaged_file(tmp_path: Path, name: str) -> None:
    original = (FOLDER / name).read_bytes()
    keys = [*[key for key, _ in LmdbFile(FOLDER / name).items()], *(b"absent%d" % n for n in range(1500))]
    dice = random.Random(name)
    path = tmp_path / "damaged.lmdb"
    for _ in range(40):
        path.write_bytes(mutate(original, dice, 4096))
        try:
            database = LmdbFile(path)
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

"""Entries as arrays: read, ordered, written and found as one by one."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.arrays import arrays
from mailconf.maps.build.write import Columns, Duplicates, map_path, stored_end, write_map
from mailconf.maps.core.opening import Repeated
from mailconf.maps.database import bdb, packed, packed_find, packed_table
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.database.bdb_table import c_string
from mailconf.maps.database.cdb import CdbFile
from mailconf.maps.database.fnv import hash_one
from mailconf.maps.database.lmdb import LmdbFile
from mailconf.tables import packed as reader
from mailconf.tables.packed import Packed, read_packed
from mailconf.tables.postmap import fold, read_rows
from mailconf.tables.rows import Problems

READERS: dict[str, Callable[[Path], Any]] = {"hash": HashFile, "btree": BtreeFile, "cdb": CdbFile, "lmdb": LmdbFile}
PIECES = st.sampled_from(
    [b"a", b"B@b.c", b"user1", b" ", b"\t", b"  ", b"\n", b"\n", b"#", b"\r\n", b"\n\n", b":", b'"', b"\\", b"\0"]  # noqa: RUF005
    + ["Ä".encode(), b"\xff", b"\1", b"k\tv\n", b"k v\n", b"key " + b" " * 20 + b"v\n", b"x" * 300]
)
KEYS = st.lists(
    st.sampled_from([b"a", b"b", b"\xff", b"aaaaaaaa", b"user@example.com", b"\1"]), min_size=1, max_size=20
)
np = arrays()
pytestmark = pytest.mark.skipif(np is None, reason="numpy is not installed")


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MANY", 0)
    monkeypatch.setattr(bdb, "ENOUGH", 1)


def packed_of(pairs: list[tuple[bytes, bytes]]) -> Packed:
    text = b"".join([key + value for key, value in pairs])
    lengths = np.array([(len(key), len(value)) for key, value in pairs], np.int64).reshape(-1, 2)
    ends = np.cumsum(lengths.reshape(-1)).reshape(-1, 2)
    starts = ends - lengths
    return Packed(np.frombuffer(text, np.uint8), starts[:, 0], lengths[:, 0], starts[:, 1], lengths[:, 1])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30), st.booleans(), st.booleans(), st.integers(1, 40), st.booleans())
def test_read_as_line_by_line(parts: list[bytes], utf8: bool, folded: bool, block: int, nulls: bool) -> None:
    data = b"".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_BLOCK", block)
        patch.setattr(reader, "_SMALL_BLOCK", block // 4 + 1)
        found = read_packed(data, utf8=utf8, folded=folded, nulls=nulls)
        problems = Problems(data)
        all_found = read_packed(data, utf8=utf8, folded=folded, problems=problems, nulls=nulls)
    rows = read_rows(data, utf8=utf8, places=True, nulls=nulls)
    columns = [fold(key, utf8=utf8) for key in rows.keys] if folded else rows.keys, rows.values
    assert list(problems) == list(rows.problems)
    assert (all_found.columns() if all_found else ([], [])) == columns
    if found is None:
        assert rows.problems or not rows.keys
        return
    assert not rows.problems
    assert found.columns() == columns


@pytest.mark.parametrize(
    "text",
    [
        *(b"a\tb\n" * 9, b"A  b c \n\n# x\nc\td", b'"a b" c\nd e\n', "ä b\nÄÖ c\n".encode()),
        *(b"Ab x\nc y\n", b"a x\nB x\n", b"c OK\naB x\n", b"# C\nc OK\nab x Y\n", b"aZ Z\n", b"a@b OK\n[a] Z\n`a A\n"),
    ],
)
def test_usual_texts_are_packed(text: bytes) -> None:
    """None is always right for `read_packed`; but not what it is for."""
    found = read_packed(text, utf8=True, folded=True)
    assert found is not None
    rows = read_rows(text)
    assert found.columns() == ([fold(key) for key in rows.keys], rows.values)


@settings(deadline=None)
@given(keys=st.lists(KEYS.map(b"".join), max_size=60), places=st.integers(1, 300))
def test_ordered(keys: list[bytes], places: int) -> None:
    pairs = [(key, b"v") for key in keys]
    entries = packed_of(pairs)
    at = [hash(key) % places for key in keys]
    expected = sorted(zip(at, keys, strict=True))
    for repeated in (False, True):
        try:
            order = packed.ordered(entries, np.array(at, np.uint32), places - 1, repeated=repeated)
        except packed.NotPacked:
            assert len(entries.text) < 8
            continue
        except Repeated:
            assert not repeated
            assert len(set(keys)) < len(keys)
            continue
        assert repeated or len(set(keys)) == len(keys)
        assert [(at[n], keys[n]) for n in order.tolist()] == expected


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("count", [1, 2, 40, 3000])
@pytest.mark.parametrize("long", [0, 400])
def test_a_packed_map_has_what_is_written(tmp_path: Path, kind: str, count: int, long: int) -> None:
    """One page and many, buckets that need several pages, several levels of a tree."""
    dice = random.Random(count)
    pairs = [
        (b"user%d@%s.example.com" % (n, b"d" * dice.randrange(long + 5)), b"v" * (1 + dice.randrange(long + 40)))
        for n in range(count)
    ]
    dice.shuffle(pairs)
    target = map_path(kind, tmp_path / "t")
    end = stored_end(kind, None)
    assert write_map(kind, target, packed_of(pairs)) == count
    database = READERS[kind](target)
    stored = list(database.items())
    assert dict(stored) == {key + end: value + end for key, value in pairs}
    assert len(stored) == count
    if kind in ("btree", "lmdb"):
        assert stored == sorted(stored)
    for key, value in pairs[::7]:
        assert database.get(key + end) == value + end
    assert database.get(b"absent" + end) is None
    database.close()


@pytest.mark.parametrize("kind", READERS)
def test_what_is_not_usual_is_written_the_other_way(tmp_path: Path, kind: str) -> None:
    end = stored_end(kind, None)
    for pairs in ([(b"k" * 300, b"v" * 5000), (b"a", b"b")], [(b"a", b"b")] * 2 + [(b"c", b"d")]):
        seen: list[bytes] = []
        write_map(kind, map_path(kind, tmp_path / "t"), packed_of(pairs), on_duplicate=seen.append)
        database = READERS[kind](map_path(kind, tmp_path / "t"))
        assert dict(database.items()) == {key + end: value + end for key, value in pairs}
        assert seen == [key for n, (key, _) in enumerate(pairs) if (key, pairs[n][1]) in pairs[:n]]
        database.close()


@settings(deadline=None)
@given(keys=KEYS, at_once=st.integers(1, 5), bits=st.sampled_from([64, 34, 32]))
def test_repeated_keys(keys: list[bytes], at_once: int, bits: int) -> None:
    """Also where different keys have the same number, all of them or some."""
    entries = packed_of([(key, b"v") for key in keys])
    whole = packed._mixed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "AT_ONCE", at_once)
        patch.setattr(packed, "_mixed", lambda some: whole(some) & np.uint64(((1 << bits) - 1) & ~0xFFFFFFFF))
        later, firsts, lasts = packed.repeats(entries)
    assert later.tolist() == [n for n, key in enumerate(keys) if key in keys[:n]]
    expected = {keys.index(key): len(keys) - 1 - keys[::-1].index(key) for key in keys if keys.count(key) > 1}
    assert dict(zip(firsts.tolist(), lasts.tolist(), strict=True)) == expected


@pytest.mark.parametrize("bits", [64, 0])
def test_a_table_in_memory(monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    """Also where all keys have the same number."""
    pairs = {b"key%d" % n: b"v%d" % n for n in range(200)}
    if not bits:
        monkeypatch.setattr(packed, "MIXED", ((0, 0), (0, 0)))
        monkeypatch.setattr(packed_table, "MIXED", ((0, 0), (0, 0)))
        pairs = {b"key%dx" % n: value for n, value in enumerate(pairs.values())}
    table = packed_table.PackedTable(packed_of(list(pairs.items())))
    assert dict(table) == pairs
    assert [table.get(key) for key in (b"", b"key", b"key200", b"key7" + b"x" * 99)] == [None] * 4


@pytest.mark.parametrize("kind", ["hash", "btree"])
@pytest.mark.parametrize("nul", [False, True])
def test_with_and_without_nul(tmp_path: Path, kind: str, nul: bool) -> None:
    """As makemap writes: the same file as from single entries; keys begin with others."""
    pairs = [(b"%x" % (n * n), b"v%d" % n) for n in range(5000)] + [(b"z" * n, b"w") for n in range(1, 200)]
    random.Random(1).shuffle(pairs)
    written = []
    for name, entries in {"packed": packed_of(pairs), "single": Columns(*map(list, zip(*pairs, strict=True)))}.items():
        write_map(kind, tmp_path / name, entries, nul=nul)
        data = (tmp_path / name).read_bytes()
        written.append(data[:52] + data[72:])  # the file's own number is made by chance
    assert written[0] == written[1]


@pytest.mark.parametrize(("duplicates", "expected"), [(Duplicates.FIRST, b"one"), (Duplicates.LAST, b"two")])
@pytest.mark.parametrize("kind", READERS)
def test_which_of_two_entries_counts(tmp_path: Path, kind: str, duplicates: Duplicates, expected: bytes) -> None:
    pairs = [(b"key%d" % n, b"x") for n in range(2000)] + [(b"same", b"one"), (b"same", b"two")]
    write_map(kind, map_path(kind, tmp_path / "t"), packed_of(pairs), duplicates=duplicates)
    end = stored_end(kind, None)
    database = READERS[kind](map_path(kind, tmp_path / "t"))
    assert database.get(b"same" + end) == expected + end
    database.close()


@pytest.mark.parametrize("kind", ["hash", "btree"])
@pytest.mark.parametrize("nul", [True, False])
@pytest.mark.parametrize("odd", [[], [b"m" * 2000, b""]])
def test_found_as_one_by_one(tmp_path: Path, kind: str, nul: bool, odd: list[bytes]) -> None:
    """Keys with the same beginnings, ends and lengths, twice, on overflow pages, with big values, and absent ones."""
    table = {b"user%d@%s.example.com" % (n, b"x" * (n % 40)): b"box%d" % n for n in range(4000)}
    table |= {b"a" * n: b"v%d" % n for n in range(1, 30)}
    table |= {b"k" * 30 + b"%d" % n + b"z" * 30: b"same length %d" % n for n in range(1000, 1200)}
    table |= {b"big%d" % n: b"b" * 2000 for n in range(20)}
    table |= {b"l" * 900: b"long", b"m" * 2000: b"longer"}
    # Several pages of one bucket.
    few = [key for key in (b"%d" % n for n in range(40_000)) if hash_one(key + b"\0" * nul) & 127 == 5]
    table |= dict.fromkeys(few, b"v" * 100)
    target = map_path(kind, tmp_path / "t")
    write_map(kind, target, table.items(), nul=nul)
    keys = [*table, b"absent", b"user1@.example.con", b"aaaa", b"aaaa", *(key + b"x" for key in table)]
    keys = [key for key in keys if len(key) < 1000] + odd
    random.Random(1).shuffle(keys)
    database = READERS[kind](target)
    for end in (b"", b"\0"):
        assert database.get_all(keys, end) == [c_string(database.get(key + end)) for key in keys]
    database.close()


def test_a_small_map_does_not_load_numpy(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    (tmp_path / "t").write_text("a b\n" * 3 + "c d\n")
    for words in (["hash:t"], ["-q", "a", "hash:t"], ["-q", "-", "hash:t"], ["btree:t"], ["cdb:t"], ["lmdb:t"]):
        script = "import sys; from mailconf.cli import main; main(); sys.exit('numpy' in sys.modules)"
        command = [sys.executable, "-c", script, "postmap", "-c", ".", *words]
        done = subprocess.run(command, cwd=tmp_path, input=b"a\n", capture_output=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_keys_with_the_same_hash(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_find, "_hashed", lambda text, at, length, page: (page << 16 | length).astype(np.uint64))
    monkeypatch.setattr(packed_find, "_SINGLY", 1)
    table = {b"user%d@example.com" % n: b"box%d" % n for n in range(3000)}
    write_map(kind, map_path(kind, tmp_path / "t"), table.items())
    keys = [*table, *(key[:-1] + b"x" for key in table)]
    database = READERS[kind](map_path(kind, tmp_path / "t"))
    assert database.get_all(keys, b"\0") == [table.get(key) for key in keys]
    database.close()

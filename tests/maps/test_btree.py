"""What is peculiar to btree files; test_bdb.py has what they share with hash files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_vectors import FOLDER

from mailconf.maps.database.bdb import BTREE_LEAF, DamagedMap
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_btree_writer import common, write_btree


def patched(tmp_path: Path, offset: int, form: str, number: int) -> BtreeFile:
    data = bytearray((FOLDER / "btree-4096.db").read_bytes())
    struct.pack_into(form, data, offset, number)
    path = tmp_path / "t.db"
    path.write_bytes(data)
    return BtreeFile(path)


@given(st.binary(), st.binary(), st.binary())
def test_common_beginning(start: bytes, one: bytes, other: bytes) -> None:
    same = common(start + one, start + other)
    assert same >= len(start)
    assert (start + one)[:same] == (start + other)[:same]
    assert (start + one)[: same + 1] != (start + other)[: same + 1] or start + one == start + other


def test_listed_in_order(tmp_path: Path) -> None:
    keys = [b"%d" % (n * 7919 % 50_000) for n in range(50_000)]
    with (tmp_path / "t.db").open("wb") as file:
        write_btree(file, keys, keys)
    database = BtreeFile(tmp_path / "t.db")
    assert [key for key, _ in database.items()] == sorted(keys)
    assert database.file.page(1).level == 3


def built(tmp_path: Path, end: bytes) -> tuple[Path, list[bytes]]:
    """A file with internal pages on two levels, and what is asked for, sorted: some of its keys, and absent ones."""
    keys = [b"%d" % n for n in range(50_000)]
    path = tmp_path / "t.db"
    with path.open("wb") as file:
        write_btree(file, [key + end for key in keys], keys)
    return path, sorted(keys[::3] + [key + b"x" for key in keys[::7]])


@pytest.mark.parametrize("end", [b"", b"\0"])
def test_the_outline_of_the_leaves_is_what_a_walk_finds(tmp_path: Path, end: bytes) -> None:
    path, asked = built(tmp_path, end)
    database = BtreeFile(path)
    outline = database._outline(end)
    assert outline is not None
    assert len(outline[0]) > 100
    for some in (asked, asked[100:600], [b""], [b"\xff" * 9]):
        found = list(database._leaf_numbers(some * 100 if len(some) == 1 else some, end))
        walked = list(database._walked(some * 100 if len(some) == 1 else some, end))
        assert sorted(found) == sorted(walked)
    assert database._outline(end) is outline


def test_the_outline_of_a_damaged_file_is_left_to_the_walk(tmp_path: Path) -> None:
    path, asked = built(tmp_path, b"")
    database = BtreeFile(path)
    root = database.file.page(database._root)
    first, second = database.file.offsets(root)[:2]
    data = bytearray(path.read_bytes())
    place = root.number * database.file.page_size
    data[place + second + 4 : place + second + 8] = data[place + first + 4 : place + first + 8]
    path.write_bytes(data)
    damaged = BtreeFile(path)
    assert damaged._outline(b"") is None
    with pytest.raises(DamagedMap, match="two chains"):
        list(damaged._leaf_numbers(asked, b""))
    below = [key for key in asked if key < b"1"] * 200
    assert list(damaged._leaf_numbers(below, b"")) == list(database._walked(below, b""))


def test_a_root_that_is_no_page(tmp_path: Path) -> None:
    for number in (0, 9999, 0xFFFFFFFF):
        with pytest.raises(DamagedMap, match=r"page \d+ of"):
            patched(tmp_path, 88, "<I", number).get(b"a")


def test_a_page_below_itself(tmp_path: Path) -> None:
    database = BtreeFile(FOLDER / "btree-4096.db")
    root = database.file.page(1)
    assert root.level == 2
    first = database.file.offsets(root)[0]
    damaged = patched(tmp_path, 4096 + first + 4, "<I", 1)
    with pytest.raises(DamagedMap, match="level 2"):
        damaged.get(b"")


def test_a_leaf_that_follows_itself(tmp_path: Path) -> None:
    first = next(n for n in range(2, 99) if BtreeFile(FOLDER / "btree-4096.db").file.page(n).type == BTREE_LEAF)
    damaged = patched(tmp_path, first * 4096 + 16, "<I", first)
    with pytest.raises(DamagedMap, match="two chains"):
        list(damaged.items())


@pytest.mark.parametrize("flag", [0x02, 0x20, 0x80])
def test_foreign_flags(tmp_path: Path, flag: int) -> None:
    with pytest.raises(DamagedMap, match="unsupported flags"):
        patched(tmp_path, 48, "<I", flag)

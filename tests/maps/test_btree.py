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

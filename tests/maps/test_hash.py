"""What is peculiar to hash files; test_bdb.py has what they share with btree files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_vectors import FOLDER

from mailconf.maps.database.bdb import DamagedMap
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.database.bdb_hash_writer import longer_first, write_hash


@given(st.lists(st.text("ab", max_size=6).map(str.encode), unique=True))
def test_order_of_keys_that_begin_with_others(keys: list[bytes]) -> None:
    # The order is that of the keys with an end mark above all bytes.
    assert longer_first(sorted(keys)) == sorted(keys, key=lambda key: [*key, 256])


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
        (48, "<I", 2, "unsupported flags 0x2"),
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


def test_many_places_that_look_like_the_key(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    for table in ({b"other": b"\1a" * 400, b"a": b"found"}, {b"other": b"\1a" * 400}):
        with path.open("wb") as file:
            write_hash(file, list(table), list(table.values()))
        assert HashFile(path).get(b"a") == table.get(b"a")

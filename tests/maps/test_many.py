"""Many keys at once: the same answers as one by one, whatever the map holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shares import shared

from mailconf.maps.build.write import map_path, write_map
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.database.bdb_table import c_string, in_share
from mailconf.maps.database.cdb import CdbFile
from mailconf.maps.database.lmdb import LmdbFile

READERS: dict[str, Callable[[Path], Any]] = {"hash": HashFile, "btree": BtreeFile, "cdb": CdbFile, "lmdb": LmdbFile}
# Bytes that formats themselves use, lengths that need a second byte, items that lie on pages of their own.
LETTERS = st.lists(st.sampled_from([b"\0", b"\1", b"\3", b"a", b"@b.c", b"\0\0\0\0\0", b"\xff"]), max_size=9).map(
    b"".join
)
KEYS = LETTERS | st.sampled_from([b"k" * 253, b"k" * 254, b"k" * 255, b"k" * 256, b"k" * 500])
VALUES = LETTERS | st.sampled_from([b"v" * 254, b"v" * 255, b"v" * 256, b"v" * 1200, b"v" * 5000])
ABSENT = [b"absent%d" % n for n in range(1100)]


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=40)
@given(
    table=st.dictionaries(KEYS.filter(bool), VALUES, max_size=40),
    usual=st.integers(0, 400),
    written=st.booleans(),
    asked=st.sampled_from([b"", b"\0"]),
)
def test_together_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    table: dict[bytes, bytes],
    usual: int,
    written: bool,
    asked: bytes,
) -> None:
    table |= {b"user%d@example.com" % n: b"box%d" % n for n in range(usual)}
    path = map_path(kind, tmp_path_factory.mktemp("many") / "t")
    write_map(kind, path, table.items(), nul=written)
    database = READERS[kind](path)
    keys = [*(key.split(b"\0")[-1] for key in table), *(key[:-1].split(b"\0")[0] for key in table), *ABSENT]
    expected = [c_string(database.get(key + asked)) for key in keys]
    assert database.get_all(keys, asked) == expected
    assert shared(database, keys, asked) == expected
    database.close()


@given(keys=st.lists(LETTERS, max_size=300), middle=st.floats(0, 1))
def test_every_key_is_in_one_share(keys: list[bytes], middle: float) -> None:
    parts = in_share(keys, (0, middle)), in_share(keys, (middle, 1))
    assert sorted(parts[0] + parts[1]) == sorted(keys)
    assert not set(parts[0]) & set(parts[1])

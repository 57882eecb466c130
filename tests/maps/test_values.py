"""Maps in which a key has several values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailconf.maps.build.write import write_values
from mailconf.maps.core.table import UnsupportedMap
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_hash import HashFile

READERS: dict[str, type[HashFile] | type[BtreeFile]] = {"hash": HashFile, "btree": BtreeFile}
VALUE = st.binary(max_size=40) | st.integers(0, 9000).map(lambda n: b"v" * n)
TABLE = st.dictionaries(st.binary(max_size=20), st.lists(VALUE, min_size=1, max_size=30), max_size=30)


@pytest.mark.parametrize("kind", list(READERS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLE)
def test_what_is_written_is_read(tmp_path: Path, kind: str, table: dict[bytes, list[bytes]]) -> None:
    target = tmp_path / "t.db"
    write_values(kind, target, table)
    file = READERS[kind](target)
    found: dict[bytes, list[bytes]] = {}
    for key, value in file.items():
        found.setdefault(key, []).append(value)
    assert found == table
    assert all(file.get(key) == values[0] for key, values in table.items())
    file.close()


@pytest.mark.parametrize("kind", list(READERS))
def test_values_without_end_lie_in_a_tree(tmp_path: Path, kind: str) -> None:
    table = {b"a": [b"value %d" % n for n in range(50_000)], b"b": [b"one"]}
    write_values(kind, tmp_path / "t.db", table)
    file = READERS[kind](tmp_path / "t.db")
    assert [value for key, value in file.items() if key == b"a"] == table[b"a"]
    assert file.get(b"b") == b"one"
    file.close()


def test_other_types_have_one_value(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMap):
        write_values("cdb", tmp_path / "t.cdb", {b"a": [b"b", b"c"]})

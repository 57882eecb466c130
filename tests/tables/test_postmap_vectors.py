"""Our reader against what the real postmap stored (tests/vectors/record_postmap.py)."""

from __future__ import annotations

from mailconf.tables.postmap import fold, read_rows
from tests.vectors.store import load

VECTORS = load("postmap")


def test_entries_are_those_of_real_postmap() -> None:
    assert len(VECTORS.cases) > 500
    for case in VECTORS.cases:
        rows = read_rows(case["text"].encode("latin-1"), utf8=case["utf8"])
        table: dict[bytes, bytes] = {}
        for key, value in zip(rows.keys, rows.values, strict=True):
            table.setdefault(fold(key, utf8=case["utf8"]), value)
        expected = {key.encode("latin-1"): value.encode("latin-1") for key, value in case["entries"]}
        assert table == expected, case["text"]

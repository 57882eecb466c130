"""texthash tables, and values that name files. tests/live/test_postmap_types.py holds them to the original."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from mailconf.files import Root
from mailconf.maps.core.table import SequenceTable, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.maps.simple import texthash
from mailconf.tables import packed

TEXT = b"""\
  lead
A 1
a 2
nov
"x y
k: v
\xff v
b one
 two
"""
WARNINGS = [
    '/t: logical line must not start with whitespace: "  lead"',
    '/t, line 3: duplicate entry: "a"',
    "/t, line 4: expected format: key whitespace value -- ignoring this line",
    "/t, line 5: unbalanced '\"' in '\"x y' -- ignoring this line",
    '/t, line 6: record is in "key: value" format; is this an alias file?',
    '/t, line 7: non-UTF-8 input "\udcff v" -- ignoring this line',
]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "t").write_bytes(TEXT)
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    return Root(tmp_path)


@pytest.mark.parametrize("many", [packed.MANY, 0])
@pytest.mark.parametrize("part", [1, 1 << 18])
def test_each_bad_line_is_told(root: Root, part: int, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are many."""
    monkeypatch.setattr(texthash, "_PART", part)
    monkeypatch.setattr(packed, "MANY", many)
    told: list[str] = []
    table = open_table("texthash:/t", root, fold=bytes.lower, warn=told.append)
    assert told == WARNINGS
    assert isinstance(table, SequenceTable)
    assert list(table.entries()) == [(b"a", b"1"), (b"k:", b"v"), (b"b", b"one two")]


@pytest.mark.parametrize("many", [packed.MANY, 0])
def test_which_value_counts(root: Root, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MANY", many)
    told: list[str] = []
    last = open_table("texthash:/t", root, fold=bytes.lower, warn=told.append, repeated="last", utf8=False)
    assert last.lookup(b"A") == b"2"
    assert last.lookup(b"\xff") == b"v"
    assert open_table("texthash:/t", root, fold=bytes.lower, warn=told.append, repeated="first").lookup(b"A") == b"1"
    assert open_table("texthash:/t", root, warn=told.append).lookup(b"A") == b"1"
    assert not any("duplicate" in text for text in told)


def test_values_that_name_files(root: Root) -> None:
    both = b64encode(b"1\n2")
    told: list[str] = []
    tables = (
        "texthash:/t",
        "static:{/one, /two}",
        "inline:{{b=/one /two}}",
        "regexp:{{/c/ /none} {/b/ /one,/two}}",
        "pcre:{{/b/ /none} {/b/ /one /two}}",
    )
    (root.path("/t")).write_bytes(b"a /none\nb /one,/two\nc ,\n")
    for table in tables:
        assert open_table(table, root, warn=told.append, files=True).lookup(b"b") == both
    assert open_table("cidr:{{192.0.2.1 /one}}", root, files=True).lookup(b"192.0.2.1") == b64encode(b"1")
    assert told == [
        "/t, line 1: open /none: No such file or directory: skipping this entry",
        "/t, line 3: empty pathname list: >>,<<': skipping this entry",
        "regexp map {{/c/ /none} {/b/ /one,/two}}, line 1: open /none: No such file or directory: skipping this rule",
        "pcre map {{/b/ /none} {/b/ /one /two}}, line 1: open /none: No such file or directory: skipping this rule",
    ]
    for table in ("static:/none", "inline:{b=/none}", "randmap:{/one,/none}"):
        with pytest.raises(UnsupportedMap, match="open /none: No such file"):
            open_table(table, root, files=True)

"""Configurations, templates and lists of domains of the tables that ask a database."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.files import Root
from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.registry import open_table
from mailconf.maps.servers.client_config import ClientConfig
from mailconf.maps.servers.query import Domains, Template, sql_template


def config(tmp_path: Path, text: str, told: list[str] | None = None) -> ClientConfig:
    (tmp_path / "t.cf").write_text(text)
    warn = [].append if told is None else told.append
    return ClientConfig("/t.cf", Opening(open_table, Root(tmp_path), warn=warn))


def test_the_format_of_main_cf(tmp_path: Path) -> None:
    told: list[str] = []
    found = config(tmp_path, "  lost\n# x\na = 1\n  # y\n\n  2 $a\nb=\nc  =  é = x  \na=3\n", told)
    assert [found.get(name) for name in "abcd"] == ["3", "", "é = x", None]
    assert told == [
        '/t.cf: logical line must not start with whitespace: "  lost"',
        "/t.cf, line 9: overriding earlier entry: a=1  2 $a",
    ]
    assert found.text("b", "default") == ""
    assert found.text("d", "default") == "default"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 1\nbogus line\n", "/t.cf, line 2: missing '=' after attribute name: \"bogus line\""),
        ("a b = 1\n", "/t.cf, line 1: missing '=' after attribute name: \"a b = 1\""),
        ("= 1\n", '/t.cf, line 1: missing attribute name: "= 1"'),
    ],
)
def test_mistakes_of_lines(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        config(tmp_path, text)
    assert str(caught.value) == words


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("-1", -1), ("+3", 3), ("2147483647", 2**31 - 1)])
def test_numbers(tmp_path: Path, text: str, number: int) -> None:
    assert config(tmp_path, f"n = {text}\n").number("n", 0) == number
    assert config(tmp_path, "").number("n", 9) == 9


@pytest.mark.parametrize("text", ["", "x", "1x", "0x10", "1.0", "2147483648", "١"])
def test_what_is_no_number(tmp_path: Path, text: str) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        config(tmp_path, f"n = {text}\n").number("n", 0)
    assert str(caught.value) == f"/t.cf: bad numerical configuration: n = {text}"


def test_booleans(tmp_path: Path) -> None:
    found = config(tmp_path, "a = yes\nb = No\nc = maybe\n")
    assert (found.boolean("a", False), found.boolean("b", True), found.boolean("d", True)) == (True, False, True)
    with pytest.raises(TemporaryFailure, match="bad boolean configuration: c = maybe"):
        found.boolean("c", False)


def test_missing_files(tmp_path: Path) -> None:
    opening = Opening(open_table, Root(tmp_path))
    with pytest.raises(TemporaryFailure, match=r"^open /none: No such file or directory$"):
        ClientConfig("/none", opening)
    with pytest.raises(TemporaryFailure, match=r"^read /: Is a directory$"):
        ClientConfig("/", opening)


@pytest.mark.parametrize(
    ("template", "value", "key", "result"),
    [
        ("%s", b"a@b.c", b"", b"a@b.c"),
        ("%u-%d", b"a@b.c", b"", b"a-b.c"),
        ("%u", b"a", b"", b"a"),
        ("%d", b"a", b"", None),
        ("%u", b"@b", b"", None),
        ("%d", b"a@", b"", None),
        ("%u|%d", b'"x@y"@z', b"", b'"x@y"|z'),
        ("%1 %2 %3", b"v", b"a@b.c.d", b"d c b"),
        ("%4", b"v", b"a@b.c.d", None),
        ("%1", b"v", b"b.c.d", None),
        ("%2", b"v", b"a@.b..c.", b"b"),
        ("<%S %U %D>", b"v", b"a@b", b"<a@b a b>"),
        ("100%%", b"v", b"k", b"100%"),
        ("constant", b"v", b"k", b"constant"),
        ("constant", b"", b"k", None),
    ],
)
def test_templates(template: str, value: bytes, key: bytes, result: bytes | None) -> None:
    assert Template("t", template, "result").expand(value, key) == result


@pytest.mark.parametrize("text", ["%", "a%x", "%0", "%%%", "%\n"])
def test_bad_templates(text: str) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        Template("t", text, "query")
    assert str(caught.value) == f"db_common_parse: t: Invalid query template: {text}"


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_every_part_is_quoted(value: bytes, key: bytes) -> None:
    result = Template("t", "'%s' '%u' %%", "query").expand(value, key, lambda part: part.replace(b"'", b"''"))
    assert result is None or result.count(b"'") % 2 == 0


def test_domains(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# no.com\nd.com, E.com\n!f.com\n")
    opening = Opening(open_table, Root(tmp_path))
    domains = Domains("!x.com Y.com, /list inline:{t.com=1} x.com z.com", opening)
    allowed = [
        name for name in ("x", "y", "z", "d", "e", "f", "no", "t", "u") if domains.allow(f"a@{name}.COM".encode())
    ]
    assert allowed == ["y", "z", "d", "e", "t"]
    assert not any(map(domains.allow, (b"y.com", b"@y.com", b"a@", b"a@sub.y.com", b"")))
    assert Domains("", opening).allow(b"anything")
    assert not Domains(",", opening).allow(b"a@x.com")
    with pytest.raises(TemporaryFailure, match="open file /none: No such file"):
        Domains("/none", opening)
    (tmp_path / "loop").write_text("/loop\n")
    with pytest.raises(TemporaryFailure, match="files within files"):
        Domains("/loop", opening)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("query = select 1\ntable = a\n", "select 1"),
        ("table = a\nselect_field = f\nwhere_field = w\n", "SELECT f FROM a WHERE w = '%s' "),
        ("select_function = g\ntable = a\nselect_field = f\nwhere_field = w\n", "SELECT f FROM a WHERE w = '%s' "),
    ],
)
def test_queries(tmp_path: Path, text: str, query: str) -> None:
    assert sql_template(config(tmp_path, text)) == query


def test_functions(tmp_path: Path) -> None:
    assert sql_template(config(tmp_path, "select_function = g\n"), functions=True) == "SELECT g('%s')"

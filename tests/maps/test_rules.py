"""What regexp, pcre and cidr tables share, and the tables recorded from the real postmap."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.files import Root
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.patterns import patterns
from mailconf.maps.registry import open_table
from mailconf.source import decode, encode
from tests.vectors.store import load

VECTORS = load("rule_tables")
RECORDED = VECTORS.by("type")
KINDS = ["regexp", "pcre", "cidr"]


def shown(message: str) -> str:
    """As the original logs it; the PCRE2 library's own words differ between its versions."""
    message = re.sub(r"(error in regex) at offset.*", r"\1", message)
    return re.sub(r"[^ -~\u0080-\ud7ff\ue000-\U0010ffff]", "?", decode(encode(message)))


@pytest.mark.parametrize("most", [patterns.MOST_KEPT, 0])
@pytest.mark.parametrize(
    ("kind", "number"), [(kind, number) for kind in KINDS for number in range(len(RECORDED[kind]))]
)
def test_answers_and_warns_as_postmap(
    tmp_path: Path, kind: str, number: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no compiled pattern is kept."""
    monkeypatch.setattr(patterns, "MOST_KEPT", most)
    record = RECORDED[kind][number]
    path = tmp_path / "table"
    path.write_bytes(encode(record["table"]))
    told: list[str] = []
    table = open_table(f"{kind}:{path}", warn=told.append)
    answers = {key: table.lookup(encode(key)) for key in VECTORS.head.common["keys"][kind]}
    assert {key: decode(value) for key, value in answers.items() if value is not None} == record["answers"]
    expected = [line.replace("@FILE@", str(path)) for line in record["warnings"]]
    assert [shown(line) for line in told] == [shown(line) for line in expected]


@pytest.mark.parametrize("kind", KINDS)
def test_if_brackets_rules(kind: str) -> None:
    yes, no = ("1.2.3.4", "5.6.7.8") if kind == "cidr" else ("/^1/", "/^5/")
    rules = f"{{if {no}}} {{{yes} never}} {{endif}} {{if {yes}}} {{if !{no}}} {{{yes} inner}} {{endif}} {{endif}}"
    table = open_table(f"{kind}:{{ {rules} {{{no} last}} }}")
    assert table.lookup(b"1.2.3.4") == b"inner"
    assert table.lookup(b"5.6.7.8") == b"last"
    assert table.lookup(b"9.9.9.9") is None


def test_an_if_without_endif_reaches_to_the_end() -> None:
    told: list[str] = []
    table = open_table("regexp:{ {if /a/} {/x/ found} }", warn=told.append)
    assert told == ["regexp map { {if /a/} {/x/ found} }, line 1: IF has no matching ENDIF"]
    assert (table.lookup(b"ax"), table.lookup(b"x")) == (b"found", None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{ {/a/ b} foo}", "no '{' at start of text in \"foo\""),
        ("{ {/a/ b}", "missing '}' in \"{ {/a/ b}\""),
        ("{ {/a/ b}x }", "syntax error after '}' in \"{/a/ b}x\""),
        ("{ {/a/ b} } y", "syntax error after '}' in \"{ {/a/ b} } y\""),
    ],
)
def test_words_for_bad_inline_tables(kind: str, name: str, words: str) -> None:
    with pytest.raises(UnsupportedMap, match="^" + re.escape(f"{kind} map: {words}") + "$"):
        open_table(f"{kind}:{name}")


@pytest.mark.parametrize("kind", KINDS)
def test_files(tmp_path: Path, kind: str) -> None:
    (tmp_path / "t").write_text("10.0.0.0/8 cidr\n" if kind == "cidr" else "/^10/ cidr\n")
    table = open_table(f"{kind}:/t", Root(tmp_path))
    assert (table.type, table.name, table.lookup(b"10.1.2.3")) == (kind, "/t", b"cidr")
    with pytest.raises(TemporaryFailure, match=r"^open /no/such: No such file or directory$"):
        open_table(f"{kind}:/no/such", Root(tmp_path))
    table.close()
    table.close()


@given(st.sampled_from(KINDS), st.binary(max_size=60) | st.text("/!if endx$1{}()\n \\", max_size=40).map(str.encode))
def test_any_text_is_a_table(tmp_path_factory: pytest.TempPathFactory, kind: str, text: bytes) -> None:
    path = tmp_path_factory.mktemp("rules") / "t"
    path.write_bytes(text)
    told: list[str] = []
    table = open_table(f"{kind}:{path}", warn=told.append)
    for key in (b"a", b"1.2.3.4", text):
        try:
            table.lookup(key)
        except TemporaryFailure as problem:
            assert str(problem).startswith(f"{kind} map {path}, line ")

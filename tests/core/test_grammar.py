from __future__ import annotations

from pathlib import Path

import pytest
from lark.exceptions import UnexpectedInput

from mailconf import grammar
from mailconf.diagnostics import Sink
from mailconf.grammar import Grammar
from mailconf.source import Source

TOY = """
start: NAME "=" VALUE
NAME: /[a-z]+/
VALUE: /[0-9]+/
%ignore " "
"""
BAD = """
- code: TT010
  message: the value is missing
  hint: write a number behind the "="
  examples: ["a =", "b ="]
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grammar:
    (tmp_path / "toy.lark").write_text(TOY)
    (tmp_path / "toy.bad.yaml").write_text(BAD)

    def resource(kind: str, name: str) -> Path:
        path = tmp_path / name
        if not path.is_file():
            raise FileNotFoundError(name)
        return path

    monkeypatch.setattr(grammar, "resource", resource)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Grammar("toy")


def failure(toy: Grammar, text: str) -> UnexpectedInput:
    with pytest.raises(UnexpectedInput) as caught:
        toy.parse(text)
    return caught.value


def test_parse_tables_are_cached(toy: Grammar, tmp_path: Path) -> None:
    assert [str(token) for token in toy.parse("a = 1").children] == ["a", "1"]
    assert [path.suffix for path in (tmp_path / "cache" / "mailconf").iterdir()] == [".lark"]


def test_an_unwritable_cache_does_no_harm(toy: Grammar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert toy.parse("a = 1")


def test_a_known_mistake_is_named_with_its_place(toy: Grammar) -> None:
    sink, source = Sink(), Source("x", "# comment\nc = ")
    toy.explain(failure(toy, "c = "), source, sink, offset=10)
    (found,) = sink
    assert (found.code, found.message, found.span and found.span.line) == ("TT010", "the value is missing", 2)
    assert found.hint


def test_an_unknown_mistake_still_has_a_place(toy: Grammar) -> None:
    sink, source = Sink(), Source("x", "a b 1")
    toy.explain(failure(toy, "a b 1"), source, sink)
    (found,) = sink
    assert found.code == "GR001"
    assert found.span and found.span.first.column == 3


def test_callbacks_may_change_what_a_token_is(toy: Grammar, tmp_path: Path) -> None:
    (tmp_path / "toy.lark").write_text(
        'start: NAME "=" (VALUE | WORD)\n%declare WORD\nNAME: /[a-z]+/\nVALUE: /[0-9]+/\n'
    )
    grammar = Grammar("toy", callbacks={"VALUE": lambda token: token.update(type="WORD")})
    assert [token.type for token in grammar.parse("a=1").children] == ["NAME", "WORD"]

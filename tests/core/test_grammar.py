from __future__ import annotations

from pathlib import Path

import pytest

from grammars.generate import text_of
from mailconf import grammar
from mailconf.diagnostics import Sink
from mailconf.grammar import Grammar, ParseFailure
from mailconf.lalr import Token
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
    return generated(tmp_path, monkeypatch)


def generated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Grammar:
    (folder / "toy.json").write_text(text_of(folder / "toy.lark"))
    monkeypatch.setattr(grammar, "resource", lambda kind, name: (folder / name).read_bytes())
    return Grammar("toy")


def failure(toy: Grammar, text: str) -> ParseFailure:
    with pytest.raises(ParseFailure) as caught:
        toy.parse(text)
    return caught.value


def test_a_known_mistake_is_named_with_its_place(toy: Grammar) -> None:
    sink, source = Sink(), Source("x", "# comment\nc = ")
    toy.explain(failure(toy, "c = "), source, sink, offset=10)
    (found,) = sink
    assert (found.code, found.message, found.span and found.span.line) == ("TT010", "the value is missing", 2)
    assert found.hint


def test_the_same_token_is_more_like_than_one_of_the_same_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy.lark").write_text(TOY)
    entry = "- {code: TT010, message: %s, examples: [a = %s]}\n"
    (tmp_path / "toy.bad.yaml").write_text(entry % ("first", "b") + entry % ("second", "c"))
    toy = generated(tmp_path, monkeypatch)
    for text, message in (("x = b", "first"), ("x = c", "second"), ("x = d", "first")):
        found = toy.mistake(failure(toy, text))
        assert found is not None and found.message == message


def test_an_unknown_mistake_still_has_a_place(toy: Grammar) -> None:
    sink, source = Sink(), Source("x", "a b 1")
    toy.explain(failure(toy, "a b 1"), source, sink)
    (found,) = sink
    assert found.code == "GR001"
    assert found.span and found.span.first.column == 3


def test_callbacks_may_change_what_a_token_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy.lark").write_text(
        'start: NAME "=" (VALUE | WORD)\n%declare WORD\nNAME: /[a-z]+/\nVALUE: /[0-9]+/\n'
    )
    generated(tmp_path, monkeypatch)
    toy = Grammar("toy", callbacks={"VALUE": lambda token: token.update(type="WORD")})
    assert [item.type for item in toy.parse("a=1").children if isinstance(item, Token)] == ["NAME", "WORD"]


def test_tables_follow_every_change_of_grammar_and_examples(tmp_path: Path) -> None:
    path = tmp_path / "toy.lark"
    path.write_text(TOY)
    (tmp_path / "toy.bad.yaml").write_text(BAD)
    texts = {text_of(path)}
    for old, new in (("[0-9]+", "[0-9a]+"), ('"="', '":"'), ('%ignore " "\n', "")):
        path.write_text(TOY.replace(old, new))
        (tmp_path / "toy.bad.yaml").write_text(BAD.replace(" =", " :") if new == '":"' else BAD)
        texts.add(text_of(path))
    path.write_text(TOY)
    for old, new in (("TT010", "TT011"), ("missing", "gone"), ('"b ="', '"b"')):
        (tmp_path / "toy.bad.yaml").write_text(BAD.replace(old, new))
        texts.add(text_of(path))
    assert len(texts) == 7


def test_what_the_parser_does_not_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.lark"
    for text in ("start: x\n?x: NAME\nNAME: /a+/", '!start: "a"', 'start: "a"i | NAME\nNAME: /[a-z]/i'):
        path.write_text(text)
        with pytest.raises(ValueError, match="not supported"):
            text_of(path)
    path.write_text(TOY)
    (tmp_path / "toy.bad.yaml").write_text(BAD.replace("b =", "b = 1"))
    with pytest.raises(ValueError, match="not broken"):
        text_of(path)

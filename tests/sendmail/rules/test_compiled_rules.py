"""Rules that were taken apart beforehand, and results that are remembered, decide as rules that are gone through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailconf.model.world import run
from mailconf.sendmail.rules.asking import MOST_VALUES
from mailconf.sendmail.rules.classes import Classes, folded
from mailconf.sendmail.rules.codes import Codes
from mailconf.sendmail.rules.compile import USES_BEFORE
from mailconf.sendmail.rules.matching import Pattern
from mailconf.sendmail.rules.ruleset import TRIES_BEFORE
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import (
    EXACTLY_ONE,
    HOST,
    IN_CLASS,
    NOT_IN_CLASS,
    NOTHING,
    ONE_OR_MORE,
    ZERO_OR_MORE,
)
from mailconf.sendmail.rules.tokens import Tokeniser
from tests.sendmail.rules.rule_bench import Bench

TOKENISER = Tokeniser(".:%@!^/[]+", ".")
WORDS = ("a", "A", "b", "host", "Host", ".", "@", "<", ">", '"q"', "a\\.b", "\xe4", HOST, "a.b")
LEFT = (
    ZERO_OR_MORE,
    ONE_OR_MORE,
    EXACTLY_ONE,
    f"{IN_CLASS}w",
    f"{NOT_IN_CLASS}w",
    f"{IN_CLASS}e",
    NOTHING,
    "A",
    ".",
    "@",
)
MEMBERS = ("a", "b.host", "host.a.b", "a.b", "abhost", "axb", '"q"', "A\\.B", "a.", "\xe4", "x y")
BLANKS = (".", " ", "", "x")  # BlankSub

BASE = """V10/Berkeley
O OperatorChars=.:%@!^/[]+
Djmail.example.org
Ktable hash FOLDER/table
Kcalc arith
Kset macro
Kgone hash -o FOLDER/gone
"""
RULES = """Sask
R$* @ $*\t$: $1 < $( table $1 $: $2 $) > $>inner $2
R$* < $* > $*\t$@ $2 $( table two $@ $1 $) $>inner $3 end $>inner $1
R$*\t$: $( table $1 $: none $) $&{who}
R$* none $*\t$: $1 $2 $>inner $1 . $2
Sinner
R$* . .$*\t$1 . $2
R$- . $+\t$: $>inner $2 $1
Rx $*\t$: $(gone $1 $: missed $)
Smacros
R$* one $*\t$: $1 $&j $>inner $2 $&{who} $( table $&{who} $: $1 $)
R$* two $*\t$: $1 $>empty $2 $&j $&{who}
R$* odd $*\t$: $>empty $1 $>inner $2 $( table $1 $@ $&{who} $: none $)
R$* none $*\t$@ $&{who} $1 $&j $2
Sempty
Scount
R$*\t$: $(set {n} $@ $1 $) $&{n}
"""


@settings(max_examples=600, deadline=None)
@given(
    left=st.lists(st.sampled_from(LEFT), max_size=6),
    workspace=st.lists(st.sampled_from(WORDS), max_size=20),
    members=st.sets(st.sampled_from(MEMBERS)),
    blank=st.sampled_from(BLANKS),
)
def test_an_expression_finds_what_the_matcher_finds(
    left: list[str], workspace: list[str], members: set[str], blank: str
) -> None:
    classes, tokeniser = Classes(), Tokeniser(".:%@!^/[]+", blank)
    for word in members:
        classes.add("w", word)
    pattern = Pattern(left, classes, tokeniser.joined)
    codes = Codes(tokeniser, 0)
    expression = codes.expression(pattern)
    assert expression is not None
    text = codes.text(workspace)
    if (len(text) > expression.longest and not expression.few(text)) or (expression.odd and expression.odd(text)):
        return
    found = expression.match(text)
    low = [folded(token) for token in workspace]
    match = pattern.match(workspace, low, lambda character: None)
    assert (None if found is None else list(found.regs[1:])) == (None if match is None else list(match))


def test_what_has_no_expression() -> None:
    classes = Classes()
    for number in range(201):
        classes.add("w", f"h{number}.example")
    codes = Codes(TOKENISER, 0)
    assert codes.expression(Pattern([f"{IN_CLASS}w"], classes, TOKENISER.joined)) is None
    assert codes.expression(Pattern([f"{NOT_IN_CLASS}w"], classes, TOKENISER.joined)) is None
    long = codes.expression(Pattern([ZERO_OR_MORE, "a"] * 8, classes, TOKENISER.joined))
    assert long is not None and long.longest < 12
    assert long.few(codes.text(["a", *"xyz" * 300])) and not long.few(codes.text(["a"] * 12))
    classes.add("l", "x" * 300)
    assert codes.expression(Pattern([f"{IN_CLASS}l"], classes, TOKENISER.joined)) is None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(Path(tmp_path_factory.mktemp("compiled")), tables={"table": 'one\tOne\ntwo\tT %0 %1\nodd\ta"b\n'})


def _answer(engine: Engine, ruleset: str, text: str) -> object:
    tokens = engine.scan(text)
    return None if tokens is None else run(engine.call(ruleset, tokens))


class _Plain(Engine):
    """Remembers nothing."""

    keeps = False


@pytest.fixture(scope="module")
def engines(place: Bench) -> tuple[Engine, Engine]:
    """One whose rules have been used often, and one that takes none apart and remembers nothing."""
    used, _ = place.engine(BASE + RULES)
    other, _ = place.engine(BASE + RULES)
    plain = _Plain(other.book, other.world, problems=other.problems)
    for rules in plain.book.rulesets:
        for rule in rules:
            rule.uses = -1
    for number in range(TRIES_BEFORE + USES_BEFORE + 5):
        for text in ("one @ x", "a . b @ c . . d", "two", "x . y", "y @ two . x"):
            _answer(used, "ask", f"{text} {number}")
            _answer(used, "ask", text)
        for text in ("a one b", "a two b", "odd", "none"):
            _answer(used, "macros", f"{text} {number}")
    macros = used.book.filled("macros")
    assert macros is not None
    assert [rule.program is not None or rule.build is not None for rule in used.book.rulesets[macros]] == [
        True,
        True,
        False,  # a call that follows one of a ruleset without rules
        True,
    ]
    assert any(rule.program is not None for rules in used.book.rulesets for rule in rules)
    assert not any(rule.program is not None for rules in plain.book.rulesets for rule in rules)
    return used, plain


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    words=st.lists(
        st.sampled_from(("one", "two", "odd", "x", "none", ".", "@", "<", ">", '"q r"', "two.x")),
        min_size=1,
        max_size=8,
    ),
    who=st.sampled_from((None, "", "who", "a.b", "a (b", "one", "x. " * 20)),
)
def test_both_answer_alike(engines: tuple[Engine, Engine], words: list[str], who: str | None) -> None:
    text = " ".join(words)
    for engine in engines:
        engine.macros.define("who", who)
    used, plain = engines
    for ruleset in ("ask", "macros"):
        wanted = _answer(plain, ruleset, text)
        assert _answer(used, ruleset, text) == wanted
        assert _answer(used, ruleset, text) == wanted


def test_a_remembered_result_ends_with_a_macro(engines: tuple[Engine, Engine]) -> None:
    used, _ = engines
    said = []
    for who in ("ann", "ann", "bob", None, "ann"):
        used.macros.define("who", who)
        called = run(used.call("ask", ["remembered"]))
        assert called is not None
        said.append(" ".join(called.workspace))
    assert said[0] == said[1] == said[4] and len(set(said)) == 3


def test_values_that_strangers_choose_do_not_pile_up(place: Bench) -> None:
    engine, _ = place.engine(BASE + RULES)
    for number in range(MOST_VALUES + USES_BEFORE + 5):
        engine.macros.define("who", f"w{number}")
        run(engine.call("macros", ["none"]))
    assert 0 < len(engine._known_values) <= MOST_VALUES


def test_a_remembered_result_ends_with_an_entry_of_a_table(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tables={"table": "one\tOne\n"})
    engine, _ = bench.engine(BASE + RULES)
    answers: dict[bytes, bytes] = {b"one": b"One"}

    async def find(kind: str, file: str, key: bytes) -> bytes | None:
        return answers.get(key)

    engine.world.find = find  # type: ignore[method-assign]
    first = _answer(engine, "ask", "one @ x")
    assert _answer(engine, "ask", "one @ x") == first
    answers[b"one"] = b"Other"
    second = _answer(engine, "ask", "one @ x")
    assert second != first and "Other" in str(second)
    del answers[b"one"]
    assert "Other" not in str(_answer(engine, "ask", "one @ x"))


def test_a_map_that_does_something_does_it_each_time(place: Bench) -> None:
    engine, _ = place.engine(BASE + RULES)
    for value in ("5", "6", "5", "5"):
        engine.macros.define("n", "old")
        _answer(engine, "count", value)
        assert engine.macros.named("n") == value


def test_words_that_are_added_to_a_class_count(place: Bench) -> None:
    engine, _ = place.engine(BASE + "C{Own}a.b\nSin\nR$*$={Own}$*\t$@ in\n")
    for _ in range(TRIES_BEFORE + 2):
        assert _answer(engine, "in", "x c.d").workspace == ["x", "c", ".", "d"]  # type: ignore[attr-defined]
    engine.book.classes.add(engine.book.names.character("Own"), "C.D")
    assert _answer(engine, "in", "x c.d").workspace == ["in"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("room", "text"), [(9, "aaaaaaaaa"), (10, "aaaaaaaaaa "), (11, "aaaaaaaaaa "), (12, "aaaaaaaaaa b")]
)
def test_a_text_is_not_cut_before_a_blank(room: int, text: str) -> None:
    """There is always room for the blank behind what fits, as in sendmail's messages about addresses that are cut."""
    assert Tokeniser().joined(["a" * 10, "bbbbb"], room + 3) == text

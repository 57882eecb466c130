"""The tables are those of the grammars, and our parser gives with them what Lark gives: trees, failures, mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import lark
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.exceptions import UnexpectedInput, UnexpectedToken

from grammars.generate import STARTS, lark_of
from mailconf.grammar import Grammar, ParseFailure, Token, Tree
from mailconf.sendmail.mc import tree as mc_tree
from mailconf.sendmail.mc.vocabulary import VOCABULARY
from mailconf.source import Source, decode

TOP = Path(__file__).resolve().parents[2]
FILES = TOP / "grammars"
NAMES = sorted(path.stem for path in FILES.glob("*.lark") if STARTS.get(path.stem, []) is not None)
RULES = [(name, rule) for name in NAMES for rule in Grammar(name).starts]
# Files that were written for other tests: whole, line by line, and the text before and after a first blank.
TEXTS = [
    *sorted(path for path in (TOP / "examples").rglob("*") if path.is_file() and path.suffix != ".py"),
    *sorted(path for path in (TOP / "tests" / "bad").rglob("*") if path.is_file()),
    *sorted(FILES.glob("*.bad.yaml")),
]
LONGEST = 20_000
ALWAYS = ("REJECT text", "DUNNO", "x y")  # whatever the sample is
MOST = 200  # texts; Lark tries all examples of mistakes on each that it does not accept

# What lies on every stack, and what came instead.
Outcome = tuple[Any, ...]


@pytest.mark.parametrize("seed", ["0", "7"])
def test_the_tables_are_current_and_the_same_at_every_run(seed: str) -> None:
    check = subprocess.run(
        [sys.executable, "grammars/generate.py", "--check"],
        cwd=TOP,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (check.returncode, check.stdout) == (0, ""), check.stderr


@cache
def lark_parser(name: str) -> lark.Lark:
    return lark_of(FILES / f"{name}.lark", STARTS.get(name) or ["start"], callbacks(name))


@cache
def our_parser(name: str) -> Grammar:
    return Grammar(name, callbacks(name))


def callbacks(name: str) -> dict[str, Callable[[Any], Any]]:
    """Those of mailconf.sendmail.mc.tree, which need a reader for each text."""
    return dict(mc_tree._CALLBACKS) if name == "mc" else {}


def begin(name: str, text: str) -> None:
    if name == "mc":
        reader = mc_tree._Reader(Source("x", text), set(VOCABULARY))
        reader.begin(0, len(text))
        mc_tree._reader.set(reader)


def theirs(name: str, rule: str, text: str) -> Outcome:
    begin(name, text)
    try:
        return flat_of_lark(lark_parser(name).parse(text, start=rule))
    except UnexpectedInput as failure:
        interactive = failure.interactive_parser
        state = interactive.parser_state
        stack = [flat_of_lark(value) for value in state.value_stack]
        if isinstance(failure, UnexpectedToken):
            token = failure.token
            came: Any = (token.type, str(token), token.start_pos, sorted(failure.accepts))
        else:
            came = failure.pos_in_stream
        return "fails", len(state.state_stack), stack, came, their_mistake(name, rule, failure)


def their_mistake(name: str, rule: str, failure: UnexpectedInput) -> str | None:
    if name == "mc":  # its mistakes are told from the stack
        return None
    path = FILES / f"{name}.bad.yaml"
    entries = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else []
    found: str | None = failure.match_examples(
        lambda text: lark_parser(name).parse(text, start=rule),
        [(e["message"], e["examples"]) for e in entries if e.get("start", rule) == rule],
        token_type_match_fallback=True,
        use_accepts=True,
    )
    return found


def ours(name: str, rule: str, text: str) -> Outcome:
    begin(name, text)
    grammar = our_parser(name)
    try:
        return flat(grammar.parse(text, rule))
    except ParseFailure as failure:
        depth, _, accepted, kind, word = failure.signature()
        stack = [flat(value) for value in failure.values]
        came = failure.start if kind is None else (kind, word, failure.start, accepted)
        mistake = grammar.mistake(failure, rule)
        return "fails", depth, stack, came, None if mistake is None else mistake.message


def flat(tree: Token | Tree) -> Outcome:
    """A tree as tuples, with its places; without recursion, for texts that nest deeply."""
    events: list[Any] = []
    left: list[Token | Tree | str] = [tree]
    while left:
        item = left.pop()
        if isinstance(item, Tree):
            events.append((item.data, item.start_pos, item.end_pos))
            left += [")", *item.children[::-1]]
        elif isinstance(item, Token):
            events.append((item.type, str(item), item.start_pos, item.end_pos))
        else:
            events.append(item)
    return tuple(events)


def flat_of_lark(tree: Any) -> Outcome:
    events: list[Any] = []
    left: list[Any] = [tree]
    while left:
        item = left.pop()
        if isinstance(item, lark.Tree):
            empty = item.meta.empty
            events.append((str(item.data), -1 if empty else item.meta.start_pos, -1 if empty else item.meta.end_pos))
            left += [")", *item.children[::-1]]
        elif isinstance(item, lark.Token):
            events.append((item.type, str(item), item.start_pos, item.end_pos))
        else:
            events.append(item)
    return tuple(events)


@cache
def test_texts() -> list[str]:
    texts: dict[str, None] = {"": None}
    for path in TEXTS:
        text = decode(path.read_bytes())[:LONGEST]
        texts[text] = None
        for line in text.splitlines():
            words = line.split(maxsplit=1)
            texts |= dict.fromkeys([line, line.strip(), *words, *(word.strip("\"'-, []") for word in words)])
    return [*ALWAYS, *list(texts)[:: len(texts) // MOST + 1]]


test_texts.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_texts_of_other_tests_are_read_as_by_lark(name: str) -> None:
    outcomes = set()
    for rule in our_parser(name).starts:
        for text in test_texts():
            if name in ("main_cf", "master_cf") and not text.endswith("\n"):
                text += "\n"
            expected = theirs(name, rule, text)
            assert ours(name, rule, text) == expected, (rule, text)
            outcomes.add(expected[0] == "fails")
    if name != "main_cf":
        assert outcomes >= {False}


def words_of(name: str) -> st.SearchStrategy[str]:
    """Texts that the terminals of a grammar are made of, and the words of its examples."""
    path = FILES / f"{name}.bad.yaml"
    entries = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else []
    words = {word for entry in entries for text in entry["examples"] for word in [text, *text.split()]}
    made = [
        st.from_regex(regexp, fullmatch=True) for _, regexp in our_parser(name)._tables["terminals"] if simple(regexp)
    ]
    others = [" ", ":", "=", "\n", "@", ",", '"', "#", "(", ")", "`", "'", "{", "}", "\0", "\t", "\\", "é", "\udcff"]
    return st.one_of(st.sampled_from(sorted(words) + others), st.text(max_size=3), *made)


def simple(regexp: str) -> bool:
    """Whether hypothesis can make up text for it: one without a look ahead."""
    return "(?=" not in regexp and "(?!" not in regexp


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_made_up_texts_are_read_as_by_lark(name: str, rule: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(words_of(name), max_size=12).map("".join))
    def compare(text: str) -> None:
        assert ours(name, rule, text) == theirs(name, rule, text)

    compare()


def test_deep_nesting_is_no_recursion() -> None:
    deep = 20_000
    begin("mc", text := "define(" * deep)
    with pytest.raises(ParseFailure) as caught:
        our_parser("mc").parse(text, "body")
    assert len(caught.value.values) >= deep
    tree = our_parser("aliases").parse("a: " + "(" * deep + ")" * deep + " b")
    assert [str(token) for token in tree.tokens()] == ["a", "b"]


def test_parsing_and_naming_a_mistake_import_neither_lark_nor_yaml() -> None:
    program = (
        "import sys\n"
        "import mailconf.tables.transport\n"
        "from mailconf.tables.sides import SideFault, parse_side\n"
        "assert not isinstance(parse_side('virtual', 'value', 'a@b.example, c'), SideFault)\n"
        "assert isinstance(parse_side('transport', 'nexthops', '[a'), SideFault)\n"
        "print(sorted({'lark', 'yaml', 'pickle'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_no_cache_is_read_or_written(tmp_path: Path) -> None:
    """The tables were once unpickled from below the caller's home, which another user can own."""
    program = (
        "from mailconf.postfix.text.main_cf_tree import parse\n"
        "from mailconf.source import Source\n"
        "from mailconf.diagnostics import Sink\n"
        "parse(Source('x', 'a = b\\n'), Sink())\n"
    )
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", program], cwd=TOP, env=env, check=True)
    assert list(tmp_path.iterdir()) == []

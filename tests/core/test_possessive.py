"""Possessive groups, which not every Python repeats as it should: all of them go through `mailconf.possessive`."""

from __future__ import annotations

import ast
import re
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf import possessive
from mailconf.tables.plain import lines_for
from mailconf.tables.roles import VIRTUAL

PACKAGE = Path(possessive.__file__).parent
GROUP = re.compile(r"\)[*+?]\+")


def calls(name: str) -> list[tuple[str, str]]:
    """The patterns, where they are written out, that are given to ``name``."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name and path.name != "possessive.py":
                pattern = node.args[0]
                value = pattern.value if isinstance(pattern, ast.Constant) else ast.unparse(pattern)
                text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
                found.append((f"{path.relative_to(PACKAGE)}:{node.lineno}", text))
    return found


def test_no_other_pattern_has_one() -> None:
    names = ("re.compile", "re.match", "re.fullmatch", "re.search", "re.sub")
    assert not [(place, pattern) for name in names for place, pattern in calls(name) if GROUP.search(pattern)]


PATTERNS = [(place, text) for place, text in calls("possessive.compile") if GROUP.search(text) and text[:2] != "rf"]


def test_there_are_some() -> None:
    assert len(PATTERNS) > 20


@pytest.mark.parametrize("at_once", [1, 3, 1000])
@pytest.mark.parametrize(("place", "pattern"), PATTERNS)
def test_the_same_without(place: str, pattern: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rounds are matched at once. Meaningless where this Python has the fault itself."""
    monkeypatch.setattr(possessive, "_AT_ONCE", at_once)
    plain = possessive.without(pattern)
    assert not GROUP.search(plain.replace(r"\)", ""))
    if possessive.FAULTY:
        return
    ours, other = re.compile(pattern, re.DOTALL), re.compile(plain, re.DOTALL)
    # Those that tell what is plain are held against whole texts, the others find how far something goes.
    whole = "PLAIN" in source_line(place) or "DOMAIN" in source_line(place) or "read_domain" in source_line(place)
    letters = sorted({*'ab0."@:\\,;()[]<> \t\n#+*-=!%/', *"From"})

    @given(st.text(st.sampled_from(letters), max_size=30))
    def check(subject: str) -> None:
        first, second = (p.fullmatch(subject) if whole else p.match(subject) for p in (ours, other))
        assert (first and (first.span(), first.groups())) == (second and (second.span(), second.groups()))

    check()


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [
        (r"a(b)?+\)*+", r"a(?>(b)?)\)*+"),
        (r"(?:a(b)++[)(]*+)*+", r"(?>(?:(?>(?:a(?>(?:(?>(b){1,1000}))+)[)(]*+){1,1000}))*)"),
        (r"[^])(]*+[)]*+", r"[^])(]*+[)]*+"),
    ],
)
def test_what_stands_for_it(pattern: str, plain: str) -> None:
    assert possessive.without(pattern) == plain
    assert possessive.without(pattern.encode()) == plain.encode()


@pytest.mark.parametrize("pattern", [r"(?:a|b)*+", r"(?:(?:ab)++)*+", r"(?:(?:a)*+b)*+"])
def test_the_memory_of_many_rounds(pattern: str) -> None:
    subject = "ab" * 100_000
    found = re.compile(possessive.without(pattern))
    tracemalloc.start()
    try:
        match = found.match(subject)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert match is not None
    assert match.end() == len(subject)
    assert peak < 1_000_000


def source_line(place: str) -> str:
    """The statement that a pattern is in."""
    name, _, number = place.rpartition(":")
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    return next(ast.unparse(s) for s in tree.body if s.lineno <= int(number) <= (s.end_lineno or s.lineno))


def test_patterns_that_are_put_together() -> None:
    lines = lines_for(VIRTUAL)
    assert lines is not None
    for data, end in ((b"a@b c\nd e", 6), (b"a@b c\n d", 6), (b"a@b. c\n", 0), (b"a@b c, d@e f\n", 13)):
        found = lines.match(data)
        assert found is not None
        assert found.end() == end

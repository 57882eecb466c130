"""Patterns that are compiled when they may match, for a table has very many: the answers are the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.patterns import patterns
from mailconf.maps.patterns.late import needle
from mailconf.maps.patterns.patterns import BadExpression
from mailconf.maps.patterns.pcre import CASELESS, DOTALL
from mailconf.maps.patterns.pcre import PcreExpression as Perl
from mailconf.maps.patterns.posix_regex import EXTENDED, IGNORE_CASE
from mailconf.maps.patterns.posix_regex import PosixExpression as Posix
from mailconf.maps.registry import open_table

ENGINES: dict[str, Callable[[bytes], Posix | Perl]] = {
    "regexp": lambda pattern: Posix(pattern, EXTENDED | IGNORE_CASE),
    "pcre": lambda pattern: Perl(pattern, CASELESS | DOTALL),
}
PIECES = st.sampled_from(
    [
        *"abAB01@.*+?^$|()[]{},\\ -#",
        "ab",
        r"\.",
        r"\a",
        r"\w",
        "[ab]",
        "[^]a]",
        "[[:alpha:]]",
        "{0}",
        "{2,3}",
        "(?i)",
        "(?:",
        "(?=",
        r"\d",
        "(ab|0)",
    ]
)
TABLE = """\
/one/ 1 $1
/two(x)?/ 2 [$1]
!/three|a/ not
if /four/
/fourteen/ 14
if !/fifth/
/four.*th/ 4th
endif
/four$/ 4
endif
/unclosed
/bad(/ x
/five/!/fifty/ 5
/Six\\.com$/ 6
if /never closed/
/last/ z
"""
KEYS = ("one", "two", "twox", "bbb", "a four", "a fourteen", "a fourteenth", "a fourth", "a fifth fourth", "a four b")
KEYS += ("a five", "a fifty five", "a SIX.COM", "a six.community", "a last", "a never closed last", "", "a\0one")


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("kept", [0, 1, 9_000])
def test_the_same_answers(kind: str, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t").write_text(TABLE)
    answers = []
    for most in (patterns.MOST_KEPT, kept):
        monkeypatch.setattr(patterns, "MOST_KEPT", most)
        told: list[str] = []
        table = open_table(f"{kind}:{tmp_path / 't'}", warn=told.append)
        answers.append(([table.lookup(key.encode()) for key in KEYS], told))
    assert answers[0] == answers[1]
    found, told = answers[0]
    second = "5" if kind == "regexp" else "-"  # pcre tables have no second pattern
    expected = f"not, 2 [], 2 [x], not, 4, 14, 14, 4th, -, -, {second}, -, 6, -, -, z, not, -"
    assert ", ".join("-" if answer is None else answer.decode() for answer in found) == expected
    assert len(told) == (4 if kind == "regexp" else 5), told


@pytest.mark.parametrize("kind", ENGINES)
@given(pieces=st.lists(PIECES, max_size=8), text=st.text("abAB01@.,-# \\", max_size=10))
@example(pieces=["ab", "?"], text="a")
@example(pieces=["ab", "{0}"], text="a")
@example(pieces=["ab", "|", "0"], text="0")
@example(pieces=["(", "ab", "|", ")", "0"], text="0")
@example(pieces=["ab", "(", "0", ")", "?"], text="ab")
@example(pieces=[r"\.", "*", "a"], text="a")
def test_what_a_match_contains(kind: str, pieces: list[str], text: str) -> None:
    pattern, subject = "".join(pieces).encode(), text.encode()
    try:
        found = ENGINES[kind](pattern).match(subject)
    except (BadExpression, TemporaryFailure):
        return
    assert found is None or needle(pattern) in subject.lower()


def test_a_needle_is_found() -> None:
    assert needle(rb"^User[0-9]+@Example\.com$") == b"@example.com"
    assert needle(b"abc?") == needle(b"abc{0,1}") == b"ab"
    assert needle(rb"^(x|user(1|2))@(?:mx\.)?Example\.com\b") == b"example.com"
    for pattern in (
        b"(?i)bc",
        b"a|b",
        b"a{2",
        rb"\Qa\E",
        b"[[:alpha:]]b",
        b"a[b\\]]",
        b"a)",
        b"a(",
        b"(?!x)a",
        b"(*UTF)a",
    ):
        assert needle(pattern) == b""


@pytest.mark.parametrize("kind", ENGINES)
def test_a_lookup_compiles_few(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MOST_KEPT", 0)
    lines = [
        f"/^(x|user{number:x}[0-9]*)@host{number:x}\\.example\\.com$/ REJECT {number}\n" for number in range(5_000)
    ]
    (tmp_path / "t").write_text("".join(lines))
    table = open_table(f"{kind}:{tmp_path / 't'}")
    start = time.process_time()
    assert [table.lookup(b"nobody@example.net") for _ in range(10)] == [None] * 10
    assert time.process_time() - start < 1

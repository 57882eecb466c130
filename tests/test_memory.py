"""Whatever stands in a text, a program's peak memory is at most ten times the text and 20 MB above that without a text.

The default is a sample; ``MAILCONF_MEMORY=5000000`` runs every program of `tests.memory` with every shape of that many
bytes, which takes hours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.memory import PROGRAMS, SHAPES, TIMES, Starter, measure, starter

ALL = int(os.environ.get("MAILCONF_MEMORY", "0"))
SIZE = ALL or 2_000_000
SAMPLE = {
    "postmap hash": (
        "a line without a value",
        "a quote that is not closed",
        "continuation lines",
        "comments",
        "tiny lines",
        "tiny lines all the same",
        "tiny lines with a colon",
    ),
    "postmap cdb": ("tiny patterns",),
    "postmap lmdb": ("tiny patterns",),
    "postmap -q key texthash": ("a line without a value", "tiny lines with a colon"),
    "postmap -i hash": ("tiny lines with a colon",),
    "postmap -i hash again": ("tiny lines", "tiny lines with a colon"),
    "postalias -i hash again": ("tiny lines with a colon",),
    "postalias -i lmdb again": ("tiny lines with a colon",),
    "makemap -o": ("tiny lines with a colon",),
    "makemap -d": ("tiny lines",),
    "makemap -v": ("tiny lines",),
    "postmap hash, 3.10": ("tiny lines and a NUL",),
    "postalias hash, 3.10": ("tiny lines and a NUL",),
    "editmap -u": ("tiny lines with a colon",),
    "postmap -s texthash": ("tiny patterns",),
    "postalias hash": ("addresses", "pairs of brackets", "tiny lines with a colon"),
    "sendmail -bt, its cf": (
        "references",
        "a result of references",
        "backslashes",
        "lines of classes",
        "lines of rules",
        "lines of maps",
    ),
    "sendmail -bt, its class": ("tiny lines",),
    "sendmail -bt, its prompts": ("newlines",),
    "newaliases": ("a line without a value",),
    "newaliases, its cf": ("a value with an emoji",),
    "makemap hash": ("a line without a value", "tiny lines", "tiny networks"),
    "build virtual": ("tiny lines",),
    "explain access": ("tiny networks", "tiny lines"),
    "explain virtual": ("tiny lines all the same",),
    "postconf -n": ("continuation lines", "continuations of nothing"),
    "postconf -e": ("continuation lines", "lines of NULs"),
    "postconf -M -e": ("newlines",),
    "check main.cf": ("continuations of nothing", "tiny lines"),
    "check master.cf": ("lines of NULs", "tiny lines", "words"),
    "postconf -M": ("words",),
    "postconf -F": ("tiny lines",),
    "check main.cf, mynetworks": ("quoted words",),
    "check aliases": ("addresses", "words", "tiny lines"),
    "check virtual": ("addresses", "a value with an emoji", "tiny lines"),
    "check access": ("a line without a value", "tiny lines without values"),
    "check transport": ("a value of domains",),
    "postmap -q key regexp": ("tiny patterns",),
    "check regexp access": ("tiny patterns",),
    "check pcre access": ("tiny patterns",),
    "check sendmail's aliases": ("a line without a value",),
    "check sendmail's mailertable": ("tiny lines all the same",),
    "build sendmail's virtusertable": ("tiny lines",),
    "build sendmail's aliases": ("tiny lines",),
    "check .mc": ("a line without a value", "references", "backslashes", "newlines", "lines of NULs"),
    "check mynetworks = /file": ("networks",),
    "build aliases": ("tiny lines",),
    "explain aliases": ("tiny lines",),
    "postmap -q - hash": ("lines of NULs",),
    "postmap -d - hash": ("continuation lines",),
}
SMALLER = 1_000_000  # bytes, of cases that take some seconds with more
SMALL = {
    ("check aliases", "tiny lines"),
    ("postmap -q key regexp", "tiny patterns"),
    ("check regexp access", "tiny patterns"),
    ("check pcre access", "tiny patterns"),
    ("check sendmail's mailertable", "tiny lines all the same"),
    ("editmap -u", "tiny lines with a colon"),
    ("check .mc", "newlines"),
    ("sendmail -bt, its cf", "lines of classes"),
    ("sendmail -bt, its cf", "lines of rules"),
    ("sendmail -bt, its cf", "lines of maps"),
    ("sendmail -bt, its class", "tiny lines"),
    ("sendmail -bt, its prompts", "newlines"),
    ("check .mc", "lines of NULs"),
    ("build aliases", "tiny lines"),
    ("build sendmail's aliases", "tiny lines"),
    ("build sendmail's virtusertable", "tiny lines"),
    ("explain aliases", "tiny lines"),
}
CASES = [
    (program, shape)
    for program, shapes in (dict.fromkeys(PROGRAMS, tuple(SHAPES)) if ALL else SAMPLE).items()
    for shape in shapes
]


@pytest.fixture(scope="module")
def start() -> Iterator[Starter]:
    with starter() as made:
        yield made


@pytest.fixture(scope="module")
def more(start: Starter) -> int:
    return start.more()


@pytest.fixture(scope="module")
def bases() -> dict[str, int]:
    """What each program takes without a text."""
    return {}


@pytest.mark.parametrize(("program", "shape"), CASES)
def test_memory_is_bounded(
    program: str, shape: str, start: Starter, more: int, bases: dict[str, int], tmp_path: Path
) -> None:
    what = PROGRAMS[program]
    if program not in bases:
        bases[program] = measure(start, what, b"", tmp_path / "empty").memory
    text = what.text(SHAPES[shape], SMALLER if not ALL and (program, shape) in SMALL else SIZE)
    took = measure(start, what, text, tmp_path / "full", seconds=600)
    assert took.status >= 0 and "Traceback" not in took.said, took
    assert took.memory - bases[program] <= TIMES * len(text) + more, took

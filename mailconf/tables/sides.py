"""One side of an entry, read in a role: what it means, or what is wrong with it.

A format has a reader for its keys and one for its values: a function of the text to a `Side`. `check_sides` applies
them to a table, each distinct text once; texts that a regular expression shows to be plainly right need no reader at
all, and a property test holds that the reader agrees. A table with more than `LIMIT` distinct texts that are not plain
is checked up to there, which is reported (TB009); its form, which decides what goes into the map, is always read
whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mailconf.diagnostics import CODES, Code, Severity, Sink, declare
from mailconf.edits import comment_moved, swapped
from mailconf.tables.entry import Entry

if TYPE_CHECKING:
    from mailconf.grammar import Grammar, Tree

TB009 = declare("TB009", Severity.NOTE, "a table too irregular to be checked to its end")
"""Why: some rules look into each different text of a table. After 20,000 of them, and in a text of more than 100,000
characters, mailconf ends that part of the check, so that it takes a bounded time. The map is built as a whole.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    $ seq 20001 | sed 's/.*/user&@example.com |scan&/' > /etc/postfix/virtual

Remedy: nothing; correct what was found before that place first.

Source: the bounds in mailconf/tables/sides.py, which no engine has.
"""

LIMIT = 20_000
LONGEST = 100_000  # characters of a side


class SideFault(NamedTuple):
    """What is wrong with a side, or doubtful. ``at`` and ``length`` are characters of it; no length: all of it.

    better  the text that is certainly meant in the place of those characters
    moved   it is a comment, which belongs on a line of its own
    """

    code: Code
    message: str
    hint: str
    at: int = 0
    length: int = 0
    better: str = ""
    moved: bool = False


class Side(NamedTuple):
    """``meaning`` is the format's own type, None where the text has no meaning."""

    meaning: Any
    faults: tuple[SideFault, ...] = ()


SideReader = Callable[[str], Side]


class Sides(NamedTuple):
    """How the entries of a format are read; ``plain_key`` and ``plain_value`` match what has no fault for sure.

    by_key      reads a value whose meaning its key decides; then ``plain_value`` matches both, with a tab between
    easy_keys   keys are read by regular expressions: any number of them
    """

    key: SideReader | None = None
    value: SideReader | None = None
    plain_key: re.Pattern[str] | None = None
    plain_value: re.Pattern[str] | None = None
    by_key: Callable[[str, str], Side] | None = None
    easy_keys: bool = False

    def read_key(self, entry: Entry) -> Side:
        """The key of ``entry``; the text, where keys have no other meaning."""
        return Side(entry.key) if self.key is None else self.key(entry.key)

    def read_value(self, entry: Entry) -> Side:
        """The value of ``entry``; the text, where values have no other meaning."""
        if self.by_key is not None:
            return self.by_key(entry.key, entry.value)
        return Side(entry.value) if self.value is None else self.value(entry.value)


ANYTHING = Sides()  # both sides mean their text


def check_sides(sides: Sides, entries: Iterable[Entry], sink: Sink) -> None:
    """Report what is wrong with the sides of ``entries``."""
    texts: set[str] = set()
    plain_key = sides.plain_key if sides.key else _EVERYTHING
    plain_value = sides.plain_value if sides.value or sides.by_key else _EVERYTHING
    for entry in entries:
        if plain_key is None or not plain_key.fullmatch(entry.key):
            faults = sides.read_key(entry).faults
            if faults or not sides.easy_keys:
                texts.add(entry.key)
            for fault in faults:
                report(fault, entry, sink, is_key=True)
        text = f"{entry.key}\t{entry.value}" if sides.by_key else entry.value
        if plain_value is None or not plain_value.fullmatch(text):
            texts.add(entry.value)
            for fault in sides.read_value(entry).faults:
                report(fault, entry, sink, is_key=False)
        if len(texts) > LIMIT:
            give_up(entry, sink)
            return


_EVERYTHING = re.compile(r".*", re.DOTALL)


def report(fault: SideFault, entry: Entry, sink: Sink, *, is_key: bool) -> None:
    """Report a fault at its place in the key or the value of ``entry``."""
    span = entry.key_span if is_key else entry.value_span
    if fault.length and is_key and len(span.text) == len(entry.key):
        span = span.source.span(span.start + fault.at, span.start + fault.at + fault.length)
    elif fault.length and not is_key and len(span.text) == len(entry.value):
        span = entry.place(fault.at, fault.length)
    text = entry.key if is_key else entry.value
    wrong = text[fault.at : fault.at + fault.length] if fault.length else text
    fix = comment_moved(span) if fault.moved else swapped(span, wrong, fault.better) if fault.better else ()
    sink.report(fault.code, fault.message, span, hint=fault.hint, fix=fix)


def give_up(entry: Entry, sink: Sink) -> None:
    sink.report(TB009, f"the table is not checked from here on: {LIMIT} different texts are enough", entry.span)


@lru_cache(maxsize=LIMIT * 2)
def parse_side(grammar: str, start: str, text: str) -> Tree | SideFault:
    """The tree of ``text`` by ``start`` of a grammar of tables, or the mistake that its examples name."""
    from mailconf.grammar import GR001, ParseFailure

    if len(text) > LONGEST:
        return SideFault(TB009, f"more than {LONGEST} characters are not looked into", "the engines have lower limits")
    try:
        return _grammar(grammar).parse(text, start)
    except ParseFailure as failure:
        mistake = _grammar(grammar).mistake(failure, start)
    if mistake is None and (grammar, start) in _OTHERWISE:
        mistake = _grammar(grammar).named(_OTHERWISE[grammar, start])
    if mistake is None:
        return SideFault(GR001, "this text is not understood", "compare it with the other entries")
    return SideFault(CODES[mistake.code], mistake.message, mistake.hint)


# What a text is that no example is like.
_OTHERWISE = {
    ("transport", "transport"): "TB090",
    ("transport", "nexthops"): "TB092",
    ("transport", "lmtp"): "TB092",
    ("sendmail_access", "action"): "TB061",
    ("sendmail_access", "spam"): "TB064",
    ("sendmail_access", "tls"): "TB065",
    ("sendmail_maps", "address"): "TB130",
    ("sendmail_maps", "virtuser_error"): "TB131",
    ("sendmail_maps", "route"): "TB140",
    ("sendmail_maps", "mailer_error"): "TB141",
    ("sendmail_maps", "domain"): "TB132",
    ("checks", "header"): "TB100",
    ("checks", "body"): "TB100",
}


@lru_cache
def _grammar(name: str) -> Grammar:
    from mailconf.grammar import Grammar

    return Grammar(name)

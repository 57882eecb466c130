"""Cases in a table: a line a case, in a literal block.

    table: |
      staff@example.com              250    local joe, local ann
      postmaster@[each local domain] 250

The columns are ``to reply goes``, or what ``columns:`` names. Addresses and clients are one word, in which blanks are
allowed within brackets; what follows them is divided by two or more blanks, or by tabs. A ``-`` is nothing. Lines that
are empty or begin with # are not cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mailconf.insight.cases.nodes import Text
from mailconf.source import Span

COLUMNS = ("name", "client", "helo", "from", "to", "size", "reply", "goes", "copies")
_ONE_WORD = frozenset(("client", "helo", "from", "to", "size"))
_WORD = re.compile(r"(?:\[[^\]\n]*\]|\S)+")
_BETWEEN = re.compile(r"\t\s*|\s{2,}")


class Row(NamedTuple):
    """A line: the cells by column, or what is wrong with it."""

    span: Span
    cells: dict[str, Text]
    wrong: str = ""


def rows(table: Text, columns: list[str]) -> Iterator[Row]:
    """The rows of a literal block, each at its place."""
    source = table.span.source
    literal = table.style == "|"
    number = table.span.line
    for at, line in enumerate(table.value.splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        span = table.span
        if literal:
            start = source.offset(number + at) + max(source.line(number + at).find(text), 0)
            span = source.span(start, start + len(text))
        yield _row(text, span, columns, placed=literal)


def _row(text: str, span: Span, columns: list[str], *, placed: bool) -> Row:
    cells: dict[str, Text] = {}
    at = 0
    for column in columns:
        if at >= len(text):
            break
        if column in _ONE_WORD:
            found = _WORD.match(text, at)
            end = found.end() if found else len(text)
            after = end
            while after < len(text) and text[after] in " \t":
                after += 1
        else:
            gap = _BETWEEN.search(text, at)
            end, after = (gap.start(), gap.end()) if gap else (len(text), len(text))
        cell = text[at:end]
        if cell != "-":
            place = span.source.span(span.start + at, span.start + end) if placed else span
            cells[column] = Text(place, "" if cell == '""' else cell, '"' if cell == '""' else "")
        at = after
    if at < len(text):
        return Row(span, cells, f"behind {' '.join(columns)} there is more: {text[at:]}")
    return Row(span, cells)

"""Which lines of a large table no check can find anything in: most of them, found by one look over the whole text.

`doubtful` gives the other entries, for `mailconf.tables.roles.check_table`: what that finds in them is what it finds in
the table (a property test holds the two equal).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from mailconf import possessive
from mailconf.source import Source, decode
from mailconf.tables import check, roles
from mailconf.tables.entry import Entry
from mailconf.tables.lines import SPACE, Text
from mailconf.tables.postmap import read_rows

# Of an access table: keys that are asked for as they are written, and actions with any text.
_ACCESS_KEY = r"[\w+=-]++(?:(?:\.(?!0)|@)[\w+=-]++)*+"
_ACTION = r"(?i:OK|DUNNO|REJECT|DEFER_IF_REJECT|DEFER_IF_PERMIT|DEFER|DISCARD|HOLD|WARN|INFO|[45][0-9][0-9])"
_ANYTHING = r"[^ \t\n\v\f\r][^\n]*+"
_EVERYTHING = re.compile(rb"(?s:.*+)")
_SKIPPED = possessive.compile(rb"(?:#[^\n]*+\n|\n)*+")


@lru_cache
def lines_for(role: str) -> re.Pattern[bytes] | None:
    """What matches any number of plain lines; None for a role that has no such form."""
    if role == roles.ACCESS:
        key, value = _ACCESS_KEY, rf"{_ACTION}(?:[ \t][^\n]*+)?"
    elif role == roles.VIRTUAL:
        key, value = check.PLAIN_KEY.pattern, check.PLAIN_ADDRESSES.pattern
    elif role == roles.ONE_ADDRESS:
        key, value = check.PLAIN_KEY.pattern, check.PLAIN_ADDRESS.pattern
    elif role == roles.OTHER:
        return _EVERYTHING
    else:
        sides = roles.sides_of(role)
        if sides is None or sides.by_key or not sides.plain_key or (sides.value and not sides.plain_value):
            return None  # an alias file, or patterns
        flags = "(?i:{})" if sides.plain_key.flags & re.IGNORECASE else "(?:{})"
        key = flags.format(sides.plain_key.pattern)
        value = sides.plain_value.pattern if sides.value and sides.plain_value else _ANYTHING
    line = rf"(?>{key})[ \t]++(?:{value})[ \t]*+\n|#[^\n]*+\n|\n"
    return possessive.compile(
        rf"(?>{line})*+".replace(r"\w", "A-Za-z0-9_").encode()
    )  # a set without a class is quicker


def doubtful(data: bytes, lines: re.Pattern[bytes], name: str) -> Iterator[Entry]:
    """The entries of ``data``, the text of the file ``name``, whose lines are not all like ``lines``."""
    text: Text | None = None
    for start, end in _stretches(data, lines):
        text = text or Text(Source(name, decode(data)))
        rows = read_rows(data[start:end], places=True)
        for key, value, row in zip(rows.keys, rows.values, rows.places, strict=True):
            places = (text.offset(start + place) for place in row)
            yield Entry(decode(key), decode(value), text.source, *places)


def _stretches(data: bytes, lines: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    """Logical lines that are not all plain: where each begins, and where the next one does."""
    at, size = 0, len(data)
    while True:
        found = lines.match(data, at)
        assert found is not None  # it matches the empty text
        at = found.end()
        if at == size:
            return
        start = at
        if data[start] in SPACE:  # it continues an earlier line, and comments and empty lines may be between them
            while start and data[start] in b" \t\n\v\f\r#":
                start = data.rfind(b"\n", 0, start - 1) + 1
        while True:
            newline = data.find(b"\n", at)
            at = size if newline < 0 else newline + 1
            skipped = _SKIPPED.match(data, at)
            assert skipped is not None  # it matches the empty text
            if skipped.end() == size or data[skipped.end()] not in SPACE:
                break
            at = skipped.end()
        yield start, at

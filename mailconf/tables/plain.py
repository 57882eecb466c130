"""Which lines of a large table no check can find anything in: most of them, found by one look over the whole text.

`doubtful` gives the other entries, for `mailconf.tables.roles.check_table`: what that finds in them is what it finds in
the table (a property test holds the two equal).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from mailconf import possessive
from mailconf.arrays import Array, arrays
from mailconf.source import Source, decode
from mailconf.tables import check, roles
from mailconf.tables.entry import Entry
from mailconf.tables.lines import SPACE, Text
from mailconf.tables.postmap import blocks, read_rows

# Of an access table: keys that are asked for as they are written, and actions with any text.
_ACCESS_KEY = r"[\w+=-]++(?:(?:\.(?!0)|@)[\w+=-]++)*+"
_ACTION = r"(?i:OK|DUNNO|REJECT|DEFER_IF_REJECT|DEFER_IF_PERMIT|DEFER|DISCARD|HOLD|WARN|INFO|[45][0-9][0-9])"
_ANYTHING = r"[^ \t\n\v\f\r][^\n]*+"
_EVERYTHING = re.compile(rb"(?s:.*+)")
_SKIPPED = possessive.compile(rb"(?:#[^\n]*+\n|\n)*+")

# Whose lines may be looked at by `_is_simple`: what that accepts, `lines_for` matches.
_SIMPLE = frozenset({roles.VIRTUAL, roles.ONE_ADDRESS, roles.ADDRESSES})
_TEXT = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
_BLOCKS = 1 << 18, 1 << 14  # bytes that are looked at together, and where not all of them are simple
_FEW = 8  # blocks in a row that have such lines: then the others are not tried any more


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


def doubtful(data: bytes, lines: re.Pattern[bytes], name: str, role: str = "") -> Iterator[Entry]:
    """The entries of ``data``, the text of the file ``name``, whose lines are not all like ``lines``.

    role  whose ``lines`` they are; where it is given, many lines are looked at together
    """
    text: Text | None = None
    parts = _not_simple(data) if role in _SIMPLE else ((0, len(data)),)
    for part in parts:
        for start, end in _stretches(data, lines, *part):
            text = text or Text(Source(name, decode(data)))
            rows = read_rows(data[start:end], places=True)
            for key, value, row in zip(rows.keys, rows.values, rows.places, strict=True):
                places = (text.offset(start + place) for place in row)
                yield Entry(decode(key), decode(value), text.source, *places)


def _not_simple(data: bytes) -> Iterator[tuple[int, int]]:
    """The parts of a text that `_is_simple` does not accept, each of whole logical lines."""
    np = arrays()
    large, small = _BLOCKS
    failed = 0
    for start, end in blocks(data, large):
        if np is None or failed == _FEW:
            yield start, len(data)
            return
        if _is_simple(np, data[start:end]):
            failed = 0
            continue
        failed += 1
        for part in blocks(data, small, start, end):
            if _is_simple(np, data[slice(*part)]):
                failed = 0
            else:
                yield part


def _is_simple(np: Array, block: bytes) -> bool:
    """Whether each line is a key, a space or a tab, and a value, both of them a word or ``word@domain``.

    Words have letters and digits of ASCII, and dots and hyphens between them. It takes a fifth of the time that the
    regular expression takes.
    """
    letters = np.frombuffer(block, np.uint8)
    marks = letters < 47  # spaces, newlines, dots, hyphens, and what is not in a simple line
    marks |= letters == 64
    if marks[0] or (marks[1:] & marks[:-1]).any():
        return False
    rest = np.frombuffer(block.translate(None, _TEXT), np.uint8)
    at = rest == 64
    if (at[1:] & at[:-1]).any():
        return False
    ends = rest[~at]
    if len(ends) & 1 or (ends[1::2] != 10).any():
        return False
    gaps = ends[::2]
    return bool(((gaps == 9) | (gaps == 32)).all())


def _stretches(data: bytes, lines: re.Pattern[bytes], at: int, size: int) -> Iterator[tuple[int, int]]:
    """The logical lines of ``data[at:size]`` that are not all plain: where each begins, and where the next one does."""
    while True:
        found = lines.match(data, at, size)
        assert found is not None  # it matches the empty text
        at = found.end()
        if at == size:
            return
        start = at
        if data[start] in SPACE:  # it continues an earlier line, and comments and empty lines may be between them
            while start and data[start] in b" \t\n\v\f\r#":
                start = data.rfind(b"\n", 0, start - 1) + 1
        while True:
            newline = data.find(b"\n", at, size)
            at = size if newline < 0 else newline + 1
            skipped = _SKIPPED.match(data, at, size)
            assert skipped is not None  # it matches the empty text
            if skipped.end() == size or data[skipped.end()] not in SPACE:
                break
            at = skipped.end()
        yield start, at

"""The input format of postmap(1): ``key whitespace value``, an entry a logical line (see `lines`).

What postmap 3.7 does with each line, in this order:

- it starts with white space: ignored, with a warning;
- a NUL and what follows it are cut off;
- it is not UTF-8 (checked unless UTF-8 support is off; what follows a NUL counts, unless it is only ASCII that
  comes before): ignored, with a warning;
- the key ends at the first white space outside double quotes; a backslash, inside quotes and outside, takes the next
  byte's meaning. Quotes and backslashes stay in the key as they are: lookups use the quoted form of an address. Quotes
  that are not closed: ignored, with a warning;
- the value is the rest without white space around it; empty: ignored, with a warning;
- the key ends with a colon: stored as it is, with a warning (is this an alias file?).

The tool then folds the key to lower case (`fold`) and keeps the first of several entries with the same key.

`read_rows` is the bulk path: bytes, whole blocks of lines at once where nothing in a block is hard. `read_postmap` in
`mailconf.tables.reader` gives the same entries as text, with places and Diagnostics; `parse_postmap` beside it is the
same reader by grammars/postmap.lark, and a property test holds the two equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

from mailconf import possessive
from mailconf.tables.lines import SPACE, LogicalLine, NullLines, logical_lines
from mailconf.tables.rows import Problems, Progress, Rows

ORPHAN = "a continuation of nothing"
NOT_UTF8 = "not UTF-8"
UNBALANCED = "quotes not closed"
NO_VALUE = "no value"
COLON = "a colon ends the key"
NULL = "a NUL"

# Possessive: going back would change nothing, and what could be gone back to would be remembered for each character.
KEY = possessive.compile(rb'(?:[^ \t\n\v\f\r"\\]++|\\(?:.|\Z)|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_CONTINUED = re.compile(rb"\n[ \t\v\f\r]")
_COLON = re.compile(rb":[ \t\v\f\r]")
_BLOCK_END = re.compile(rb"\n(?=[^ \t\n\v\f\r#])")
_TRAILING = (b" \n", b"\t\n", b"\r\n", b"\v\n", b"\f\n")
_BLOCK = 1 << 15
_LARGE = 16 * _BLOCK  # a block that comments, or a line without end, made so long


def fold(key: bytes, *, utf8: bool = True) -> bytes:
    """The key in lower case as postmap stores it: Unicode case folding, or ASCII only without UTF-8 support."""
    if not utf8 or key.isascii():
        return key.lower()
    return key.decode("utf-8", "surrogateescape").casefold().encode("utf-8", "surrogateescape")


def read_rows(
    data: bytes,
    *,
    utf8: bool = True,
    places: bool = False,
    nulls: bool = False,
    progress: Progress | None = None,
    first: int = 0,
    stop: int | None = None,
) -> Rows:
    """All entries of the text ``data``, or of its logical lines from ``first`` to ``stop``; keys as written.

    utf8   smtputf8_enable
    nulls  as Postfix from 3.9 on: each logical line with a NUL, in it or in what is skipped after it, is a problem,
           and what a NUL hides need not be UTF-8
    """
    rows = Rows(data, places=places)
    told = Nulls(data, rows.problems) if nulls and b"\0" in data else None
    from mailconf.tables.garbage_collection import no_collection  # here: start-up time

    with no_collection():
        for start, end in blocks(data, _BLOCK, first, stop):
            block = data[start:end]
            if len(block) > _LARGE or _is_hard(block, utf8) or not _read_easy(block, rows, start, places):
                for line in logical_lines(data, start, end):
                    if told is not None:
                        told.tell(line.start, len(rows))
                    _read_line(line, rows, utf8, places, nulls)
            if progress is not None:
                progress(end, len(data), len(rows))
    if told is not None:
        told.tell(0, len(rows))
    return rows


class Nulls:
    """The NULs of ``data``: each becomes one of its ``problems`` before its line is read."""

    def __init__(self, data: bytes, problems: Problems) -> None:
        self._problems = problems
        self._lines = NullLines(data)

    def tell(self, start: int, before: int) -> None:
        """Of the logical line at ``start``, after ``before`` entries; 0 at the end for a text without logical lines."""
        if self._lines.take(start):
            self._problems.append(NULL, before, start, start, start + 1)


def blocks(
    data: bytes, size: int, start: int = 0, end: int | None = None, *, nulls: bool = False
) -> Iterator[tuple[int, int]]:
    """Stretches of about ``size`` bytes of ``data[start:end]``, each of whole logical lines.

    nulls  there are NULs to be warned of, those before the first logical line with that one: it is in the first stretch
    """
    end = len(data) if end is None else end
    first = start
    if nulls:
        line = next(logical_lines(data, start, end), None)
        first = end if line is None else line.start
    while start < end:
        found = _BLOCK_END.search(data, max(start, first) + size, end + 1)
        stop = min(found.end(), end) if found else end
        yield start, stop
        start = stop


def _read_easy(block: bytes, rows: Rows, start: int, places: bool) -> bool:
    """Read a block in which every line stands for itself; False, and nothing read, when a line lacks its value."""
    lines = block.split(b"\n")
    starts = list(accumulate((len(line) + 1 for line in lines[:-1]), initial=start)) if places else []
    if b"#" in block or b"\n\n" in block or not lines[0] or not lines[-1]:
        kept = [n for n, line in enumerate(lines) if line and line[0] != 35]
        if len(kept) != len(lines):
            lines = [lines[n] for n in kept]
            starts = [starts[n] for n in kept] if places else []
    pairs = [line.split(None, 1) for line in lines]
    if not all([len(pair) == 2 for pair in pairs]):  # noqa: C419 - a list is faster here than a generator
        return False
    values = [pair[1] for pair in pairs]
    if any([end in block for end in _TRAILING]) or block[-1] in SPACE:  # noqa: C419
        values = [value.rstrip(SPACE) for value in values]
    if places:
        values_at = [at + len(line) - len(pair[1]) for at, line, pair in zip(starts, lines, pairs, strict=True)]
        rows.places.starts.extend(starts)
        rows.places.values_at.extend(values_at)
        rows.places.ends.extend([at + len(value) for at, value in zip(values_at, values, strict=True)])
    rows.keys += [pair[0] for pair in pairs]
    rows.values += values
    return True


def _read_line(line: LogicalLine, rows: Rows, utf8: bool, places: bool, nulls: bool) -> None:
    text = line.visible

    def problem(kind: str, at: int, length: int = 1) -> None:
        rows.problems.append(kind, len(rows), line.start, *line.stretch(at, length))

    if line.text[0] in SPACE:
        return problem(ORPHAN, 0, len(line.text))
    if utf8 and (bad := line.not_utf8(hidden=not nulls)) is not None:
        return problem(NOT_UTF8, bad)
    stripped = text.rstrip(SPACE)
    found = KEY.match(stripped)
    assert found is not None
    key = found[0]
    if stripped[len(key) : len(key) + 1] == b'"':
        return problem(UNBALANCED, len(key))
    value = stripped[len(key) :].lstrip(SPACE)
    if not value:
        return problem(NO_VALUE, 0, len(key))
    if key.endswith(b":"):
        problem(COLON, len(key) - 1)
    rows.keys.append(key)
    rows.values.append(value)
    if places:
        value_at = len(stripped) - len(value)
        rows.places.append(line.start, line.offset(value_at), line.offset(value_at + len(value) - 1) + 1)
    return None


def _is_hard(block: bytes, utf8: bool) -> bool:
    """True if some line of the block may need more than a split at its first white space."""
    if (
        b'"' in block
        or b"\\" in block
        or b"\0" in block
        or block[0] in SPACE
        or _CONTINUED.search(block)
        or _COLON.search(block)
    ):
        return True
    if utf8 and not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            return True
    return False

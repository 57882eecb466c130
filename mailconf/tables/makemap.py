"""The input format of makemap(8) of sendmail 8.17: ``key whitespace value``, an entry a physical line.

There are no logical lines here: nothing is continued. The file is read as C strings of at most 1023 bytes:

- a piece of 1023 bytes without a newline is "too long", and so is one in which a NUL comes before the newline: it is
  ignored, and what follows it is the next line, with a number of its own. A file's last piece needs no newline and
  ends at its first NUL;
- an empty line is ignored, and one that starts with the comment character (``#``; ``-D``), with any text;
- a line that starts with white space is a mistake, unless a delimiter is set: blank lines must be empty;
- the key ends at the first white space, or at the first delimiter (``-t``); the value begins after the run of white
  space or delimiters and goes to the end of the line, white space at its end and carriage return included;
- an empty value is a mistake, unless ``-e`` allows it.

Quotes and backslashes mean nothing. White space is that of isspace(3) in the C locale. The tool then folds the ASCII
letters of the key to lower case (not with ``-f``). A line with a mistake is left out of the map.

`read_easy` and `read_rows` are what the tool uses; `mailconf.tables.makemap_reader` gives the same entries as text,
with places and Diagnostics.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import NamedTuple

_BLOCK = 1 << 16  # bytes that are read at once
LIMIT = 1024  # bytes of a line, its newline and the NUL after it included

TOO_LONG = "too long"
LEADING_SPACE = "white space before the key"
NO_VALUE = "no value"

_SPACE = b" \t\n\v\f\r"
_LONG = re.compile(rb"[^\n]{%d}" % (LIMIT - 1))
_LEADING = re.compile(rb"^[ \t\v\f\r]", re.MULTILINE)


class Format(NamedTuple):
    """How the text is written, by makemap's options; ``delimiter`` and ``comment`` are single bytes."""

    delimiter: bytes = b""  # empty: white space
    comment: bytes = b"#"  # empty: there are no comments
    empty_values: bool = False


class Row(NamedTuple):
    """An entry, or with a ``problem`` what cannot be one.

    line     the number that makemap gives the line, from 1
    start, value_at   where the line and the value begin, in bytes of the text
    value    with a problem other than NO_VALUE: the line
    """

    line: int
    start: int
    key: bytes
    value: bytes
    value_at: int
    problem: str = ""


class Columns(NamedTuple):
    keys: list[bytes]
    values: list[bytes]


def read_easy(data: bytes, form: Format = Format()) -> Columns | None:  # noqa: B008 - a NamedTuple cannot change
    """All entries of a text in which every line is an entry, empty or a comment; None for other texts.

    For a million lines this takes a fraction of the time that `read_rows` takes.
    """
    if not is_easy(data, form):
        return None
    columns = Columns([], [])
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _BLOCK)
        end = len(data) if end < 0 else end
        if not read_block(data[start:end], form, columns):
            return None
        start = end + 1
    return columns


def is_easy(data: bytes, form: Format) -> bool:
    """Whether each line of a text is seen whole, and none begins with white space that is a mistake."""
    return not (b"\0" in data or _LONG.search(data) or (not form.delimiter and _LEADING.search(data)))


def read_block(data: bytes, form: Format, columns: Columns) -> bool:
    """Read some easy lines, the last without its newline; False when one of them lacks its value."""
    delimiter = form.delimiter or None
    lines = data.split(b"\n")
    if b"\n\n" in data or not lines[0] or not lines[-1] or (form.comment and form.comment in data):
        comment = form.comment[0] if form.comment else -1
        lines = [line for line in lines if line and line[0] != comment]
    pairs = [line.split(delimiter, 1) for line in lines]
    if not all([len(pair) == 2 for pair in pairs]):  # noqa: C419 - a list is faster here than a generator
        return False
    values = [pair[1] for pair in pairs]
    if delimiter is not None:
        values = [value.lstrip(delimiter) for value in values]
        if not all(values):
            return False
    columns.keys.extend([pair[0] for pair in pairs])
    columns.values.extend(values)
    return True


def read_rows(
    data: bytes,
    form: Format = Format(),  # noqa: B008
    counted: array[int] | None = None,
) -> Iterator[Row]:
    """The entries and mistakes of a text, in its order; keys as written. ``counted`` gets the number of its lines."""
    number = 0
    separator = re.compile(b"[%b]+" % re.escape(form.delimiter or _SPACE))
    for number, (start, text, whole) in enumerate(_lines(data), 1):
        if not whole:
            yield Row(number, start, b"", text, start, TOO_LONG)
        elif not text or text[:1] == form.comment:
            continue
        elif not form.delimiter and text[0] in _SPACE:
            yield Row(number, start, b"", text, start, LEADING_SPACE)
        else:
            found = separator.search(text)
            key_end, value_at = found.span() if found else (len(text), len(text))
            problem = NO_VALUE if value_at == len(text) and not form.empty_values else ""
            yield Row(number, start, text[:key_end], text[value_at:], start + value_at, problem)
    if counted is not None:
        counted.append(number)


def _lines(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Where each line starts, its text without the newline, and whether the engine sees it whole."""
    start = 0
    while start < len(data):
        stop = data.find(b"\n", start, start + LIMIT - 1)
        ended = stop >= 0
        if not ended:
            stop = min(start + LIMIT - 1, len(data))
        text, nul, _ = data[start:stop].partition(b"\0")
        yield start, text, (ended and not nul) or (not ended and stop - start < LIMIT - 1)
        start = stop + ended

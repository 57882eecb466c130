"""Logical lines of Postfix's text files.

Format (postmap(1), aliases(5); the corners as postmap 3.7 shows them):

- A line that is empty, holds only white space, or whose first character behind white space is ``#`` is skipped.
- A line that starts with white space continues the logical line before it; skipped lines between the two do not end
  it. Lines are joined without their newline and without anything between them.
- A logical line that starts with white space continues nothing: a mistake, and the line is ignored.
- White space is what C's isspace says: blank, tab, newline, vertical tab, form feed, carriage return. A line ends
  with a newline only, so that the carriage return of a DOS file is white space at the end of the line.
- A NUL ends the text of a logical line, but a line that holds only a NUL is not empty.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from mailconf.source import Source, Span, decode, encode

SPACE = b" \t\n\v\f\r"

_SKIPPED = re.compile(rb"[ \t\v\f\r]*(?:#[^\n]*)?(?:\n|\Z)")
_LINE = re.compile(rb"[^\n]*")


class LogicalLine(NamedTuple):
    """A joined line: its text without newlines (a NUL and what follows still there) and where it stands in the file.

    ``pieces`` has for each physical line the offset in ``text`` and the offset in the file, both in bytes.
    """

    text: bytes
    start: int
    end: int
    pieces: list[tuple[int, int]]

    @property
    def visible(self) -> bytes:
        """The text up to a NUL: what the engine works on."""
        return self.text.partition(b"\0")[0]

    def not_utf8(self, *, hidden: bool = True) -> int | None:
        """The offset in the text of the first byte that is not UTF-8, of those behind a NUL as well with ``hidden``.

        Text in ASCII hides what stands behind a NUL from that, too.
        """
        visible = self.visible
        if visible and visible.isascii():
            return None
        try:
            (self.text if hidden else visible).decode()
        except UnicodeDecodeError as failure:
            return failure.start
        return None

    def offset(self, at: int) -> int:
        """The offset in the file of the byte ``at`` of the text."""
        for text_offset, file_offset in reversed(self.pieces):
            if text_offset <= at:
                return file_offset + at - text_offset
        raise IndexError(at)

    def stretch(self, at: int, length: int) -> tuple[int, int]:
        """Where ``text[at:at + length]`` stands in the file, cut at the end of the physical line it starts on."""
        start = self.offset(at)
        ends = [offset for offset, _ in self.pieces[1:] if offset > at]
        return start, start + min(length, (ends[0] if ends else len(self.text)) - at)


def logical_lines(data: bytes, start: int = 0, end: int | None = None) -> Iterator[LogicalLine]:
    """The logical lines of ``data[start:end]``, both at the start of a line or the end of the data."""
    end = len(data) if end is None else end
    parts: list[bytes] = []
    pieces: list[tuple[int, int]] = []
    length = 0
    at = start
    while at < end:
        skipped = _SKIPPED.match(data, at, end)
        if skipped is not None and skipped.end() > at:
            at = skipped.end()
            continue
        line = _LINE.match(data, at, end)
        assert line is not None
        if pieces and data[at] not in SPACE:
            yield LogicalLine(b"".join(parts), pieces[0][1], pieces[-1][1] + len(parts[-1]), pieces)
            parts, pieces, length = [], [], 0
        parts.append(line[0])
        pieces.append((length, at))
        length += len(line[0])
        at = line.end() + 1
    if pieces:
        yield LogicalLine(b"".join(parts), pieces[0][1], pieces[-1][1] + len(parts[-1]), pieces)


def null_lines(data: bytes) -> dict[int, str]:
    """The bytes of value 0 in a text, as Postfix from 3.9 on warns of them: the numbers of lines, "3" or "3-5", by the
    offset of the logical line.

    Such a byte in what is skipped counts to the logical line before it, or to the first; in a text without logical
    lines, to the last line of the text, with the offset 0.
    """
    if b"\0" not in data:
        return {}
    starts = [line.start for line in logical_lines(data)]
    if not starts:
        return {0: str(data.count(b"\n") + (not data.endswith(b"\n")))}
    numbers = [data.count(b"\n", 0, starts[0]) + 1]
    for before, start in pairwise(starts):
        numbers.append(numbers[-1] + data.count(b"\n", before, start))
    numbers.append(data.count(b"\n") + (not data.endswith(b"\n")) + 1)
    found: dict[int, str] = {}
    at = data.find(b"\0")
    while at >= 0:
        index = max(bisect_right(starts, at) - 1, 0)
        first, last = numbers[index], numbers[index + 1] - 1
        found[starts[index]] = str(first) if first == last else f"{first}-{last}"
        at = data.find(b"\0", starts[index + 1]) if index + 1 < len(starts) else -1
    return found


def _lead_length(byte: int) -> int:
    """How many bytes the character has that starts with ``byte``; 0 when none of several bytes does."""
    return 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 0


class Text:
    """A source as the engine sees it, bytes, with the way back: byte offsets to character offsets."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data = encode(source.text)
        self._same = len(self.data) == len(source.text)
        self._known = (0, 0)  # a byte offset and its character offset; questions come mostly from near

    def offset(self, at: int) -> int:
        """The character offset of the byte offset ``at``, which must not lie inside a character."""
        if self._same:
            return at
        known, characters = self._known
        if known <= at:
            characters += len(decode(self.data[known:at]))
        elif at < known - at:
            characters = len(decode(self.data[:at]))
        else:
            characters -= len(decode(self.data[at:known]))
        self._known = (at, characters)
        return characters

    def whole(self, at: int) -> int:
        """``at``, or the end of the character that it lies inside of: an engine may cut a line anywhere."""
        for back in range(1, 4):
            start = at - back
            length = 0 if start < 0 else _lead_length(self.data[start])
            if length > back:
                try:
                    self.data[start : start + length].decode()
                except UnicodeDecodeError:
                    return at
                return min(start + length, len(self.data))
        return min(at, len(self.data))

    def span(self, start: int, end: int) -> Span:
        """The span of a stretch of bytes."""
        return self.source.span(self.offset(start), self.offset(end))


_SKIPPED_TEXT = re.compile(r"[ \t\v\f\r]*(?:#.*)?")


def place_in(written: Span, at: int, length: int) -> Span:
    """Where the characters ``[at:at + length]`` of a joined text stand, given the stretch it was joined from.

    The answer ends with the physical line it starts on.
    """
    start = written.start
    for number, line in enumerate(written.text.split("\n")):
        if number == 0 or not _SKIPPED_TEXT.fullmatch(line):
            if at < len(line):
                return written.source.span(start + at, start + min(len(line), at + length))
            at -= len(line)
        start += len(line) + 1
    return written.source.span(written.end)

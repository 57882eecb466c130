"""Logical lines of Postfix's text files.

Format (postmap(1), aliases(5); the corners as postmap 3.7 shows them):

- A line that is empty, holds only white space, or whose first character after white space is ``#`` is skipped.
- A line that starts with white space continues the logical line before it; skipped lines between the two do not end
  it. Lines are joined without their newline and without anything between them.
- A logical line that starts with white space continues nothing: a mistake, and the line is ignored.
- White space is what C's isspace accepts: blank, tab, newline, vertical tab, form feed, carriage return. A line ends
  with a newline only, so that the carriage return of a DOS file is white space at the end of the line.
- A NUL ends the text of a logical line, but a line that holds only a NUL is not empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailconf.source import Source, Span, decode, encode

SPACE = b" \t\n\v\f\r"

_SKIPPED = re.compile(rb"[ \t\v\f\r]*(?:#[^\n]*)?(?:\n|\Z)")
_MOST_PARTS = 4096


class LogicalLine:
    """A joined line: its text without newlines (a NUL and what follows still there) and its place in the file.

    ``start`` and ``end`` are offsets in ``data``, the file. How the physical lines lie in the text is found out when a
    place is asked for: a line may be continued a million times.
    """

    __slots__ = ("data", "end", "start", "text")

    def __init__(self, data: bytes, start: int, end: int, text: bytes) -> None:
        self.data = data
        self.start = start
        self.end = end
        self.text = text

    @property
    def visible(self) -> bytes:
        """The text up to a NUL: what the engine works on."""
        at = self.text.find(0)
        return self.text if at < 0 else self.text[:at]

    def not_utf8(self, *, hidden: bool = True) -> int | None:
        """The offset in the text of the first byte that is not UTF-8, of those after a NUL as well with ``hidden``.

        Text in ASCII hides what follows a NUL from that, too.
        """
        if self.text.isascii():
            return None
        visible = self.visible
        if visible and visible.isascii():
            return None
        try:
            (self.text if hidden else visible).decode()
        except UnicodeDecodeError as failure:
            return failure.start
        return None

    def pieces(self) -> Iterator[tuple[int, int]]:
        """The stretches of the file that the text is joined from, the physical lines without their newlines."""
        yield from _pieces(self.data, self.start, self.end)

    def offset(self, at: int) -> int:
        """The offset in the file of the byte ``at`` of the text."""
        return self._piece(at)[0]

    def stretch(self, at: int, length: int) -> tuple[int, int]:
        """Where ``text[at:at + length]`` is in the file, cut at the end of the physical line it starts on."""
        start, end = self._piece(at)
        return start, min(start + length, end)

    def _piece(self, at: int) -> tuple[int, int]:
        """The offset in the file of the byte ``at`` of the text, and where its physical line ends."""
        if len(self.text) == self.end - self.start:
            return self.start + at, self.end
        start = end = self.start
        for start, end in self.pieces():
            if at < end - start:
                break
            at -= end - start
        else:
            return end + at, end
        return start + at, end


def logical_lines(data: bytes, start: int = 0, end: int | None = None) -> Iterator[LogicalLine]:
    """The logical lines of ``data[start:end]``, both at the start of a line or the end of the data."""
    end = len(data) if end is None else end
    first = last = -1  # where the line at hand begins and ends
    text = bytearray()  # of a line that is continued
    parts: list[bytes] = []  # what is to be added to it
    for at, stop in _pieces(data, start, end):
        if first >= 0 and data[at] not in SPACE:
            yield LogicalLine(data, first, last, _joined(data, first, last, text, parts))
            first = -1
        if first < 0:
            first = at
        else:
            if not parts and not text:
                parts.append(data[first:last])
            parts.append(data[at:stop])
            if len(parts) > _MOST_PARTS:
                text += b"".join(parts)
                parts.clear()
        last = stop
    if first >= 0:
        yield LogicalLine(data, first, last, _joined(data, first, last, text, parts))


def _joined(data: bytes, first: int, last: int, text: bytearray, parts: list[bytes]) -> bytes:
    """The text of a line; ``text`` and ``parts``, which it was collected in, are empty afterwards."""
    if not text:
        joined = b"".join(parts) if parts else data[first:last]
    else:
        text += b"".join(parts)
        joined = bytes(text)
        text.clear()
    parts.clear()
    return joined


def _pieces(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the physical lines of ``data[start:end]`` begin and end that are not skipped."""
    at = start
    while at < end:
        skipped = _SKIPPED.match(data, at, end)
        if skipped is not None and skipped.end() > at:
            at = skipped.end()
            continue
        stop = data.find(10, at, end)
        if stop < 0:
            stop = end
        yield at, stop
        at = stop + 1


class LineNumbers:
    """The numbers of lines of a text, asked for mostly in its order: each line is counted once."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at, self._number = 0, 1

    def __call__(self, offset: int) -> int:
        """The number of the line, from 1, that has the byte ``offset``."""
        if offset < self._at:
            self._at, self._number = 0, 1
        self._number += self._data.count(b"\n", self._at, offset)
        self._at = offset
        return self._number


def null_lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The bytes of value 0 in a text, as Postfix from 3.9 on warns of them: the offset of a logical line, and the
    numbers of its lines, "3" or "3-5".

    Such a byte in what is skipped counts to the logical line before it, or to the first; in a text without logical
    lines, to the last line of the text, with the offset 0.
    """
    at = data.find(b"\0")
    if at < 0:
        return
    number_of = LineNumbers(data)
    start = -1
    for line in logical_lines(data):
        if start >= 0 and at < line.start:
            yield start, _numbers(number_of(start), number_of(line.start) - 1)
            at = data.find(b"\0", line.start)
            if at < 0:
                return
        start = line.start
    last = data.count(b"\n") + (not data.endswith(b"\n"))
    yield max(start, 0), _numbers(last if start < 0 else number_of(start), last)


def _numbers(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


class NullLines:
    """The same for a reader of the logical lines, which asks in their order: nothing is kept of a line."""

    def __init__(self, data: bytes) -> None:
        self._found = null_lines(data)
        self._next = next(self._found, None)

    def take(self, start: int) -> str:
        """The numbers of the lines, once, of the logical line at ``start``; "" where it has no such byte.

        After the last line, 0 stands for a text without logical lines.
        """
        if self._next is None or self._next[0] != start:
            return ""
        numbers = self._next[1]
        self._next = next(self._found, None)
        return numbers


def _lead_length(byte: int) -> int:
    """How many bytes the character has that starts with ``byte``; 0 when no character of several bytes does."""
    return 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 0


class Text:
    """A source as the engine sees it, bytes, with the way back: byte offsets to character offsets.

    ``same`` is true where the two are the same: the text is ASCII.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data = encode(source.text)
        self.same = len(self.data) == len(source.text)
        self._known = (0, 0)  # a byte offset and its character offset; questions come mostly from near

    def offset(self, at: int) -> int:
        """The character offset of the byte offset ``at``, which must not lie inside a character."""
        if self.same:
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


_SKIPPED_TEXT = re.compile(r"[ \t\v\f\r]*(?:#[^\n]*)?")


def place_in(written: Span, at: int, length: int) -> Span:
    """Where the characters ``[at:at + length]`` of a joined text are, given the stretch it was joined from.

    The answer ends with the physical line it starts on.
    """
    text, start = written.source.text, written.start
    while start <= written.end:
        stop = text.find("\n", start, written.end)
        if stop < 0:
            stop = written.end
        if start == written.start or not _SKIPPED_TEXT.fullmatch(text, start, stop):
            if at < stop - start:
                return written.source.span(start + at, min(stop, start + at + length))
            at -= stop - start
        start = stop + 1
    return written.source.span(written.end)

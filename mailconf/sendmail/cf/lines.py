"""The logical lines of a .cf: continuation lines joined, comments taken out, each with its way back to the text.

The rules are in `mailconf.sendmail.cf`, "Lines". `tool_lines` has the lines as makemap, editmap and praliases read
them: these know no continuation lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from mailconf.source import Source, Span

BLANKS = " \t\v\f\r\n"  # what C's isspace takes for white space
WORD = re.compile(r"[^ \t\v\f\r\n]+")
BLANK = re.compile(r"[ \t\v\f\r\n]*")
TOOL_LINE = 2047  # bytes of a line that the map tools read at once
COMMENTS_FROM = 3  # the level, as the V line has it, from which on "#" within a line begins a comment
_LAST_NEWLINE = re.compile(r"\n(?![ \t])")  # of a line and those that continue it
_LEVEL = re.compile(r"V[ \t\v\f\r\n]*([0-9]{1,9})")
_SPECIAL = re.compile(r"[#\0]|\r\n")


class CfLine(NamedTuple):
    """A logical line.

    source  the .cf
    number  of its first physical line, from 1
    start   the offset of that in the source; ``end``: after its last newline
    text    what sendmail makes of it: with the newlines of continuation lines, without comments; "" for a comment
    kept    where parts of the text were left out: the offset of each kept part in the text, and in the source
    """

    source: Source
    number: int
    start: int
    end: int
    text: str
    kept: tuple[tuple[int, int], ...] = ()

    @property
    def letter(self) -> str:
        """What the line is: its first character."""
        return self.text[:1]

    @property
    def last(self) -> int:
        """The number that sendmail's messages give: how many newlines it has read."""
        return self.number - 1 + self.source.text.count("\n", self.start, self.end)

    def offset(self, at: int) -> int:
        """Where in the source the character ``at`` of the text is."""
        if not self.kept:
            return self.start + at
        text, source = self.kept[max(bisect_right(self.kept, (at, self.end)) - 1, 0)]
        return source + at - text

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """The place of ``text[start:end]``, in the source."""
        end = len(self.text) if end is None else end
        first = self.offset(start)
        return self.source.span(first, self.offset(end - 1) + 1 if end > start else first)


def folded_lines(source: Source) -> Iterator[CfLine]:
    """Every logical line, empty ones and comments included."""
    data = source.text
    start, number, level = 0, 1, 0
    while start < len(data):
        last = _LAST_NEWLINE.search(data, start)
        end = last.end() if last else len(data)
        text, kept = _seen(data, start, end, level >= COMMENTS_FROM)
        if text[:1] == "V" and (found := _LEVEL.match(text)):
            level = int(found[1])
        yield CfLine(source, number, start, end, text, kept)
        start, number = end, number + data.count("\n", start, end)


def tool_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines as the map tools read them, in pieces of `TOOL_LINE` bytes, each with the number of its line."""
    for number, line in enumerate(data.split(b"\n"), 1):
        for at in range(0, len(line), TOOL_LINE):
            yield number, line[at : at + TOOL_LINE].partition(b"\0")[0]


def _seen(data: str, start: int, end: int, comments: bool) -> tuple[str, tuple[tuple[int, int], ...]]:
    """What sendmail sees of ``data[start:end]``, and the places of its parts."""
    if data[start] == "#":
        return "", ()
    stop = end - 1 if data[end - 1] == "\n" else end
    if stop < end and stop > start and data[stop - 1] == "\r":
        stop -= 1
    if _SPECIAL.search(data, start, stop) is None:
        return _stripped(data[start:stop]), ()
    text, kept = _cut(data, _parts(data, start, stop, comments))
    if text.startswith("#"):  # after a backslash that has been dropped, or a carriage return
        return "", ()
    return _stripped(text), kept


def _stripped(text: str) -> str:
    """Without blanks at the end; the first character always stays."""
    return text.rstrip(BLANKS) or text[:1]


def _cut(data: str, parts: Iterator[tuple[int, int]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    texts, kept, length = [], [], 0
    for start, end in parts:
        if end > start:
            texts.append(data[start:end])
            kept.append((length, start))
            length += end - start
    return "".join(texts), tuple(kept)


def _parts(data: str, start: int, stop: int, comments: bool) -> Iterator[tuple[int, int]]:
    """The stretches of a line that are not left out."""
    at = find = start
    while (found := _SPECIAL.search(data, find, stop)) is not None:
        mark = found.start()
        find = found.end()
        if found[0] == "\0":
            yield at, mark
            return
        if found[0] == "\r\n":
            yield at, mark
            at = mark + 1
        elif not comments or mark == start:
            continue
        elif data[mark - 1] == "\\" and mark > at:
            yield at, mark - 1
            at = mark
        elif not _is_dollars(data, at, mark):
            yield at, _before_blanks(data, at, mark, start)
            end = data.find("\n", mark, stop)
            at = find = stop if end < 0 else end
            if end > mark and data[end - 1] == "\r":
                at = find = end
            nul = data.find("\0", mark, at)
            if nul >= 0:
                return
    yield at, stop


def _before_blanks(data: str, at: int, mark: int, start: int) -> int:
    """Where the blanks before a comment begin; the line's first character is always kept."""
    end = mark
    least = max(at, start + 1)
    while end > least and data[end - 1] in " \t\v\f\r":
        end -= 1
    return end


def _is_dollars(data: str, at: int, mark: int) -> bool:
    """Whether a "#" belongs to a "$#": an odd number of dollars is before it; two of them are one plain dollar."""
    first = mark
    while first > at and data[first - 1] == "$":
        first -= 1
    return (mark - first) % 2 == 1

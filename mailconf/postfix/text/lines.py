"""Logical lines, as main.cf and master.cf have them (postconf(5), introduction).

- Empty lines, lines of blanks and lines whose first non-blank character is ``#`` count for nothing, wherever they
  stand.
- A line that begins with a blank continues the logical line before it, also across lines that count for nothing. The
  newline goes, the blanks stay.
- At the start of a file, a line that begins with a blank has nothing to continue: the engine warns and drops it,
  continuation and all.
- A NUL ends the logical line; what follows it is not seen.

Blanks are the C locale's: space, tab, newline, vertical tab, form feed, carriage return.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Pieces = tuple[array[int], array[int]]

BLANKS = " \t\n\v\f\r"
MAX_FILE = 1_000_000  # bytes; a larger main.cf is no configuration and is refused
MAX_MASTER = 300_000  # the same of master.cf: 5,000 services
ORPHAN = "logical line must not start with whitespace"
NO_EQUALS = "missing '=' after attribute name"
NO_NAME = "missing attribute name"
_MOST_PARTS = 4096  # of a line, that are not joined yet


class LogicalLine:
    """One logical line.

    text     without newlines and comments, leading blanks of the first line included
    line     the number of the physical line where it begins, from 1
    pieces   the offsets in the text of each physical line in it, and those in the file
    end      the offset in the file after its last character
    hidden   how many characters follow a NUL, which ends the text
    """

    __slots__ = ("end", "hidden", "line", "pieces", "text")

    def __init__(self, text: str, line: int, pieces: Pieces, end: int, hidden: int = 0) -> None:
        self.text = text
        self.hidden = hidden
        self.line = line
        self.pieces = pieces
        self.end = end

    def place(self, at: int) -> int:
        """The offset in the file of the character at ``at`` of the text."""
        in_text, in_file = self.pieces
        number = bisect_right(in_text, at) - 1
        return in_file[number] + at - in_text[number]

    @property
    def beginning(self) -> int:
        """The offset in the file of its first line: `config_lines` from there on gives it again."""
        return self.pieces[1][0]

    @property
    def orphan(self) -> bool:
        """True when it begins with a blank, so that the engine drops it."""
        return self.text[:1] in BLANKS and self.text != ""


def physical_lines(text: str, start: int = 0) -> Iterator[str]:
    """The lines of a file from ``start`` on, without newlines; a last one that is empty counts."""
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def config_lines(text: str, start: int = 0, line_number: int = 1) -> Iterator[LogicalLine]:
    """The logical lines of a file, orphans included; from the line ``line_number`` on, which begins at ``start``."""
    parts: list[str] = []
    pieces = _no_pieces()
    first = length = end = 0
    at = start
    for number, line in enumerate(physical_lines(text, start), line_number):
        content = line.lstrip(BLANKS)
        if content and content[0] != "#":
            if parts and len(content) == len(line):
                yield _line(parts, first, pieces, end)
                parts, pieces, length = [], _no_pieces(), 0
            if not parts:
                first = number
            elif len(parts) == _MOST_PARTS:
                parts = ["".join(parts)]
            parts.append(line)
            pieces[0].append(length)
            pieces[1].append(at)
            length += len(line)
            end = at + len(line)
        at += len(line) + 1
    if parts:
        yield _line(parts, first, pieces, end)


def _no_pieces() -> Pieces:
    return array("I"), array("I")


def _line(parts: list[str], first: int, pieces: Pieces, end: int) -> LogicalLine:
    text = parts[0] if len(parts) == 1 else "".join(parts)
    nul = text.find("\0")
    if nul < 0:
        return LogicalLine(text, first, pieces, end)
    return LogicalLine(text[:nul], first, pieces, end, len(text) - nul)


def null_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Where bytes of value 0 are, as Postfix from 3.9 on reports it.

    For each logical line with such a byte, in it or in the comments up to the next one: the numbers of its first line
    and of the last one before the next, and the two as they are written in a message.
    """
    if "\0" not in text:
        return
    starts = array("I", (logical.line for logical in config_lines(text)))
    total = text.count("\n") + (not text.endswith("\n"))
    told = -1
    for number, line in enumerate(physical_lines(text), 1):
        at = max(bisect_right(starts, number) - 1, 0)
        if "\0" not in line or at == told:
            continue
        told = at
        first = starts[at] if starts else total
        last = starts[at + 1] - 1 if at + 1 < len(starts) else total
        yield first, last, f"{first}" if first == last else f"{first}-{last}"


def split_name_value(text: str) -> tuple[str, str] | str:
    """The name and the value of ``name = value``, blanks around both gone, or what is wrong: NO_EQUALS or NO_NAME."""
    name, equals, value = text.partition("=")
    name = name.strip(BLANKS)
    if not name:
        return NO_NAME
    if not equals or any(blank in name for blank in BLANKS):
        return NO_EQUALS
    return name, value.strip(BLANKS)


def shortened(line: LogicalLine, size: int = 30) -> str:
    """The first bytes of a line, as the engine quotes it where it quotes it short; what a NUL hides counts."""
    data = line.text.encode("utf-8", "surrogateescape")
    text = line.text if len(data) <= size else data[:size].decode("utf-8", "surrogateescape")
    return text if len(data) + line.hidden <= size else text + "..."

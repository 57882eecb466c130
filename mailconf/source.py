"""Text that knows its places.

A `Source` is one text with a name; a `Span` is a stretch of it; an `Origin` describes how a text came to be where it
is, through includes and macro expansion.

Texts are decoded as `mailconf.encoding` describes, and columns count characters. m4 and the map files work on bytes and
convert at their own edge.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mailconf.encoding import decode as decode
from mailconf.encoding import encode as encode

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.files.tree import Name


class Position(NamedTuple):
    """A place in a text; both numbers count from 1, the column in characters."""

    line: int
    column: int


_HEAD = 65536  # bytes of a file from which its first line is taken
# A program, a map of hash or btree begin with one; a text with NULs in it is still a text.
_NO_TEXT = frozenset(bytes([byte]) for byte in (*range(9), *range(14, 32), 127))


def beginning(name: str, tree: Tree) -> Span | None:
    """The first line of the text file ``name``: the place of what is wrong with the file as a whole.

    None where there is no text to point at: a folder, a pipe, a program, a file that is missing or cannot be read.
    """
    try:
        head = tree.head(name, _HEAD)[0]
    except (OSError, ValueError):
        return None
    if head[:1] in _NO_TEXT:
        return None
    return Source(name, decode(head.partition(b"\n")[0])).span(0)


class Source:
    """One text and the name it is reported under (a file name as the user gave it, or ``<command line>``)."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @classmethod
    def read(cls, tree: Tree, path: Name, name: str | None = None) -> Source:
        """The file at ``path``; ``name`` is what to call it in reports. OSError passes to the caller."""
        return cls(tree.place(path) if name is None else name, decode(tree.read(path)))

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.text)} characters)"

    @cached_property
    def _line_starts(self) -> array[int]:
        starts = array("I" if len(self.text) < 1 << 32 else "Q", (0,))
        add = starts.append
        find = self.text.find
        at = find("\n")
        while at >= 0:
            add(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> Position:
        """Line and column of a character offset; an offset past the end is the end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def offset(self, line: int, column: int = 1) -> int:
        """The character offset of a line and column, both from 1."""
        return self._line_starts[line - 1] + column - 1

    def line(self, number: int) -> str:
        """Line ``number`` (from 1) without its newline."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]

    def span(self, start: int, end: int | None = None) -> Span:
        """The stretch from offset ``start`` to ``end`` (not included); a single place without ``end``."""
        return Span(self, start, start if end is None else end)

    def line_span(self, number: int) -> Span:
        """The whole of line ``number`` without its newline."""
        start = self._line_starts[number - 1]
        return Span(self, start, start + len(self.line(number)))


class Span(NamedTuple):
    """A stretch of a source: character offsets, ``end`` not included; ``origin`` is how the text came there."""

    source: Source
    start: int
    end: int
    origin: Origin | None = None

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def first(self) -> Position:
        return self.source.position(self.start)

    @property
    def last(self) -> Position:
        """The place just after the stretch."""
        return self.source.position(self.end)

    @property
    def line(self) -> int:
        return self.first.line

    def __str__(self) -> str:
        """``file:line``, the form that traces use."""
        return f"{self.source.name}:{self.line}"

    def __repr__(self) -> str:
        line, column = self.first
        return f"Span({self.source.name}:{line}:{column}+{self.end - self.start})"


class Origin(NamedTuple):
    """How a text came to be where it is: ``how`` ("included", "expansion of `FEATURE'") at ``span``.

    Chains through ``span.origin``: from a character of output back through macros and includes to the first file.
    """

    how: str
    span: Span

    def chain(self) -> list[Origin]:
        """This origin and those after it, nearest first."""
        links: list[Origin] = []
        at: Origin | None = self
        while at is not None:
            links.append(at)
            at = at.span.origin
        return links

"""Where bytes come from: the texts that are read and the blocks that the scanner reads them in.

Input is a stack of `Block`s: a stretch of a file, or the text that a macro call left. A block knows the place
of the call that made it, so every byte has a chain of calls that ends in a file. Lines and spans are worked
out only when someone asks, from the byte offset.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from functools import cached_property
from typing import Any, NamedTuple

from mailconf.source import Origin, Source, Span, decode


class Text:
    """One file (or command line, or text given by a caller): its name as messages print it, and its bytes so far."""

    __slots__ = ("__dict__", "data", "depth", "included", "name")

    def __init__(self, name: bytes, data: bytes, included: MacroPlace | None = None) -> None:
        self.name = name
        self.data = data
        self.included = included
        self.depth: int = 0 if included is None else included.file[0].depth + 1  # of files inside one another

    def __repr__(self) -> str:
        return f"Text({self.name!r}, {len(self.data)} bytes)"

    def extend(self, data: bytes) -> None:
        """More has been read from the file."""
        self.data += data
        self._forget()

    def cut(self, size: int) -> None:
        """What follows ``size`` bytes has been given back to the file."""
        self.data = self.data[:size]
        self._forget()

    def _forget(self) -> None:
        for cached in ("_newlines", "source"):
            self.__dict__.pop(cached, None)

    @cached_property
    def _newlines(self) -> array[int]:
        found, find, at = array("I" if len(self.data) < 1 << 32 else "Q"), self.data.find, -1
        while (at := find(b"\n", at + 1)) >= 0:
            found.append(at)
        return found

    def line(self, offset: int) -> int:
        """The line, from 1, of the byte at ``offset``."""
        return bisect_right(self._newlines, offset - 1) + 1

    @cached_property
    def source(self) -> Source:
        return Source(decode(self.name), decode(self.data))

    def characters(self, offset: int) -> int:
        """A byte offset as the offset of a character in `source`."""
        return len(decode(self.data[:offset]))


class MacroPlace(NamedTuple):
    """The byte at ``offset`` of a block."""

    block: Block
    offset: int

    @property
    def file(self) -> tuple[Text, int]:
        """The file and the byte offset in it at the end of the chain of calls."""
        first, offset = self
        block = first
        while block.text is None:
            if block.home is not None:
                first.home = block.home
                return block.home
            assert block.parent is not None
            block, offset = block.parent, block.at
        home = block.text, block.base + offset
        if block is not first:
            first.home = home  # a runaway macro's chain grows with every call: it must not be followed each time
        return home

    @property
    def line(self) -> int:
        text, offset = self.file
        return text.line(offset)

    def span(self, length: int = 0) -> Span:
        """The place in its file, ``length`` bytes long, with the files that included it as origin."""
        places = [self]
        while (included := places[-1].file[0].included) is not None:
            places.append(included)
        origin = None
        for place in reversed(places[1:]):
            origin = Origin("included", place._stretch(len(b"include"), origin))
        return self._stretch(length, origin)

    def _stretch(self, length: int, origin: Origin | None) -> Span:
        text, offset = self.file
        start = text.characters(offset)
        return Span(text.source, start, start + len(decode(text.data[offset : offset + length])), origin)

    def chain(self) -> list[Origin]:
        """Every step from here back to the first file, nearest first: calls, then inclusions.

        Each origin's span is the place of the call in the file that has that call, or where the text it came from
        was called; its ``how`` names the macro.
        """
        steps: list[Origin] = []
        block = self.block
        while True:
            if block.text is None:
                assert block.parent is not None
                how = f"expansion of `{decode(block.name)}'"
                if block.defined is not None:
                    text, at = block.defined.file
                    how += f" (defined at {decode(text.name)}:{text.line(at)})"
                steps.append(Origin(how, MacroPlace(block.parent, block.at).span(len(block.name))))
                block = block.parent
            elif block.text.included is not None:
                steps.append(Origin(f"included `{decode(block.text.name)}'", block.text.included.span(len(b"include"))))
                block = block.text.included.block
            else:
                return steps


class Block:
    """A stretch of input: of a file (``text``, starting at ``base``) or of the expansion of the call at ``parent``."""

    __slots__ = ("at", "base", "data", "defined", "descriptor", "home", "name", "parent", "pos", "text", "token")

    def __init__(self, data: bytes, parent: Block | None, at: int, name: bytes = b"") -> None:
        self.data = data
        self.pos = 0
        self.parent = parent
        self.at = at
        self.name = name
        self.text: Text | None = None
        self.home: tuple[Text, int] | None = None  # of an expansion, what `MacroPlace.file` has found
        self.base = 0
        self.defined: MacroPlace | None = None  # where the macro was defined; only with tracking
        self.token: Any = None  # a builtin's definition instead of text, what `defn' gives
        self.descriptor = -1  # where more of the file can be read

    def __repr__(self) -> str:
        what = self.name if self.text is None else self.text.name
        return f"Block({what!r}, {self.pos}/{len(self.data)})"


def file_block(text: Text, base: int = 0, descriptor: int = -1) -> Block:
    """The input block for a file's bytes from ``base`` on."""
    block = Block(text.data[base:], None, 0)
    block.text = text
    block.base = base
    block.descriptor = descriptor
    return block


def read_more(block: Block, size: int = 1 << 16) -> Block | None:
    """The block that goes on where a file read piece by piece stopped; None at its end."""
    if block.descriptor < 0 or block.text is None:
        return None
    piece = os.read(block.descriptor, size)
    if not piece:
        block.descriptor = -1
        return None
    text, base = block.text, block.base + block.pos
    text.extend(piece)
    return file_block(text, base, block.descriptor)

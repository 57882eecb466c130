"""Where expanded text goes: the output and its diversions, and `#line` directives.

A diversion is a list of pieces of text. With tracking, a second list holds the place each piece came from, so that the
lines of the output can be explained; undiverting moves both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import SupportsIndex

from mailconf.m4.places import Block, MacroPlace

Writer = Callable[[bytes], object]
FLUSH_PIECES = 4096


class _Nowhere(list[bytes]):
    """Text diverted to a negative number."""

    def append(self, text: bytes, /) -> None:
        pass

    def extend(self, texts: object, /) -> None:
        pass

    def insert(self, at: SupportsIndex, text: bytes, /) -> None:
        pass


class Output:
    """Diversion 0 goes to ``write``; the others wait. ``pieces`` is where text for the current one is appended."""

    def __init__(self, write: Writer, track: bool = False) -> None:
        self._write = write
        self.track = track
        self.current = 0
        self.pieces: list[bytes] = []
        self.places: list[MacroPlace | None] = []
        self._diverted: dict[int, tuple[list[bytes], list[MacroPlace | None]]] = {0: (self.pieces, self.places)}
        self._nowhere: tuple[list[bytes], list[MacroPlace | None]] = (_Nowhere(), [])
        # The #line directives' state: where the reader of the output believes to be.
        self._line = -1  # below 1: the file is not known either
        self._line_begins = True

    def divert(self, number: int) -> None:
        """Make ``number`` the current diversion."""
        if number == self.current:
            return
        if self.current > 0 and not self.pieces:
            self._diverted.pop(self.current, None)
        self.current = number
        if number < 0:
            self.pieces, self.places = self._nowhere
        else:
            self.pieces, self.places = self._diverted.setdefault(number, ([], []))
        self._line = -1

    def numbers(self) -> list[int]:
        """The diversions that hold text, in order; never 0."""
        return sorted(n for n, (pieces, _) in self._diverted.items() if n > 0 and pieces)

    def text(self, number: int) -> bytes:
        """What a diversion holds."""
        return b"".join(self._diverted[number][0])

    def undivert(self, number: int) -> None:
        """Move the text of a diversion to the current one; nothing for the current one, 0 and negative numbers."""
        if number <= 0 or number == self.current or number not in self._diverted:
            return
        pieces, places = self._diverted.pop(number)
        if self.current >= 0:
            self.pieces.extend(pieces)
            self.places.extend(places)

    def insert(self, data: bytes, place: MacroPlace | None) -> None:
        """Text copied as it is (a file that is undiverted)."""
        if self.current >= 0 and data:
            self.pieces.append(data)
            if self.track:
                self.places.append(place)

    def flush(self) -> None:
        """Write what diversion 0 holds; with tracking it stays for `explained`."""
        pieces, _ = self._diverted[0]
        if pieces and not self.track:
            self._write(b"".join(pieces))
            pieces.clear()

    def finish(self) -> None:
        """Write out all of diversion 0, tracked or not."""
        pieces, _ = self._diverted[0]
        self._write(b"".join(pieces))
        if not self.track:
            pieces.clear()

    def explained(self) -> tuple[list[bytes], list[MacroPlace | None]]:
        """The pieces of diversion 0 and the place of each; only with tracking."""
        return self._diverted[0]

    def input_changed(self) -> None:
        """Text comes from another file from now on."""
        self._line = -1

    def synchronized(self, text: bytes, block: Block, offset: int, file: bytes, whole: bool) -> None:
        """Append text with the #line directives that lead to its place: one token (``whole``) or a run of them.

        ``block`` and ``offset`` are where the text begins, ``file`` is where it ends.
        """
        if self.current < 0:
            return
        source, at = MacroPlace(block, offset).file
        in_file = block.text is not None
        for piece in [text] if whole else _lines(text):
            self._directive(file, source.line(at))
            self.pieces.append(piece)
            if self.track:
                self.places.append(MacroPlace(block, offset))
            self._line += piece.count(b"\n", 0, len(piece) - 1)
            self._line_begins = piece.endswith(b"\n")
            if in_file:
                at += len(piece)
                offset += len(piece)

    def _directive(self, file: bytes, line: int) -> None:
        if not self._line_begins:
            return
        self._line_begins = False
        self._line += 1
        if self._line != line:
            directive = b"#line %d" % line
            if self._line < 1 and file:
                directive += b' "' + file + b'"'
            self._line = line
            self.pieces.append(directive + b"\n")
            if self.track:
                self.places.append(None)


def _lines(text: bytes) -> list[bytes]:
    """The lines of a text with their newlines; only a newline ends one."""
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]

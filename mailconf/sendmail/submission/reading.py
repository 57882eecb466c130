"""Reads a message as the sendmail command does: a header, and then a body that passes by in pieces.

- Lines end with LF, or CR LF; what the last line of a header has without an end is dropped.
- A line "From " in front of everything is dropped. A field is a name of printable characters, perhaps blanks, and a
  colon; lines that begin with white space continue it. NULs are taken out of it. The first line that is no field
  belongs to the body already; an empty one parts header and body.
- A line of one dot ends the message, and of two dots at the beginning of a line one is dropped, unless dots are
  ignored (-i).
- A header of more than `limit` bytes is refused, as is one whose lines never end.

Source: sendmail 8.17.1.9, messages on standard input; Sendmail Installation and Operation Guide 5.6 MaxHeadersLength.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

HEADERS = 32768  # bytes of a header, where MaxHeadersLength says nothing
MOST_HEADERS = 1 << 20  # ours: bytes of a header where MaxHeadersLength sets no limit
PIECE = 65536  # bytes that are read at once

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_ENDS = (b".\n", b".\r\n", b".")


class TooLarge(Exception):
    """A header is larger than it may be."""


class Field(NamedTuple):
    """A field: its name, and its value as it was written, with the line ends within it, without the one behind it."""

    name: str
    value: str

    @property
    def key(self) -> str:
        return self.name.lower()


class MessageReader:
    """A message on a stream; ``fields`` are there after `read_header`.

    size   bytes of the header that were read
    dots   whether a line of one dot is nothing special (-i)
    limit  bytes of the header; 0 for none of the configuration's
    """

    def __init__(self, stream: BinaryIO, *, dots: bool = False, limit: int = HEADERS) -> None:
        self._stream = stream
        self._dots = dots
        self._limit = limit if limit > 0 else MOST_HEADERS
        self._held: list[bytes] = []  # what was read of the body while its header was looked for
        self._over = False
        self.fields: list[Field] = []
        self.size = 0

    def read_header(self) -> None:
        """Read the header. Raises TooLarge, OSError."""
        first = True
        parts: list[bytes] = []
        for line in self._lines():
            self.size += len(line)
            if self.size > self._limit:
                self._take(parts)
                raise TooLarge
            if not line.endswith(b"\n"):
                if parts or _FIELD.match(line):
                    break
                self._held.append(line)
                break
            if first and line.startswith(b"From "):
                first = False
                continue
            first = False
            text = line[:-2] if line.endswith(b"\r\n") else line[:-1]
            if text[:1] in (b" ", b"\t") and parts:
                parts.append(text)
                continue
            self._take(parts)
            parts = []
            if not text:
                return
            if _FIELD.match(text) is None:
                self._held.append(line)
                return
            parts = [text]
        self._take(parts)

    def _take(self, parts: list[bytes]) -> None:
        if not parts:
            return
        found = _FIELD.match(parts[0])
        assert found is not None
        value = b"\n".join(parts)[found.end() :].replace(b"\0", b"")
        self.fields.append(Field(found[1].decode("ascii"), value.decode("latin-1")))

    def body(self) -> Iterator[bytes]:
        """The body, in pieces of at most about `PIECE` bytes, lines ended by LF. Raises OSError."""
        for line in self._held:
            yield from (b"\n" if line == b"\r\n" else line[:-2] + b"\n" if line.endswith(b"\r\n") else line,)
        self._held.clear()
        begins = True  # whether a piece begins a line
        kept = b""
        while not self._over:
            line = self._stream.readline(PIECE)
            if not line:
                break
            if begins and not self._dots and line.startswith(b"."):
                if line in _ENDS:
                    self._over = True
                    break
                if line.startswith(b".."):
                    line = line[1:]
            line, kept = kept + line, b""
            begins = line.endswith(b"\n")
            if line.endswith(b"\r\n"):
                line = line[:-2] + b"\n"
            elif line.endswith(b"\r"):
                line, kept = line[:-1], b"\r"
            if line:
                yield line
        if kept:
            yield kept

    def _lines(self) -> Iterator[bytes]:
        """The lines up to the message's end."""
        while not self._over:
            line = self._stream.readline(self._limit + 1)
            if not line:
                return
            if not self._dots and line in _ENDS:
                self._over = True
                return
            if not self._dots and line.startswith(b".."):
                line = line[1:]
            yield line

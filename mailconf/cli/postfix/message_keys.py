"""``postmap -h -q -`` and ``-b -q -``: a message on standard input as lookup keys (postmap(1)).

A header is a name of printable ASCII without colon, white space that goes, a colon and the rest; lines that begin with
a blank or tab continue it and keep their newline. The first line that is neither ends the headers. The body's first key
is empty: the blank line, or the one that is missing.

With ``-m`` the headers of attachments and of attached messages are headers, too, and no part of the body:

    PRIMARY   the message's own headers
    PART      those after a line that begins with "--" and the boundary of a multipart above
    NESTED    those of a message within: after the empty line that ends headers whose last Content-Type is
              message/rfc822 or message/global (the default in a multipart/digest)
    BODY      every other line; the lines of boundaries belong to it

A boundary is the first token after ``boundary=``; it is looked for in each line that is no header, that of the
innermost multipart first, and ends those within. With "--" after it, it ends its own multipart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:")
_TOKEN = re.compile(
    rb'"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<special>[<>@,;:\\/\[\]?=)])|(?P<atom>[^\0- \x7f<>@,;:\\"/\[\]?=()]+)',
    re.DOTALL,
)
_IN_QUOTES = re.compile(rb"\\(.)|\n|[^\\\n]+", re.DOTALL)
_NESTED_TYPES = (b"rfc822", b"global")


class _State(Enum):
    PRIMARY = 1
    PART = 2
    NESTED = 3
    BODY = 4


class _Multipart(NamedTuple):
    boundary: bytes
    digest: bool


class MessageKeys:
    """The keys of one message; ``feed`` a line, ``end`` when there are no more.

    headers, body  which keys are wanted
    mime           look into the parts
    header_limit   bytes from which on a header is continued no further (postconf(5) header_size_limit)
    boundary_limit bytes of a boundary that count (postconf(5) mime_boundary_length_limit)
    nesting_limit  multiparts within one another (postconf(5) mime_nesting_limit); two more are taken
    """

    def __init__(
        self, *, headers: bool, body: bool, mime: bool, header_limit: int, boundary_limit: int, nesting_limit: int
    ) -> None:
        self._wants_headers = headers
        self._wants_body = body
        self._mime = mime
        self._header_limit = header_limit
        self._boundary_limit = boundary_limit
        self._deepest = nesting_limit + 2
        self._state = _State.PRIMARY
        self._header: bytes | None = None
        self._message = False  # whether what follows these headers is a message
        self._multiparts: list[_Multipart] = []

    def feed(self, line: bytes) -> Iterator[bytes]:
        """The keys that a line without its newline completes."""
        if self._state is _State.BODY:
            if self._wants_body:
                yield line
            if line.startswith(b"--"):
                self._look_for_boundary(line[2:])
        elif self._header is not None and line[:1] in (b" ", b"\t"):
            if len(self._header) <= self._header_limit:
                self._header += b"\n" + line
        else:
            yield from self.end()
            found = _HEADER.match(line)
            if found is not None:
                self._header = found[1] + line[found.end() - 1 :]
            else:
                yield from self._end_headers(line)

    def end(self) -> Iterator[bytes]:
        """The header that is complete now, if any."""
        header, self._header = self._header, None
        if header is None:
            return
        if self._mime and header[:13].lower() == b"content-type:":
            self._read_type(header[13:])
        if self._wants_headers:
            yield header

    def _end_headers(self, line: bytes) -> Iterator[bytes]:
        if self._wants_body and (not line or self._state is _State.PRIMARY):
            yield b""
        self._state = _State.BODY
        if line:
            yield from self.feed(line)
        elif self._message:
            self._state, self._message = _State.NESTED, False

    def _look_for_boundary(self, text: bytes) -> None:
        """Go on after a line of the body that may be a boundary after its "--"."""
        for at in range(len(self._multiparts) - 1, -1, -1):
            boundary, digest = self._multiparts[at]
            if text and text.startswith(boundary):
                if text.startswith(b"--", len(boundary)):
                    del self._multiparts[at:]
                else:
                    del self._multiparts[at + 1 :]
                    self._state, self._message = _State.PART, digest
                return

    def _read_type(self, text: bytes) -> None:
        """Take over the value of a Content-Type."""
        parts = _parts(text)
        kind = [token.lower() for token in parts[0]]
        self._message = kind[:2] == [b"message", b"/"] and kind[2:3] in ([name] for name in _NESTED_TYPES)
        if kind[:1] != [b"multipart"]:
            return
        for name, *value in filter(None, parts[1:]):
            if len(self._multiparts) >= self._deepest:
                return
            if name.lower() == b"boundary" and value[:1] == [b"="] and len(value) > 1:
                boundary = value[1].removeprefix(b'"')[: self._boundary_limit]
                self._multiparts.append(_Multipart(boundary, kind[1:3] == [b"/", b"digest"]))


def message_keys(lines: Iterable[bytes], keys: MessageKeys) -> Iterator[bytes]:
    """The lookup keys of a message, given as lines without newlines."""
    for line in lines:
        yield from keys.feed(line)
    yield from keys.end()


def _parts(text: bytes) -> list[list[bytes]]:
    """The tokens (RFC 2045 5.1) between a header's semicolons, without comments; a string keeps its first quote."""
    parts: list[list[bytes]] = [[]]
    at = 0
    while at < len(text):
        if text[at : at + 1] == b"(":
            at = _behind_comment(text, at)
            continue
        found = _TOKEN.match(text, at)
        if found is None:
            at += 1
            continue
        at = found.end()
        if found["special"] == b";":
            parts.append([])
        elif found["quoted"] is not None:
            parts[-1].append(b'"' + _unquoted(found["quoted"]))
        else:
            parts[-1].append(found[0])
    return parts


def _unquoted(text: bytes) -> bytes:
    """What a quoted string stands for: a newline in it goes together with the white space before it."""
    out = bytearray()
    for found in _IN_QUOTES.finditer(text):
        if found[0] == b"\n":
            del out[len(out.rstrip(b" \t\r\n")) :]
        else:
            out += found[1] or found[0]
    return bytes(out)


def _behind_comment(text: bytes, at: int) -> int:
    depth = 0
    while at < len(text):
        c = text[at : at + 1]
        at += 2 if c == b"\\" else 1
        depth += (c == b"(") - (c == b")")
        if depth == 0:
            break
    return at

"""A message in the pieces that cleanup(8) looks at: the fields of its header, those of MIME parts and of messages
within it, and the lines of bodies.

    header      the fields of the message, but for those about MIME
    MIME        those about MIME (`MIME_FIELDS`), and all fields of a part of a multipart
    nested      the fields of a message within the message (message/rfc822, message/global)
    body        every other line, the boundaries of parts with them

A line that begins with ``--`` and a boundary that is open is one, whatever follows; ``--`` behind it closes the
multipart. A multipart/digest has messages for parts that do not name a type.

Source: header_checks(5), postconf(5) mime_boundary_length_limit; tests/vectors/content_checks.jsonl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from mailconf import possessive

MIME_FIELDS = frozenset(
    (
        b"mime-version",
        b"content-type",
        b"content-transfer-encoding",
        b"content-id",
        b"content-description",
        b"content-disposition",
    )
)
_WHOLE_FIELD = possessive.compile(rb"([!-9;-~]++)[ \t]*+(:)[^\n]*+(?:\n[ \t][^\n]*+)*+\n?")
_TYPE = re.compile(rb"[ \t\n]*([^ \t\n/;()]+)[ \t\n]*/[ \t\n]*([^ \t\n;()]+)")
_PARAMETER = re.compile(rb'([^ \t\n=;()"]+)[ \t\n]*=[ \t\n]*(?:"((?:[^"\\]|\\.)*)"|([^ \t\n;()"]+))', re.DOTALL)
_QUOTED = re.compile(rb"\\(.)", re.DOTALL)
_MESSAGES = (b"rfc822", b"global")
_BEYOND = 2  # so many multiparts more than mime_nesting_limit are taken


class Kind(Enum):
    """What a piece is; the value is the parameter whose tables are asked about it."""

    HEADER = "header_checks"
    MIME = "mime_header_checks"
    NESTED = "nested_header_checks"
    BODY = "body_checks"


class Piece(NamedTuple):
    """``raw`` is what stands in the message, line ends included; ``text`` what is looked at.

    offset   of a line of a body, from its beginning, in bytes
    too_deep the field begins a multipart that is one too many within others
    """

    kind: Kind
    text: bytes
    raw: bytes
    offset: int = 0
    too_deep: bool = False


class _Multipart(NamedTuple):
    boundary: bytes
    digest: bool


class Pieces:
    """Cuts one message.

    mime             MIME is understood
    boundary_length  how many bytes of a boundary count
    header_size      how many bytes of a field
    nesting          how many multiparts there may be within each other (postconf(5) mime_nesting_limit)
    """

    def __init__(
        self, *, mime: bool = True, boundary_length: int = 2048, header_size: int = 102400, nesting: int = 100
    ) -> None:
        self._mime = mime
        self._most = nesting + _BEYOND
        self._boundary_length = boundary_length
        self._header_size = header_size
        self._stack: list[_Multipart] = []
        self._openings: tuple[bytes, ...] = ()
        self._where: Kind | None = Kind.HEADER  # whose header is read, None: a body
        self._is_message = False  # what the header at hand leads to
        self._offset = 0

    def of(self, content: bytes, longest: int | None = None) -> Iterator[Piece]:
        """The pieces of a message, whose lines are ended by LF; together they are the message.

        longest  bytes of a body that are cut into lines; the rest may be one piece
        """
        at, end = 0, len(content)
        while at < end:
            if self._where is not None:
                found = _WHOLE_FIELD.match(content, at)
                if found is not None:
                    at = found.end()
                    yield self._field(found[0], found[1].lower(), found.end(2) - found.start())
                    continue
            elif longest is not None and self._offset >= longest and not self._openings:
                yield Piece(Kind.BODY, content[at:], content[at:], self._offset)
                return
            line = content[at : content.find(b"\n", at) + 1 or end]
            at += len(line)
            if self._where is None:
                yield self._body(line)
            else:
                yield self._after_header(line)

    def _after_header(self, line: bytes) -> Piece:
        """The first line that is not of the header."""
        nested = self._is_message and self._mime
        self._where, self._is_message, self._offset = (Kind.NESTED if nested else None), False, 0
        return Piece(Kind.BODY, b"", line) if line == b"\n" else self._body(line)

    def _field(self, raw: bytes, name: bytes, value: int) -> Piece:
        """A field, whose value begins at byte ``value``."""
        assert self._where is not None
        text = raw
        if len(raw) > self._header_size:  # a line that is begun is read to its end
            text = raw[: raw.find(b"\n", max(self._header_size - 1, 0)) + 1 or len(raw)]
        text = text.removesuffix(b"\n")
        if name not in MIME_FIELDS:
            return Piece(self._where, text, raw)
        too_deep = self._mime and name == b"content-type" and not self._take_type(text[value:])
        return Piece(Kind.MIME, text, raw, too_deep=too_deep)

    def _take_type(self, value: bytes) -> bool:
        """Look at a type; False where it is one multipart too many: MIME is not understood from there on."""
        found = _TYPE.match(value)
        if found is None:
            return True
        kind, sub = found[1].lower(), found[2].lower()
        self._is_message = kind == b"message" and sub in _MESSAGES
        if kind != b"multipart":
            return True
        for parameter in _PARAMETER.finditer(value, found.end()):
            if parameter[1].lower() == b"boundary":
                quoted = parameter[2] is not None
                boundary = _QUOTED.sub(rb"\1", parameter[2]) if quoted else parameter[3]
                if len(self._stack) >= self._most:
                    self._mime = False
                    self._stack.clear()
                    self._openings = ()
                    return False
                self._stack.append(_Multipart(boundary[: self._boundary_length], sub == b"digest"))
                self._openings = tuple(b"--" + multipart.boundary for multipart in self._stack)
                break
        return True

    def _body(self, line: bytes) -> Piece:
        text = line.removesuffix(b"\n")
        offset, self._offset = self._offset, self._offset + len(line)
        if text.startswith(self._openings):
            self._where = self._boundary(text)
        return Piece(Kind.BODY, text, line, offset)

    def _boundary(self, text: bytes) -> Kind | None:
        """What follows a line that may be a boundary: the header of a part, or a body."""
        for at in range(len(self._stack) - 1, -1, -1):
            multipart = self._stack[at]
            if text[2:].startswith(multipart.boundary):
                ends = text[2 + len(multipart.boundary) :].startswith(b"--")
                del self._stack[at if ends else at + 1 :]
                self._openings = tuple(b"--" + multipart.boundary for multipart in self._stack)
                self._is_message = multipart.digest and not ends
                return None if ends else Kind.MIME
        return self._where

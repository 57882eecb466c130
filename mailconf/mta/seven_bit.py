"""8-bit text for a host that takes none: parts that say that they have such text are encoded as quoted-printable
(RFC 2045 6.7, RFC 6152 3).

As Postfix 3.7.11 does it (tests/vectors/ways_out.jsonl): what counts is the encoding that a header names, ``8bit`` or
``binary``, not whether there is such text; other parts stay as they are. A multipart and a message within a message
are called ``7bit``, and what is in them is looked at part by part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_TYPE = re.compile(rb"[ \t\n]*([^ \t\n/;()]+)[ \t\n]*/[ \t\n]*([^ \t\n;()]+)")
_TOKEN = re.compile(rb"[ \t\n]*([^ \t\n;()]+)")
_BOUNDARY = re.compile(rb';[ \t\n]*boundary[ \t\n]*=[ \t\n]*(?:"((?:[^"\\]|\\.)*)"|([^ \t\n;()"]+))', re.I | re.DOTALL)
_QUOTED = re.compile(rb"\\(.)", re.DOTALL)
_LINES = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_EIGHT = (b"8bit", b"binary")
_MESSAGES = (b"rfc822", b"global")
_MOST_OPEN = 100  # multiparts within each other that are told apart
_LONGEST_BOUNDARY = 2048  # bytes of a boundary that count
_LINE = 72  # characters after which a line goes on in the next
_PLAIN = re.compile(rb"(?:[ -<>-~\t]{0,71}[!-<>-~])?")  # what stays as it is
_KEPT = frozenset(b"\t" + bytes(range(32, 127))) - frozenset(b"=")
_ENCODED = [bytes((byte,)) if byte in _KEPT else b"=%02X" % byte for byte in range(256)]


class _Open(NamedTuple):
    """A multipart that has not ended; ``digest``: its parts are messages unless they say otherwise."""

    boundary: bytes
    digest: bool


class _Entity(NamedTuple):
    """What a header says of the body that follows it."""

    kind: bytes
    subtype: bytes
    boundary: bytes
    eight: bool


_NAMED = re.compile(rb"(?im)^content-transfer-encoding[ \t]*:[ \t\n]*(?:8bit|binary)")


def names_eight_bits(content: bytes) -> bool:
    """Whether a part may say that it has 8-bit text."""
    return _NAMED.search(content) is not None


def seven_bit(content: bytes) -> bytes:
    """``content``, whose lines are ended by LF, with its 8-bit parts encoded."""
    return b"".join(_converted(content))


def _converted(content: bytes) -> Iterator[bytes]:
    lines = iter(_LINES.findall(content))
    opened: list[_Open] = []
    line: bytes | None = next(lines, None)
    digest = False
    while line is not None:
        fields, line = _header(line, lines)
        entity = _described(fields, digest=digest)
        yield from _shown(fields, entity)
        if line is not None and line == b"\n":
            yield line
            line = next(lines, None)
        elif line is None:
            return
        if entity.kind == b"message" and entity.subtype in _MESSAGES:
            digest = False
            continue
        if entity.kind == b"multipart" and entity.boundary and len(opened) < _MOST_OPEN:
            opened.append(_Open(entity.boundary, entity.subtype == b"digest"))
        encodes = entity.eight and entity.kind != b"multipart"
        while line is not None:
            found = _at_boundary(line, opened)
            if found is None:
                yield _quoted_printable(line) if encodes else line
                line = next(lines, None)
                continue
            number, closes = found
            yield line
            line = next(lines, None)
            del opened[number + (not closes) :]
            if not closes:
                digest = opened[number].digest
                break
            encodes = False


def _header(line: bytes | None, lines: Iterator[bytes]) -> tuple[list[bytes], bytes | None]:
    """The fields that begin with ``line``, and the line after them."""
    fields: list[bytes] = []
    while line is not None and line != b"\n":
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += line
        elif _FIELD.match(line):
            fields.append(line)
        else:
            break
        line = next(lines, None)
    return fields, line


def _described(fields: list[bytes], *, digest: bool) -> _Entity:
    kind, subtype, boundary = (b"message", b"rfc822", b"") if digest else (b"text", b"plain", b"")
    eight = False
    for field in fields:
        name, _, value = field.partition(b":")
        key = name.strip().lower()
        if key == b"content-type" and (found := _TYPE.match(value)):
            kind, subtype = found[1].lower(), found[2].lower()
            named = _BOUNDARY.search(value)
            boundary = (_QUOTED.sub(rb"\1", named[1]) if named[1] is not None else named[2]) if named else b""
        elif key == b"content-transfer-encoding":
            eight = _is_eight(field)
    return _Entity(kind, subtype, boundary[:_LONGEST_BOUNDARY], eight)


def _is_eight(field: bytes) -> bool:
    found = _TOKEN.match(field.partition(b":")[2])
    return found is not None and found[1].lower() in _EIGHT


def _shown(fields: list[bytes], entity: _Entity) -> Iterator[bytes]:
    """The fields, with another encoding if the one that they name is not for such a host."""
    for field in fields:
        if not (field[:25].lower() == b"content-transfer-encoding" and _is_eight(field)):
            yield field
    if entity.eight:
        encoding = b"7bit" if entity.kind in (b"multipart", b"message") else b"quoted-printable"
        yield b"Content-Transfer-Encoding: " + encoding + b"\n"


def _at_boundary(line: bytes, opened: list[_Open]) -> tuple[int, bool] | None:
    """Which multipart a line belongs to, and whether it ends it; None for a line of a body."""
    if line[:2] != b"--":
        return None
    for number in reversed(range(len(opened))):
        boundary = opened[number].boundary
        if line.startswith(boundary, 2):
            return number, line.startswith(b"--", 2 + len(boundary))
    return None


def _quoted_printable(line: bytes) -> bytes:
    """A line as quoted-printable, in lines of at most 76 characters."""
    text = line.removesuffix(b"\n")
    end = line[len(text) :]
    if _PLAIN.fullmatch(text):
        return line
    pieces = [_ENCODED[byte] for byte in text]
    if text[-1:] in (b" ", b"\t"):
        pieces[-1] = b"=%02X" % text[-1]
    out, length = [], 0
    for piece in pieces:
        if length > _LINE:
            out.append(b"=\n")
            length = 0
        out.append(piece)
        length += len(piece)
    return b"".join(out) + end

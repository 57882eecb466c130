"""aliases(5) as sendmail 8.17 reads it when it rebuilds the map (newaliases(1)): ``name: value, value``.

Lines
- A line that starts with a space or a tab continues the one before, comments included; a backslash at the end of a line
  joins the next one to it. White space stays as it is written. A comment starts in the first column.
- A logical line has at most 8190 bytes. A longer one is ignored with what continues it, and so is one with a NUL, and
  then the next one too; the lines after are counted as if only the first of those had been there.
- A mistake is reported with the number of the last line that belongs to the logical line.

Names (the address in front of the first colon that is not in quotes, a comment or angle brackets)
- Comments are dropped, an address in angle brackets takes the place of what surrounds it, and white space between two
  words becomes a dot. What is left open is closed, with a warning.
- Quotes are dropped where nothing in them needs them: only white space, parentheses and angle brackets do.
- The name is a local address: without a host, or with one of this machine, which is dropped. ASCII letters are folded
  to lower case. A later alias of the same name takes the place of the earlier one, with a warning.

Values
- The rest after the *first* colon, even one in quotes, without white space before it. It is stored as it is.

Departure: the original resolves a name by the rulesets of sendmail.cf. Here the rules of a configuration made by
sendmail's own m4 macros are built in: ``user@host`` and ``host!user`` and ``user%host`` are not local, unless the host
is this machine's name, one of class w, or an address literal of the loopback interface.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mailconf import possessive

LIMIT = 8191  # bytes of a logical line with its newline

TOO_LONG = "alias line too long"
CONTINUES_NOTHING = "Non-continuation line starts with space"
NO_COLON = "missing colon"
ILLEGAL_NAME = "illegal alias name"
NOT_LOCAL = "cannot alias non-local names"
NO_VALUE = "missing value for alias"

LIST = "List:; syntax illegal for recipient addresses"
USAGE_ERRORS = ("User address required", "Hostname required", LIST, "Invalid route address")

_SPACE = b" \t"
_ALL_SPACE = b" \t\n\v\f\r"
_PLAIN_NAME = re.compile(rb"([A-Za-z0-9_+=.-]+)[ \t]*(?=:)")
_NEEDS_QUOTES = re.compile(rb"[\x00-\x20()<>]")
_OPERATORS = b'.:%@!^/[]+,;"<>'
_EIGHT_BIT = re.compile(rb"[\x80-\x9f]")
_QUOTED = possessive.compile(rb'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_QUOTES = possessive.compile(rb'"(?:[^"\\]++|\\.)*+("?)', re.DOTALL)  # closed or not, so that each is looked at once


class Line(NamedTuple):
    """A logical line: the number of its last physical line, its text, and what is wrong with it as a line.

    ``pieces`` has for each physical line the offset in ``text`` and the offset in the file, both in bytes.
    """

    number: int
    text: bytes
    problem: str = ""
    pieces: tuple[tuple[int, int], ...] = ()

    def offset(self, at: int) -> int:
        """The offset in the file of the byte ``at`` of the text."""
        for text_offset, file_offset in reversed(self.pieces):
            if text_offset <= at:
                return file_offset + at - text_offset
        raise IndexError(at)


class Name(NamedTuple):
    """The name of an alias.

    written    the address as it is in the file, for messages
    key        what is stored, in lower case; empty where there is an error
    warnings   what is not closed or not open: ``Unbalanced '"'``
    error      one of USAGE_ERRORS, ILLEGAL_NAME, NOT_LOCAL, or empty
    """

    written: bytes
    key: bytes
    warnings: tuple[str, ...] = ()
    error: str = ""


def alias_lines(data: bytes) -> Iterator[Line]:
    """The logical lines of an alias file, comments and empty ones left out."""
    at = number = 0
    while at < len(data):
        parts: list[bytes] = []
        pieces: list[tuple[int, int]] = []
        room = LIMIT
        while True:
            number += 1
            pieces.append((LIMIT - room, at))
            stop = data.find(b"\n", at, at + room)
            end = stop + 1 if stop >= 0 else min(at + room, len(data))
            text = data[at:end].partition(b"\0")[0]
            whole = text.endswith(b"\n")
            at = end
            if not whole and (at < len(data) or (stop < 0 and room == 0)):
                at = _skip(data, at)
                yield Line(number, b"", TOO_LONG, tuple(pieces))
                parts.clear()
                break
            text = text.removesuffix(b"\n")
            joined = whole and text.endswith(b"\\")
            parts.append(text[:-1] if joined else text)
            room -= len(parts[-1])
            if at >= len(data) or not (joined or data[at : at + 1] in (b" ", b"\t")):
                break
        line = b"".join(parts)
        if line[:1] in (b" ", b"\t"):
            yield Line(number, line, CONTINUES_NOTHING, tuple(pieces))
        elif line and not line.startswith(b"#"):
            yield Line(number, line, "", tuple(pieces))


def _skip(data: bytes, at: int) -> int:
    """The end of the line that ``at`` lies in, and of what continues it."""
    while True:
        stop = data.find(b"\n", at)
        if stop < 0:
            return len(data)
        at = stop + 1
        if data[at : at + 1] not in (b" ", b"\t"):
            return at


def value_of(line: bytes) -> bytes:
    """The value of an alias: after the first colon, even one in quotes."""
    return line.partition(b":")[2].lstrip(_ALL_SPACE)


def read_name(line: bytes, is_local: Callable[[bytes], bool]) -> Name:
    """The name of the alias ``line``, which has a colon; ``is_local``: whether a host is this machine."""
    if plain := _PLAIN_NAME.match(line):
        return Name(plain[0], plain[1].lower())
    return scan_name(line, is_local)


def scan_name(line: bytes, is_local: Callable[[bytes], bool]) -> Name:
    """The same of any name, character by character."""
    scan = _Scan(line)
    written = scan.written.lstrip(_SPACE)
    bad = _EIGHT_BIT.search(written)
    if bad is not None:
        shown = _EIGHT_BIT.sub(b"?", written)
        text = f'8-bit character in mailbox address "{shown.decode("latin-1")}"'
        return Name(written, b"", (text,), ILLEGAL_NAME)
    address = scan.address
    if scan.has_brackets:
        address = address.rstrip(b";")
    if not address and scan.has_brackets:
        return Name(written, b"", scan.warnings)
    if not address and not written.startswith(b'"'):
        return Name(written, b"", scan.warnings, ILLEGAL_NAME)
    if re.search(rb",.", _QUOTES.sub(lambda found: b"" if found[1] else found[0], address), re.DOTALL):
        return Name(written, b"", scan.warnings, "Invalid route address")
    user, error = _resolve(_without_quotes(address), is_local)
    return Name(written, user.lower(), scan.warnings, error)


class _Scan:
    """Reads an address up to the colon that ends it, as sendmail's scanner does."""

    def __init__(self, line: bytes) -> None:
        self._out = bytearray()
        self._space = False
        self._warnings: list[str] = []
        self.has_brackets = False  # there is a "<"
        self._complete = False  # an address in angle brackets has ended: what follows up to the colon does not matter
        at = self._read(line)
        self.written = line[:at]
        self.address = bytes(self._out)
        self.warnings = tuple(self._warnings)

    def _read(self, line: bytes) -> int:
        quoted, comments, angles = False, 0, 0
        at = 0
        while at < len(line):
            c = line[at : at + 1]
            if c == b":" and not (quoted or comments or angles):
                break
            if c == b"\\" and at + 1 < len(line):
                if line[at + 1 : at + 2] == b":" and not (quoted or comments or angles):
                    return at + 1
                if not comments:
                    self._add(line[at : at + 2])
                at += 2
                continue
            at += 1
            if comments:
                comments += (c == b"(") - (c == b")")
            elif c == b'"':
                self._add(c, joins=not quoted)
                quoted = not quoted
            elif quoted:
                self._out += b"" if self._complete else c
            elif c == b"(":
                comments = 1
                self._space = True
            elif c in b")>" and not (c == b">" and angles):
                self._warnings.append(f"Unbalanced '{c.decode()}'")
            elif c == b"<":
                self._out.clear()
                self._space = self._complete = False
                self.has_brackets = True
                angles += 1
            elif c == b">":
                self._complete = True
                angles -= 1
            elif c in _ALL_SPACE:
                self._space = True
            else:
                self._add(c)
        for depth, sign in ((int(quoted), '"'), (comments, "("), (angles, "<")):
            self._warnings += [f"Unbalanced '{sign}'"] * depth
        if quoted and not self._complete:
            self._out += b'"'
        return at

    def _add(self, text: bytes, *, joins: bool = True) -> None:
        """Add to the address; white space between two words was a dot."""
        if self._complete:
            return
        if self._space and joins and self._out and text[0] not in _OPERATORS and self._out[-1] not in _OPERATORS:
            self._out += b"."
        self._space = False
        self._out += text


def _without_quotes(address: bytes) -> bytes:
    """The address without the quotes around its local part, unless something in them needs them."""
    found = _QUOTED.match(address)
    if found is None or not (found.end() == len(address) or address[found.end()] == 0x40):
        return address
    return address if _NEEDS_QUOTES.search(found[1]) else found[1] + address[found.end() :]


def _resolve(address: bytes, is_local: Callable[[bytes], bool]) -> tuple[bytes, str]:
    """The user of a local address, or what is wrong with it."""
    if address in (b"@", b"%"):
        return b"", ""
    route = re.match(rb"@[^:@]+:(.+)", address, re.DOTALL)
    address = route[1] if route else address
    user, at, host = address.rpartition(b"@") if not _QUOTED.fullmatch(address) else (b"", b"", address)
    if at:
        if not user:
            return b"", NOT_LOCAL if b"%" in host else "User address required"
        if not host:
            return b"", "Hostname required"
        if b"@" in user and not user.startswith(b'"'):
            return b"", "Invalid route address"
        if not is_local(host.removesuffix(b".").lower()):
            return b"", NOT_LOCAL
        address = user
    if not address:
        return b"", "User address required"
    if not address.strip(b";"):
        return b"", LIST
    address = address.rstrip(b";")
    bare = not address.startswith(b'"')
    user, percent, host = address.rpartition(b"%")
    if bare and percent and not (user and host):
        return b"", "User address required" if host else "Hostname required"
    if address.lstrip(b'"')[:1] in (b"/", b"|") or (bare and re.search(rb".%.|.!.|^!$", address)):
        return b"", NOT_LOCAL
    return address, ""

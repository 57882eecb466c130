"""Message headers: taking a message apart into its fields, within the limits of cleanup(8).

Header fields (RFC 5322 2.2) are handled as text that keeps its bytes (`mailconf.source.decode`). A line that is neither
a field nor the continuation of one ends the headers, as cleanup(8) has it: the body begins there. A line that begins
with a blank or a tab always continues the field before it.

Limits, as Postfix 3.7.11 has them (tests/vectors/header_fields.jsonl):

- A field takes up lines while it is shorter than header_size_limit; the lines that follow are dropped. A line longer
  than line_length_limit counts as several; the colon of a field is within the first of them.
- What is written is cut at header_size_limit: before the line that would exceed it when that line begins after nine
  tenths of the limit, inside of that line otherwise.
- Of each line, or of each of the several that a long one counts as, a NUL and what follows it are lost.

A message can consist of millions of fields: `Fields` gives them one after another, and costs grow in proportion to the
message. Addresses in fields are the business of mailconf/mta/header_addresses.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mailconf import possessive
from mailconf.source import decode

_FIELD = possessive.compile(rb"([!-9;-~]++)[ \t]*+(:[^\n]*+(?:\n[ \t][^\n]*+)*+)")
_FIELDS = possessive.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z))*+")
_MAILBOX_LINE_ONE = re.compile(rb">*+From ")
_MAILBOX_LINES = possessive.compile(rb"(?:>*+From [^\n]*+(?:\n|\Z))*+")
_MAILBOX_LINE = b"X-Mailbox-Line: "
_NEWLINE = 10
_NICE = 0.9  # of the limit: beyond it a field is cut before a line

SENDERS = frozenset(
    (
        "from", "sender", "reply-to", "errors-to", "return-receipt-to", "disposition-notification-to",
        "mail-followup-to", "resent-from", "resent-sender", "resent-reply-to",
    )
)  # fmt: skip
RECIPIENTS = frozenset(("to", "cc", "bcc", "apparently-to", "resent-to", "resent-cc", "resent-bcc"))


class HeaderLimits(NamedTuple):
    """size and line in bytes (postconf(5) header_size_limit, line_length_limit), tokens of a value that is rewritten
    (header_address_token_limit). 0 is no limit."""

    size: int = 0
    line: int = 0
    tokens: int = 0


UNLIMITED = HeaderLimits()


@dataclass(slots=True)
class Header:
    """A header field. ``name`` is as written; ``raw`` the whole field without its last newline."""

    name: str
    raw: bytes

    @property
    def key(self) -> str:
        return self.name.lower()

    @property
    def value(self) -> str:
        """The text after the colon, folding included, outer white space stripped."""
        return decode(self.raw.partition(b":")[2]).strip()


def guard(content: bytes, from_lines: bool = True) -> bytes:
    """A client's message as it may follow trace fields of ours (smtpd(8)).

    "From " lines at its beginning, also after ``>``, become X-Mailbox-Line fields; a first line that begins with white
    space continues nothing, so an empty line ends the headers before it. Without ``from_lines`` only one such line
    becomes a field, and what follows may continue it.
    """
    if not from_lines and _MAILBOX_LINE_ONE.match(content):
        return _MAILBOX_LINE + content
    found = _MAILBOX_LINES.match(content)
    lines = found[0] if found else b""
    rest = content[len(lines) :]
    top = _MAILBOX_LINE + lines.removesuffix(b"\n").replace(b"\n", b"\n" + _MAILBOX_LINE) if lines else b""
    newline = b"\n" if lines.endswith(b"\n") else b""
    return top + newline + (b"\n" if rest[:1] in (b" ", b"\t") else b"") + rest


class Fields:
    """The header fields of a message whose lines end with LF, in their order; ``Name :`` becomes ``Name:``.

    ``rest`` is what follows the fields that were taken so far: after the last one the empty line and the body, or the
    line that is no header and what follows it.
    """

    def __init__(self, content: bytes, limits: HeaderLimits = UNLIMITED) -> None:
        self._content = content
        self._limits = limits
        self._at = 0

    def __iter__(self) -> Iterator[Header]:
        content, (size, line, _) = self._content, self._limits
        while found := _FIELD.match(content, self._at):
            if line and found.start(2) - found.start() >= line:
                return
            raw = found[1] + found[2]
            self._at = min(found.end() + 1, len(content))
            if b"\0" in raw:
                raw = _without_nuls(raw, size, line)
            elif size and len(raw) > size:
                raw = _head(raw, size, line)
            yield Header(decode(found[1]), raw)

    @property
    def rest(self) -> bytes:
        return self._content[self._at :]


def _head(raw: bytes, size: int, line: int) -> bytes:
    """As much of a field as is taken up: pieces of at most ``line`` bytes while there are less than ``size``."""
    taken = 0
    while taken < min(size, len(raw)):
        start = taken + (raw[taken] == _NEWLINE)
        end = raw.find(b"\n", start, start + line if line else len(raw))
        taken = end if end >= 0 else min(start + line if line else len(raw), len(raw))
    return raw[:taken]


def _without_nuls(raw: bytes, size: int, line: int) -> bytes:
    """`_head` of a field with NULs: the pieces are taken up to these."""
    taken = bytearray()
    for number, text in enumerate(raw.split(b"\n")):
        for at in range(0, len(text) or 1, line or len(text) or 1):
            if size and len(taken) >= size:
                return bytes(taken)
            taken += b"\n" * (number > 0 and not at) + text[at : at + line if line else None].partition(b"\0")[0]
    return bytes(taken)


def cut(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The lines of a field that are written when there is room for ``size`` bytes, newlines counted."""
    start = 0
    for line in lines:
        if size and start + len(line) > size:
            if start <= _NICE * size:
                yield line[: size - start]
            return
        yield line
        start += len(line) + 1


def shortened(header: Header, size: int) -> Header:
    """``header`` within ``size`` bytes; itself when it is no longer."""
    if not size or len(header.raw) <= size:
        return header
    return Header(header.name, b"\n".join(cut(header.raw.split(b"\n"), size)))


def split_message(content: bytes, limits: HeaderLimits = UNLIMITED) -> tuple[list[Header], bytes]:
    """All header fields at once, and the rest (see `Fields`); for texts that are known to be short."""
    fields = Fields(content, limits)
    return list(fields), fields.rest


def head_of(content: bytes) -> bytes:
    """The header fields of a queued message, as they are, with the newline of each."""
    found = _FIELDS.match(content)
    return found[0] if found else b""


def records_head_of(content: bytes, length: int) -> bytes:
    """The header fields of a queued message as bounce(8) finds them in records of ``length`` bytes; 0 is no limit.

    They end with a record that neither begins with white space nor is the beginning of a field, though it be the rest
    of a long line: then the last of them has no newline.
    """
    head = head_of(content)
    if not length or len(head) <= length:
        return head
    start = 0
    while start < len(head):
        end = head.find(b"\n", start)
        end = len(head) if end < 0 else end
        for at in range(start + length, end, length):
            record = head[at : min(at + length, end)]
            if record[:1] not in (b" ", b"\t") and not _FIELD.match(record):
                return head[:at]
        start = end + 1
    return head


def values_of(content: bytes, name: bytes) -> list[str]:
    """The values of all fields ``name`` (in lower case) of a queued message, without outer white space."""
    if name not in content.lower():
        return []
    head = b"\n" + head_of(content)
    lower, start = head.lower(), b"\n" + name
    values = []
    at = lower.find(start)
    while at >= 0:
        found = _FIELD.match(head, at + 1)
        if found and len(found[1]) == len(name):
            values.append(decode(found[2][1:]).strip())
        at = lower.find(start, at + 1)
    return values


def join(headers: Iterable[Header], rest: bytes) -> bytes:
    """The message again; a rest that does not begin with an empty line is set off by one."""
    top = b"".join(header.raw + b"\n" for header in headers)
    return top + set_off(rest)


def set_off(rest: bytes) -> bytes:
    """``rest`` after header fields: with an empty line before it."""
    return b"\n" + rest if rest and not rest.startswith(b"\n") else rest

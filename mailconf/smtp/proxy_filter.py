"""SMTP to a content filter before the queue, without a socket: what it is sent, and how its answers are read.

The conversation is in lock-step, one command and its reply at a time: greeting, EHLO, XFORWARD as far as the filter
offers its attributes, then the client's own MAIL, RCPT and DATA. A filter's 2xx, and 3xx to DATA, goes on; its 4xx and
5xx are the client's; anything else is a failure. Lines that are no reply are passed over, as Postfix passes over them:
they cost time, of which there is a bound.

Source: SMTPD_PROXY_README, XFORWARD_README; observed with Postfix 3.7.11 (tests/vectors/proxy_filters.jsonl).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from mailconf.smtp.reply import MAX_LINE, MAX_LINES, Reply
from mailconf.smtp.xtext import encoded
from mailconf.source import decode, encode

UNAVAILABLE = "[UNAVAILABLE]"
_LONGEST = 512  # bytes of an XFORWARD command
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MOST_GARBAGE = 100  # lines that are no reply, in a conversation


class ProxyFlaw(Enum):
    """Why a filter is not talked to any more."""

    UNREACHABLE = "it cannot be reached"
    LOST = "it hung up"
    SILENT = "it did not answer in time"


class Garbage(NamedTuple):
    """A line that is no reply."""

    text: str


class ProxyReader:
    """Takes a filter's answers apart as their bytes come."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._garbage = 0

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Reply | Garbage | None:
        """What comes next; None where bytes are missing, and once there was too much that is no reply."""
        while (end := self._buffer.find(b"\n")) >= 0:
            line = _CONTROL.sub("?", decode(bytes(self._buffer[:end]).rstrip(b"\r")[:MAX_LINE]))
            del self._buffer[: end + 1]
            code, mark = line[:3], line[3:4]
            if not (
                len(code) == 3 and code.isascii() and code.isdigit() and code[0] in "2345" and mark in ("", " ", "-")
            ):
                self._garbage += 1
                return Garbage(line) if self._garbage <= _MOST_GARBAGE else None
            if len(self._lines) < MAX_LINES:
                self._lines.append(line[4:])
            if mark != "-":
                lines, self._lines = tuple(self._lines), []
                return Reply(int(code), lines)
        if len(self._buffer) > 4 * MAX_LINE:
            del self._buffer[MAX_LINE:]
        return None


def command(text: str) -> bytes:
    """A command as it is sent; what a client has put into it cannot end the line."""
    return encode(_CONTROL.sub("?", text)) + b"\r\n"


def attributes_of(reply: Reply) -> tuple[str, ...]:
    """The attributes of XFORWARD that the reply to EHLO offers."""
    for line in reply.lines[1:]:
        keyword, *words = line.upper().split()
        if keyword == "XFORWARD":
            return tuple(words)
    return ()


def forwarding(known: Mapping[str, str], offered: tuple[str, ...]) -> Iterator[str]:
    """The XFORWARD commands for what is ``known`` of a client, by attribute in the order in which they are sent; "" is
    what is not known."""
    words = "XFORWARD"
    for name, value in known.items():
        if name not in offered:
            continue
        word = f"{name}={encoded(encode(value), also='=') if value else UNAVAILABLE}"
        if len(words) + 1 + len(word) > _LONGEST and words != "XFORWARD":
            yield words
            words = "XFORWARD"
        words = f"{words} {word}"
    if words != "XFORWARD":
        yield words


def refuses(reply: Reply, *, content: bool = False) -> bool:
    """Whether a reply is no consent: to DATA, with ``content``, 3xx consents, to everything else 2xx."""
    return reply.code // 100 != (3 if content else 2)

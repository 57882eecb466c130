"""SMTP replies (RFC 5321 4.2): the value, its wire form, and a parser that takes bytes as they come."""

from __future__ import annotations

import re
from typing import NamedTuple

from mailconf.source import decode, encode

MAX_LINE = 2048  # postconf(5) line_length_limit: what is longer is cut
MAX_LINES = 1024
_ENDS = re.compile(r"[\x00\n\r]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ReplyError(Exception):
    """The peer did not send a reply; the message quotes what it sent."""


class Reply(NamedTuple):
    """An SMTP reply (RFC 5321 4.2): the code, the text of each line after the code, enhanced status included."""

    code: int
    lines: tuple[str, ...]

    @classmethod
    def of(cls, code: int, *lines: str) -> Reply:
        return cls(code, lines)

    @property
    def text(self) -> str:
        """The lines as one, the way logs show them."""
        return " ".join(self.lines)

    @property
    def positive(self) -> bool:
        return self.code < 400

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def status(self) -> str:
        """The enhanced status code that opens the last line (RFC 3463), or the code's class with zeros: "5.0.0"."""
        first = self.lines[-1].partition(" ")[0] if self.lines else ""
        parts = first.split(".")
        if len(parts) == 3 and all(p.isascii() and p.isdigit() and len(p) <= 3 for p in parts):
            return first
        return f"{self.code // 100}.0.0"

    def wire(self, *, controls: bool = False) -> bytes:
        """The reply as sent: every line with the code, all but the last with ``-``.

        Control characters are spaces; with ``controls`` only those that end a line or a text.
        """
        unfit = _ENDS if controls else _CONTROL
        lines = [unfit.sub(" ", line) for line in self.lines] or [""]
        marks = ["-"] * (len(lines) - 1) + [" "]
        return encode("".join(f"{self.code:03d}{mark}{line}\r\n" for mark, line in zip(marks, lines, strict=True)))

    @property
    def verbatim(self) -> str:
        """The lines as they came, codes and hyphens included, joined by spaces: what a client's log quotes."""
        return " ".join(decode(self.wire()).splitlines())

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class ReplyParser:
    """Bytes in, replies out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._scanned = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def pending(self) -> bool:
        """Bytes have come that no reply has used yet."""
        return bool(self._buffer or self._lines)

    @property
    def refuses(self) -> bool:
        """Whether what is pending begins as a reply of 4xx or 5xx does."""
        return self._buffer.startswith((b"4", b"5"))

    def next(self) -> Reply | None:
        """The next whole reply, or None where data is missing. Raises ReplyError."""
        while (line := self._line()) is not None:
            code, mark = line[:3], line[3:4]
            if not (len(code) == 3 and code.isascii() and code.isdigit() and "2" <= code[0] <= "5"):
                raise ReplyError(line)
            if mark not in ("", " ", "-"):
                raise ReplyError(line)
            if len(self._lines) < MAX_LINES:
                self._lines.append(line[4:])
            if mark != "-":
                lines, self._lines = tuple(self._lines), []
                return Reply(int(code), lines)
        return None

    def _line(self) -> str | None:
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            # An endless line is cut; its head is kept for the error text.
            if len(self._buffer) > 4 * MAX_LINE:
                del self._buffer[MAX_LINE:]
            self._scanned = len(self._buffer)
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")[:MAX_LINE]
        del self._buffer[: end + 1]
        self._scanned = 0
        return _CONTROL.sub("?", decode(line))

"""The content of a message as it comes in: where it ends, and what its lines are.

Two ways of reading (postconf(5) smtpd_forbid_bare_newline). With "no", LF ends a line, the CRs before it are dropped,
however many, and a line with nothing but a dot ends the message. Otherwise only ``<CR><LF>.<CR><LF>`` ends it; LF still
ends a line and one CR before it is dropped, but a dot alone on a line that is no such end is dropped with its line, so
that a client cannot pass commands to us that the server before us took for text ("SMTP smuggling").

Each byte is looked at a bounded number of times, in pieces of any size: what has been searched is not
searched again, and a line without end is handed on in pieces.
"""

from __future__ import annotations

import re

_MAX_PARTIAL = 65536  # bytes of a line that are waited for
_HELD = 2048  # CRs that are held back because an LF may follow; postconf(5) line_length_limit cuts lines there
_DOT = rb"\.\r{0,2046}\n"
_END = {False: re.compile(rb"\n" + _DOT), True: re.compile(rb"\r\n\.\r\n")}
_FIRST = {False: re.compile(_DOT), True: re.compile(rb"\.\r\n")}
_BARE = re.compile(rb"(?<!\r)\n")
_RETURNS = re.compile(rb"(?<!\r)\r+\n")
_STRICT_DOTS = re.compile(rb"^\.(?:\r?\n)?", re.MULTILINE)


class ContentReader:
    """Of one message, sent by DATA (`read`) or by BDAT (`take`).

    strict  only the standard end is one
    bare    whether a line has ended in an LF without a CR
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.bare = False
        self._line_start = True
        self._standard = True  # the line before ended in CRLF
        self._searched = 0
        self._returns = b""  # CRs at the end of a chunk: the next may begin with their LF

    def read(self, buffer: bytearray) -> tuple[bytes, bool] | None:
        """Takes from ``buffer`` what is content: (content, whether its end was read); None when more must come first.

        Content has its lines ended by LF and its dots undone. What follows the end stays in the buffer.
        """
        stop = buffer.rfind(b"\n", self._searched) + 1
        if not stop:
            self._searched = len(buffer)
            if len(buffer) <= _MAX_PARTIAL:
                return None
            stop = len(buffer) - _held(buffer)
            return self._text(buffer, stop, stop), False
        if self._line_start and self._standard and (first := _FIRST[self.strict].match(buffer)) is not None:
            del buffer[: first.end()]
            self._searched = 0
            return b"", True
        end = _END[self.strict].search(buffer, 0, stop)
        if end is None:
            return self._text(buffer, stop, stop), False
        return self._text(buffer, end.start() + (2 if self.strict else 1), end.end()), True

    def _text(self, buffer: bytearray, stop: int, used: int) -> bytes:
        """The lines up to ``stop``; the buffer loses what is before ``used``."""
        raw = bytes(buffer[:stop])
        del buffer[:used]
        self._searched = 0
        text = self._lines(raw) if self._line_start else self._lines(b"x" + raw)[1:]
        self._line_start = raw.endswith(b"\n")
        self._standard = not self.strict or not self._line_start or raw.endswith(b"\r\n")
        return text

    def _lines(self, raw: bytes) -> bytes:
        if self.strict:
            self.bare = self.bare or _BARE.search(raw) is not None
            return _STRICT_DOTS.sub(b"", raw).replace(b"\r\n", b"\n")
        raw = raw[1:] if raw.startswith(b".") else raw
        return _plain_ends(raw.replace(b"\n.", b"\n"))

    def take(self, data: bytes) -> bytes:
        """``data``, octets of a chunk, with its lines ended by LF. CRs at its end are kept for the next call."""
        data = self._returns + data
        held = min(_held(data), 1) if self.strict else _held(data)
        head, self._returns = data[: len(data) - held], data[len(data) - held :]
        if not self.strict:
            return _plain_ends(head)
        self.bare = self.bare or _BARE.search(head) is not None
        return head.replace(b"\r\n", b"\n")

    def rest(self) -> bytes:
        """The CRs that ended the last chunk."""
        rest, self._returns = self._returns, b""
        return rest


def _held(data: bytes | bytearray) -> int:
    """How many CRs at the end of ``data`` an LF may make part of a line's end."""
    tail = data[-_HELD:]
    return len(tail) - len(tail.rstrip(b"\r"))


def _plain_ends(data: bytes) -> bytes:
    """CRs before LF are gone, as many as there are; others stay."""
    return _RETURNS.sub(b"\n", data) if b"\r\r" in data else data.replace(b"\r\n", b"\n")

"""Which identity of a message Postfix's reports refer to (postconf(5) enable_threaded_bounces).

Facts of Postfix 3.7.11 and 3.10.13, by tests/vectors/reports@*.jsonl:

- 3.7 reads the first line of a Message-ID field, or as much of it as a record of the queue holds. All of it has to be
  in angle brackets, and is taken as it is; each field before that which is not so is logged.
- 3.10 reads the whole field. Its text begins with an angle bracket and is taken up to the one that closes it; control
  characters, a folded line's end among them, and bytes that are no UTF-8 become spaces. Nothing is logged.

Both pass over a field that has none, and end a text at a null byte.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mailconf.source import decode

_FIELD = re.compile(rb"^message-id:(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_NAME = len(b"message-id:")
_SPACES = b" \t\n\v\f\r"
_BRACKET = re.compile(rb"[<>]")
_UNPRINTABLE = re.compile("[\0-\x1f\x7f\udc80-\udcff]")  # bytes that are no UTF-8 are surrogates
_NOT_ASCII = re.compile(rb"[^ -~]")


class Threads(NamedTuple):
    """How identities are read.

    whole   as 3.10 does
    utf8    what is not ASCII is kept (postconf(5) smtputf8_enable), of 3.10
    length  of a record, in bytes; 0 is no limit (postconf(5) line_length_limit), of 3.7
    """

    whole: bool = False
    utf8: bool = True
    length: int = 2048

    def identity(self, head: bytes) -> tuple[str, int]:
        """The identity to refer to, "" where there is none, and how many malformed ones are logged before it.

        ``head`` is the message's header fields, each from the beginning of a line.
        """
        malformed = 0
        for field in _FIELD.finditer(head):
            found = self._of_field(field[1]) if self.whole else self._of_line(field[1].partition(b"\n")[0])
            if found:
                return found, malformed
            malformed += not self.whole
        return "", malformed

    def _of_line(self, line: bytes) -> str:
        record = line[: max(0, self.length - _NAME)] if self.length else line
        text = record.partition(b"\0")[0].lstrip(_SPACES)
        return decode(text) if text.startswith(b"<") and text.rstrip(_SPACES).endswith(b">") else ""

    def _of_field(self, value: bytes) -> str:
        text = _bracketed(value.partition(b"\0")[0].lstrip(_SPACES))
        return _UNPRINTABLE.sub(" ", decode(text if self.utf8 else _NOT_ASCII.sub(b" ", text)))


def _bracketed(text: bytes) -> bytes:
    """From the angle bracket with which ``text`` begins to the one that closes it; nothing where there are not both."""
    depth = 0
    for found in _BRACKET.finditer(text if text.startswith(b"<") else b""):
        depth += 1 if found[0] == b"<" else -1
        if not depth:
            return text[: found.end()]
    return b""

"""``postmap -h -q -`` and ``-b -q -``: a message on standard input as lookup keys (postmap(1)).

A header is a name of printable ASCII without colon, white space that goes, a colon and the rest; lines that begin with
a blank or tab continue it and keep their newline. The first line that is neither ends the headers. The body's first key
is empty: the blank line, or the one that is missing.

Not done: ``-m``, which looks into the parts of a MIME message. Without it, and with both -h and -b, a message is
headers and then lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:")


def message_keys(lines: Iterable[bytes], headers: bool, body: bool) -> Iterator[bytes]:
    """The lookup keys of a message, given as lines without newlines."""
    header: bytes | None = None
    in_headers = True
    for line in lines:
        if not in_headers:
            yield line
            continue
        found = _HEADER.match(line)
        if header is not None and line[:1] in (b" ", b"\t"):
            header += b"\n" + line
            continue
        if header is not None and headers:
            yield header
        header = found[1] + line[found.end() - 1 :] if found else None
        if found is None:
            if not body:
                return
            in_headers = False
            yield b""
            if line:
                yield line
    if header is not None and headers:
        yield header

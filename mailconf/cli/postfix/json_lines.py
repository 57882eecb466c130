"""Entries of tables as Postfix 3.11 prints them with ``-j``: one JSON object a line.

Bytes beyond ASCII are themselves, whether they are UTF-8 or not (``-u``), control characters and DEL are escaped.
"""

from __future__ import annotations

import re

_SHORT = {b'"': b'\\"', b"\\": b"\\\\", b"\b": b"\\b", b"\f": b"\\f", b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t"}
_SPECIAL = re.compile(rb'["\\\x00-\x1f\x7f]')


def json_line(entry: tuple[bytes, bytes]) -> bytes:
    """The line, without its newline, for a key and its value."""
    return b'{"%b": "%b"}' % (_SPECIAL.sub(_escape, entry[0]), _SPECIAL.sub(_escape, entry[1]))


def _escape(found: re.Match[bytes]) -> bytes:
    return _SHORT.get(found[0]) or b"\\u%04X" % ord(found[0])

r"""Quotes and backslashes in the values of macros, mailers, queue groups and filters.

A quote is dropped, and between two of them no separator counts. A backslash is dropped and the next character means
itself, except for ``\r``, ``\n``, ``\f`` and ``\b``.
"""

from __future__ import annotations

import re
from io import StringIO

_PART = re.compile(r'[^"\\]+|\\.?|"', re.DOTALL)
_LETTERS = {"r": "\r", "n": "\n", "f": "\f", "b": "\b"}
_TOKEN = re.compile(r'\\.?|"|,|[^",\\]+', re.DOTALL)


def unquoted(text: str) -> str:
    """What sendmail makes of a value as written."""
    if '"' not in text and "\\" not in text:
        return text
    parts = StringIO()  # which takes less than a list of as many parts
    for found in _PART.finditer(text):
        part = found[0]
        if part[0] == "\\":
            parts.write(_LETTERS.get(part[1:], part[1:]))
        elif part != '"':
            parts.write(part)
    return parts.getvalue()


def end_of_value(text: str, start: int) -> int:
    """Where the value that begins at ``start`` ends: at a comma that is neither quoted nor after a backslash."""
    quoted = False
    for found in _TOKEN.finditer(text, start):
        if found[0] == '"':
            quoted = not quoted
        elif found[0] == "," and not quoted:
            return found.start()
    return len(text)

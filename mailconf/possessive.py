"""Regular expressions whose groups are repeated possessively, ``(...)*+``, for every Python that mailconf runs on.

Up to 3.11.4, which Debian 12 has (3.11.2), re leaves such a repetition where its last round failed, not where that
began (CPython issue 106052). There an atomic group takes its place, in which the group is repeated as usual, a number
of times in an atomic group of its own: re remembers where each round began until the atomic group around it ends, and a
repetition of millions would take a hundred bytes for each.
"""

from __future__ import annotations

import re
from typing import AnyStr

_AT_ONCE = 1000
_PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(|\)(?:[*+?]\+)?|[^\\\[()]+|.", re.DOTALL)


def _probe() -> bool:
    """Whether this Python has the fault."""
    found = re.match(r"(?:a(?::b)?:)*+", "a:a")
    return found is None or found.end() != 2


FAULTY = _probe()


def compile(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As re.compile."""
    return re.compile(without(pattern) if FAULTY else pattern, flags)


def without(pattern: AnyStr) -> AnyStr:
    """The pattern, which holds no comments, with atomic groups in the place of those that are repeated possessively."""
    if isinstance(pattern, bytes):
        return _without(pattern.decode("latin-1")).encode("latin-1")
    return _without(pattern)


def _without(pattern: str) -> str:
    parts: list[str] = _PARTS.findall(pattern)
    opened: list[int] = []
    for number, part in enumerate(parts):
        if part == "(":
            opened.append(number)
        elif part[0] == ")":
            start = opened.pop()
            if part == ")?+":
                parts[start], parts[number] = "(?>(", ")?)"
            elif part != ")":
                parts[start], parts[number] = "(?>(?:(?>(", f"){{1,{_AT_ONCE}}})){part[1]})"
    return "".join(parts)

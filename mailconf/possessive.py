"""Regular expressions whose groups are repeated possessively, ``(...)*+``, for every Python that mailconf runs on.

Up to 3.11.4, which Debian 12 has (3.11.2), re leaves such a repetition where its last round failed, not where that
began (CPython issue 106052). There the groups are repeated as usual: the same text is matched as long as going back
into a repetition matches nothing else, which is so wherever mailconf uses one; it only takes more memory.
"""

from __future__ import annotations

import re
from typing import AnyStr

_GROUP = re.compile(r"(?<!\\)((?:\\\\)*)\)([*+?])\+")


def _probe() -> bool:
    """Whether this Python has the fault."""
    found = re.match(r"(?:a(?::b)?:)*+", "a:a")
    return found is None or found.end() != 2


FAULTY = _probe()


def compile(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As re.compile."""
    return re.compile(without(pattern) if FAULTY else pattern, flags)


def without(pattern: AnyStr) -> AnyStr:
    """The pattern with its groups repeated as usual."""
    if isinstance(pattern, bytes):
        return _GROUP.sub(r"\1)\2", pattern.decode("latin-1")).encode("latin-1")
    return _GROUP.sub(r"\1)\2", pattern)

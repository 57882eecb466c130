"""How Postfix takes the value of a list parameter apart, with the place of each word.

Words end at white space and commas; ``{ ... }`` holds a word together, nested, and the outermost braces of a word that
begins with one are dropped together with the white space inside (postconf(5), "smtpd_client_restrictions";
DATABASE_README, "inline"). A brace that is never closed takes the rest of the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

SEPARATORS = ", \t\r\n"


class Word(NamedTuple):
    """A word and where it begins in the value."""

    text: str
    offset: int


def split_words(value: str, separators: str = SEPARATORS) -> list[Word]:
    """The words of ``value``; braces stay part of them."""
    return list(scan(value, separators))


def texts(value: str, separators: str = SEPARATORS) -> list[str]:
    return [word.text for word in scan(value, separators)]


def scan(value: str, separators: str = SEPARATORS) -> Iterator[Word]:
    """The words of ``value``, one after the other: a file that a list names may have a million."""
    if "{" not in value:
        for found in re.finditer(f"[^{re.escape(separators)}]+", value):
            yield Word(found[0], found.start())
        return
    at, end = 0, len(value)
    while at < end:
        if value[at] in separators:
            at += 1
            continue
        start, depth = at, 0
        while at < end and (depth > 0 or value[at] not in separators):
            if value[at] == "{":
                depth += 1
            elif value[at] == "}":
                depth -= depth > 0
            at += 1
        yield Word(value[start:at], start)


def unbraced(word: str) -> str:
    """``{ text }`` without its braces and the white space inside; other words as they are."""
    return word[1:-1].strip() if len(word) > 1 and word[0] == "{" and word[-1] == "}" else word


def table_spec(word: str, default_type: str) -> str:
    """A table's full name: a bare file name gets the default type (postconf(5) default_database_type)."""
    from mailconf.maps.reference import TableRef  # it takes a millisecond

    return str(TableRef.of_word(word, default_type))

"""How Postfix takes the value of a list parameter apart, with the place of each word.

WordPlaces end at white space and commas; ``{ ... }`` holds a word together, nested, and the outermost braces of a word
that begins with one are dropped together with the white space inside (postconf(5), "smtpd_client_restrictions";
DATABASE_README, "inline"). A brace that is never closed takes the rest of the value.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

SEPARATORS = ", \t\r\n"


class Word(NamedTuple):
    """A word and where it begins in the value."""

    text: str
    offset: int


class WordPlaces(Sequence[Word]):
    """The words of a value by their places: a value may have half a million."""

    def __init__(self, value: str, separators: str) -> None:
        self._value = value
        self._starts, self._ends = array("I"), array("I")
        for word in scan(value, separators):
            self._starts.append(word.offset)
            self._ends.append(word.offset + len(word.text))

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, number: int) -> Word: ...
    @overload
    def __getitem__(self, number: slice) -> list[Word]: ...
    def __getitem__(self, number: int | slice) -> Word | list[Word]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        start = self._starts[number]
        return Word(self._value[start : self._ends[number]], start)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return id(self)


def split_words(value: str, separators: str = SEPARATORS) -> WordPlaces:
    """The words of ``value``; braces stay part of them."""
    return WordPlaces(value, separators)


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

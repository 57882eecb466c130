"""`Entry`: a key, its value, and their places. `Entries`: those of a table, of which there may be millions.

Places are offsets until they are asked for, and an entry of a table is only made when it is asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import overload

from mailconf import possessive
from mailconf.source import Source, Span
from mailconf.tables.rows import offsets

_AT_ONCE = 4096
_LINES_BETWEEN = possessive.compile(r"\n(?:[ \t\v\f\r]*+(?:#[^\n]*+)?(?:\n|\Z))*+")


class Entry:
    """One entry of a table, as text (bytes that are no UTF-8 as surrogates, see `mailconf.source`).

    key       as written (quotes and capitals included) for the postmap format; unquoted for aliases, as they are stored
    value     continuation lines joined, white space around it gone
    start, end, value_at   character offsets into ``source``: the entry from its key to the end of its value, and the
              beginning of its value
    """

    __slots__ = ("end", "key", "source", "start", "value", "value_at")

    def __init__(self, key: str, value: str, source: Source, start: int, value_at: int, end: int) -> None:
        self.key = key
        self.value = value
        self.source = source
        self.start = start
        self.value_at = value_at
        self.end = end

    @property
    def span(self) -> Span:
        """The entry, from the key to the end of the value."""
        return self.source.span(self.start, self.end)

    @property
    def key_span(self) -> Span:
        """The key as written."""
        written = self.source.text[self.start : self.value_at].rstrip(" \t\n\v\f\r")
        length = len(self.key) if written.startswith(self.key) else len(written)
        return self.source.span(self.start, self.start + length)

    @property
    def value_span(self) -> Span:
        """The value as written, comments between its lines included."""
        return self.source.span(self.value_at, self.end)

    def place(self, at: int, length: int = 1) -> Span:
        """The span of ``value[at:at + length]``, cut at the end of the physical line it starts on."""
        from mailconf.tables.lines import place_in

        return place_in(self.value_span, at, length)

    def _as_tuple(self) -> tuple[str, str, str, int, int, int]:
        return (self.key, self.value, self.source.name, self.start, self.value_at, self.end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self._as_tuple() == other._as_tuple()

    def __hash__(self) -> int:
        return hash(self._as_tuple())

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, {self.value!r}, {self.span})"


Sides = Callable[[str, int, int, int], tuple[str, str]]


class Entries(Sequence[Entry]):
    """The entries of the table ``source``, each made of its place when it is asked for.

    sides  gives key and value, of the table's text and an entry's start, the beginning of its value and its end. What
           is added with a key and a value that it would not give is remembered.
    """

    def __init__(self, source: Source, sides: Sides) -> None:
        size = len(source.text)
        self.source = source
        self._sides = sides
        self._starts, self._values_at, self._ends = offsets(size), offsets(size), offsets(size)
        self._odd: dict[int, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, number: int) -> Entry: ...
    @overload
    def __getitem__(self, number: slice) -> list[Entry]: ...
    def __getitem__(self, number: int | slice) -> Entry | list[Entry]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        start, value_at, end = self._starts[number], self._values_at[number], self._ends[number]
        sides = self._odd.get(number) or self._sides(self.source.text, start, value_at, end)
        return Entry(*sides, self.source, start, value_at, end)

    def __iter__(self) -> Iterator[Entry]:
        source, text, odd, sides = self.source, self.source.text, self._odd, self._sides
        places = zip(self._starts, self._values_at, self._ends, strict=True)
        if odd:
            yield from map(self.__getitem__, range(len(self)))
            return
        for start, value_at, end in places:
            key, value = sides(text, start, value_at, end)
            yield Entry(key, value, source, start, value_at, end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return id(self)

    def add(self, start: int, value_at: int, end: int) -> None:
        """The next entry, by its place."""
        self._starts.append(start)
        self._values_at.append(value_at)
        self._ends.append(end)

    def add_all(self, starts: array[int], values_at: array[int], ends: array[int]) -> None:
        """The same of many."""
        self._starts.extend(starts)
        self._values_at.extend(values_at)
        self._ends.extend(ends)

    def add_entry(self, key: str, value: str, start: int, value_at: int, end: int) -> None:
        """The next entry, whose sides may differ from its text."""
        if self._sides(self.source.text, start, value_at, end) != (key, value):
            self._odd[len(self)] = (key, value)
        self.add(start, value_at, end)


def without_newlines(text: str) -> str:
    """The physical lines of a logical line as one; `mailconf.tables.lines` describes which are left out."""
    return joined(_between(text)) if "\n" in text else text


def _between(text: str) -> Iterator[str]:
    at = 0
    for found in _LINES_BETWEEN.finditer(text):
        yield text[at : found.start()]
        at = found.end()
    yield text[at:]


def joined(parts: Iterable[str]) -> str:
    """The parts as one text; a list of them all could take many times as much memory."""
    each = iter(parts)
    whole = []
    while some := list(islice(each, _AT_ONCE)):
        whole.append("".join(some))
    return "".join(whole) if len(whole) != 1 else whole[0]

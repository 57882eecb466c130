"""The entries of a table and its mistakes in bulk: `Rows`.

A table may have millions of lines of a few bytes each. Places, and what is wrong, are kept as numbers; the
objects that callers see are made when they are asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import NamedTuple

from mailconf.tables.lines import SPACE, logical_lines

Progress = Callable[[int, int, int], None]  # of a reader: bytes read, all bytes, entries so far


class RowProblem(NamedTuple):
    """What is wrong with a line. ``before`` entries come before it; offsets are bytes of the file.

    line    where the logical line starts; ``text`` is the line up to a NUL, all of it if it continues nothing
    start, end   the stretch to point at
    """

    kind: str
    before: int
    line: int
    start: int
    end: int
    text: bytes


class Row(NamedTuple):
    """The place of an entry, in bytes: its key, its value and its end."""

    start: int
    value_at: int
    end: int


def offsets(size: int) -> array[int]:
    """An empty array for offsets in a text of ``size``, or for numbers of its lines."""
    return array("I" if size < 1 << 32 else "Q")


class Places:
    """A `Row` for each entry."""

    def __init__(self, size: int) -> None:
        self.starts, self.values_at, self.ends = offsets(size), offsets(size), offsets(size)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> Row:
        return Row(self.starts[number], self.values_at[number], self.ends[number])

    def __iter__(self) -> Iterator[Row]:
        return map(Row, self.starts, self.values_at, self.ends)

    def append(self, start: int, value_at: int, end: int) -> None:
        self.starts.append(start)
        self.values_at.append(value_at)
        self.ends.append(end)


class Problems:
    """What is wrong with the text ``data``, in its order; without ``places``, they are not kept."""

    def __init__(self, data: bytes, *, places: bool = True) -> None:
        self._data = data
        self._with_places = places
        self._names: list[str] = []
        self._kinds = array("B")
        self._before, self._lines = offsets(len(data)), offsets(len(data))
        self._starts, self._ends = offsets(len(data)), offsets(len(data))

    def __len__(self) -> int:
        return len(self._kinds)

    def __iter__(self) -> Iterator[RowProblem]:
        placed = zip(self._starts, self._ends, strict=True) if self._with_places else repeat((0, 0))
        for kind, before, at, (start, end) in zip(self._kinds, self._before, self._lines, placed, strict=False):
            line = next(logical_lines(self._data, at), None)  # no line, where there are only comments with a NUL
            text = b"" if line is None else line.text if line.text[0] in SPACE else line.visible
            yield RowProblem(self._names[kind], before, at, start, end, text)

    def places(self) -> Iterator[tuple[str, int, int]]:
        """The kind of each, and the stretch to point at."""
        return zip(map(self._names.__getitem__, self._kinds), self._starts, self._ends, strict=True)

    def append(self, kind: str, before: int, line: int, start: int, end: int) -> None:
        if kind not in self._names:
            self._names.append(kind)
        self._kinds.append(self._names.index(kind))
        self._before.append(before)
        self._lines.append(line)
        if self._with_places:
            self._starts.append(start)
            self._ends.append(end)

    def clear(self) -> None:
        """They are forgotten, whoever else has them."""
        for numbers in (self._kinds, self._before, self._lines, self._starts, self._ends):
            del numbers[:]

    def add_all(self, others: Problems, before: int, at: int) -> None:
        """Those of a part of the text that begins at ``at``, after ``before`` entries."""
        for number, (kind, start, end) in enumerate(others.places()):
            self.append(kind, before + others._before[number], at + others._lines[number], at + start, at + end)


class Rows:
    """The entries of the text ``data`` as parallel lists; their ``places`` stay empty unless they were asked for.

    places  keep those of problems
    """

    def __init__(self, data: bytes, *, places: bool = True) -> None:
        self.keys: list[bytes] = []
        self.values: list[bytes] = []
        self.places = Places(len(data))
        self.problems = Problems(data, places=places)

    def __len__(self) -> int:
        return len(self.keys)

"""``texthash``: the text that postmap(1) compiles, read when the table is opened (DATABASE_README).

Of several entries with the same key the first counts, unless `Opening` has it otherwise. Departure: entries are listed
in the order of the text, where the original's order is that of its hash table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from mailconf.maps.core.contents import NoContent
from mailconf.maps.core.opening import Opening, cannot_open
from mailconf.maps.simple.memory import MemoryTable
from mailconf.source import decode
from mailconf.tables.lines import LineNumbers, NullLines
from mailconf.tables.packed import is_large
from mailconf.tables.postmap import COLON, NO_VALUE, NOT_UTF8, NULL, ORPHAN, UNBALANCED, blocks, read_rows
from mailconf.tables.rows import Problems, RowProblem, Rows, offsets

_PART = 1 << 16  # bytes that are read at a time

_WORDS = {
    NOT_UTF8: 'non-UTF-8 input "{}" -- ignoring this line',
    UNBALANCED: "unbalanced '\"' in '{}' -- ignoring this line",
    NO_VALUE: "expected format: key whitespace value -- ignoring this line",
    COLON: 'record is in "key: value" format; is this an alias file?',
}


def open_table(name: str, opening: Opening) -> MemoryTable:
    try:
        data = opening.root.read(name)
    except OSError as failure:
        raise cannot_open(name, failure) from failure
    reading = _Reading(name, data, opening)
    table = reading.packed() if is_large(data) else None
    return MemoryTable("texthash", name, reading.table() if table is None else table, opening)


class _Odd(Problems):
    """Whether a text has problems: they are not kept."""

    found = False

    def add_all(self, others: Problems, before: int, at: int) -> None:
        self.found |= len(others) > 0


class _Reading:
    """The text ``data`` of the table ``name`` is read, a part of it after the other."""

    def __init__(self, name: str, data: bytes, opening: Opening) -> None:
        self._name = name
        self._data = data
        self._opening = opening
        self._number_of = LineNumbers(data)

    def table(self) -> dict[bytes, bytes]:
        """The entries that count; all warnings are given."""
        opening = self._opening
        table: dict[bytes, bytes] = {}
        last = b""
        for at, key, value in self._entries():
            folded = opening.folded(key)
            try:
                value = opening.value(value)
            except NoContent as missing:
                opening.warn(f"{self._place(at)}: {missing}: skipping this entry")
                continue
            if opening.repeated == "last" or folded not in table:
                last = table[folded] = last if value == last else value  # one object for OK, OK, ...
            elif opening.repeated == "warned":
                self._tell_repeated(at, key)
        return table

    def packed(self) -> Mapping[bytes, bytes] | None:
        """The same of many entries, without an object for each; None where that is not possible."""
        from mailconf.arrays import arrays
        from mailconf.tables.packed import read_packed

        opening = self._opening
        if opening.files or arrays() is None:
            return None
        odd = _Odd(self._data)
        fold = opening.fold
        reading = partial(read_packed, self._data, utf8=opening.utf8, nulls=bool(opening.nulls))
        packed = reading(folded=fold is not None, fold=fold, problems=odd)
        if packed is None:
            return None
        from mailconf.maps.build.write import Duplicates, counting
        from mailconf.maps.database.packed_table import PackedTable

        later = offsets(len(packed))
        duplicates = Duplicates.LAST if opening.repeated == "last" else Duplicates.FIRST
        packed = counting(packed, duplicates, later.extend)
        if opening.repeated != "warned":
            later = later[:0]
        if odd.found or later:  # to remember each would take as much as the entries: the text is read again
            again = iter(later)
            number = next(again, -1)
            for count, (at, key, _) in enumerate(self._entries()):
                if count == number:
                    self._tell_repeated(at, key)
                    number = next(again, -1)
        return PackedTable(packed)

    def _entries(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Where each entry begins, its key and its value; of what is wrong with lines is warned as they come."""
        for start, rows in self._parts():
            problems = iter(rows.problems)
            problem = next(problems, None)
            for number, (key, value, row) in enumerate(zip(rows.keys, rows.values, rows.places, strict=True)):
                while problem is not None and problem.before <= number:
                    self._tell(problem, start)
                    problem = next(problems, None)
                yield start + row.start, key, value
            while problem is not None:
                self._tell(problem, start)
                problem = next(problems, None)

    def _parts(self) -> Iterator[tuple[int, Rows]]:
        """Where each part of the text begins, and what it holds."""
        data, utf8 = self._data, self._opening.utf8
        nulls = bool(self._opening.nulls) and b"\0" in data
        self._null_lines = NullLines(data if nulls else b"")
        for start, end in blocks(data, _PART, nulls=nulls):
            yield start, read_rows(data[start:end], utf8=utf8, places=True, nulls=nulls)

    def _place(self, offset: int) -> str:
        return f"{self._name}, line {self._number_of(offset)}"

    def _tell_repeated(self, at: int, key: bytes) -> None:
        self._opening.warn(f'{self._place(at)}: duplicate entry: "{decode(key)}"')

    def _tell(self, problem: RowProblem, start: int) -> None:
        """Warn of a problem in the part of the text that begins at ``start``."""
        warn, text = self._opening.warn, decode(problem.text)
        if problem.kind == ORPHAN:
            short = decode(problem.text[:30].partition(b"\0")[0]) + ("..." if len(problem.text) > 30 else "")
            warn(f'{self._name}: logical line must not start with whitespace: "{short}"')
        elif problem.kind == NULL:
            warn(f"{self._name}, line {self._null_lines.take(start + problem.line)}: {self._opening.nulls}")
        else:
            warn(f"{self._place(start + problem.line)}: {_WORDS[problem.kind].format(text)}")

"""``texthash``: the text that postmap(1) compiles, read when the table is opened (DATABASE_README).

Of several entries with the same key the first counts, unless `Opening` has it otherwise. Departure: entries are listed
in the order of the text, where the original's order is that of its hash table.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.maps.core.contents import NoContent
from mailconf.maps.core.opening import Opening, cannot_open
from mailconf.maps.simple.memory import MemoryTable
from mailconf.source import decode
from mailconf.tables.lines import LineNumbers
from mailconf.tables.postmap import COLON, NO_VALUE, NOT_UTF8, NULL, ORPHAN, UNBALANCED, blocks, read_rows
from mailconf.tables.rows import Problem, Rows

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
    return MemoryTable("texthash", name, _Reading(name, data, opening).table(), opening)


class _Reading:
    """The text ``data`` of the table ``name`` becomes a dictionary, a part of it after the other."""

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
        for start, rows in self._parts():
            problems = iter(rows.problems)
            problem = next(problems, None)
            for number, (key, value, row) in enumerate(zip(rows.keys, rows.values, rows.places, strict=True)):
                while problem is not None and problem.before <= number:
                    self._tell(problem, start, rows)
                    problem = next(problems, None)
                folded = opening.folded(key)
                try:
                    value = opening.value(value)
                except NoContent as missing:
                    opening.warn(f"{self._place(start + row.start)}: {missing}: skipping this entry")
                    continue
                if opening.repeated == "last" or folded not in table:
                    last = table[folded] = last if value == last else value  # one object for OK, OK, ...
                elif opening.repeated == "warned":
                    opening.warn(f'{self._place(start + row.start)}: duplicate entry: "{decode(key)}"')
            while problem is not None:
                self._tell(problem, start, rows)
                problem = next(problems, None)
        return table

    def _parts(self) -> Iterator[tuple[int, Rows]]:
        """Where each part of the text begins, and what it holds."""
        data, utf8 = self._data, self._opening.utf8
        if self._opening.nulls and b"\0" in data:  # in which lines they are is counted through the whole text
            yield 0, read_rows(data, utf8=utf8, places=True, nulls=True)
            return
        for start, end in blocks(data, _PART):
            yield start, read_rows(data[start:end], utf8=utf8, places=True)

    def _place(self, offset: int) -> str:
        return f"{self._name}, line {self._number_of(offset)}"

    def _tell(self, problem: Problem, start: int, rows: Rows) -> None:
        """Warn of a problem in the part of the text that begins at ``start``."""
        warn, text = self._opening.warn, decode(problem.text)
        if problem.kind == ORPHAN:
            short = decode(problem.text[:30].partition(b"\0")[0]) + ("..." if len(problem.text) > 30 else "")
            warn(f'{self._name}: logical line must not start with whitespace: "{short}"')
        elif problem.kind == NULL:
            warn(f"{self._name}, line {rows.nulls[problem.line]}: {self._opening.nulls}")
        else:
            warn(f"{self._place(start + problem.line)}: {_WORDS[problem.kind].format(text)}")

"""``texthash``: the text that postmap(1) compiles, read when the table is opened (DATABASE_README).

Of several entries with the same key the first counts, unless `Opening` says otherwise. Departure: entries are listed in
the order of the text, where the original's order is that of its hash table.
"""

from __future__ import annotations

from mailconf.maps.core.contents import NoContent
from mailconf.maps.core.opening import Opening, cannot_open
from mailconf.maps.simple.memory import MemoryTable
from mailconf.source import decode
from mailconf.tables.lines import LineNumbers
from mailconf.tables.postmap import COLON, NO_VALUE, NOT_UTF8, NULL, ORPHAN, UNBALANCED, read_rows
from mailconf.tables.rows import Problem

_WORDS = {
    NOT_UTF8: 'non-UTF-8 input "{}" -- ignoring this line',
    UNBALANCED: "unbalanced '\"' in '{}' -- ignoring this line",
    NO_VALUE: "expected format: key whitespace value -- ignoring this line",
    COLON: 'record is in "key: value" format; is this an alias file?',
}


def open_table(name: str, opening: Opening) -> MemoryTable:
    try:
        data = opening.root.path(name).read_bytes()
    except OSError as failure:
        raise cannot_open(name, failure) from failure
    rows = read_rows(data, utf8=opening.utf8, places=True, nulls=bool(opening.nulls))
    problems = iter(rows.problems)
    problem = next(problems, None)
    table: dict[bytes, bytes] = {}
    number_of = LineNumbers(data)

    def place(offset: int) -> str:
        return f"{name}, line {number_of(offset)}"

    def tell(problem: Problem) -> None:
        text = decode(problem.text)
        if problem.kind == ORPHAN:
            short = decode(problem.text[:30].partition(b"\0")[0]) + ("..." if len(problem.text) > 30 else "")
            opening.warn(f'{name}: logical line must not start with whitespace: "{short}"')
        elif problem.kind == NULL:
            opening.warn(f"{name}, line {rows.nulls[problem.line]}: {opening.nulls}")
        else:
            opening.warn(f"{place(problem.line)}: {_WORDS[problem.kind].format(text)}")

    for number, (key, value, row) in enumerate(zip(rows.keys, rows.values, rows.places, strict=True)):
        while problem is not None and problem.before <= number:
            tell(problem)
            problem = next(problems, None)
        folded = opening.folded(key)
        try:
            value = opening.value(value)
        except NoContent as missing:
            opening.warn(f"{place(row.start)}: {missing}: skipping this entry")
            continue
        if opening.repeated == "last" or folded not in table:
            table[folded] = value
        elif opening.repeated == "warned":
            opening.warn(f'{place(row.start)}: duplicate entry: "{decode(key)}"')
    while problem is not None:
        tell(problem)
        problem = next(problems, None)
    return MemoryTable("texthash", name, table, opening)

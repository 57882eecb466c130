"""``texthash``: the text that postmap(1) compiles, read when the table is opened (DATABASE_README).

The first of several entries with the same key counts. Departure: entries are listed in the order of the text, where
the original's order is that of its hash table.
"""

from __future__ import annotations

from mailconf.maps.memory import MemoryTable
from mailconf.maps.opening import Opening, cannot_open
from mailconf.source import decode
from mailconf.tables.postmap import read_rows


def open_table(name: str, opening: Opening) -> MemoryTable:
    try:
        data = opening.root.path(name).read_bytes()
    except OSError as problem:
        raise cannot_open(name, problem) from problem
    rows = read_rows(data, places=True)
    table: dict[bytes, bytes] = {}
    for key, value, place in zip(map(opening.folded, rows.keys), rows.values, rows.places, strict=True):
        if key in table:
            line = data.count(b"\n", 0, place.start) + 1
            opening.warn(f'{name}, line {line}: duplicate entry: "{decode(key)}"')
        else:
            table[key] = value
    return MemoryTable("texthash", name, table, opening)

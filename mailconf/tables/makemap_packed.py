"""Many entries of a text for makemap(8) as arrays of places (`mailconf.tables.packed`), and the mistakes in bulk."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from mailconf.tables.makemap import LIMIT, Columns, Format, Row, is_easy, read_block, read_rows
from mailconf.tables.packed import Packed, Packing, is_large
from mailconf.tables.rows import offsets

_BLOCK = 1 << 14


class PackedRows:
    """The entries of the text ``data`` and, of each, the number of its line."""

    def __init__(self, data: bytes, form: Format) -> None:
        self._data = data
        self._form = form
        self.lines = offsets(len(data))
        # Of each mistake: how many entries come before it, where its line begins, and that line's number.
        self._before, self._starts, self._numbers = (offsets(len(data)) for _ in range(3))
        self.packed: Packed
        self.room = len(data), data.count(b"\n") + 1  # of text and entries, at the most

    def mistakes(self) -> Iterator[tuple[int, Row]]:
        """Each line that is no entry, with the number of entries that come before it."""
        for before, start, number in zip(self._before, self._starts, self._numbers, strict=True):
            stop = start + LIMIT - 1
            end = self._data.find(b"\n", start, stop) + 1
            row = next(read_rows(self._data[start : end or stop], self._form))
            yield before, row._replace(line=number)

    def read(self, found: Packing, *, folded: bool) -> bool:
        """Add the entries of the text; False where the key or the value of one is empty."""
        data, form = self._data, self._form
        before = len(found)
        number = start = 0
        while start < len(data):
            end = data.find(b"\n", start + _BLOCK) + 1 or len(data)
            block = data[start:end]
            columns = Columns([], [])
            whole = block[:-1] if block.endswith(b"\n") else block
            if is_easy(whole, form) and read_block(whole, form, columns):
                count = whole.count(b"\n") + 1
                self._add_lines(number, count, whole, len(columns.keys))
                number += count
            else:
                number = self._read_rows(block, start, number, len(found) - before, columns)
            if not all(columns.keys) or not all(columns.values):
                return False
            if folded:
                columns.keys[:] = [key.lower() for key in columns.keys]
            found.add_lists(columns.keys, columns.values)
            start = end
        return True

    def _add_lines(self, number: int, count: int, block: bytes, entries: int) -> None:
        """The lines of the entries of a block of ``count`` lines, after ``number`` others."""
        if entries == count:
            self.lines.extend(range(number + 1, number + count + 1))
            return
        comment = self._form.comment
        lines = enumerate(block.split(b"\n"), number + 1)
        self.lines.extend(at for at, line in lines if line and line[:1] != comment)

    def _read_rows(self, block: bytes, start: int, number: int, before: int, columns: Columns) -> int:
        """Read a block a line at a time; the number of its last line."""
        counted = array("I")
        for row in read_rows(block, self._form, counted):
            if row.problem:
                self._before.append(before + len(columns.keys))
                self._starts.append(start + row.start)
                self._numbers.append(number + row.line)
            else:
                self.lines.append(number + row.line)
                columns.keys.append(row.key)
                columns.values.append(row.value)
        return number + counted[0]


def packed_rows(data: bytes, form: Format, *, large_map: bool = False) -> PackedRows | None:
    """A text whose entries and mistakes are still to be read; None where it is quicker to read them singly.

    large_map  they are to be added to a large map
    """
    from mailconf.arrays import arrays

    return PackedRows(data, form) if (large_map or is_large(data)) and arrays() is not None else None


def read_packed_rows(data: bytes, form: Format, *, folded: bool) -> PackedRows | None:
    """The entries and mistakes of a text; None where it is quicker or necessary to read them singly.

    folded  give keys in lower case
    """
    rows = packed_rows(data, form)
    if rows is None:
        return None
    found = Packing(b"", *rows.room)
    if not rows.read(found, folded=folded) or not len(found):
        return None
    rows.packed = found.packed()
    return rows

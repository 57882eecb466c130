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

    def mistakes(self) -> Iterator[tuple[int, Row]]:
        """Each line that is no entry, with the number of entries that come before it."""
        for before, start, number in zip(self._before, self._starts, self._numbers, strict=True):
            stop = start + LIMIT - 1
            end = self._data.find(b"\n", start, stop) + 1
            row = next(read_rows(self._data[start : end or stop], self._form))
            yield before, row._replace(line=number)

    def read(self, folded: bool) -> bool:
        """Read the text; False where it has no entries, or one whose key or value is empty."""
        data, form = self._data, self._form
        found = Packing(
            b"", len(data), data.count(b"\n") + 1
        )  # keys and values as lists need no text that they stand in
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
                number = self._read_rows(block, start, number, len(found), columns)
            if not all(columns.keys) or not all(columns.values):
                return False
            if folded:
                columns.keys[:] = [key.lower() for key in columns.keys]
            found.add_lists(columns.keys, columns.values)
            start = end
        if not len(found):
            return False
        self.packed = found.packed()
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


def read_packed_rows(data: bytes, form: Format, *, folded: bool) -> PackedRows | None:
    """The entries and mistakes of a text; None where it is quicker or necessary to read them singly.

    folded  give keys in lower case
    """
    from mailconf.arrays import arrays

    if not is_large(data) or arrays() is None:
        return None
    rows = PackedRows(data, form)
    return rows if rows.read(folded) else None

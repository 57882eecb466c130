"""Many entries of a text as arrays of places: what is quickest to read, to sort and to write of a million of them.

An object takes fifty bytes, and there are lines of five. So it is also how a table of many short lines is kept,
even where some of them are wrong: `read_packed` gives the same entries and mistakes as
`mailconf.tables.postmap.read_rows`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import NamedTuple

from mailconf.arrays import Array, arrays
from mailconf.tables.postmap import blocks, read_rows
from mailconf.tables.postmap import fold as fold_key
from mailconf.tables.rows import Problems, Progress, Rows

Fold = Callable[[bytes], bytes]
MANY = 1 << 22  # bytes of text that are worth it

_BLOCK = 1 << 18  # bytes that are read at a time: of a large text; of a smaller one, a sixteenth
_SMALL_BLOCK = 1 << 16
_MOST_SPACES = 16  # between key and value, and after the value
_OBJECTS = 270  # bytes that an entry takes at the most, as objects
_TIMES, _MORE = 8, 15 << 20  # of the text, and bytes: what all of them may take


class Packed(NamedTuple):
    """Entries: where their keys and values begin in ``text``, an array of bytes, and how long they are.

    No key and no value is empty or has a NUL.
    """

    text: Array
    key_at: Array
    key_length: Array
    value_at: Array
    value_length: Array

    def __len__(self) -> int:
        return len(self.key_at)

    def key(self, number: int) -> bytes:
        """The key of an entry."""
        return self._piece(self.key_at[number], self.key_length[number])

    def value(self, number: int) -> bytes:
        """The value of an entry."""
        return self._piece(self.value_at[number], self.value_length[number])

    def _piece(self, at: Array, length: Array) -> bytes:
        start = int(at)
        found: bytes = self.text[start : start + int(length)].tobytes()
        return found

    def without(self, numbers: Array) -> Packed:
        """All entries but those of these numbers."""
        np = arrays()
        kept = np.ones(len(self), bool)
        kept[numbers] = False
        return Packed(self.text, *(column[kept] for column in self[1:]))

    def dropping(self, numbers: Array) -> Packed:
        """The same in the memory of this one, which must not be used any more."""
        np = arrays()
        kept = np.ones(len(self), bool)
        kept[numbers] = False
        count = int(np.count_nonzero(kept))
        for column in self[1:]:
            column[:count] = column[kept]
        return Packed(self.text, *(column[:count] for column in self[1:]))

    def columns(self) -> tuple[list[bytes], list[bytes]]:
        """The keys and the values."""
        text = self.text.tobytes()
        keys, values = (
            [text[start:end] for start, end in zip(at.tolist(), (at + length).tolist(), strict=True)]
            for at, length in ((self.key_at, self.key_length), (self.value_at, self.value_length))
        )
        return keys, values


class Packing:
    """Entries collected to become packed.

    ``text`` is where they may stand; behind it follow keys that are not what is written there, and entries that are no
    plain lines: about as much as the text again, or ``more`` bytes. There are about ``most`` entries.
    """

    def __init__(self, text: bytes, more: int = 0, most: int = 1 << 10) -> None:
        self._np = np = arrays()
        self._text = text
        self._size = len(text)
        self._room = len(text) + max(len(text), more)
        self._whole: Array = None  # the text and what follows it, where something does
        # Numbers of 32 bits do, unless there may be two gigabytes.
        self._number = np.int32 if self._room < 1 << 31 else np.int64
        # Of the room that is not used, the system gives no memory.
        self._columns = [np.empty(most, self._number) for _ in range(4)]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, *places: Array) -> None:
        """Entries of the text so far, by where their keys begin, their lengths, and the same of their values."""
        count = self._count + len(places[0])
        for at, part in enumerate(places):
            column = self._columns[at]
            if count > len(column):
                self._columns[at] = self._np.empty(2 * count, self._number)
                self._columns[at][: self._count] = column[: self._count]
                column = self._columns[at]
            column[self._count : count] = part
        self._count = count

    def add_text(self, text: bytes | memoryview) -> int:
        """Put a text behind that so far; where it begins."""
        np, start, end = self._np, self._size, self._size + len(text)
        if self._whole is None or end > len(self._whole):
            before = np.frombuffer(self._text, np.uint8) if self._whole is None else self._whole
            self._whole = np.empty(max(self._room, end + (end >> 1)), np.uint8)
            self._whole[:start] = before[:start]
            self._text = b""
        self._whole[start:end] = np.frombuffer(text, np.uint8)
        self._size = end
        return start

    def add_lists(self, keys: list[bytes], values: list[bytes]) -> None:
        """Entries without a place in the text."""
        count = len(keys)
        at = self.add_text(b"".join(chain(keys, values)))
        lengths = self._np.fromiter(map(len, chain(keys, values)), self._np.int64, 2 * count)
        places = self._np.cumsum(lengths) - lengths + at
        self.add(places[:count], lengths[:count], places[count:], lengths[count:])

    def packed(self) -> Packed:
        """All of them; nothing is left here."""
        whole = self._np.frombuffer(self._text, self._np.uint8) if self._whole is None else self._whole[: self._size]
        columns = [column[: self._count] for column in self._columns]
        self._text, self._whole = b"", None
        self._columns.clear()
        return Packed(whole, *columns)


class _NotPlain(Exception):
    """A block has a line that is not plain."""


def is_large(data: bytes) -> bool:
    """Whether the entries of a text should be packed: it is long, or as objects they would take too much memory."""
    return len(data) >= MANY or data.count(b"\n") * _OBJECTS > _TIMES * len(data) + _MORE


def read_packed(
    data: bytes,
    *,
    utf8: bool,
    folded: bool,
    fold: Fold | None = None,
    problems: Problems | None = None,
    nulls: bool = False,
    progress: Progress | None = None,
) -> Packed | None:
    """The entries of ``data``; None where it has no entries, or `read_rows` is quicker.

    utf8      smtputf8_enable
    folded    give keys in lower case, those of ASCII as ever, others by ``fold``; without, by `mailconf.tables.postmap`
    problems  takes what is wrong with lines; without it there is no answer either if there is such a line
    nulls     as `mailconf.tables.postmap.read_rows` has it
    """
    np = arrays() if is_large(data) else None
    if np is None:
        return None
    found = Packing(data, most=count_lines(data) + 1)
    into = partial(read_into, found, data, utf8=utf8, folded=folded, fold=fold)
    read = into(problems=problems, nulls=nulls, progress=progress)
    return found.packed() if read and len(found) else None


def read_into(
    found: Packing,
    data: bytes,
    *,
    utf8: bool,
    folded: bool,
    fold: Fold | None = None,
    problems: Problems | None = None,
    nulls: bool = False,
    progress: Progress | None = None,
) -> bool:
    """Add the entries of ``data``, the text of ``found``, as `read_packed` does; False where that has no answer."""
    np = arrays()
    whole = np.frombuffer(data, np.uint8)
    before = len(found)
    nulls = nulls and b"\0" in data
    parts = 1 if len(data) >= MANY else 16
    if len(data) >= 4 * MANY:
        # glibc gives back to the system what is freed, until it has seen a piece of this size freed (mallopt(3)): then
        # the memory of one block is that of the next.
        np.empty(16 * _BLOCK, np.uint8)
    for start, end in blocks(data, _BLOCK // parts, nulls=nulls):
        if progress is not None:
            progress(start, len(data), len(found) - before)
        if _read_plain(np, data, whole, start, end, found, folded):
            continue
        for at, stop in blocks(data, _SMALL_BLOCK // parts, start, end, nulls=nulls):
            if _read_plain(np, data, whole, at, stop, found, folded):
                continue
            rows = read_rows(data[at:stop], utf8=utf8, places=True, nulls=nulls)
            if rows.problems and problems is None:
                return False
            if problems is not None:
                problems.add_all(rows.problems, len(found) - before, at)
            if folded:
                rows.keys = list(map(fold or partial(fold_key, utf8=utf8), rows.keys))
            _add(np, rows, data, at, found)
    return True


def count_lines(data: bytes) -> int:
    """How many newlines a text has; bytes.count takes four times as long."""
    np = arrays()
    text = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(text[at : at + _BLOCK] == 10)) for at in range(0, text.size, _BLOCK))


def _add(np: Array, rows: Rows, data: bytes, at: int, found: Packing) -> None:
    """Add the entries of the part of a text that begins at ``at``."""
    key_at, value_at = (at + np.frombuffer(places, np.uint32) for places in (rows.places.starts, rows.places.values_at))
    there = data.startswith
    if all(map(there, rows.keys, key_at.tolist())) and all(map(there, rows.values, value_at.tolist())):
        lengths = (np.fromiter(map(len, side), np.int64, len(rows)) for side in (rows.keys, rows.values))
        found.add(key_at, next(lengths), value_at, next(lengths))
    else:
        found.add_lists(rows.keys, rows.values)


def _read_plain(np: Array, data: bytes, whole: Array, start: int, end: int, found: Packing, folded: bool) -> bool:
    """Read a block if each of its lines is plain; whether it was."""
    if end - start > 2 * _BLOCK:  # a line without end, or comments
        return False
    block = data[start:end]
    try:
        key_at, key_length, value_at, value_length = _plain(np, block, whole[start:end])
    except _NotPlain:
        return False
    letters = whole[start:end]
    if folded and _has_capitals(np, letters, key_at, key_length):
        key_at += found.add_text(block.lower())
    else:
        key_at += start
    value_at += start
    found.add(key_at, key_length, value_at, value_length)
    return True


def _has_capitals(np: Array, letters: Array, key_at: Array, key_length: Array) -> bool:
    """Whether one of the keys has a capital letter; values may, as OK."""
    capitals = np.flatnonzero((letters - np.uint8(65)) < 26)
    if not capitals.size or not key_at.size:
        return False
    key = np.maximum(np.searchsorted(key_at, capitals, "right") - 1, 0)
    return bool((capitals - key_at[key] < key_length[key])[capitals >= key_at[key]].any())


def _plain(np: Array, block: bytes, letters: Array) -> tuple[Array, Array, Array, Array]:
    """Where the keys of a block begin, their lengths, and the same of the values.

    Raises _NotPlain unless each line is an entry of its own, of ASCII without quotes, a comment, or empty.
    """
    if not block.isascii() or b'"' in block or b"\\" in block or not block.endswith(b"\n"):
        raise _NotPlain
    spaces = np.flatnonzero(letters <= 32)
    kinds = letters[spaces]
    if ((kinds < 9) | ((kinds > 13) & (kinds != 32))).any():
        raise _NotPlain
    ends = np.flatnonzero(kinds == 10)
    firsts = np.empty_like(ends)
    firsts[0] = 0
    firsts[1:] = ends[:-1] + 1
    line_end = spaces[ends]
    key_end = spaces[firsts]
    line = np.empty_like(line_end)
    line[0] = 0
    line[1:] = line_end[:-1] + 1
    kept = (line != line_end) & (letters[line] != 35)
    if not kept.all():
        line, line_end, key_end = line[kept], line_end[kept], key_end[kept]
    value = key_end + 1
    if (key_end == line).any() or (letters[key_end - 1] == 58).any():
        raise _NotPlain
    for _ in range(_MOST_SPACES):
        if (value >= line_end).any():  # there is no value
            raise _NotPlain
        late = letters[value] <= 32
        if not late.any():
            break
        value += late
    else:
        raise _NotPlain
    for _ in range(_MOST_SPACES):
        late = letters[line_end - 1] <= 32
        if not late.any():
            break
        line_end -= late
    else:
        raise _NotPlain
    return line, key_end - line, value, line_end - value

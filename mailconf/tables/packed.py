"""Many entries of a text as arrays of places: what is quickest to read, to sort and to write of a million of them.

`read_packed` gives the same entries as `mailconf.tables.postmap.read_rows`, or None where something is to be said of a
line, or a line is not an entry of its own in some way that is rare in large files.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from mailconf.arrays import Array, arrays
from mailconf.tables.postmap import blocks, fold, read_rows
from mailconf.tables.rows import Progress

MANY = 1 << 22  # bytes of text that are worth it

_BLOCK = 1 << 20
_MOST_SPACES = 16  # between key and value, and behind the value


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

    def columns(self) -> tuple[list[bytes], list[bytes]]:
        """The keys and the values."""
        text = self.text.tobytes()
        keys, values = (
            [text[start:end] for start, end in zip(at.tolist(), (at + length).tolist(), strict=True)]
            for at, length in ((self.key_at, self.key_length), (self.value_at, self.value_length))
        )
        return keys, values


class _NotPlain(Exception):
    """A block has a line that is not plain."""


def read_packed(data: bytes, *, utf8: bool, folded: bool, progress: Progress | None = None) -> Packed | None:
    """The entries of ``data``, or None where `read_rows` has to read it or is quicker.

    utf8    smtputf8_enable
    folded  give keys in lower case (`fold`)
    """
    np = arrays() if len(data) >= MANY else None
    if np is None:
        return None
    # Behind the text itself follow keys that are not what is written there, and entries that are no plain lines.
    parts = [data]
    extra = len(data)
    found: list[tuple[Array, ...]] = []
    whole = np.frombuffer(data, np.uint8)
    entries = 0
    for start, end in blocks(data, _BLOCK):
        if progress is not None:
            entries += len(found[-1][0]) if found else 0
            progress(start, len(data), entries)
        block = data[start:end]
        try:
            places = _plain(np, block, whole[start:end])
        except _NotPlain:
            places = None
        if places is not None:
            key_at, value_at = places[0], places[2]
            value_at += start
            lower = block.lower() if folded else block
            if lower == block:
                key_at += start
            else:
                parts.append(lower)
                key_at += extra
                extra += len(lower)
            found.append(places)
            continue
        rows = read_rows(block, utf8=utf8)
        if rows.problems:
            return None
        keys = [fold(key, utf8=utf8) for key in rows.keys] if folded else rows.keys
        lengths = np.fromiter(map(len, chain(keys, rows.values)), np.int64, 2 * len(keys))
        at = np.cumsum(lengths) - lengths + extra
        count = len(keys)
        found.append((at[:count], lengths[:count], at[count:], lengths[count:]))
        parts += [b"".join(keys), b"".join(rows.values)]
        extra += sum(map(len, parts[-2:]))
    if not found:
        return None
    if len(parts) > 1:
        whole = np.frombuffer(b"".join(parts), np.uint8)
    return Packed(whole, *map(np.concatenate, zip(*found, strict=True)))


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

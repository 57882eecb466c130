"""Many aliases as arrays of places (`mailconf.tables.packed`): what `mailconf.tables.aliases.read_alias_rows` gives."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mailconf.source import encode
from mailconf.tables.aliases import Alias, read_lines
from mailconf.tables.packed import Packing
from mailconf.tables.postmap import Nulls
from mailconf.tables.rows import Problems

_SOME = 1 << 12  # entries that are objects at a time
_GROWTH = 4  # of a line, when it is put together anew


def room(data: bytes, own: Collection[tuple[bytes, bytes]]) -> tuple[int, int]:
    """How much text, and about how many entries, `read_packed_aliases` adds at the most."""
    return _GROWTH * len(data), data.count(b"\n") + 1 + len(own)


def read_packed_aliases(
    found: Packing,
    data: bytes,
    own: Collection[tuple[bytes, bytes]],
    problems: Problems,
    *,
    utf8: bool,
    fold: Callable[[bytes], bytes],
    end: bytes,
    nulls: bool = False,
) -> bool:
    """Add the aliases of the text ``data`` and, after them, ``own`` entries, as they are stored.

    problems  takes what is wrong with lines
    fold      gives a name in lower case, or as it is
    end       is put after names and values: a NUL or nothing
    nulls     those in the text are problems, too

    False where a name is empty or that of an entry of ours: packed entries could not be distinguished.
    """
    before = len(found)
    reserved = {b"", *(key.removesuffix(b"\0") for key, _ in own)}
    keys: list[bytes] = []
    values: list[bytes] = []
    told = Nulls(data, problems) if nulls else None
    for line, alias in read_lines(data, utf8=utf8, nulls=nulls):
        if told is not None:
            told.tell(line.start, len(found) + len(keys) - before)
        if isinstance(alias, Alias):
            key = fold(encode(alias.name))
            if key in reserved:
                return False
            keys.append(key + end)
            values.append(encode(alias.value) + end)
            if len(keys) == _SOME:
                found.add_lists(keys, values)
                keys, values = [], []
        elif alias:
            count = len(found) + len(keys) - before
            problems.append(alias, count, line.start, *line.stretch(0, len(line.text)))
    if told is not None:
        told.tell(0, len(found) + len(keys) - before)
    found.add_lists(keys + [key for key, _ in own], values + [value for _, value in own])
    return True

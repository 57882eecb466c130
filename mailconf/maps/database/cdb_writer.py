"""Constant databases: the writer. `mailconf.maps.database.cdb` describes the format.

A file is determined by its records and their order: ours has the same bytes as that of postmap(1). A table has twice as
many slots as keys.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import accumulate, chain
from operator import add
from typing import BinaryIO

from mailconf.maps.core.opening import Progress, Repeated
from mailconf.maps.database.cdb import HEADER, LARGEST, PRIME, START, TABLES
from mailconf.maps.database.fnv import MASK, hash_all

_PAIR = struct.Struct("<II")
_BATCH = 1 << 16  # records written at a time


def write_cdb(
    file: BinaryIO,
    keys: list[bytes],
    values: list[bytes],
    *,
    end: bytes = b"",
    progress: Progress | None = None,
) -> None:
    """Write a table, its values in the order of its keys, into the empty file ``file``.

    ``end`` is appended to every key and value; ``progress`` is called now and then with (entries done, all entries).

    Raises Repeated when a key comes twice, OSError (EFBIG) when the file would exceed 4 gigabytes.
    """
    if end:
        keys = [key + end for key in keys]
        values = [value + end for value in values]
    lengths = array("I", map(len, keys)), array("I", map(len, values))
    places = list(accumulate(map(add, *lengths), lambda place, length: place + length + 8, initial=HEADER))
    tables_at = places.pop()
    if tables_at + 16 * len(keys) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    tables = list(_tables(keys, places))
    total = len(keys)
    file.write(_header(tables, tables_at))
    for at in range(0, total, _BATCH):
        part = slice(at, at + _BATCH)
        heads = map(_PAIR.pack, lengths[0][part], lengths[1][part])
        file.write(b"".join(chain.from_iterable(zip(heads, keys[part], values[part], strict=True))))
        if progress is not None:
            progress(min(at + _BATCH, total), total)
    file.writelines(tables)
    if progress is not None:
        progress(total, total)


def _header(tables: list[array[int]], place: int) -> bytes:
    pairs = []
    for table in tables:
        pairs.append(_PAIR.pack(place, len(table)))
        place += 8 * len(table)
    return b"".join(pairs)


def _tables(keys: list[bytes], places: list[int]) -> Iterator[array[int]]:
    """The hash tables; a slot is a number of 64 bits, the hash its lower half."""
    hashes = hash_all(keys, prime=PRIME, start=START)
    halves = array("I", bytes(8 * len(keys)))
    little = sys.byteorder == "little"
    halves[1 - little :: 2] = hashes
    halves[little::2] = array("I", places)
    slots = memoryview(halves).cast("B").cast("Q").tolist()
    chosen: list[list[int]] = [[] for _ in range(TABLES)]
    lowest = memoryview(hashes).cast("B")[0 if little else 3 :: 4].tobytes()
    deque(map(list.append, map(chosen.__getitem__, lowest), slots), maxlen=0)
    for members in chosen:
        yield _table(members, keys, places)


def _table(members: list[int], keys: list[bytes], places: list[int]) -> array[int]:
    size = 2 * len(members)
    table = [0] * size
    for member in members:
        at = (member >> 8 & 0xFFFFFF) % size
        while table[at]:
            if not (table[at] ^ member) & MASK and _key(table[at], keys, places) == _key(member, keys, places):
                raise Repeated
            at += 1
            if at == size:
                at = 0
        table[at] = member
    slots = array("Q", table)
    if sys.byteorder == "big":
        slots.byteswap()
    return slots


def _key(slot: int, keys: list[bytes], places: list[int]) -> bytes:
    """The key whose record a slot points to."""
    return keys[bisect_left(places, slot >> 32)]

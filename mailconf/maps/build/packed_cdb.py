"""cdb files written from packed entries. `mailconf.maps.database.cdb` describes the format."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

from mailconf.arrays import Array, arrays
from mailconf.maps.core.opening import Progress, Repeated
from mailconf.maps.database.cdb import HEADER, LARGEST, PRIME, START, TABLES
from mailconf.maps.database.packed import NotPacked, copy, hashes, key_of, write_at
from mailconf.tables.packed import Packed

_LONGEST = 2048  # bytes of a key or value
_BATCH = 1 << 16  # records written at a time


def write_cdb(file: BinaryIO, packed: Packed, *, progress: Progress | None = None) -> None:
    """Write a table as a cdb file, keys and values as they are. Raises NotPacked, Repeated, OSError (EFBIG)."""
    np = arrays()
    count = len(packed)
    lengths = packed.key_length, packed.value_length
    if not count or any(int(part.max()) > _LONGEST for part in lengths):
        raise NotPacked
    sizes = packed.key_length + packed.value_length + 8
    stops = HEADER + np.cumsum(sizes)
    tables_at = int(stops[-1])
    if tables_at + 16 * count > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    places = stops - sizes
    values = hashes(packed.text, packed.key_at, packed.key_length, PRIME, START)
    _refuse_repeated(packed, values)
    descriptor = file.fileno()
    for at in range(0, count, _BATCH):
        part = slice(at, at + _BATCH)
        place = places[part]
        first = int(place[0])
        data = np.empty(int(stops[part][-1]) - first, np.uint8)
        start = place - first
        heads = np.stack((packed.key_length[part], packed.value_length[part]), axis=1).astype("<u4")
        eight = np.full(len(start), 8)
        copy(data, start, heads.reshape(-1).view(np.uint8), np.arange(len(start)) * 8, eight)
        copy(data, start + 8, packed.text, packed.key_at[part], packed.key_length[part])
        value_at = start + 8 + packed.key_length[part]
        copy(data, value_at, packed.text, packed.value_at[part], packed.value_length[part])
        write_at(descriptor, data, first)
        if progress is not None:
            progress(min(at + _BATCH, count), count)
    slots, sizes_of_tables = _tables(np, values, places)
    write_at(descriptor, slots, tables_at)
    table_places = tables_at + 8 * (np.cumsum(sizes_of_tables) - sizes_of_tables)
    write_at(descriptor, np.stack((table_places, sizes_of_tables), axis=1).astype("<u4"), 0)


def _refuse_repeated(packed: Packed, values: Array) -> None:
    """Raise Repeated when a key comes twice; ``values`` are the hashes."""
    np = arrays()
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    same = ranked[1:] == ranked[:-1]
    alike = np.zeros(len(order), bool)
    alike[1:] = same
    alike[:-1] |= same
    numbers = order[alike].tolist()
    if len({key_of(packed, number) for number in numbers}) < len(numbers):
        raise Repeated


def _tables(np: Array, values: Array, places: Array) -> tuple[Array, Array]:
    """The hash tables behind each other, and how many slots each has: two for an entry."""
    chosen = values & np.uint32(TABLES - 1)
    counts = np.bincount(chosen, minlength=TABLES)
    sizes = 2 * counts
    wanted = (values >> np.uint32(8)).astype(np.int64) % sizes[chosen]
    # In the order of the tables, and in each of the slots where the search begins.
    order = np.argsort(chosen.astype(np.int64) << 32 | wanted)
    entries = values[order].astype(np.uint64) | places[order].astype(np.uint64) << np.uint64(32)
    wanted = wanted[order]
    slots = np.zeros(2 * len(values), "<u8")
    start = 0
    for count in counts.tolist():
        if not count:
            continue
        table = slots[2 * start : 2 * (start + count)]
        some = entries[start : start + count]
        number = np.arange(count)
        # Each takes the slot that it wants, or the one behind the entry before.
        taken = number + np.maximum.accumulate(wanted[start : start + count] - number)
        fits = int(np.searchsorted(taken, 2 * count))
        table[taken[:fits]] = some[:fits]
        # Those for which the table ends too early go on at its beginning.
        table[np.flatnonzero(table == 0)[: count - fits]] = some[fits:]
        start += count
    return slots, sizes

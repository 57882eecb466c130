"""cdb files written from packed entries. `mailconf.maps.database.cdb` describes the format."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

from mailconf.arrays import Array, arrays
from mailconf.maps.core.opening import Progress, Repeated
from mailconf.maps.database.cdb import HEADER, LARGEST, PRIME, START, TABLES
from mailconf.maps.database.packed import NotPacked, copy, hashes, repeats, write_at
from mailconf.tables.packed import Packed

_LONGEST = 2048  # bytes of a key or value
_PARTS, _FEW, _MOST = 16, 1 << 12, 1 << 16  # in how many parts records are written; at least and at most so many


def write_cdb(file: BinaryIO, packed: Packed, *, end: bytes = b"", progress: Progress | None = None) -> None:
    """Write a table as a cdb file, keys and values as they are. Raises NotPacked, Repeated, OSError (EFBIG)."""
    np = arrays()
    count = len(packed)
    lengths = packed.key_length, packed.value_length
    if end or not count or any(int(part.max()) > _LONGEST for part in lengths):
        raise NotPacked
    stops = np.cumsum(packed.key_length + packed.value_length + 8)
    tables_at = HEADER + int(stops[-1])
    if tables_at + 16 * count > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    places = np.empty(count, np.uint32)
    places[0] = HEADER
    places[1:] = stops[:-1] + HEADER
    del stops
    values = hashes(packed.text, packed.key_at, packed.key_length, PRIME, START)
    _refuse_repeated(packed, values)
    descriptor = file.fileno()
    batch = min(max(count // _PARTS, _FEW), _MOST)
    for at in range(0, count, batch):
        part = slice(at, at + batch)
        first = int(places[at])
        stop = int(places[at + batch]) if at + batch < count else tables_at
        data = np.empty(stop - first, np.uint8)
        start = places[part].astype(np.int64) - first
        heads = np.stack((packed.key_length[part], packed.value_length[part]), axis=1).astype("<u4")
        eight = np.full(len(start), 8)
        copy(data, start, heads.reshape(-1).view(np.uint8), np.arange(len(start)) * 8, eight)
        copy(data, start + 8, packed.text, packed.key_at[part], packed.key_length[part])
        value_at = start + 8 + packed.key_length[part]
        copy(data, value_at, packed.text, packed.value_at[part], packed.value_length[part])
        write_at(descriptor, data, first)
        if progress is not None:
            progress(min(at + batch, count), count)
    sizes = _write_tables(descriptor, tables_at, values, places)
    table_places = tables_at + 8 * (np.cumsum(sizes) - sizes)
    write_at(descriptor, np.stack((table_places, sizes), axis=1).astype("<u4"), 0)


def _refuse_repeated(packed: Packed, values: Array) -> None:
    """Raise Repeated when a key comes twice; ``values`` are the hashes."""
    np = arrays()
    ranked = np.sort(values)
    if (ranked[1:] == ranked[:-1]).any() and len(repeats(packed)[0]):
        raise Repeated


def _write_tables(descriptor: int, tables_at: int, values: Array, places: Array) -> Array:
    """Write the hash tables after each other; how many slots each has: two for an entry."""
    np = arrays()
    chosen = (values & np.uint32(TABLES - 1)).astype(np.uint8)
    counts = np.bincount(chosen, minlength=TABLES)
    order = np.argsort(chosen, kind="stable")
    start = 0
    for count in counts.tolist():
        if count:
            some = order[start : start + count]
            write_at(descriptor, _table(np, values[some], places[some]), tables_at + 16 * start)
            start += count
    return 2 * counts


def _table(np: Array, values: Array, places: Array) -> Array:
    """The table of entries with these hashes and places."""
    count = len(values)
    wanted = (values >> np.uint32(8)).astype(np.int64) % (2 * count)
    order = np.argsort(wanted, kind="stable")
    entries = values[order].astype(np.uint64) | places[order].astype(np.uint64) << np.uint64(32)
    table = np.zeros(2 * count, "<u8")
    number = np.arange(count)
    # Each takes the slot that it wants, or the one after the entry before.
    taken = number + np.maximum.accumulate(wanted[order] - number)
    fits = int(np.searchsorted(taken, 2 * count))
    table[taken[:fits]] = entries[:fits]
    # Those for which the table ends too early go on at its beginning.
    table[np.flatnonzero(table == 0)[: count - fits]] = entries[fits:]
    return table

"""Berkeley DB hash and btree files written from packed entries, by many pages at a time.

The files are those of `mailconf.maps.database.bdb_hash_writer` and `mailconf.maps.database.bdb_btree_writer`, which
write the entries that are not usual: big ones. What ends keys and values, a NUL or nothing, is the ``end`` of both.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from mailconf.arrays import Array, arrays
from mailconf.maps.core.opening import Progress
from mailconf.maps.database.bdb import BTREE_LEAF, CAPACITY, HASH, HEADER, NO_PAGE, PAGE_SIZE
from mailconf.maps.database.bdb_btree_writer import BIG_LIMIT as BTREE_LIMIT
from mailconf.maps.database.bdb_btree_writer import BtreeWriter, Child, common
from mailconf.maps.database.bdb_hash_writer import BIG_LIMIT as HASH_LIMIT
from mailconf.maps.database.bdb_hash_writer import HashWriter, bucket_count, longer_first, page_parts
from mailconf.maps.database.bdb_items import KEYDATA
from mailconf.maps.database.fnv import PRIME
from mailconf.maps.database.packed import (
    AT_ONCE,
    NotPacked,
    WordColumn,
    copy,
    hashes,
    ordered,
    ranges,
    stretches,
    write_at,
)
from mailconf.tables.packed import Packed

_HEAD = 3  # bytes before the text of a btree's item


def write_hash(file: BinaryIO, packed: Packed, *, end: bytes, progress: Progress | None = None) -> None:
    """Write a table as a hash file. Raises NotPacked, Repeated."""
    np = arrays()
    count = len(packed)
    lengths = packed.key_length, packed.value_length
    if not count or any(int(part.max()) + len(end) > HASH_LIMIT for part in lengths):
        raise NotPacked
    costs = packed.key_length + packed.value_length + 2 * (3 + len(end))
    size = int(costs.sum())
    buckets = bucket_count(size)
    places = hashes(packed.text, packed.key_at, packed.key_length, PRIME, 0, end=bool(end)) & np.uint32(buckets - 1)
    order = ordered(packed, places, buckets - 1)
    counts = np.bincount(places, minlength=buckets)
    stops = np.cumsum(counts)
    starts = stops - counts
    if not end:
        _longer_first(packed, order, places, starts, counts)
    del places
    used = np.zeros(count + 1, np.int32 if size < 1 << 31 else np.int64)
    np.cumsum(costs[order], dtype=used.dtype, out=used[1:])
    first = _Pages(np.arange(1, buckets + 1), starts, counts)
    rest: list[tuple[int, int, int, int]] = []  # start, count, previous and next page
    number = buckets + 1
    for bucket in np.flatnonzero(used[stops] - used[starts] > CAPACITY).tolist():
        start, stop = int(starts[bucket]), int(stops[bucket])
        parts = list(page_parts(costs[order[start:stop]].tolist()))
        counts[bucket] = parts[0][1]
        first.following[bucket] = number
        previous = bucket + 1
        for begin, behind in parts[1:]:
            last = behind == stop - start
            rest.append((start + begin, behind - begin, previous, NO_PAGE if last else number + 1))
            previous, number = number, number + 1
    descriptor = file.fileno()
    _write_hash_pages(descriptor, packed, order, first, end, progress)
    if rest:
        columns = [np.array(column) for column in zip(*rest, strict=True)]
        more = _Pages(np.arange(buckets + 1, number), columns[0], columns[1])
        more.previous, more.following = columns[2], columns[3]
        _write_hash_pages(descriptor, packed, order, more, end, progress)
    os.pwrite(descriptor, HashWriter.meta(buckets, count, number - 1), 0)
    if progress is not None:
        progress(count, count)


def _longer_first(packed: Packed, order: Array, places: Array, starts: Array, counts: Array) -> None:
    """Change the order of entries in their buckets, ``places``, to libdb's."""
    np = arrays()
    words = WordColumn(packed)
    found = np.zeros(len(counts), bool)
    for at in range(0, len(order) - 1, AT_ONCE):
        some = order[at : at + AT_ONCE + 1]
        ones, others = some[:-1], some[1:]
        one_bucket = places[ones] == places[others]
        ones, others = ones[one_bucket], others[one_bucket]
        found[places[ones[words.begin(ones, others)]]] = True
    for bucket in np.flatnonzero(found).tolist():
        part = slice(int(starts[bucket]), int(starts[bucket] + counts[bucket]))
        numbers = {packed.key(number): number for number in order[part].tolist()}
        order[part] = [numbers[key] for key in longer_first(list(numbers))]


class _Pages:
    """Pages, and which of the ordered entries each has."""

    def __init__(self, numbers: Array, starts: Array, counts: Array) -> None:
        np = arrays()
        self.numbers = numbers
        self.starts = starts
        self.counts = counts
        self.previous = np.zeros_like(numbers)
        self.following = np.zeros_like(numbers)

    def stretch(self, part: slice) -> _Pages:
        pages = _Pages(self.numbers[part], self.starts[part], self.counts[part])
        pages.previous, pages.following = self.previous[part], self.following[part]
        return pages

    def places(self, sizes: Array) -> tuple[Array, Array, Array, Array]:
        """For entries of these sizes, one page's after the other's: which entry of which page each is, the lowest
        byte that it has on the page, and of each page the lowest byte in use.
        """
        np = arrays()
        before = np.cumsum(self.counts) - self.counts
        page = np.repeat(np.arange(len(self.counts)), self.counts)
        used = np.concatenate(([0], np.cumsum(sizes)))
        at_page = used[before]
        low = PAGE_SIZE - (used[1:] - at_page[page])
        lowest = PAGE_SIZE - (used[before + self.counts] - at_page)
        return page, np.arange(len(page)) - before[page], low, lowest


def _header(np: Array, pages: _Pages, lowest: Array, entries: Array, level: int, kind: int) -> Array:
    """Pages of zeros with their headers."""
    layout = np.dtype(
        {
            "names": ["zero", "one", "number", "previous", "next", "entries", "low", "level", "kind"],
            "formats": ["u4", "u4", "u4", "u4", "u4", "u2", "u2", "u1", "u1"],
            "offsets": [0, 4, 8, 12, 16, 20, 22, 24, 25],
            "itemsize": PAGE_SIZE,
        }
    )
    data = np.zeros(len(pages.numbers) * PAGE_SIZE, np.uint8)
    heads = data.view(layout)
    heads["one"] = 1
    heads["number"] = pages.numbers
    heads["previous"] = pages.previous
    heads["next"] = pages.following
    heads["entries"] = entries
    heads["low"] = lowest
    heads["level"] = level
    heads["kind"] = kind
    return data


def _write_hash_pages(
    descriptor: int, packed: Packed, order: Array, all_pages: _Pages, end: bytes, progress: Progress | None
) -> None:
    """Write the pages of a hash file, whose numbers follow each other."""
    np = arrays()
    done = 0
    for part in stretches(all_pages.counts):
        pages = all_pages.stretch(part)
        some = order[ranges(pages.starts, pages.counts)]
        key_length, value_length = packed.key_length[some], packed.value_length[some]
        page, entry, low, lowest = pages.places(key_length + value_length + 2 * (1 + len(end)))
        data = _header(np, pages, lowest, 2 * pages.counts, 0, HASH)
        base = page * PAGE_SIZE
        value_at = base + low
        key_at = value_at + value_length + 1 + len(end)
        numbers = data.view(np.uint16)
        offsets = (base + HEADER >> 1) + 2 * entry
        numbers[offsets] = key_at - base
        numbers[offsets + 1] = low
        data[key_at] = KEYDATA
        data[value_at] = KEYDATA
        copy(data, key_at + 1, packed.text, packed.key_at[some], key_length)
        copy(data, value_at + 1, packed.text, packed.value_at[some], value_length)
        write_at(descriptor, data, int(pages.numbers[0]) * PAGE_SIZE)
        done += len(some)
        if progress is not None:
            progress(done, len(order))


def write_btree(file: BinaryIO, packed: Packed, *, end: bytes, progress: Progress | None = None) -> None:
    """Write a table as a btree file. Raises NotPacked, Repeated."""
    np = arrays()
    count = len(packed)
    if not count or any(int(part.max()) + len(end) > BTREE_LIMIT for part in (packed.key_length, packed.value_length)):
        raise NotPacked
    order = ordered(packed)
    sizes = _item_size(packed.key_length, end) + _item_size(packed.value_length, end)
    starts = np.array(filled(sizes[order] + 4, CAPACITY))
    leaves = len(starts)
    if leaves < 2:  # the root is the only leaf
        raise NotPacked
    pages = _Pages(np.arange(2, leaves + 2), starts, np.diff(starts, append=count))
    pages.previous[1:] = pages.numbers[:-1]
    pages.following[:-1] = pages.numbers[1:]
    descriptor = file.fileno()
    writer = BtreeWriter(descriptor, end, progress)
    for part in stretches(pages.counts):
        some_pages = pages.stretch(part)
        some = order[ranges(some_pages.starts, some_pages.counts)]
        _write_leaves(descriptor, packed, some, some_pages, end)
        if progress is not None:
            progress(int(some_pages.starts[-1]), count)
    children: list[Child] = [(b"", 2)]
    firsts = order[starts[1:]].tolist()
    for number, (last, first) in enumerate(zip(order[starts[1:] - 1].tolist(), firsts, strict=True), 3):
        before, key = packed.key(last) + end, packed.key(first) + end
        children.append((key[: common(before, key) + 1], number))
    writer.finish(children, leaves + 2, count)


def _item_size(lengths: Array, end: bytes) -> Array:
    return (lengths + _HEAD + len(end) + 3) & ~3


def filled(costs: Array, room: int) -> list[int]:
    """Where the pages begin that entries of these costs fill in turn, each of which has ``room``."""
    np = arrays()
    used = np.cumsum(costs)
    starts, at, before = [], 0, 0
    while at < len(used):
        starts.append(at)
        at = int(np.searchsorted(used, before + room, "right"))
        before = int(used[at - 1])
    return starts


def _write_leaves(descriptor: int, packed: Packed, some: Array, pages: _Pages, end: bytes) -> None:
    np = arrays()
    key_length, value_length = packed.key_length[some], packed.value_length[some]
    value_size = _item_size(value_length, end)
    page, entry, low, lowest = pages.places(_item_size(key_length, end) + value_size)
    data = _header(np, pages, lowest, 2 * pages.counts, 1, BTREE_LEAF)
    base = page * PAGE_SIZE
    value_at = base + low
    key_at = value_at + value_size
    numbers = data.view(np.uint16)
    offsets = (base + HEADER >> 1) + 2 * entry
    numbers[offsets] = key_at - base
    numbers[offsets + 1] = low
    for at, length, text_at in ((key_at, key_length, packed.key_at), (value_at, value_length, packed.value_at)):
        numbers[at >> 1] = length + len(end)
        data[at + 2] = KEYDATA
        copy(data, at + _HEAD, packed.text, text_at[some], length)
    write_at(descriptor, data, int(pages.numbers[0]) * PAGE_SIZE)

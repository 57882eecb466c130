"""Berkeley DB btree files, version 9: the writer. `mailconf.maps.bdb_btree` describes the format.

All keys are known, so the tree is built from the bottom: leaves filled with the sorted entries, over them internal
pages until one is enough, which is the root. The root is page 1, as in libdb's files; the leaves are the pages behind
it in the order of their keys, the other internal pages follow, and behind them the big items.

Speed: code that runs once for every entry is code that runs in C.
"""

from __future__ import annotations

import os
import struct
from array import array
from bisect import bisect_right
from itertools import accumulate, chain
from operator import eq, itemgetter, sub
from typing import BinaryIO

from mailconf.maps.bdb import (
    BTREE_INTERNAL,
    BTREE_LEAF,
    BTREE_META,
    CAPACITY,
    NO_PAGE,
    PAGE_SIZE,
    PageRun,
    header,
    meta_page,
    write_big_item,
)
from mailconf.maps.bdb_btree import MAGIC, VERSION
from mailconf.maps.bdb_items import BIG, KEYDATA
from mailconf.maps.opening import Progress, Repeated

BIG_LIMIT = 1007  # bytes
_MINIMUM_KEYS = 2
_PAD_BYTE = 0x20  # meant for files of another kind, but libdb writes it

_ROOT = 1
_REFERENCE = struct.Struct("=HBxII")
_HEAD = struct.Struct("=HB")
_CHILD = struct.Struct("=HBxII")

_first = itemgetter(0)
_Child = tuple[bytes, int]  # the lowest key that a page may have, as it is stored, and the page's number


def write_btree(
    file: BinaryIO,
    keys: list[bytes],
    values: list[bytes],
    *,
    end: bytes = b"",
    progress: Progress | None = None,
) -> None:
    """Write a table as a btree file; the arguments are those of `mailconf.maps.bdb_hash_writer.write_hash`."""
    _BtreeWriter(file.fileno(), keys, values, end, progress).write()


class _BtreeWriter:
    def __init__(
        self, descriptor: int, keys: list[bytes], values: list[bytes], end: bytes, progress: Progress | None
    ) -> None:
        self.descriptor = descriptor
        self.end = end
        self.progress = progress
        # A NUL at the end of all keys does not change their order.
        pairs = sorted(zip(keys, values, strict=True), key=_first)
        self.items = list(chain.from_iterable(pairs))
        self.lengths = list(map(len, self.items))
        self.limit = BIG_LIMIT - len(end)
        self.any_big = max(self.lengths, default=0) > self.limit
        self.heads = [_HEAD.pack(length + len(end), KEYDATA) for length in range(self.limit + 1)]
        self.tails = [end + bytes(-(3 + length + len(end)) % 4) for length in range(self.limit + 1)]
        # sums[n] bytes on pages are taken by the first n items and their offsets
        costs = [
            2 + len(head) + n + len(tail) for n, (head, tail) in enumerate(zip(self.heads, self.tails, strict=True))
        ]
        costs.append(2 + _REFERENCE.size)
        lengths = [min(length, self.limit + 1) for length in self.lengths] if self.any_big else self.lengths
        self.sums = list(accumulate(map(costs.__getitem__, lengths), initial=0))

    def write(self) -> None:
        keys = self.items[0::2]
        if any(map(eq, keys, keys[1:])):
            raise Repeated
        leaves = self._leaves()
        first = _ROOT if len(leaves) == 1 else _ROOT + 1
        levels = _levels(self._separators(leaves, first), first + len(leaves))
        self.rest = PageRun(self.descriptor, first + len(leaves) + sum(map(len, levels)) - (len(levels) > 0))
        self._write_leaves(leaves, first)
        for level, pages in enumerate(levels, start=2):
            for number, children in pages:
                self._write_internal(number, level, children)
        self.rest.flush()
        own = struct.pack("=6I", 0, _MINIMUM_KEYS, 0, _PAD_BYTE, _ROOT, 0)
        os.pwrite(self.descriptor, meta_page(MAGIC, VERSION, BTREE_META, self.rest.next - 1, 0, own), 0)
        if self.progress is not None:
            self.progress(len(keys), len(keys))

    def _leaves(self) -> list[tuple[int, int]]:
        """Which items are on which leaf: (start, stop) for each."""
        leaves = []
        start, total = 0, len(self.items)
        while start < total:
            stop = bisect_right(self.sums, self.sums[start] + CAPACITY, start) - 1
            stop -= stop % 2
            leaves.append((start, stop))
            start = stop
        return leaves or [(0, 0)]

    def _separators(self, leaves: list[tuple[int, int]], number: int) -> list[_Child]:
        """For each leaf the lowest key that it may have: as much of its first key as tells it from the one before."""
        children = [(b"", number)]
        for start, _ in leaves[1:]:
            number += 1
            before, key = self.items[start - 2] + self.end, self.items[start] + self.end
            children.append((key[: _common(before, key) + 1], number))
        return children

    def _write_leaves(self, leaves: list[tuple[int, int]], first: int) -> None:
        run = PageRun(self.descriptor, first)
        last = first + len(leaves) - 1
        for number, (start, stop) in enumerate(leaves, start=first):
            previous = number - 1 if number > first else NO_PAGE
            following = number + 1 if number < last else NO_PAGE
            big = self.any_big and max(self.lengths[start:stop], default=0) > self.limit
            offsets, text = self._big_leaf(start, stop) if big else self._leaf(start, stop)
            low = PAGE_SIZE - len(text)
            run.add(
                header(number, previous, following, stop - start, low, 1, BTREE_LEAF)
                + offsets
                + text.rjust(CAPACITY - len(offsets), b"\0")
            )
            if self.progress is not None and number % 256 == 0:
                self.progress(stop // 2, len(self.items) // 2)
        run.flush()

    def _leaf(self, start: int, stop: int) -> tuple[bytes, bytes]:
        """The offsets and the text of a leaf, none of whose items is big."""
        base = PAGE_SIZE + self.sums[start]
        ends = map(sub, range(base + 2, base + 2 + 2 * (stop - start), 2), self.sums[start + 1 : stop + 1])
        lengths = self.lengths[start:stop]
        lengths.reverse()
        items = self.items[start:stop]
        items.reverse()
        heads, tails = map(self.heads.__getitem__, lengths), map(self.tails.__getitem__, lengths)
        text = b"".join(chain.from_iterable(zip(heads, items, tails, strict=True)))
        return array("H", ends).tobytes(), text

    def _big_leaf(self, start: int, stop: int) -> tuple[bytes, bytes]:
        return _page([self._item(item) for item in self.items[start:stop]])

    def _item(self, item: bytes) -> bytes:
        length = len(item)
        if length <= self.limit:
            return self.heads[length] + item + self.tails[length]
        return self._big(item + self.end)

    def _big(self, data: bytes) -> bytes:
        """The reference to ``data``, which is written to pages of its own."""
        return _REFERENCE.pack(0, BIG, write_big_item(self.rest, data), len(data))

    def _write_internal(self, number: int, level: int, children: list[_Child]) -> None:
        entries = [_CHILD.pack(0, KEYDATA, children[0][1], 0)]  # the first key is never looked at
        for key, child in children[1:]:
            if len(key) > BIG_LIMIT:
                entries.append(_CHILD.pack(_REFERENCE.size, BIG, child, 0) + self._big(key))
            else:
                entries.append((_CHILD.pack(len(key), KEYDATA, child, 0) + key).ljust(_child_size(key), b"\0"))
        offsets, text = _page(entries)
        run = PageRun(self.descriptor, number)
        low = PAGE_SIZE - len(text)
        run.add(
            header(number, NO_PAGE, NO_PAGE, len(entries), low, level, BTREE_INTERNAL)
            + offsets
            + text.rjust(CAPACITY - len(offsets), b"\0")
        )
        run.flush()


def _levels(children: list[_Child], number: int) -> list[list[tuple[int, list[_Child]]]]:
    """The internal pages over ``children``, lowest level first, each with its number; the last is the root.

    number  that of the first page that is free
    """
    levels = []
    while len(children) > 1:
        groups = _grouped(children)
        if len(groups) == 1:
            number = _ROOT
        level = list(enumerate(groups, start=number))
        number += len(groups)
        children = [(group[0][0], at) for at, group in level]
        levels.append(level)
    return levels


def _grouped(children: list[_Child]) -> list[list[_Child]]:
    """The children of each of the pages over them, two at least on a page."""
    groups: list[list[_Child]] = [[]]
    used = 0
    for child in children:
        size = 2 + _child_size(child[0])
        if used + size > CAPACITY:
            groups.append([])
            used = 0
        groups[-1].append(child)
        used += size
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-1].insert(0, groups[-2].pop())
    return groups


def _child_size(key: bytes) -> int:
    return _CHILD.size + (_REFERENCE.size if len(key) > BIG_LIMIT else len(key) + -len(key) % 4)


def _page(entries: list[bytes]) -> tuple[bytes, bytes]:
    """The offsets and the text of a page."""
    offsets = array("H", [PAGE_SIZE - size for size in accumulate(map(len, entries))])
    return offsets.tobytes(), b"".join(reversed(entries))


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two keys have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low

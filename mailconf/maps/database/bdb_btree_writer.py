"""Berkeley DB btree files, version 9: the writer. `mailconf.maps.database.bdb_btree` describes the format.

All keys are known, so the tree is built from the bottom: leaves filled with the sorted entries, over them internal
pages until one is enough, which is the root. The root is page 1, as in libdb's files; a page's big items come right
before it.

Speed: code that runs once for every entry is code that runs in C. Sorting leaves the entries scattered over the
memory, so each is fetched once, with its neighbours, and all that is to be done with it is done then.
"""

from __future__ import annotations

import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, chain
from operator import eq, itemgetter, sub
from typing import BinaryIO

from mailconf.maps.core.opening import Progress, Repeated
from mailconf.maps.database.bdb import (
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
from mailconf.maps.database.bdb_btree import MAGIC, VERSION
from mailconf.maps.database.bdb_items import BIG, KEYDATA

BIG_LIMIT = 1007  # bytes
_MINIMUM_KEYS = 2
_PAD_BYTE = 0x20  # meant for files of another kind, but libdb writes it

_ROOT = 1
_REFERENCE = struct.Struct("=HBxII")
_HEAD = struct.Struct("=HB")
_CHILD = struct.Struct("=HBxII")

_first = itemgetter(0)
_BLOCK = 2048  # entries at a time

Body = tuple[int, bytes, bytes]  # number of entries, their offsets, their text
Child = tuple[bytes, int]  # the lowest key that a page may have, as it is stored, and the page's number


def write_btree(
    file: BinaryIO,
    keys: list[bytes],
    values: list[bytes],
    *,
    end: bytes = b"",
    progress: Progress | None = None,
) -> None:
    """Write a table as a btree file; the arguments are those of `mailconf.maps.database.bdb_hash_writer.write_hash`."""
    BtreeWriter(file.fileno(), end, progress).write(keys, values)


class BtreeWriter:
    flags = 0  # of the meta page

    def __init__(self, descriptor: int, end: bytes, progress: Progress | None) -> None:
        self.descriptor = descriptor
        self.end = end
        self.progress = progress
        self.limit = BIG_LIMIT - len(end)
        # By the length of an item that is not big: what precedes it, what follows it, and what it takes with its
        # offset.
        lengths = range(self.limit + 1)
        self.heads = [_HEAD.pack(length + len(end), KEYDATA) for length in lengths]
        self.tails = [end + bytes(-(_HEAD.size + length + len(end)) % 4) for length in lengths]
        self.costs = [2 + _HEAD.size + length + len(self.tails[length]) for length in lengths]
        self.costs.append(2 + _REFERENCE.size)
        self.run = PageRun(descriptor, _ROOT + 1)

    def write(self, keys: list[bytes], values: list[bytes]) -> None:
        self._write_above(self._write_leaves(keys, values), len(keys))

    def finish(self, children: list[Child], next_page: int, entries: int) -> None:
        """Write the pages above leaves that are written already, two at least, and the meta page.

        ``children`` are the lowest keys that the leaves may have, with their numbers.
        """
        self.run = PageRun(self.descriptor, next_page)
        self._write_above(children, entries)

    def _write_above(self, children: list[Child], entries: int) -> None:
        level = 1
        while len(children) > 1:
            level += 1
            children = self._write_level(level, _grouped(children))
        self.run.flush()
        own = struct.pack("=6I", 0, _MINIMUM_KEYS, 0, _PAD_BYTE, _ROOT, 0)
        os.pwrite(self.descriptor, meta_page(MAGIC, VERSION, BTREE_META, self.run.next - 1, self.flags, own), 0)
        if self.progress is not None:
            self.progress(entries, entries)

    def _write_leaves(self, keys: list[bytes], values: list[bytes]) -> list[Child]:
        """Write all leaves; the entries above them."""
        children: list[Child] = []
        done = 0
        previous, last_key = NO_PAGE, b""
        waiting: Body | None = None  # the leaf before, whose successor's number is not known yet
        for items, lengths, sums in self._leaves(keys, values):
            big_pages = 0
            if max(lengths, default=0) > self.limit:
                big_pages = sum(-(-(n + len(self.end)) // CAPACITY) for n in lengths if n > self.limit)
            if waiting is not None:
                number = self.run.next
                self.run.add(tree_page(number, previous, number + 1 + big_pages, 1, BTREE_LEAF, waiting))
                previous = number
            lowest = b""
            if children:
                before, key = last_key + self.end, items[0] + self.end
                lowest = key[: common(before, key) + 1]
            children.append((lowest, self.run.next + big_pages))
            waiting = self._big_leaf(items) if big_pages else self._leaf(items, lengths, sums)
            last_key = items[-2] if items else b""
            done += len(items) // 2
            if self.progress is not None and len(children) % 256 == 0:
                self.progress(done, len(keys))
        assert waiting is not None
        if len(children) == 1:
            self._write_root(1, BTREE_LEAF, waiting)
        else:
            self.run.add(tree_page(self.run.next, previous, NO_PAGE, 1, BTREE_LEAF, waiting))
        return children

    def _leaves(self, keys: list[bytes], values: list[bytes]) -> Iterator[tuple[list[bytes], list[int], list[int]]]:
        """The leaves: keys and values in turn, their lengths, and the sums of what they take, from anywhere on.

        Raises Repeated when a key comes twice.
        """
        # A NUL at the end of all keys does not change their order.
        pairs = sorted(zip(keys, values, strict=True), key=_first)
        items: list[bytes] = []
        for block in range(0, len(pairs), _BLOCK):
            items += chain.from_iterable(pairs[block : block + _BLOCK])
            keys = items[0::2]
            if any(map(eq, keys, keys[1:])):
                raise Repeated
            lengths = list(map(len, items))
            short = [min(length, self.limit + 1) for length in lengths] if max(lengths) > self.limit else lengths
            sums = list(accumulate(map(self.costs.__getitem__, short), initial=0))
            start = 0
            while sums[-1] - sums[start] > CAPACITY:
                stop = bisect_right(sums, sums[start] + CAPACITY, start) - 1
                stop -= stop % 2
                yield items[start:stop], lengths[start:stop], sums[start : stop + 1]
                start = stop
            items = items[start:]  # one leaf, perhaps not full
        lengths = list(map(len, items))
        short = [min(length, self.limit + 1) for length in lengths]
        yield items, lengths, list(accumulate(map(self.costs.__getitem__, short), initial=0))

    def _leaf(self, items: list[bytes], lengths: list[int], sums: list[int]) -> Body:
        """A leaf without big items."""
        base = PAGE_SIZE + sums[0]  # the sums count two bytes for each offset, which lies elsewhere
        offsets = array("H", map(sub, range(base + 2, base + 2 + 2 * len(items), 2), sums[1:]))
        lengths.reverse()
        items = items[::-1]
        heads, tails = map(self.heads.__getitem__, lengths), map(self.tails.__getitem__, lengths)
        text = b"".join(chain.from_iterable(zip(heads, items, tails, strict=True)))
        return len(items), offsets.tobytes(), text

    def _big_leaf(self, items: list[bytes]) -> Body:
        """A leaf some of whose items are big; writes these."""
        entries = []
        for item in items:
            length = len(item)
            if length <= self.limit:
                entries.append(self.heads[length] + item + self.tails[length])
            else:
                entries.append(self._big(item + self.end))
        return tree_body(entries)

    def _big(self, data: bytes) -> bytes:
        """The reference to ``data``, which is written to pages of its own."""
        return _REFERENCE.pack(0, BIG, write_big_item(self.run, data), len(data))

    def _write_level(self, level: int, groups: list[list[Child]]) -> list[Child]:
        """Write the internal pages of a level; the entries above them."""
        above: list[Child] = []
        for children in groups:
            entries = [_CHILD.pack(0, KEYDATA, children[0][1], 0)]  # the first key is never looked at
            for key, child in children[1:]:
                if len(key) > BIG_LIMIT:
                    entries.append(_CHILD.pack(_REFERENCE.size, BIG, child, 0) + self._big(key))
                else:
                    entries.append((_CHILD.pack(len(key), KEYDATA, child, 0) + key).ljust(_child_size(key), b"\0"))
            number = self.run.next
            above.append((children[0][0], number))
            if len(groups) == 1:
                self._write_root(level, BTREE_INTERNAL, tree_body(entries))
            else:
                self.run.add(tree_page(number, NO_PAGE, NO_PAGE, level, BTREE_INTERNAL, tree_body(entries)))
        return above

    def _write_root(self, level: int, kind: int, body: Body) -> None:
        root = PageRun(self.descriptor, _ROOT)
        root.add(tree_page(_ROOT, NO_PAGE, NO_PAGE, level, kind, body))
        root.flush()


def tree_page(number: int, previous: int, following: int, level: int, kind: int, body: Body) -> bytes:
    entries, offsets, text = body
    start = header(number, previous, following, entries, PAGE_SIZE - len(text), level, kind)
    return start + offsets + text.rjust(CAPACITY - len(offsets), b"\0")


def tree_body(entries: list[bytes]) -> Body:
    offsets = array("H", [PAGE_SIZE - size for size in accumulate(map(len, entries))])
    return len(entries), offsets.tobytes(), b"".join(reversed(entries))


def _grouped(children: list[Child]) -> list[list[Child]]:
    """The children of each of the pages over them, two at least on a page."""
    groups: list[list[Child]] = [[]]
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


def common(one: bytes, other: bytes) -> int:
    """How many bytes two keys have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low

"""Berkeley DB hash files, version 9: the writer. `mailconf.maps.database.bdb_hash` describes the format.

libdb grows a table by splitting buckets while keys arrive. Here all keys are known before the first page is written:
the number of buckets follows from their size (a power of two, so that a bucket fills four tenths to eight tenths of a
page), bucket b is page b + 1, and what does not fit on those pages follows after them in the order of the buckets.

Order within a page, as libdb 5.3 searches for it (seen in files of db5.3_load, accepted by db5.3_verify): by bytes,
and where one key begins with the whole of another, the *longer* first; but where one of the two is big, the shorter
first. Both rules on one page contradict each other, so big keys get pages of their own.

Speed: a million entries are written in about a second, so the code below works a page at a time with functions that
run in C over all entries of the page.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from collections import deque
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, chain
from operator import eq, itemgetter
from typing import BinaryIO

from mailconf.maps.core.opening import Progress, Repeated
from mailconf.maps.database.bdb import (
    CAPACITY,
    HASH,
    HASH_META,
    HEADER,
    NO_PAGE,
    PAGE_SIZE,
    PageRun,
    header,
    meta_page,
    write_big_item,
)
from mailconf.maps.database.bdb_hash import BIG, CHARKEY, MAGIC, SPARES, VERSION
from mailconf.maps.database.fnv import hash_all

BIG_LIMIT = PAGE_SIZE // 4
FILL = 0.8  # of a page that a bucket may take on average

_first = itemgetter(0)
_REFERENCE = struct.Struct("=B3xII")
_Body = tuple[int, int, bytes]  # number of entries, lowest byte in use, the page after its header
_EMPTY: _Body = (0, PAGE_SIZE, bytes(CAPACITY))
_PAIR = 2 * 3  # bytes that a key and its value take beside themselves: a type and an offset each


def write_hash(
    file: BinaryIO,
    keys: list[bytes],
    values: list[bytes],
    *,
    end: bytes = b"",
    progress: Progress | None = None,
) -> None:
    """Write a table, its values in the order of its keys, into the empty file ``file`` as a hash file.

    file      one of the operating system's
    end       appended to every key and value: empty, or one NUL (what postmap(1) does on this platform)
    progress  called now and then with (entries done, all entries)

    Raises Repeated when a key comes twice.
    """
    HashWriter(file.fileno(), keys, values, end, progress).write()


class HashWriter:
    flags = 0  # of the meta page

    def __init__(
        self, descriptor: int, keys: list[bytes], values: list[bytes], end: bytes, progress: Progress | None
    ) -> None:
        self.descriptor = descriptor
        self.keys = keys
        self.values = values
        self.end = end
        self.progress = progress
        self.limit = BIG_LIMIT - len(end)
        lengths = [*map(len, keys), *map(len, values)]
        self.any_big = max(lengths, default=0) > self.limit
        text = b"".join(keys)
        # A NUL within a key can make one key the beginning of another in spite of the NUL at the end.
        self.any_prefix = not end or b"\0" in text
        total = sum([min(length, self.limit) for length in lengths] if self.any_big else lengths)
        self.buckets = bucket_count(total + len(keys) * (_PAIR + 2 * len(end)))
        self.pages = PageRun(descriptor, 1)
        self.rest = PageRun(descriptor, self.buckets + 1)

    def write(self) -> None:
        done, total = 0, len(self.keys)
        for keys, values in self._buckets():
            self._write_bucket(keys, values)
            done += len(keys)
            if self.progress is not None and self.pages.next % 256 == 0:
                self.progress(done, total)
        self.pages.flush()
        self.rest.flush()
        os.pwrite(self.descriptor, self.meta(self.buckets, len(self.keys), self.rest.next - 1), 0)
        if self.progress is not None:
            self.progress(total, total)

    def _buckets(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """The keys and values of each bucket, unsorted."""
        places = hash_all(self.keys, self.end, self.buckets - 1)
        parts: list[list[list[bytes]]] = []
        for column in (self.keys, self.values):
            part: list[list[bytes]] = [[] for _ in range(self.buckets)]
            deque(map(list.append, map(part.__getitem__, places), column), maxlen=0)
            parts.append(part)
        return zip(*parts, strict=True)

    @classmethod
    def meta(cls, buckets: int, keys: int, last_page: int) -> bytes:
        """The meta page."""
        top = buckets - 1
        # All buckets are contiguous from page 1 on, in any generation.
        spares = [1] * (top.bit_length() + 1)
        own = struct.pack("=6I", top, top, top >> 1, 0, keys, CHARKEY)
        own += array("I", spares).tobytes().ljust(4 * SPARES, b"\0")
        return meta_page(MAGIC, VERSION, HASH_META, last_page, cls.flags, own)

    def _write_bucket(self, keys: list[bytes], values: list[bytes]) -> None:
        """Write the bucket's first page at its place and what it needs beyond after all first pages."""
        pairs = sorted(zip(keys, values, strict=True), key=_first)
        items = list(chain.from_iterable(pairs))  # key, value, key, value, ...
        keys = items[0::2]
        if any(map(eq, keys, keys[1:])):
            raise Repeated
        if self.any_prefix and any(map(bytes.startswith, keys[1:], keys)):
            table = dict(pairs)
            items = [item for key in longer_first(keys) for item in (key, table[key])]
        number, previous, run = self.pages.next, NO_PAGE, self.pages
        bodies = self._bodies(items)
        for index, (entries, low, body) in enumerate(bodies):
            last = index == len(bodies) - 1
            following = NO_PAGE if last else self.rest.next + (index > 0)
            run.add(header(number, previous, following, entries, low, 0, HASH) + body)
            number, previous, run = following, number, self.rest

    def _bodies(self, items: list[bytes]) -> list[_Body]:
        """The pages, without headers, for ``items``: keys and values in turn, in the order of the keys."""
        if self.any_big and max(map(len, items), default=0) > self.limit:
            return self._big_bodies(items)
        body = self._body(items)
        if body is not None:
            return [body]
        each = 3 + len(self.end)
        sizes = [len(key) + len(value) + 2 * each for key, value in zip(items[0::2], items[1::2], strict=True)]
        return [self._body(items[2 * start : 2 * stop]) or _EMPTY for start, stop in page_parts(sizes)]

    def _body(self, items: list[bytes]) -> _Body | None:
        """One page of items that are not big, or None if it has no room for them."""
        if not items:
            return _EMPTY
        sums = list(accumulate(map(len, items)))
        each = 1 + len(self.end)
        size = 2 * len(items)
        low = PAGE_SIZE - sums[-1] - each * len(items)
        if low < HEADER + size:
            return None
        # All offsets in one subtraction: neither side needs more than the 16 bits of its lane.
        lengths = int.from_bytes(array("H", sums).tobytes(), sys.byteorder)
        offsets = (_ceilings(len(items), each) - lengths).to_bytes(size, sys.byteorder)
        items.reverse()
        text = b"\1" + (self.end + b"\1").join(items) + self.end
        return len(items), low, offsets + text.rjust(CAPACITY - size, b"\0")

    def _big_bodies(self, items: list[bytes]) -> list[_Body]:
        """The pages of items some of which are big; writes the big ones."""
        pairs = list(zip(items[0::2], items[1::2], strict=True))
        small = [pair for pair in pairs if len(pair[0]) <= self.limit]
        bodies: list[_Body] = []
        for part in (small, sorted(pair for pair in pairs if len(pair[0]) > self.limit)):
            stored = [self._item(item) for pair in part for item in pair]
            sizes = [len(stored[at]) + len(stored[at + 1]) + 4 for at in range(0, len(stored), 2)]
            for start, stop in page_parts(sizes):
                group = stored[2 * start : 2 * stop]
                offsets = array("H", [PAGE_SIZE - size for size in accumulate(map(len, group))])
                text = b"".join(reversed(group)).rjust(CAPACITY - 2 * len(group), b"\0")
                bodies.append((len(group), offsets[-1], offsets.tobytes() + text))
        return bodies

    def _item(self, data: bytes) -> bytes:
        """The item for a key or value; a big one is written to pages of its own first."""
        data += self.end
        if len(data) <= BIG_LIMIT:
            return b"\1" + data
        return _REFERENCE.pack(BIG, write_big_item(self.rest, data), len(data))


@cache
def _ceilings(count: int, each: int) -> int:
    """Where ``count`` empty items that take ``each`` bytes would lie, as 16-bit numbers side by side."""
    return int.from_bytes(array("H", range(PAGE_SIZE - each, 0, -each)[:count]).tobytes(), sys.byteorder)


def bucket_count(total: int) -> int:
    """A power of two, for entries that take ``total`` bytes on pages."""
    wanted = max(2, int(total / (FILL * CAPACITY)) + 1)
    return 1 << (wanted - 1).bit_length()


def longer_first(keys: list[bytes]) -> list[bytes]:
    """Sorted ``keys`` in libdb's order: one that begins with the whole of another comes before it."""
    ordered: list[bytes] = []
    beginnings: list[bytes] = []  # of the key at hand, each the beginning of the next
    for key in keys:
        while beginnings and not key.startswith(beginnings[-1]):
            ordered.append(beginnings.pop())
        beginnings.append(key)
    return ordered + beginnings[::-1]


def page_parts(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Cut a sequence of entries of these sizes into (start, stop) stretches that fill a page each."""
    start = used = 0
    for at, size in enumerate(sizes):
        if used + size > CAPACITY:
            yield start, at
            start, used = at, 0
        used += size
    if start < len(sizes):
        yield start, len(sizes)

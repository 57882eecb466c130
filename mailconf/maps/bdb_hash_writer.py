"""Berkeley DB hash files, version 9: the writer. `mailconf.maps.bdb_hash` describes the format.

libdb grows a table by splitting buckets while keys arrive. Here all keys are known before the first page is written:
the number of buckets follows from their size (a power of two, so that a bucket fills four tenths to eight tenths of a
page), bucket b is page b + 1, and what does not fit on those pages follows behind them in the order of the buckets.

Order within a page, as libdb 5.3 searches for it (seen in files of db5.3_load, accepted by db5.3_verify): by bytes,
and where one key begins with the whole of another, the *longer* first; but where one of the two is big, the shorter
first. Both rules on one page contradict each other, so big keys get pages of their own.

Speed: a million entries are written in about a second, so the code below works a page at a time with functions that
run in C over all entries of the page.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from itertools import accumulate
from operator import add, sub
from typing import BinaryIO

from mailconf.maps.bdb import (
    CAPACITY,
    HASH,
    HASH_META,
    NO_PAGE,
    PAGE_SIZE,
    PageRun,
    header,
    meta_page,
    write_big_item,
)
from mailconf.maps.bdb_hash import BIG, CHARKEY, MAGIC, SPARES, VERSION
from mailconf.maps.fnv import hash_all

BIG_LIMIT = PAGE_SIZE // 4
FILL = 0.8  # of a page that a bucket may take on average

_REFERENCE = struct.Struct("=B3xII")
_Body = tuple[int, int, bytes]  # number of entries, lowest byte in use, the page behind its header
_EMPTY: _Body = (0, PAGE_SIZE, bytes(CAPACITY))
_PAIR = 2 * 3  # bytes that a key and its value take beside themselves: a type and an offset each

Progress = Callable[[int, int], None]


def write_hash(
    file: BinaryIO,
    table: dict[bytes, bytes],
    *,
    end: bytes = b"",
    progress: Progress | None = None,
) -> None:
    """Write ``table`` into the empty file ``file`` (one of the operating system's) as a Berkeley DB hash file.

    end       appended to every key and value: empty, or one NUL (what postmap(1) does on this platform)
    progress  called now and then with (entries done, all entries)
    """
    _HashWriter(file.fileno(), table, end, progress).write()


class _HashWriter:
    def __init__(self, descriptor: int, table: dict[bytes, bytes], end: bytes, progress: Progress | None) -> None:
        self.descriptor = descriptor
        self.table = table
        self.end = end
        self.progress = progress
        limit = BIG_LIMIT - len(end)
        self.any_big = max(map(len, table), default=0) > limit or max(map(len, table.values()), default=0) > limit
        # A NUL within a key can make one key the beginning of another in spite of the NUL at the end.
        self.any_prefix = not end or any(b"\0" in key for key in table)
        self.buckets = self._bucket_count()
        self.pages = PageRun(descriptor, 1)
        self.rest = PageRun(descriptor, self.buckets + 1)

    def _bucket_count(self) -> int:
        lengths = map(add, map(len, self.table), map(len, self.table.values()))
        extra = _PAIR + 2 * len(self.end)
        if self.any_big:
            total = sum(min(length, 2 * BIG_LIMIT) + extra for length in lengths)
        else:
            total = sum(lengths) + extra * len(self.table)
        wanted = max(2, int(total / (FILL * CAPACITY)) + 1)
        return 1 << (wanted - 1).bit_length()

    def write(self) -> None:
        done, total = 0, len(self.table)
        for keys in self._distribute():
            self._write_bucket(keys)
            done += len(keys)
            if self.progress is not None and self.pages.next % 256 == 0:
                self.progress(done, total)
        self.pages.flush()
        self.rest.flush()
        os.pwrite(self.descriptor, self._meta(), 0)
        if self.progress is not None:
            self.progress(total, total)

    def _distribute(self) -> Iterator[list[bytes]]:
        """The keys of each bucket, unsorted."""
        buckets: list[list[bytes]] = [[] for _ in range(self.buckets)]
        for keys, places in hash_all(list(self.table), self.end, self.buckets - 1):
            deque(map(list.append, map(buckets.__getitem__, places), keys), maxlen=0)
        return iter(buckets)

    def _meta(self) -> bytes:
        top = self.buckets - 1
        # All buckets are contiguous from page 1 on, whatever generation they would have come in.
        spares = [1] * (top.bit_length() + 1)
        own = struct.pack("=6I", top, top, top >> 1, 0, len(self.table), CHARKEY)
        own += array("I", spares).tobytes().ljust(4 * SPARES, b"\0")
        return meta_page(MAGIC, VERSION, HASH_META, self.rest.next - 1, 0, own)

    def _write_bucket(self, keys: list[bytes]) -> None:
        """Write the bucket's first page at its place and what it needs beyond behind all first pages."""
        keys.sort()
        if self.any_prefix:
            keys = longer_first(keys)
        bodies = self._bodies(keys)
        number, previous, run = self.pages.next, NO_PAGE, self.pages
        for index, (entries, low, body) in enumerate(bodies):
            last = index == len(bodies) - 1
            following = NO_PAGE if last else self.rest.next + (index > 0)
            run.add(header(number, previous, following, entries, low, 0, HASH) + body)
            number, previous, run = following, number, self.rest

    def _bodies(self, keys: list[bytes]) -> list[_Body]:
        """The pages, without headers, that hold the entries of sorted ``keys``."""
        if self.any_big and self._has_big(keys):
            return self._big_bodies(keys)
        body = self._body(keys)
        if body is not None:
            return [body]
        sizes = [len(key) + len(self.table[key]) + _PAIR + 2 * len(self.end) for key in keys]
        return [self._body(keys[start:stop]) or _EMPTY for start, stop in _split(sizes)]

    def _body(self, keys: list[bytes]) -> _Body | None:
        """One page of entries none of which is big, or None if it has no room for them."""
        items = [b""] * (2 * len(keys))
        items[0::2] = keys
        items[1::2] = map(self.table.__getitem__, keys)
        ends = list(accumulate(map(len, items)))
        each = 1 + len(self.end)
        if not items:
            return _EMPTY
        if ends[-1] + (each + 2) * len(items) > CAPACITY:
            return None
        offsets = array("H", map(sub, range(PAGE_SIZE - each, 0, -each), ends))
        items.reverse()
        text = b"\1" + (self.end + b"\1").join(items) + self.end
        return len(items), offsets[-1], offsets.tobytes() + text.rjust(CAPACITY - 2 * len(items), b"\0")

    def _has_big(self, keys: list[bytes]) -> bool:
        limit = BIG_LIMIT - len(self.end)
        values = map(self.table.__getitem__, keys)
        return max(map(len, keys), default=0) > limit or max(map(len, values), default=0) > limit

    def _big_bodies(self, keys: list[bytes]) -> list[_Body]:
        """The pages of entries some of which are big; writes the big ones."""
        limit = BIG_LIMIT - len(self.end)
        bodies: list[_Body] = []
        for part in ([k for k in keys if len(k) <= limit], sorted(k for k in keys if len(k) > limit)):
            items = [self._item(item) for key in part for item in (key, self.table[key])]
            sizes = [len(items[at]) + len(items[at + 1]) + 4 for at in range(0, len(items), 2)]
            for start, stop in _split(sizes):
                group = items[2 * start : 2 * stop]
                offsets = array("H", [PAGE_SIZE - end for end in accumulate(map(len, group))])
                text = b"".join(reversed(group)).rjust(CAPACITY - 2 * len(group), b"\0")
                bodies.append((len(group), offsets[-1], offsets.tobytes() + text))
        return bodies

    def _item(self, data: bytes) -> bytes:
        """The item for a key or value; a big one is written to pages of its own first."""
        data += self.end
        if len(data) <= BIG_LIMIT:
            return b"\1" + data
        return _REFERENCE.pack(BIG, write_big_item(self.rest, data), len(data))


def longer_first(keys: list[bytes]) -> list[bytes]:
    """Sorted ``keys`` in libdb's order: one that begins with the whole of another comes before it."""
    if not any(map(bytes.startswith, keys[1:], keys)):
        return keys
    ordered: list[bytes] = []
    beginnings: list[bytes] = []  # of the key at hand, each the beginning of the next
    for key in keys:
        while beginnings and not key.startswith(beginnings[-1]):
            ordered.append(beginnings.pop())
        beginnings.append(key)
    return ordered + beginnings[::-1]


def _split(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Cut a sequence of entries of these sizes into (start, stop) stretches that fill a page each."""
    start = used = 0
    for at, size in enumerate(sizes):
        if used + size > CAPACITY:
            yield start, at
            start, used = at, 0
        used += size
    if start < len(sizes):
        yield start, len(sizes)

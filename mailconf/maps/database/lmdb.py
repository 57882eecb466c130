"""``lmdb``: OpenLDAP's memory-mapped databases (lmdb_table(5)); ``lmdb:/etc/postfix/access`` is .../access.lmdb.

Files are written through the library (`mailconf.maps.database.lmdb_writer`) and read by the code below: the library
trusts a file, and a damaged one kills its process. Only thousands of keys at once are asked of it, in
processes made for that (`mailconf.maps.bulk.many`). The format is that of LMDB 0.9 on 64-bit machines, in
their byte order, learnt from files that postmap(1) writes and from what mdb_dump and mdb_stat print about them.

A file is a sequence of pages. Each begins with 16 bytes: page number (8), 2 unused, flags (2) and the ends of the
free space (2, 2) or, where one item covers several pages, their number (4). Pages 0 and 1 are meta pages, written in
turns; the one with the higher transaction counts:

    16  magic number (4), version (4), address (8), size of the map (8)
    40  database of free pages, 88 the main one, each: page size (4, in the first only), flags (2), depth (2),
        numbers of branch, leaf and overflow pages and of entries (8 each), root page (8)
    136 last page (8), 144 transaction (8)

The main database is a B+ tree of the keys in byte order. From byte 16 of a page on there are the 16-bit offsets of its
nodes. A node has 8 bytes and its key: on a leaf the length of the value (4), flags (2), the length of the key (2), and
the value after the key, or the number of its first overflow page; on a branch the page below (6), the length of the
key. The first key of a branch is not looked at.

Keys and values end with a NUL in files of postmap(1). Each lookup reads the meta pages, so that an update in place by
the real postmap, which takes turns with us through locks (`mailconf.maps.database.bdb_table`), is seen at once.
"""

from __future__ import annotations

import os
import struct
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import NamedTuple

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import WHOLE, Share
from mailconf.maps.database.bdb_table import DatabaseTable, Library, c_string, in_share, part_of
from mailconf.maps.database.raw_file import RawFile

MAGIC, VERSION = 0xBEEFC0DE, 1
BRANCH, LEAF, OVERFLOW, META = 0x01, 0x02, 0x04, 0x08
ON_OVERFLOW_PAGES = 0x01  # a node's flag
HEADER = 16

_FOREIGN = 0x7F  # flags of databases that mail programs do not make: other orders, several values for a key
_MANY = 100  # keys that are worth sorting
_LARGEST_WALKED = 8192  # pages: in a larger one, overlapping keys could add up to more than we want to hold
_DEEPEST = 32  # levels of a tree: the library's own limit
_META_SIZE = 152
_USUAL_PAGE_SIZE = 4096
_NO_PAGE = (1 << 64) - 1
_HEADER = struct.Struct("=Q2xHHH")
_META = struct.Struct("=16xIIQQ I44x 4xHH QQQQQ QQ")
_NODE = struct.Struct("=IHH")
_NUMBER = struct.Struct("=Q")
_COUNT = struct.Struct("=I")


class _Meta(NamedTuple):
    """The newer meta page."""

    transaction: int
    page_size: int
    last_page: int
    root: int


class _Leaf(NamedTuple):
    """A page and the ends of its free space."""

    data: bytes
    lower: int
    upper: int

    @property
    def offsets(self) -> memoryview:
        """Those of the nodes, in the order of their keys."""
        return memoryview(self.data)[HEADER : self.lower].cast("H")


class _Branch(NamedTuple):
    """The pages below, and between each two of them the lowest key of the right one."""

    keys: list[bytes]
    pages: list[int]


def open_table(name: str, opening: Opening) -> DatabaseTable:
    return DatabaseTable("lmdb", name, opening, LmdbFile, ".lmdb", lambda: Library(_by_library, 1 << 22))


def _by_library(path: str) -> Callable[[list[bytes]], list[bytes | None]]:
    """The package lmdb. It finds sorted keys in half the time."""
    import lmdb

    get = lmdb.open(path, subdir=False, readonly=True, lock=False, create=False).begin().get

    def find(keys: list[bytes]) -> list[bytes | None]:
        ordered = sorted(keys)
        return list(map(dict(zip(ordered, map(get, ordered), strict=True)).get, keys))

    return find


class LmdbFile:
    """A file open for reading. Raises OSError when it cannot be read and DamagedMap when it cannot be an LMDB file."""

    def __init__(self, path: str | os.PathLike[str], name: str = "") -> None:
        self.file = RawFile(path, name, "LMDB")
        self._branches: dict[int, _Branch] = {}
        self._metas = b""
        self._meta = _Meta(0, _USUAL_PAGE_SIZE, 0, _NO_PAGE)
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.file.close()

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, both as they are stored."""
        self._look()
        number = self._meta.root
        if number == _NO_PAGE:
            return None
        for _ in range(_DEEPEST):
            page = self._branches.get(number) or self._page(number)
            if isinstance(page, _Leaf):
                return self._find(page, key)
            number = page.pages[bisect_right(page.keys, key)]
        raise self.file.damaged(f"more than {_DEEPEST} levels")

    def get_all(self, keys: list[bytes], end: bytes = b"", share: Share = WHOLE) -> list[bytes | None]:
        """What `get` gives for each of ``keys`` followed by ``end`` (empty or a NUL), up to a NUL.

        Every page is read once. Raises DamagedMap.
        """
        self._look()
        if len(keys) < _MANY or self._meta.page_size > _LARGEST_WALKED:
            part = part_of(len(keys), share)
            return [c_string(self.get(key + end)) if n in part else None for n, key in enumerate(keys)]
        wanted = sorted(in_share(keys, share))
        values: list[bytes | None] = [None] * len(wanted)
        stored = [key + end for key in wanted] if end else wanted
        for leaf, low, high in self._leaves_of(wanted, end):
            data = leaf.data
            numbers = memoryview(data).cast("H")  # nodes begin at even places
            try:
                nodes = {data[at + 8 : at + 8 + numbers[at + 6 >> 1]]: at for at in leaf.offsets}
            except IndexError:
                raise self.file.damaged("a node lies outside its page") from None
            value = self._value
            values[low:high] = [
                None if at is None else value(data, at).partition(b"\0")[0] for at in map(nodes.get, stored[low:high])
            ]
        return list(map(dict(zip(wanted, values, strict=True)).get, keys))

    def _leaves_of(self, keys: list[bytes], end: bytes) -> Iterator[tuple[_Leaf, int, int]]:
        """The leaves that can have some of the sorted ``keys``, and between which of the keys each can have.

        The ``keys`` are without ``end``: with it on both sides keys compare alike, and on one side as if on neither.
        """
        seen: set[int] = set()
        level = [] if self._meta.root == _NO_PAGE else [(self._meta.root, 0, len(keys))]
        while level:
            below: list[tuple[int, int, int]] = []
            for number, low, high in level:
                if number in seen:
                    raise self.file.damaged(f"page {number} belongs to two pages")
                seen.add(number)
                page = self._page(number)
                if isinstance(page, _Leaf):
                    yield page, low, high
                else:
                    below += _split(page, keys, low, high, end)
            level = below

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All entries in the order of their keys."""
        self._look()
        left = self.file.size
        for leaf in self._leaves():
            data = leaf.data
            for at in leaf.offsets:
                key, value = self._key(data, at), self._value(data, at)
                left -= len(key) + len(value)
                if left < 0:
                    raise self.file.damaged("its entries are larger than the file")
                yield key, value

    def _leaves(self) -> Iterator[_Leaf]:
        """The leaves in the order of the keys."""
        seen: set[int] = set()
        waiting = [] if self._meta.root == _NO_PAGE else [(self._meta.root, 1)]
        while waiting:
            number, level = waiting.pop()
            if number in seen or level > _DEEPEST:
                raise self.file.damaged(f"page {number} belongs to itself")
            seen.add(number)
            page = self._page(number)
            if isinstance(page, _Leaf):
                yield page
            else:
                waiting += [(below, level + 1) for below in reversed(page.pages)]

    def _look(self) -> None:
        """Read the meta pages, and forget what is known of the tree when there was a transaction."""
        size = self._meta.page_size
        metas = self.file.read(0, size + _META_SIZE)
        if metas == self._metas:
            return
        first = self._meta_page(metas, 0)
        if first.page_size != size:
            size = first.page_size
            metas = self.file.read(0, size + _META_SIZE)
        self._meta = max(first, self._meta_page(metas, size))
        if self._meta.page_size != size:
            raise self.file.damaged("two page sizes")
        self._metas = metas
        self._branches.clear()

    def _meta_page(self, data: bytes, place: int) -> _Meta:
        flags = _HEADER.unpack_from(data, place)[1]
        magic, version, _, _, page_size, kind, depth, *_, root, last, transaction = _META.unpack_from(data, place)
        if magic != MAGIC or not flags & META:
            raise self.file.damaged("it has no meta page")
        if version != VERSION:
            raise self.file.damaged(f"unsupported version {version}")
        if page_size & (page_size - 1) or not 512 <= page_size <= 65536:
            raise self.file.damaged(f"page size {page_size}")
        if kind & _FOREIGN:
            raise self.file.damaged(f"unsupported flags {kind & _FOREIGN:#x}")
        if depth > _DEEPEST:
            raise self.file.damaged(f"{depth} levels")
        return _Meta(transaction, page_size, last, root)

    def _page(self, number: int) -> _Leaf | _Branch:
        """A page of the tree."""
        size = self._meta.page_size
        if not 2 <= number <= self._meta.last_page:
            raise self.file.damaged(f"page {number} of {self._meta.last_page}")
        return self._parsed(number, self.file.read(number * size, size))

    def _parsed(self, number: int, data: bytes) -> _Leaf | _Branch:
        size = self._meta.page_size
        own_number, flags, lower, upper = _HEADER.unpack_from(data)
        kind = flags & (BRANCH | LEAF | OVERFLOW | META)
        if own_number != number or kind not in (BRANCH, LEAF):
            raise self.file.damaged(f"page {number} is not one of the tree")
        count = (lower - HEADER) // 2
        if not HEADER <= lower <= upper <= size or (kind == BRANCH and count < 1):
            raise self.file.damaged(f"page {number} has no room for its nodes")
        if kind == LEAF:
            return _Leaf(data, HEADER + 2 * count, upper)
        offsets = memoryview(data)[HEADER : HEADER + 2 * count].cast("H")
        if min(offsets) < upper or max(offsets) + _NODE.size > size:
            raise self.file.damaged(f"a node of page {number} lies outside it")
        nodes = [_NODE.unpack_from(data, at) for at in offsets]
        below = [int(low | high << 32) for low, high, _ in nodes]
        ends = [at + _NODE.size + length for at, (_, _, length) in zip(offsets, nodes, strict=True)]
        if max(ends) > size:
            raise self.file.damaged("a key lies outside its page")
        branch = _Branch([data[at + _NODE.size : end] for at, end in zip(offsets[1:], ends[1:], strict=True)], below)
        self._branches[number] = branch
        return branch

    def _find(self, page: _Leaf, key: bytes) -> bytes | None:
        offsets, data = page.offsets, page.data

        def key_at(at: int) -> bytes:
            return data[at + 8 : at + 8 + number(data[at + 6 : at + 8], byteorder)]

        number, byteorder = int.from_bytes, sys.byteorder
        index = bisect_left(offsets, key, key=key_at)
        if index == len(offsets) or self._key(data, offsets[index]) != key:
            return None
        return self._value(data, offsets[index])

    def _key(self, data: bytes, at: int) -> bytes:
        """The key of the node at ``at``."""
        end = at + 8 + int.from_bytes(data[at + 6 : at + 8], sys.byteorder)
        if not HEADER <= at < end <= len(data):
            raise self.file.damaged("a key lies outside its page")
        return data[at + 8 : end]

    def _value(self, data: bytes, at: int) -> bytes:
        """The value of a leaf's node."""
        length, flags, key_length = _NODE.unpack_from(data, at)
        begin = at + _NODE.size + key_length
        end = begin + (_NUMBER.size if flags & ON_OVERFLOW_PAGES else length)
        if end > len(data) or flags & ~ON_OVERFLOW_PAGES:
            raise self.file.damaged("a node that is not valid")
        value = data[begin:end]
        return self._overflow(_NUMBER.unpack(value)[0], length) if flags & ON_OVERFLOW_PAGES else value

    def _overflow(self, number: int, length: int) -> bytes:
        size = self._meta.page_size
        if not 2 <= number <= self._meta.last_page:
            raise self.file.damaged(f"page {number} of {self._meta.last_page}")
        place = number * size
        head = self.file.read(place, HEADER)
        own_number, flags, _, _ = _HEADER.unpack(head)
        (pages,) = _COUNT.unpack_from(head, 12)
        if own_number != number or not flags & OVERFLOW or HEADER + length > pages * size:
            raise self.file.damaged(f"page {number} does not hold a value of {length} bytes")
        if place + HEADER + length > self.file.size:
            raise self.file.damaged("cut short")
        return self.file.read(place + HEADER, length)


def _split(page: _Branch, keys: list[bytes], low: int, high: int, end: bytes) -> Iterator[tuple[int, int, int]]:
    """The pages below a branch that can have some of ``keys`` between ``low`` and ``high``, and which each can have."""
    for number, following in zip_longest(page.pages, page.keys):
        next_low = high if following is None else bisect_left(keys, following.removesuffix(end), low, high)
        if low < next_low:
            yield number, low, next_low
        low = next_low

"""What Berkeley DB's hash and btree files have in common: pages, the meta page, big items; read and written.

The format is that of libdb 5.3 (what Debian's Postfix and sendmail link), learnt from files that db5.3_load, postmap
and makemap write and from what db5.3_dump, -stat and -verify print about them.

A file is a sequence of pages of one size, a power of two from 512 to 65536; page 0 is the meta page. Numbers are in
the byte order of the machine that made the file; the magic number shows which. Every page begins with 26 bytes:

    0  log sequence number (8): 0 and 1 where nothing is logged
    8  page number (4)       12  previous page (4)     16  next page (4); 0: no page
    20 number of entries (2) 22  offset of the lowest byte in use (2)
    24 level (1): 0, in a btree 1 for leaves           25  type (1)

From byte 26 on there is an array of 16-bit offsets, one for each entry, in the order of the entries. The items
themselves are laid down from the page's end towards its middle. Pages of which nothing was ever written are zero
throughout.

The meta page's first 72 bytes are common to both kinds: magic number at 12, version at 16, page size at 20, encryption
at 24, type at 25, meta flags at 26 (1: pages have checksums), head of the list of free pages at 28, number of the
last page at 32, flags at 48 (the kind's own), and at 52 an id of 20 bytes by which libdb distinguishes files.

A key or value above a limit is *big*: it lies on a chain of pages of type 7, of its own. On those pages the number of
entries counts the references (1), the "lowest byte in use" is the number of data bytes that follow the header.

What is refused as damaged although libdb can read it: encrypted files, page checksums, several databases in one file.
No mail program writes them.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

from mailconf.maps.core.table import DamagedMap as DamagedMap
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.database.raw_file import TOGETHER, read_runs

HEADER = 26
NO_PAGE = 0
PAGE_SIZE = 4096  # what libdb takes from the usual block size of file systems, and so what real files have
CAPACITY = PAGE_SIZE - HEADER
NATIVE = "<" if sys.byteorder == "little" else ">"  # the order of bytes in files of this machine

ENOUGH = 100_000  # keys, and entries on the pages that they may be on, that are worth loading numpy

INVALID, HASH_UNSORTED, BTREE_INTERNAL, VALUES_INTERNAL, BTREE_LEAF, VALUES_LEAF, OVERFLOW = 0, 2, 3, 4, 5, 6, 7
HASH_META, BTREE_META, HASH = 8, 9, 13

META_SIZE = 512
METAFLAG_CHECKSUM = 0x01

_USUAL_ENTRIES = 15  # of a page

_BATCH = 1 << 20


class Page(NamedTuple):
    """The header of one page and its bytes, checked: the right number, room for its offsets."""

    number: int
    previous: int
    next: int
    entries: int
    low: int
    level: int
    type: int
    data: bytes


class PageFile:
    """A Berkeley DB file open for reading, by page.

    Pages are read with pread(2), not through mmap(2): real postmap(1) truncates a map while others have it open, and
    a reader of the mapping would die of SIGBUS.

    magic, version  what the meta page must have, and ``foreign`` the flags that it may not have
    name            what messages call the file

    Raises OSError when the file cannot be read and DamagedMap when it is not of that kind.
    """

    def __init__(self, path: str | os.PathLike[str], name: str, magic: int, version: int, foreign: int) -> None:
        self.name = name
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._read_meta(magic, version, foreign)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def damaged(self, what: str) -> DamagedMap:
        return DamagedMap(f"{self.name}: damaged Berkeley DB file: {what}")

    def _read_meta(self, magic: int, expected: int, foreign: int) -> None:
        meta = os.pread(self.descriptor, META_SIZE, 0)
        if len(meta) < META_SIZE:
            raise self.damaged("shorter than a meta page")
        for order in "<>":
            if struct.unpack_from(order + "I", meta, 12)[0] == magic:
                break
        else:
            raise DamagedMap(f"{self.name}: not a Berkeley DB file of the expected kind")
        self.order = order
        version, size, encryption, _, metaflags = struct.unpack_from(order + "IIBBB", meta, 16)
        if version != expected:
            raise DamagedMap(f"{self.name}: Berkeley DB file of unsupported version {version}")
        if size & (size - 1) or not 512 <= size <= 65536:
            raise self.damaged(f"page size {size}")
        flags = struct.unpack_from(order + "I", meta, 48)[0]
        if encryption or metaflags & METAFLAG_CHECKSUM:
            raise DamagedMap(f"{self.name}: encrypted and checksummed Berkeley DB files are not supported")
        if flags & foreign:
            raise DamagedMap(f"{self.name}: Berkeley DB file with unsupported flags {flags & foreign:#x}")
        self.meta = meta
        self.page_size = size
        self.pages = os.fstat(self.descriptor).st_size // size
        self.header = struct.Struct(order + "8xIIIHHBB")
        self._offset = struct.Struct(order + "H")
        self._item = struct.Struct(order + "II")

    def page(self, number: int) -> Page:
        """Page ``number``; raises DamagedMap when the file has no such page or the page is not what it should be."""
        if not 0 < number < self.pages:
            raise self.damaged(f"page {number} of {self.pages}")
        return self._page(number, self._read(number * self.page_size, self.page_size))

    def pages_at(self, numbers: list[int]) -> Iterator[Page]:
        """The same for many pages, in ascending order of their numbers; no page may come twice."""
        for first, some, data in self.runs_at(sorted(numbers)):
            for number in some:
                place = (number - first) * self.page_size
                yield self._page(number, data[place : place + self.page_size])

    def runs_at(self, numbers: list[int], together: int = TOGETHER) -> Iterator[tuple[int, list[int], bytes]]:
        """The bytes of many pages that follow each other: the first one's number, which are wanted, the bytes from
        there.

        Nothing is checked but that the file has them; ``numbers`` are ascending.
        """
        if numbers and not 0 < numbers[0] <= numbers[-1] < self.pages:
            raise self.damaged(f"a page number outside its {self.pages} pages")
        return read_runs(self._read, self.page_size, numbers, together)

    def _read(self, place: int, count: int) -> bytes:
        try:
            data = os.pread(self.descriptor, count, place)
        except OSError as failure:
            raise TemporaryFailure(f"{self.name}: {failure.strerror}") from failure
        if len(data) < count:
            raise self.damaged(f"it ends before byte {place + count}")
        return data

    def _page(self, number: int, data: bytes) -> Page:
        size = self.page_size
        at, previous, following, entries, low, level, kind = self.header.unpack_from(data)
        if kind == INVALID:
            return Page(number, NO_PAGE, NO_PAGE, 0, size, 0, INVALID, data)
        if at != number:
            raise self.damaged(f"page {number} calls itself {at}")
        if kind != OVERFLOW and HEADER + 2 * entries > size:
            raise self.damaged(f"page {number} has {entries} entries")
        return Page(number, previous, following, entries, low, level, kind, data)

    def visit(self, number: int, seen: set[int]) -> None:
        """Raise DamagedMap when a walk comes to a page for the second time: so every walk ends."""
        if number in seen:
            raise self.damaged(f"page {number} belongs to two chains")
        seen.add(number)

    def offsets(self, page: Page) -> tuple[int, ...]:
        """Where the entries of ``page`` lie, checked to come after the offsets themselves."""
        found: tuple[int, ...] = struct.unpack_from(f"{self.order}{page.entries}H", page.data, HEADER)
        if found and (min(found) < HEADER + 2 * page.entries or max(found) >= self.page_size):
            raise self.damaged(f"an entry of page {page.number} lies outside it")
        return found

    def extent(self, page: Page, entry: int) -> tuple[int, int]:
        """Where entry ``entry`` of a hash page begins and ends: at the entry before it, the first at the page's end."""
        place = HEADER + 2 * entry
        (start,) = self._offset.unpack_from(page.data, place)
        end = self._offset.unpack_from(page.data, place - 2)[0] if entry else self.page_size
        if not HEADER + 2 * page.entries <= start < end <= self.page_size:
            raise self.damaged(f"the entries of page {page.number} overlap")
        return start, end

    def big_reference(self, page: Page, offset: int) -> tuple[int, int]:
        """(first page, length in bytes) of the big item whose reference is at ``offset`` (type, 3 unused, 4, 4)."""
        if offset + 12 > self.page_size:
            raise self.damaged(f"an entry of page {page.number} is cut short")
        first, length = self._item.unpack_from(page.data, offset + 4)
        return first, length

    def big_item(self, first: int, length: int, seen: set[int], enough: int | None = None) -> bytes:
        """The ``length`` bytes that begin on overflow page ``first``; its pages join ``seen``, where no one may be yet.

        enough  stop when this many bytes are read
        """
        parts: list[bytes] = []
        missing, number = length, first
        stop = 0 if enough is None else length - enough
        while missing > max(stop, 0):
            self.visit(number, seen)
            page = self.page(number)
            count = page.low
            if page.type != OVERFLOW or not 0 < count <= min(missing, self.page_size - HEADER):
                raise self.damaged(f"page {number} is no part of a big item")
            parts.append(page.data[HEADER : HEADER + count])
            missing -= count
            number = page.next
        return b"".join(parts)


def worth_arrays(keys: int, pages: int) -> bool:
    """Whether so many keys of a file of so many pages are worth loading numpy (`packed_find`)."""
    return keys + _USUAL_ENTRIES * min(keys, pages) >= ENOUGH


def header(number: int, previous: int, following: int, entries: int, low: int, level: int, kind: int) -> bytes:
    """The first 26 bytes of a page that we write, in the machine's own byte order, as libdb does."""
    return struct.pack("=IIIIIHHBB", 0, 1, number, previous, following, entries, low, level, kind)


def meta_page(magic: int, version: int, kind: int, last_page: int, flags: int, own: bytes) -> bytes:
    """The meta page of a file that we write; ``own`` is the kind's part, from byte 72 on."""
    start = struct.pack(
        "=IIIIIIBBBxIIIIII",
        *(0, 1, 0, magic, version, PAGE_SIZE),  # log sequence number, page number
        *(0, kind, 0),  # no encryption, no meta flags
        *(0, last_page, 0, 0, 0, flags),  # no free page, not partitioned, no cached counts
    )
    # libdb takes two files with one id for the same file; so it must not follow from the contents alone.
    unique = os.urandom(20)
    return (start + unique + own).ljust(PAGE_SIZE, b"\0")


class PageRun:
    """Pages written one after the other from ``first`` on, collected into large writes."""

    def __init__(self, descriptor: int, first: int) -> None:
        self._descriptor = descriptor
        self._start = first  # the page at which the waiting bytes begin
        self._waiting: list[bytes] = []
        self._bytes = 0
        self.next = first

    def add(self, page: bytes) -> None:
        self._waiting.append(page)
        self._bytes += len(page)
        self.next += 1
        if self._bytes >= _BATCH:
            self.flush()

    def flush(self) -> None:
        data = memoryview(b"".join(self._waiting))
        at = self._start * PAGE_SIZE
        while data:
            written = os.pwrite(self._descriptor, data, at)
            data, at = data[written:], at + written
        self._waiting.clear()
        self._bytes, self._start = 0, self.next


def write_big_item(run: PageRun, data: bytes) -> int:
    """Put ``data`` on overflow pages of its own at the end of ``run``; the number of the first."""
    first = run.next
    last = first + (len(data) - 1) // CAPACITY
    for number in range(first, last + 1):
        start = (number - first) * CAPACITY
        part = data[start : start + CAPACITY]
        previous = number - 1 if number > first else NO_PAGE
        following = number + 1 if number < last else NO_PAGE
        run.add((header(number, previous, following, 1, len(part), 0, OVERFLOW) + part).ljust(PAGE_SIZE, b"\0"))
    return first

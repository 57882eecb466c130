"""Berkeley DB btree files, version 9: the reader. `mailconf.maps.bdb` tells of pages and big items.

The meta page continues with, at 76, the smallest number of keys on a page (2), and at 88 the page of the root.

Leaves (type 5, level 1) hold keys and values in turn and are chained in the order of the keys, which is that of their
bytes. An item begins with its length (2) and a type (1), whose highest bit marks a deleted item, and takes a multiple
of four bytes. A value may stand several times for one key: then the key's offset is repeated. Types:

    1 a key or value, at byte 3    2 several values, on pages of their own
    3 a big item: 2 unused bytes, 3, an unused byte, first page (4), length (4)

Internal pages (type 3, level 2 and above) hold for each page below them: length (2), type (1), an unused byte, the
page (4), a count of records (4), and the lowest key that it may have, as long as that it tells the page from the one
before. The first of them is not looked at, and empty in real files. A big key stands there as in a leaf.

With pages of 4096 bytes, keys and values above 1007 bytes are big.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from mailconf.maps.bdb import BTREE_INTERNAL, BTREE_LEAF, NO_PAGE, Page, PageFile

MAGIC = 0x053162
VERSION = 9
KEYDATA, DUPLICATES, BIG = 1, 2, 3

_DELETED = 0x80
_FOREIGN = 0x02 | 0x20 | 0x80  # flags: numbered records, several databases, compression


class BtreeFile:
    """A btree file open for reading. Raises OSError when it cannot be opened, DamagedMap when it is none."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        """``name`` is what messages call the file."""
        self.file = PageFile(path, name or str(path), MAGIC, VERSION, _FOREIGN)
        (self._root,) = struct.unpack_from(self.file.order + "I", self.file.meta, 88)
        self._item = struct.Struct(self.file.order + "HB")
        self._child = struct.Struct(self.file.order + "I")

    def close(self) -> None:
        self.file.close()

    def get(self, key: bytes) -> bytes | None:
        """The (first) value of ``key``, or None. Raises DamagedMap."""
        page = self._descend(key)
        offsets = self.file.offsets(page)
        at = self._search(page, offsets, key, range(0, page.entries, 2))
        if at < 0 or self._key_order(page, offsets[at], key):
            return None
        for entry in range(at, page.entries, 2):  # more than one where values are deleted
            if offsets[entry] != offsets[at]:
                break
            if not self._deleted(page, offsets[entry + 1]):
                return self._value(page, offsets[entry + 1], set())
        return None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All (key, value) pairs in the order of the keys. Raises DamagedMap."""
        seen: set[int] = set()
        number = self._descend(b"").number
        while number != NO_PAGE:
            self.file.visit(number, seen)
            page = self._leaf(self.file.page(number))
            offsets = self.file.offsets(page)
            room = self.file.page_size
            key, key_at = b"", -1
            for entry in range(0, page.entries, 2):
                if offsets[entry] != key_at:
                    key_at = offsets[entry]
                    room -= self._size(page, key_at)
                    key = self._value(page, key_at, seen)
                room -= self._size(page, offsets[entry + 1])
                if room < 0:
                    raise self.file.damaged(f"the entries of page {number} overlap")
                if not self._deleted(page, offsets[entry + 1]):
                    yield key, self._value(page, offsets[entry + 1], seen)
            number = page.next

    def _descend(self, key: bytes) -> Page:
        """The leaf that has ``key`` if any has."""
        page = self.file.page(self._root)
        while page.type == BTREE_INTERNAL and page.entries:
            offsets = self.file.offsets(page)
            # The last child whose key is not above ours; the first one's key counts as lower than any.
            low, high = 0, page.entries
            while high - low > 1:
                middle = (low + high) // 2
                if self._child_order(page, offsets[middle], key) > 0:
                    high = middle
                else:
                    low = middle
            self._check(page, offsets[low], 12)
            below = self.file.page(self._child.unpack_from(page.data, offsets[low] + 4)[0])
            if below.level != page.level - 1:
                raise self.file.damaged(f"page {below.number} below page {page.number} is on level {below.level}")
            page = below
        return self._leaf(page)

    def _leaf(self, page: Page) -> Page:
        if page.type != BTREE_LEAF or page.level != 1 or page.entries % 2:
            raise self.file.damaged(f"page {page.number} is no leaf")
        return page

    def _search(self, page: Page, offsets: tuple[int, ...], key: bytes, entries: range) -> int:
        """The first of the sorted ``entries`` that is not below ``key``, -1 when all are."""
        low, high = 0, len(entries)
        while low < high:
            middle = (low + high) // 2
            if self._key_order(page, offsets[entries[middle]], key) < 0:
                low = middle + 1
            else:
                high = middle
        return entries[low] if low < len(entries) else -1

    def _key_order(self, page: Page, offset: int, key: bytes) -> int:
        """Below, at or above 0 as the key at ``offset`` of a leaf is below, equal to or above ``key``."""
        return self._order(page, offset, 3, offset, key)

    def _child_order(self, page: Page, offset: int, key: bytes) -> int:
        return self._order(page, offset, 12, offset + 12, key)

    def _order(self, page: Page, offset: int, head: int, reference: int, key: bytes) -> int:
        self._check(page, offset, head)
        length, kind = self._item.unpack_from(page.data, offset)
        if kind & ~_DELETED == BIG:
            # One byte more than ``key`` has is enough to compare.
            first, whole = self.file.big_reference(page, reference)
            mine = self.file.big_item(first, whole, set(), len(key) + 1)
        else:
            self._check(page, offset, head + length)
            mine = page.data[offset + head : offset + head + length]
        return (mine > key) - (mine < key)

    def _check(self, page: Page, offset: int, size: int) -> None:
        if offset + size > self.file.page_size:
            raise self.file.damaged(f"an entry of page {page.number} is cut short")

    def _size(self, page: Page, offset: int) -> int:
        """The bytes that an item takes at least."""
        self._check(page, offset, 3)
        length, kind = self._item.unpack_from(page.data, offset)
        return 3 + (length if kind & ~_DELETED == KEYDATA else 9)

    def _deleted(self, page: Page, offset: int) -> bool:
        self._check(page, offset, 3)
        return bool(page.data[offset + 2] & _DELETED)

    def _value(self, page: Page, offset: int, seen: set[int]) -> bytes:
        """The key or value at ``offset`` of a leaf."""
        self._check(page, offset, 3)
        length, kind = self._item.unpack_from(page.data, offset)
        kind &= ~_DELETED
        if kind == KEYDATA:
            self._check(page, offset, 3 + length)
            return page.data[offset + 3 : offset + 3 + length]
        if kind == BIG:
            return self.file.big_item(*self.file.big_reference(page, offset), seen)
        if kind == DUPLICATES:
            raise self.file.damaged("several values of one key on pages of their own are not supported")
        raise self.file.damaged(f"an item of type {kind} on page {page.number}")

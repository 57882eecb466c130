"""Berkeley DB btree files, version 9: the reader. `mailconf.maps.bdb` tells of pages and big items.

The meta page continues with, at 76, the smallest number of keys on a page (2), and at 88 the page of the root.

Leaves (type 5, level 1) hold keys and values in turn and are chained in the order of the keys, which is that of their
bytes; `mailconf.maps.bdb_items` describes the items. Where a key has several values, its offset is repeated.

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
from mailconf.maps.bdb_items import BIG, Items

MAGIC = 0x053162
VERSION = 9

_CHILD = 12  # bytes before the key in an internal page's entry
_FOREIGN = 0x02 | 0x20 | 0x80  # flags: numbered records, several databases, compression


class BtreeFile:
    """A btree file open for reading. Raises OSError when it cannot be opened, DamagedMap when it is none."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        """``name`` is what messages call the file."""
        self.file = PageFile(path, name or str(path), MAGIC, VERSION, _FOREIGN)
        (self._root,) = struct.unpack_from(self.file.order + "I", self.file.meta, 88)
        self._items = Items(self.file)

    def close(self) -> None:
        self.file.close()

    def get(self, key: bytes) -> bytes | None:
        """The (first) value of ``key``, or None. Raises DamagedMap."""
        page = self._descend(key)
        offsets = self.file.offsets(page)
        at = self._search(page, offsets, key)
        if at == page.entries or self._order(page, offsets[at], key):
            return None
        for entry in range(at, page.entries, 2):  # more than one where values are deleted
            if offsets[entry] != offsets[at]:
                break
            if not self._items.deleted(page, offsets[entry + 1]):
                return next(self._items.all(page, offsets[entry + 1], set()))
        return None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All (key, value) pairs in the order of the keys. Raises DamagedMap."""
        items = self._items
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
                    room -= items.size(page, key_at)
                    key = items.one(page, key_at, seen)
                room -= items.size(page, offsets[entry + 1])
                if room < 0:
                    raise self.file.damaged(f"the entries of page {number} overlap")
                if not items.deleted(page, offsets[entry + 1]):
                    for value in items.all(page, offsets[entry + 1], seen):
                        yield key, value
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
                if self._order(page, offsets[middle], key, _CHILD) > 0:
                    high = middle
                else:
                    low = middle
            below = self.file.page(self._items.number(page, offsets[low] + 4))
            if below.level != page.level - 1:
                raise self.file.damaged(f"page {below.number} below page {page.number} is on level {below.level}")
            page = below
        return self._leaf(page)

    def _leaf(self, page: Page) -> Page:
        if page.type != BTREE_LEAF or page.level != 1 or page.entries % 2:
            raise self.file.damaged(f"page {page.number} is no leaf")
        return page

    def _search(self, page: Page, offsets: tuple[int, ...], key: bytes) -> int:
        """The first key of a leaf that is not below ``key``; the number of entries when all are."""
        low, high = 0, len(offsets) // 2
        while low < high:
            middle = (low + high) // 2
            if self._order(page, offsets[2 * middle], key) < 0:
                low = middle + 1
            else:
                high = middle
        return 2 * low

    def _order(self, page: Page, offset: int, key: bytes, before: int = 0) -> int:
        """Below, at or above 0 as the key of an entry is below, equal to or above ``key``.

        before  what stands in the entry before the key's text, or before its reference: 0 in a leaf, _CHILD above
        """
        length, kind = self._items.head(page, offset)
        if kind == BIG:
            first, whole = self.file.big_reference(page, offset + before)
            # One byte more than ``key`` has is enough to compare.
            mine = self.file.big_item(first, whole, set(), len(key) + 1)
        else:
            start = offset + (before or 3)
            self._items.check(page, start, length)
            mine = page.data[start : start + length]
        return (mine > key) - (mine < key)

"""Items as they lie on the leaves of Berkeley DB's trees: of btree files, and of the values of one key.

An item begins with its length (2) and a type (1), whose highest bit marks a deleted item, and takes a multiple of four
bytes. Types:

    1 a key or value, at byte 3    2 several values, on pages of their own: unused (1), their root (4)
    3 a big item: 2 unused bytes, 3, an unused byte, first page (4), length (4)

Several values of one key, where they take more than a quarter of a page (`makemap -d`), are a tree of their own: leaves
of type 6, chained in the order of the values, below internal pages of type 4 that hold for each page below them its
number (4) and a count of values (4). The same in hash and in btree files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mailconf.maps.database.bdb import NO_PAGE, VALUES_INTERNAL, VALUES_LEAF, DamagedMap, Page, PageFile

KEYDATA, DUPLICATES, BIG = 1, 2, 3
DELETED = 0x80


class Items:
    """Reads the items of a file's leaves; every method raises DamagedMap for an item that leaves its page."""

    def __init__(self, file: PageFile) -> None:
        self.file = file
        self._head = struct.Struct(file.order + "HB")
        self._number = struct.Struct(file.order + "I")

    def check(self, page: Page, offset: int, size: int) -> None:
        """Raise DamagedMap unless ``size`` bytes from ``offset`` on lie on the page."""
        if offset + size > self.file.page_size:
            raise self.file.damaged(f"an entry of page {page.number} is cut short")

    def head(self, page: Page, offset: int) -> tuple[int, int]:
        """The length and the type of an item, the type without its mark."""
        self.check(page, offset, 3)
        length, kind = self._head.unpack_from(page.data, offset)
        return length, kind & ~DELETED

    def number(self, page: Page, offset: int) -> int:
        """The page number at ``offset``."""
        self.check(page, offset, 4)
        found: int = self._number.unpack_from(page.data, offset)[0]
        return found

    def size(self, page: Page, offset: int) -> int:
        """The bytes that an item takes at least."""
        length, kind = self.head(page, offset)
        return 3 + (length if kind == KEYDATA else 9)

    def deleted(self, page: Page, offset: int) -> bool:
        self.check(page, offset, 3)
        return bool(page.data[offset + 2] & DELETED)

    def one(self, page: Page, offset: int, seen: set[int]) -> bytes:
        """The key or the single value at ``offset``; ``seen`` are pages that may not come again."""
        length, kind = self.head(page, offset)
        if kind == KEYDATA:
            self.check(page, offset, 3 + length)
            return page.data[offset + 3 : offset + 3 + length]
        if kind == BIG:
            return self.file.big_item(*self.file.big_reference(page, offset), seen)
        raise self._unknown(page, kind)

    def all(self, page: Page, offset: int, seen: set[int]) -> Iterator[bytes]:
        """The value at ``offset``, or the several values."""
        kind = self.head(page, offset)[1]
        if kind == DUPLICATES:
            yield from self.values(self.number(page, offset + 4), seen)
        else:
            yield self.one(page, offset, seen)

    def values(self, root: int, seen: set[int]) -> Iterator[bytes]:
        """The values in the tree whose root is page ``root``; at least one."""
        self.file.visit(root, seen)
        page = self.file.page(root)
        while page.type == VALUES_INTERNAL and page.entries:
            number = self.number(page, self.file.offsets(page)[0])
            self.file.visit(number, seen)
            page = self.file.page(number)
        found = False
        while True:
            if page.type != VALUES_LEAF:
                raise self.file.damaged(f"page {page.number} holds no values")
            room = self.file.page_size
            for offset in self.file.offsets(page):
                room -= self.size(page, offset)
                if room < 0:
                    raise self.file.damaged(f"the entries of page {page.number} overlap")
                if not self.deleted(page, offset):
                    found = True
                    yield self.one(page, offset, seen)
            if page.next == NO_PAGE:
                break
            self.file.visit(page.next, seen)
            page = self.file.page(page.next)
        if not found:
            raise self.file.damaged(f"page {root} holds no values")

    def _unknown(self, page: Page, kind: int) -> DamagedMap:
        return self.file.damaged(f"an item of type {kind} on page {page.number}")

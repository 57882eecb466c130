"""Berkeley DB btree files, version 9: the reader. `mailconf.maps.database.bdb` describes pages and big items.

The meta page continues with, at 76, the smallest number of keys on a page (2), and at 88 the page of the root.

Leaves (type 5, level 1) hold keys and values in turn and are chained in the order of the keys, which is that of their
bytes; `mailconf.maps.database.bdb_items` describes the items. Where a key has several values, its offset is repeated.

Internal pages (type 3, level 2 and above) hold for each page below them: length (2), type (1), an unused byte, the
page (4), a count of records (4), and the lowest key that it may have, as much of it as distinguishes it from the page
before. The first of them is not looked at, and empty in real files. A big key is there as in a leaf.

With pages of 4096 bytes, keys and values above 1007 bytes are big.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import repeat, zip_longest

from mailconf.arrays import arrays
from mailconf.maps.core.table import WHOLE, DamagedMap, Share
from mailconf.maps.database.bdb import BTREE_INTERNAL, BTREE_LEAF, HEADER, NATIVE, NO_PAGE, Page, PageFile, worth_arrays
from mailconf.maps.database.bdb_items import BIG, KEYDATA, Items
from mailconf.maps.database.bdb_table import c_string, in_share, part_of

MAGIC = 0x053162
VERSION = 9

_MANY = 100  # keys that are worth sorting
_LARGEST_WALKED = 8192  # pages: in a larger one, overlapping keys could add up to more than we want to hold
_ABOVE_LEAVES = 2  # the level
_CHILD = 12  # bytes before the key in an internal page's entry
_PAGES_FOR_A_KEY = 2  # of the file, at most: for fewer keys most internal pages are of no use
_REPEATS = 0x01  # a flag
_FOREIGN = 0x02 | 0x20 | 0x80  # flags: numbered records, several databases, compression


class _BigKey(Exception):
    """A leaf has a key that does not lie on it."""


class BtreeFile:
    """A btree file open for reading. Raises OSError when it cannot be opened, DamagedMap when it is no such file.

    repeats  whether its keys may have several values
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """``name`` is what messages call the file."""
        self.file = PageFile(path, name or str(path), MAGIC, VERSION, _FOREIGN)
        self._fewest, self._root = struct.unpack_from(self.file.order + "I8xI", self.file.meta, 76)
        self.repeats = bool(struct.unpack_from(self.file.order + "I", self.file.meta, 48)[0] & _REPEATS)
        self._items = Items(self.file)
        self._child = struct.Struct(self.file.order + "HBxI")
        self._outlines: dict[bytes, tuple[list[int], list[bytes]] | None] = {}

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

    def processes(self, count: int) -> int:
        """How many should share a `get_all` of so many keys."""
        self._by_arrays(count)  # loads it, so that not each of them has to
        return 2

    def _by_arrays(self, count: int) -> bool:
        """Whether so many keys are looked for with numpy."""
        usual = self.file.page_size <= _LARGEST_WALKED and self.file.order == NATIVE
        return usual and worth_arrays(count, self.file.pages) and arrays() is not None

    def get_all(self, keys: list[bytes], end: bytes = b"", share: Share = WHOLE) -> list[bytes | None]:
        """What `get` gives for each of ``keys`` followed by ``end`` (empty or a NUL), up to a NUL.

        Every page is read once. Raises DamagedMap.
        """
        if len(keys) < _MANY or self.file.page_size > _LARGEST_WALKED or self.file.order != NATIVE:
            part = part_of(len(keys), share)
            return [c_string(self.get(key + end)) if n in part else None for n, key in enumerate(keys)]
        if self._by_arrays(len(keys)):
            from mailconf.maps.database.packed_find import find_on_leaves

            values, left = find_on_leaves(self.file, keys, end, lambda some: self._leaf_numbers(some, end), share)
            for at in left:
                values[at] = c_string(self.get(keys[at] + end))
            return values
        wanted = sorted(in_share(keys, share))
        values = [None] * len(wanted)
        big = self.file.page_size // (4 * max(self._fewest, 2)) - len(end)  # or less: such keys may be big
        singly = {at for at, key in enumerate(wanted) if len(key) >= big}
        items = [b"\1" + key + end for key in wanted]
        for page, low, high in self._leaves_of(items):
            for at, value in self._find_on(page, items, low, high):
                if value is None:
                    singly.add(at)
                else:
                    values[at] = value
        for at in singly:
            values[at] = c_string(self.get(wanted[at] + end))
        return list(map(dict(zip(wanted, values, strict=True)).get, keys))

    def _find_on(self, page: Page, wanted: list[bytes], low: int, high: int) -> Iterator[tuple[int, bytes | None]]:
        """Which of ``wanted`` from ``low`` to ``high`` a leaf has, and their values; None where that is not plain."""
        data = page.data
        numbers = memoryview(data).cast("H")  # items begin at even places
        offsets = numbers[HEADER // 2 : HEADER // 2 + page.entries : 2]
        count, found = len(offsets), 0

        def stored(at: int) -> bytes:
            if data[at + 2] != KEYDATA:
                raise _BigKey
            return data[at + 2 : at + 3 + numbers[at >> 1]]

        try:
            for place in range(low, high):
                key = wanted[place]
                found = bisect_left(offsets, key, found, key=stored)
                if found < count and stored(offsets[found]) == key:
                    at = numbers[HEADER // 2 + 2 * found + 1]
                    stop = at + 3 + numbers[at >> 1]
                    plain = stop <= len(data) and data[at + 2] == KEYDATA
                    yield place, data[at + 3 : stop].partition(b"\0")[0] if plain else None
        except _BigKey:
            yield from ((rest, None) for rest in range(place, high))
        except IndexError:
            raise self.file.damaged(f"an entry of page {page.number} lies outside it") from None

    def _leaves_of(self, keys: list[bytes]) -> Iterator[tuple[Page, int, int]]:
        """The leaves, in the order in which they lie in the file, that can have some of the sorted ``keys``.

        keys   each after a KEYDATA

        With each leaf comes between which of the keys it can have.
        """
        seen: set[int] = set()
        level = {self._root: (0, len(keys))}
        enough = max(map(len, keys), default=0)
        while level:
            below: dict[int, tuple[int, int]] = {}
            for number in level:
                self.file.visit(number, seen)
            for page in self.file.pages_at(list(level)):
                low, high = level[page.number]
                if page.type != BTREE_INTERNAL or not page.entries:
                    yield self._leaf(page), low, high
                    continue
                numbers, lowest = self._children(page, enough)
                for number, key in zip_longest(numbers, lowest):
                    next_low = high if key is None else bisect_left(keys, key, low, high)
                    if low < next_low:
                        if number in below:
                            raise self.file.damaged(f"page {number} belongs to two chains")
                        below[number] = low, next_low
                    low = next_low
            level = below

    def _leaf_numbers(self, keys: list[bytes], end: bytes) -> Iterable[tuple[int, int, int]]:
        """The numbers of the pages, leaves most likely, that can have some of the sorted ``keys``, and which of them.

        The ``keys`` are without ``end``: with it on both sides keys compare alike, and on one side as if on neither.
        """
        outline = self._outline(end) if self.file.pages <= _PAGES_FOR_A_KEY * len(keys) else None
        if outline is None:
            return self._walked(keys, end)
        numbers, lowest = outline
        starts = [*map(bisect_left, repeat(keys), lowest), len(keys)]
        return (found for found in zip(numbers, starts, starts[1:], strict=False) if found[1] < found[2])

    def _outline(self, end: bytes) -> tuple[list[int], list[bytes]] | None:
        """All leaves in the order of the keys, and the lowest key that each may have, without ``end``.

        None where some internal page is not as usual: then a walk finds the way, or reports what is wrong. It is made
        once, for every call of `get_all`.
        """
        if end not in self._outlines:
            try:
                self._outlines[end] = self._made_outline(end)
            except DamagedMap:
                self._outlines[end] = None
        return self._outlines[end]

    def _made_outline(self, end: bytes) -> tuple[list[int], list[bytes]] | None:
        numbers, lowest = [self._root], [b""]
        seen: set[int] = set()
        level = 0
        while level != _ABOVE_LEAVES:
            for number in numbers:
                self.file.visit(number, seen)
            children: dict[int, tuple[list[int], list[bytes]]] = {}
            for page in self.file.pages_at(numbers):
                found = self._plain_children(page) if page.type == BTREE_INTERNAL and page.entries else None
                if found is None or level not in (0, page.level) or page.level < _ABOVE_LEAVES:
                    return None
                children[page.number] = found
                level = page.level
            above = zip(numbers, lowest, strict=True)
            numbers, lowest = [], []
            for number, low in above:
                below, keys = children[number]
                numbers += below
                lowest += low, *(key[1:].removesuffix(end) for key in keys)
            if level > _ABOVE_LEAVES:
                level = 0
        return (numbers, lowest) if lowest == sorted(lowest) else None

    def _walked(self, keys: list[bytes], end: bytes) -> Iterator[tuple[int, int, int]]:
        """`_leaf_numbers`, from the root down."""
        seen: set[int] = set()
        level = {self._root: (0, len(keys))}
        enough = max(map(len, keys), default=0) + 2
        while level:
            below: dict[int, tuple[int, int]] = {}
            for number in level:
                self.file.visit(number, seen)
            for page in self.file.pages_at(list(level)):
                low, high = level[page.number]
                if page.type != BTREE_INTERNAL or not page.entries:
                    yield page.number, low, high
                    continue
                numbers, lowest = self._children(page, enough)
                for number, key in zip_longest(numbers, lowest):
                    next_low = high if key is None else bisect_left(keys, key[1:].removesuffix(end), low, high)
                    if low < next_low:
                        if page.level == _ABOVE_LEAVES:
                            yield number, low, next_low
                        elif number in below:
                            raise self.file.damaged(f"page {number} belongs to two chains")
                        else:
                            below[number] = low, next_low
                    low = next_low
            level = below

    def _children(self, page: Page, enough: int) -> tuple[list[int], list[bytes]]:
        """The pages below an internal page, and of all but the first the lowest key after a KEYDATA."""
        plain = self._plain_children(page)
        if plain is not None:
            return plain
        offsets = self.file.offsets(page)
        numbers = [self._child.unpack_from(page.data, at)[2] for at in offsets]
        return numbers, [b"\1" + self._lowest_key(page, at, enough) for at in offsets[1:]]

    def _plain_children(self, page: Page) -> tuple[list[int], list[bytes]] | None:
        """The same where all keys lie on the page, else None."""
        data, offsets = page.data, self.file.offsets(page)
        self._items.check(page, max(offsets), _CHILD)
        heads = [(at + _CHILD, *self._child.unpack_from(data, at)) for at in offsets]
        if not all(kind == KEYDATA and at + length <= len(data) for at, length, kind, _ in heads):
            return None
        return [number for _, _, _, number in heads], [b"\1" + data[at : at + length] for at, length, _, _ in heads[1:]]

    def _lowest_key(self, page: Page, offset: int, enough: int) -> bytes:
        """The key of an internal page's entry, or as much of it as is ``enough``."""
        length, kind = self._items.head(page, offset)
        if kind == BIG:
            return self.file.big_item(*self.file.big_reference(page, offset + _CHILD), set(), enough)
        self._items.check(page, offset + _CHILD, length)
        return page.data[offset + _CHILD : offset + _CHILD + length]

    def _leaves(self, seen: set[int]) -> Iterator[Page]:
        """The leaves in the order of the keys; ``seen`` are pages that may not come again."""
        number = self._descend(b"").number
        while number != NO_PAGE:
            self.file.visit(number, seen)
            page = self._leaf(self.file.page(number))
            yield page
            number = page.next

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All (key, value) pairs in the order of the keys. Raises DamagedMap."""
        items = self._items
        seen: set[int] = set()
        for page in self._leaves(seen):
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
                    raise self.file.damaged(f"the entries of page {page.number} overlap")
                if not items.deleted(page, offsets[entry + 1]):
                    for value in items.all(page, offsets[entry + 1], seen):
                        yield key, value

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

        before  what precedes the key's text in the entry, or its reference: 0 in a leaf, _CHILD above
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

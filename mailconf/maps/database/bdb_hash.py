"""Berkeley DB hash files, version 9 (libdb 4.6 to 5.3): the reader. `mailconf.maps.database.bdb`: pages, big items.

The meta page continues at byte 72 with the highest bucket, the high and low masks, the fill factor, the number of
entries (postmap sets 4096 beforehand, so real files count too many), the hash of ``%$sniglet^&`` with its NUL (which
proves the hash function), and an array of 32 numbers, the spares.

A key's bucket is its hash and'ed with the high mask, or with the low mask where that lies above the highest bucket.
Bucket b has its first page at b + spares[bits of b]: buckets are added in generations that double the table, and
each generation's pages are contiguous. Further pages of a bucket hang on the "next" chain.

An entry of a page is a key or a value, in turn; an item runs from its offset to the offset of the entry before (the
first to the page's end) and begins with a type:

    1 the bytes of the key or value   2 several values of one key: length, bytes, length, for each
    3 a big item: 3 unused bytes, first page (4), length (4)
    4 several values on pages of their own (`mailconf.maps.database.bdb_items`): 3 unused bytes, their root (4)

A page of type 13 is sorted by key, which libdb relies on to find one; one of type 2 is not. We read both alike: the
bytes of the key are searched in the page, and the place is confirmed by the offsets.

A key or value above a quarter of the page size is big.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import groupby

from mailconf.arrays import arrays
from mailconf.maps.core.table import WHOLE, Share
from mailconf.maps.database.bdb import (
    HASH,
    HASH_UNSORTED,
    HEADER,
    INVALID,
    NATIVE,
    NO_PAGE,
    Page,
    PageFile,
    worth_arrays,
)
from mailconf.maps.database.bdb_items import Items
from mailconf.maps.database.bdb_table import c_string, part_of
from mailconf.maps.database.fnv import hash_all, hash_one

MAGIC = 0x061561
VERSION = 9
CHARKEY = hash_one(b"%$sniglet^&\0")
KEYDATA, DUPLICATES, BIG, BIG_DUPLICATES = 1, 2, 3, 4
SPARES = 32

_REPEATS, _SEVERAL_DATABASES = 0x01, 0x02  # flags
_MANY = 20  # keys that are worth sorting by page
_LARGEST_AT_ONCE = 8192  # pages: in a larger one, overlapping keys could add up to more than we want to hold
_TOGETHER = 4  # bits of the numbers of buckets that are looked through together
_TRIES = 16  # places of a key's bytes in a page that turn out to be something else, before the page is read in full


class HashFile:
    """A hash file open for reading. Raises OSError when it cannot be opened, DamagedMap when it is no such file.

    repeats  whether its keys may have several values
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """``name`` is what messages call the file."""
        self.file = PageFile(path, name or str(path), MAGIC, VERSION, _SEVERAL_DATABASES)
        meta, order = self.file.meta, self.file.order
        self.max_bucket, self.high_mask, self.low_mask = struct.unpack_from(order + "III", meta, 72)
        (charkey,) = struct.unpack_from(order + "I", meta, 92)
        self._spares = struct.unpack_from(f"{order}{SPARES}I", meta, 96)
        self._items = Items(self.file)
        self._offset = struct.Struct(order + "H")
        self._big_key = self.file.page_size // 4
        self._most = (self.file.page_size - HEADER) // 2  # entries of a page
        self.repeats = bool(struct.unpack_from(order + "I", meta, 48)[0] & _REPEATS)
        try:
            if charkey != CHARKEY:
                raise self.file.damaged("its hash function is not the usual one")
            if self.max_bucket >= self.file.pages or self.max_bucket > self.high_mask:
                raise self.file.damaged(f"{self.max_bucket + 1} buckets on {self.file.pages} pages")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.file.close()

    def get(self, key: bytes) -> bytes | None:
        """The (first) value of ``key``, or None. Raises DamagedMap."""
        seen: set[int] = set()
        for page in self._chain(self._bucket(hash_one(key)), seen):
            found = self._get(page, key, seen)
            if found is not None:
                return found
        return None

    def places(self, keys: list[bytes], end: bytes = b"") -> array[int]:
        """The buckets of ``keys`` followed by ``end``."""
        highest, low_mask = self.max_bucket, self.low_mask
        buckets = hash_all(keys, end, self.high_mask)
        return array("I", [bucket if bucket <= highest else bucket & low_mask for bucket in buckets])

    def processes(self, count: int) -> int:
        """How many should share a `get_all` of so many keys."""
        return 1 if self._by_arrays(count) else 2

    def _by_arrays(self, count: int) -> bool:
        """Whether so many keys are looked for with numpy."""
        usual = not self.repeats and self.file.page_size <= _LARGEST_AT_ONCE and self.file.order == NATIVE
        return usual and worth_arrays(count, self.file.pages) and arrays() is not None

    def get_all(
        self, keys: list[bytes], end: bytes = b"", share: Share = WHOLE, places: array[int] | None = None
    ) -> list[bytes | None]:
        """What `get` gives for each of ``keys`` followed by ``end`` (empty or a NUL), up to a NUL.

        Every page is read once, and the entries of some buckets at a time are looked through together. A ``share`` is
        a range of the buckets. ``places`` are the keys', if they are known. Raises DamagedMap.
        """
        if len(keys) < _MANY or self.repeats or self.file.page_size > _LARGEST_AT_ONCE:
            part = part_of(len(keys), share)
            return [c_string(self.get(key + end)) if n in part else None for n, key in enumerate(keys)]
        if share == WHOLE and self._by_arrays(len(keys)):
            from mailconf.maps.database.packed_find import find_in_buckets

            among = self.max_bucket, self.high_mask, self.low_mask
            answers = find_in_buckets(self.file, keys, end, self._spares, among)
            if answers is not None:
                for n in answers[1]:
                    answers[0][n] = c_string(self.get(keys[n] + end))
                return answers[0]
        places = self.places(keys, end) if places is None else places
        found: list[bytes | None] = [None] * len(keys)
        seen: set[int] = set()
        for buckets, wanted in self._wanted(places, part_of(self.max_bucket + 1, share)):
            if len(wanted) < len(buckets):
                buckets = {places[n] for n in wanted}
            numbers = list(map(self._first_page, buckets))
            left = wanted
            while numbers and left:
                stored, numbers = self._stored(numbers, end, seen)
                if stored is None:
                    self._find_in_chains(keys, places, end, wanted, found)
                    break
                values = list(map(stored.get, map(keys.__getitem__, left)))
                for n, value in zip(left, values, strict=True):
                    found[n] = value
                if numbers:
                    left = [n for n, value in zip(left, values, strict=True) if value is None]
        return found

    def _find_in_chains(
        self, keys: list[bytes], places: array[int], end: bytes, wanted: list[int], found: list[bytes | None]
    ) -> None:
        """Find those of ``keys`` with the ``wanted`` numbers, bucket by bucket."""
        for bucket, some in groupby(sorted(wanted, key=places.__getitem__), places.__getitem__):
            pages = list(self._chain(bucket, set()))
            for n in some:
                values = (self._get(page, keys[n] + end, set()) for page in pages)
                found[n] = c_string(next((value for value in values if value is not None), None))

    def _wanted(self, places: array[int], among: range) -> Iterator[tuple[Collection[int], list[int]]]:
        """The buckets ``among`` these that may have keys, some at a time, and the numbers of those keys."""
        start, stop, shift = among.start, among.stop, _TOGETHER
        wanted: defaultdict[int, list[int]] = defaultdict(list)
        for n, bucket in enumerate(places):
            if start <= bucket < stop:
                wanted[bucket >> shift].append(n)
        for together in sorted(wanted):
            yield range(max(start, together << shift), min(stop, together + 1 << shift)), wanted[together]

    def _stored(self, numbers: list[int], end: bytes, seen: set[int]) -> tuple[dict[bytes, bytes] | None, list[int]]:
        """The entries of the pages ``numbers``, without ``end``, and the pages that follow them.

        None if some entry is not plain or does not end so. The pages join ``seen``, where no one may be yet.
        """
        file = self.file
        numbers.sort()
        if not seen.isdisjoint(numbers) or len(set(numbers)) < len(numbers):
            raise file.damaged("a page belongs to two chains")
        seen.update(numbers)
        texts, count, following = [end], 0, []
        for first, some, data in file.runs_at(numbers):
            for number in some:
                place = (number - first) * file.page_size
                at, _, after, entries, low, _, kind = file.header.unpack_from(data, place)
                if kind != HASH or at != number or entries % 2 or entries > self._most:
                    page = file.page(number)
                    self._check(page)
                    after, entries, low = page.next, page.entries, page.low
                if entries:
                    texts.append(data[place + low : place + file.page_size])
                    count += entries
                if after != NO_PAGE:
                    following.append(after)
        text = b"".join(texts)
        # Counting what is between items is enough: items of other kinds have several NULs.
        if text.endswith(end) and text.count(b"\0") == (count + 1 if end else 0):
            items = text[: len(text) - len(end)].split(end + b"\1")
            if len(items) == count + 1 and not items[0]:
                return dict(zip(items[2::2], items[1::2], strict=True)), following
        return None, following

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All (key, value) pairs in the file's order: that of libdb's cursor. Raises DamagedMap."""
        seen: set[int] = set()
        for bucket in range(self.max_bucket + 1):
            for page in self._chain(bucket, seen):
                for at in range(0, page.entries, 2):
                    key = next(self._values(page, at, seen))
                    for value in self._values(page, at + 1, seen):
                        yield key, value

    def _bucket(self, value: int) -> int:
        """The bucket of the keys with this hash."""
        bucket: int = value & self.high_mask
        return bucket if bucket <= self.max_bucket else bucket & self.low_mask

    def _get(self, page: Page, key: bytes, seen: set[int]) -> bytes | None:
        """The (first) value of ``key`` if it is on ``page``."""
        at = self._find(page, key) if len(key) <= self._big_key else self._find_big(page, key, seen)
        return next(self._values(page, at + 1, seen)) if at >= 0 else None

    def _chain(self, bucket: int, seen: set[int]) -> Iterator[Page]:
        """The pages of ``bucket``, without empty ones; ``seen`` are page numbers that may not come again."""
        number = self._first_page(bucket)
        while number != NO_PAGE:
            self.file.visit(number, seen)
            page = self.file.page(number)
            self._check(page)
            if page.entries:
                yield page
            number = page.next

    def _first_page(self, bucket: int) -> int:
        generation = bucket.bit_length()
        if generation >= SPARES:
            raise self.file.damaged(f"bucket {bucket}")
        return bucket + int(self._spares[generation])

    def _check(self, page: Page) -> None:
        """Raise DamagedMap unless ``page`` can be one of a bucket."""
        if page.type not in (HASH, HASH_UNSORTED, INVALID):
            raise self.file.damaged(f"page {page.number} of type {page.type} in a bucket")
        if page.entries % 2:
            raise self.file.damaged(f"page {page.number} has a key without a value")

    def _find(self, page: Page, key: bytes) -> int:
        """The index of ``key``'s entry in ``page``, or -1."""
        data, item = page.data, b"\1" + key
        top = HEADER + 2 * page.entries
        at = data.find(item, top)
        tries = 0
        while at >= 0:
            tries += 1
            if tries > _TRIES:
                return self._find_slowly(page, item)
            packed = self._offset.pack(at)
            place = data.find(packed, HEADER, top)
            while place >= 0 and place % 4 != HEADER % 4:  # a value's, or between two offsets
                place = data.find(packed, place + 1, top)
            if place >= 0:
                end = self._offset.unpack_from(data, place - 2)[0] if place > HEADER else len(data)
                if end - at == len(item):
                    return (place - HEADER) // 2
            at = data.find(item, at + 1)
        return -1

    def _find_slowly(self, page: Page, item: bytes) -> int:
        for at in range(0, page.entries, 2):
            start, end = self.file.extent(page, at)
            if end - start == len(item) and page.data.startswith(item, start):
                return at
        return -1

    def _find_big(self, page: Page, key: bytes, seen: set[int]) -> int:
        for at in range(0, page.entries, 2):
            start, _ = self.file.extent(page, at)
            if page.data[start] == BIG:
                first, length = self.file.big_reference(page, start)
                if length == len(key) and self.file.big_item(first, length, seen) == key:
                    return at
        return -1

    def _values(self, page: Page, entry: int, seen: set[int]) -> Iterator[bytes]:
        """The content of an entry, at least one: the key or value, or the several values of a key."""
        start, end = self.file.extent(page, entry)
        kind = page.data[start]
        if kind == KEYDATA:
            yield page.data[start + 1 : end]
        elif kind == BIG:
            yield self.file.big_item(*self.file.big_reference(page, start), seen)
        elif kind == DUPLICATES:
            yield from self._duplicates(page, start + 1, end)
        elif kind == BIG_DUPLICATES:
            if start + 8 > end:
                raise self.file.damaged(f"an entry of page {page.number} is cut short")
            yield from self._items.values(self._items.number(page, start + 4), seen)
        else:
            raise self.file.damaged(f"an item of type {kind} on page {page.number}")

    def _duplicates(self, page: Page, at: int, end: int) -> Iterator[bytes]:
        more = True
        while more:
            length = self._offset.unpack_from(page.data, at)[0] if at + 4 <= end else end
            if at + length + 4 > end:
                raise self.file.damaged(f"a value on page {page.number} is longer than its item")
            yield page.data[at + 2 : at + 2 + length]
            at += length + 4
            more = at < end

"""Many keys found on pages of Berkeley DB files, with a few operations of numpy for hundreds of pages.

Nothing in a file is trusted: every place is checked, by us or by numpy, which raises IndexError. What is not
plain is left to the type's reader, key by key, which reports what is wrong with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from mailconf.arrays import Array, arrays
from mailconf.maps.core.table import Share
from mailconf.maps.database.bdb import BTREE_LEAF, HASH, HASH_UNSORTED, HEADER, PageFile
from mailconf.maps.database.bdb_items import KEYDATA
from mailconf.maps.database.bdb_table import part_of
from mailconf.maps.database.fnv import PRIME
from mailconf.maps.database.packed import hashes, ordered, ranges
from mailconf.tables.packed import Packed

_BITS = 18
_TOGETHER = 4 << 20  # bytes of pages
_ODD = 0x9E3779B97F4A7C15
_FEW = 2  # pages for one that is wanted, or more: the wanted ones are taken out
_SINGLY = 8  # one key of so many, at most
_ROUNDS = 8  # pages of a bucket
_LONGEST = 1024  # bytes of a key; a longer one is looked for singly
_WORD = 8


def packed_keys(keys: list[bytes], end: bytes) -> Packed:
    """Keys as they are stored, without values."""
    np = arrays()
    text = np.frombuffer(end.join([*keys, bytes(_WORD)]), np.uint8)
    if end:
        stop = np.flatnonzero(text[: text.size - _WORD] == 0) + 1
        length = np.diff(stop, prepend=0)
    else:
        length = np.fromiter(map(len, keys), np.int64, len(keys))
        stop = np.cumsum(length)
    return Packed(text, stop - length, length, stop, length)


class _Pages:
    """Pages laid after each other.

    Of the entries with some numbers on pages at some places, `keys` and `values` give where their text lies, how long
    it is, and whether it lies there at all, as a plain item; if not, the place is any within the data, the length 0.
    """

    def __init__(self, file: PageFile, data: bytes) -> None:
        np = arrays()
        self.size = file.page_size
        self.data = data
        self.bytes = np.frombuffer(data, np.uint8)
        self.numbers = np.frombuffer(data, np.uint16)

    def keys(self, page: Array, entry: Array) -> tuple[Array, Array, Array]:
        return self._item(page, 2 * entry)

    def values(self, page: Array, entry: Array) -> tuple[Array, Array, Array]:
        return self._item(page, 2 * entry + 1)

    def _item(self, page: Array, item: Array) -> tuple[Array, Array, Array]:
        raise NotImplementedError

    def within(self, page: Array, start: Array, end: Array, head: int) -> Array:
        """Whether the bytes from ``start`` to ``end`` of pages can be an item of ``head`` bytes or more."""
        return (start >= HEADER) & (start + head <= end) & (end <= self.size)


class HashLayout(_Pages):
    """Items from their offset to the one before; a type, the text."""

    def _item(self, page: Array, item: Array) -> tuple[Array, Array, Array]:
        np = arrays()
        at = (page + HEADER >> 1) + item
        start = self.numbers[at].astype(np.int64)
        end = np.where(item > 0, self.numbers[at - 1], self.size)
        plain = self.within(page, start, end, 1)
        place = np.where(plain, page + start, 0)
        plain &= self.bytes[place] == KEYDATA
        return place + 1, np.where(plain, end - start - 1, 0), plain


class LeafLayout(_Pages):
    """A length, a type, the text."""

    def _item(self, page: Array, item: Array) -> tuple[Array, Array, Array]:
        np = arrays()
        start = self.numbers[(page + HEADER >> 1) + item].astype(np.int64)
        plain = (start % 2 == 0) & self.within(page, start, start + 3, 3)
        place = np.where(plain, page + start, 0)
        length = self.numbers[place >> 1].astype(np.int64)
        plain &= (self.bytes[place + 2] == KEYDATA) & (start + 3 + length <= self.size)
        return place + 3, np.where(plain, length, 0), plain


def find(
    layout: _Pages, wanted: Packed, some: Array, index: Array, entries: Array, values: list[bytes | None]
) -> tuple[Array, Array]:
    """Find ``some`` of the wanted keys, each on the page with this index; ``entries`` are those of each page.

    Puts what it finds into ``values``, up to a NUL. Gives the numbers of those of ``some`` that were found, and of
    those that have to be looked for singly.
    """
    np = arrays()
    before = np.cumsum(entries) - entries
    page = np.repeat(np.arange(len(entries)), entries)
    entry = np.arange(len(page)) - before[page]
    at, length, plain = layout.keys(page * layout.size, entry)
    odd = []
    if not plain.all():
        strange = np.zeros(len(entries), bool)
        strange[page[~plain]] = True
        kept = ~strange[index]
        odd.append(some[~kept])
        some, index = some[kept], index[kept]
    # What cannot be any of the keys goes first, by a table of bits of 8 bytes of each key.
    start, size = wanted.key_at[some], wanted.key_length[some]
    possible = np.zeros(1 << _BITS, bool)
    possible[_few_bits(_some_word(wanted.text, start, size), size, index)] = True
    fits = np.flatnonzero(possible[_few_bits(_some_word(layout.bytes, at, length), length, page)])
    page, entry, at, length = page[fits], entry[fits], at[fits], length[fits]
    # Then those with the same hash of 64 bits; of equal keys the first entry.
    asked, same = np.unique(_hashed(wanted.text, start, size, index), return_inverse=True)
    stored = _hashed(layout.bytes, at, length, page)
    match = np.searchsorted(asked, stored)
    hit = np.flatnonzero(asked[np.minimum(match, len(asked) - 1)] == stored) if len(asked) else match
    of_asked = np.full(len(asked), -1)
    of_asked[match[hit][::-1]] = hit[::-1]
    found = of_asked[same]
    there = found >= 0
    some, start, size, index, found = some[there], start[there], size[there], index[there], found[there]
    equal = (page[found] == index) & (length[found] == size)
    equal &= _equal(wanted.text, start, layout.bytes, at[found], np.where(equal, size, 0))
    value_at, value_length, plain = layout.values(page[found] * layout.size, entry[found])
    plain &= equal
    odd.append(some[~plain])
    some, at, stop = some[plain], value_at[plain], (value_at + value_length)[plain]
    stop -= (layout.bytes[np.maximum(stop - 1, 0)] == 0) & (stop > at)
    data = layout.data
    texts = [data[first:last] for first, last in zip(at.tolist(), stop.tolist(), strict=True)]
    if b"\0" in b"".join(texts):
        texts = [text.partition(b"\0")[0] for text in texts]
    deque(map(values.__setitem__, some.tolist(), texts), maxlen=0)
    return some, np.concatenate(odd)


def _words(text: Array, at: Array, left: Array) -> Array:
    """The numbers that the 8 bytes from some places on are, of which only so many bytes count as are ``left``."""
    np = arrays()
    every = np.ndarray((text.size - _WORD + 1,), "<u8", text, strides=(1,))
    last = text.size - _WORD
    if at.size and int(at.max()) > last:
        start = np.minimum(at, last)
        words = every[start] >> (8 * np.minimum(at - start, _WORD - 1)).astype(np.uint64)
    else:
        words = every[at]
    if left.size and int(left.min()) < _WORD:
        unused = (8 * (_WORD - np.clip(left, 1, _WORD))).astype(np.uint64)
        words <<= unused
        words[left <= 0] = 0
    return words


def _some_word(text: Array, at: Array, length: Array) -> Array:
    """8 bytes of each key in which keys often differ: after the first 8, or the last ones."""
    np = arrays()
    return _words(text, at + np.clip(length - _WORD, 0, _WORD), length)


def _few_bits(words: Array, length: Array, page: Array) -> Array:
    np = arrays()
    mixed = (words ^ (page << 16 | length).astype(np.uint64)) * np.uint64(_ODD)
    return (mixed >> np.uint64(64 - _BITS)).astype(np.int64)


def _hashed(text: Array, at: Array, length: Array, page: Array) -> Array:
    """A hash of all bytes of each key, its length and its page."""
    np = arrays()
    value = (page << 16 | length).astype(np.uint64)
    for first, some in _steps(length):
        more = _words(text, at[some] + first, length[some] - first)
        mixed = (value[some] ^ more) * np.uint64(_ODD)
        mixed ^= mixed >> np.uint64(29)
        value[some] = mixed
    return value


def _equal(text: Array, at: Array, data: Array, place: Array, length: Array) -> Array:
    """Which pieces of ``text`` at ``at`` are what is at ``place`` of ``data``; both have this length."""
    np = arrays()
    equal = np.ones(len(at), bool)
    for first, some in _steps(length):
        left = length[some] - first
        equal[some] &= _words(text, at[some] + first, left) == _words(data, place[some] + first, left)
    return equal


def _steps(length: Array) -> Iterator[tuple[int, Array]]:
    """0, 8, 16, ..., and with each the keys of these lengths that are longer."""
    np = arrays()
    shortest = int(length.min()) if length.size else 0
    some: Array = slice(None)
    for first in range(0, int(np.max(length, initial=0)), _WORD):
        if first >= shortest:
            some = np.flatnonzero(length > first)
        yield first, some


def find_in_buckets(
    file: PageFile,
    keys: list[bytes],
    end: bytes,
    spares: tuple[int, ...],
    buckets: tuple[int, int, int],
) -> tuple[list[bytes | None], list[int]] | None:
    """The values of ``keys`` in a hash file, up to a NUL, and the numbers of those that have to be looked for singly.

    buckets  the highest, the high and the low mask

    None where many would have to, and there are better ways. Raises DamagedMap.
    """
    np = arrays()
    wanted = packed_keys(keys, end)
    if int(wanted.key_length.max()) > _LONGEST or not int(wanted.key_length.min()):
        return None
    highest, high, low = (np.uint32(number) for number in buckets)
    hashed = hashes(wanted.text, wanted.key_at, wanted.key_length, PRIME, 0)
    bucket = hashed & high
    bucket = np.where(bucket > highest, bucket & low, bucket).astype(np.int64)
    generation = np.searchsorted(1 << np.arange(len(spares)), bucket, "right")
    page = bucket + np.array([*spares, 0], np.int64)[generation]
    values: list[bytes | None] = [None] * len(keys)
    singly: list[int] = []
    some = np.arange(len(keys))
    seen = np.zeros(file.pages, bool)
    done = np.zeros(len(keys), bool)
    for _ in range(_ROUNDS):
        order = np.argsort(page, kind="stable")
        some, page = some[order], page[order]
        numbers = np.unique(page)
        if not 0 < int(numbers[0]) <= int(numbers[-1]) < file.pages or seen[numbers].any():
            return None
        seen[numbers] = True
        later: list[tuple[Array, Array]] = []
        for pages, data in _gathered(file, numbers):
            low_at, high_at = np.searchsorted(page, (pages[0], pages[-1] + 1))
            asked, index = some[low_at:high_at], np.searchsorted(pages, page[low_at:high_at])
            plain, entries, following = _heads(file, data, pages, (HASH, HASH_UNSORTED))
            odd = ~plain[index]
            if odd.any():
                singly += asked[odd].tolist()
                asked, index = asked[~odd], index[~odd]
            found, strange = find(HashLayout(file, data), wanted, asked, index, entries >> 1, values)
            singly += strange.tolist()
            left = following[index] > 0
            if left.any():
                done[found] = done[strange] = True
                left &= ~done[asked]
            if left.any():
                later.append((asked[left], following[index[left]]))
        if len(singly) > len(keys) // _SINGLY:
            return None
        if not later:
            return values, singly
        some, page = (np.concatenate(parts) for parts in zip(*later, strict=True))
    return values, singly + some.tolist()


def find_on_leaves(
    file: PageFile,
    keys: list[bytes],
    end: bytes,
    leaves: Callable[[list[bytes]], Iterable[tuple[int, int, int]]],
    share: Share,
) -> tuple[list[bytes | None], list[int]]:
    """The same for a btree file.

    leaves  gives the pages that sorted keys can be on; see `BtreeFile`
    share   of the sorted keys
    """
    np = arrays()
    wanted = packed_keys(keys, end)
    part = part_of(len(keys), share)
    order = ordered(wanted, repeated=True)[part.start : part.stop]
    values: list[bytes | None] = [None] * len(keys)
    length = wanted.key_length[order]
    singly = order[(length > _LONGEST) | (length == 0)].tolist()
    found = list(leaves([keys[number] for number in order.tolist()]))
    page, low, high = np.array(found, np.int64).reshape(-1, 3).T
    by_number = np.argsort(page, kind="stable")
    page, low, high = page[by_number], low[by_number], high[by_number]
    for pages, data in _gathered(file, np.unique(page)):
        at, stop = np.searchsorted(page, (pages[0], pages[-1] + 1))
        counts = high[at:stop] - low[at:stop]
        some = order[ranges(low[at:stop], counts)]
        index = np.repeat(np.searchsorted(pages, page[at:stop]), counts)
        plain, entries, _ = _heads(file, data, pages, (BTREE_LEAF,))
        odd = ~plain[index]
        if odd.any():
            singly += some[odd].tolist()
            some, index = some[~odd], index[~odd]
        singly += find(LeafLayout(file, data), wanted, some, index, entries >> 1, values)[1].tolist()
    return values, singly


def _gathered(file: PageFile, numbers: Array) -> Iterator[tuple[Array, bytes]]:
    """The pages with these ascending numbers, some megabytes at a time: their numbers, and their bytes in a row.

    There may be others between them.
    """
    np = arrays()
    size = file.page_size
    pages: list[Array] = []
    parts: list[bytes] = []
    waiting = 0
    for first, some, data in file.runs_at(numbers.tolist(), _TOGETHER):
        there = np.arange(first, some[-1] + 1)
        if len(there) > _FEW * len(some):
            there = np.array(some)
            data = np.frombuffer(data, np.uint8).reshape(-1, size)[there - first].tobytes()
        pages.append(there)
        parts.append(data)
        waiting += len(data)
        if waiting >= _TOGETHER // 2 or some[-1] == numbers[-1]:
            yield (there, data) if len(parts) == 1 else (np.concatenate(pages), b"".join(parts))
            pages.clear()
            parts.clear()
            waiting = 0


def _heads(file: PageFile, data: bytes, pages: Array, kinds: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Of these ``pages``: which are of these kinds and plain, their entries, the pages that follow them."""
    np = arrays()
    layout = np.dtype(
        {
            "names": ["number", "next", "entries", "kind"],
            "formats": ["u4", "u4", "u2", "u1"],
            "offsets": [8, 16, 20, 25],
            "itemsize": file.page_size,
        }
    )
    head = np.frombuffer(data, layout)
    entries = head["entries"].astype(np.int64)
    plain = np.isin(head["kind"], kinds) & (head["number"] == pages)
    plain &= (entries % 2 == 0) & (HEADER + 2 * entries <= file.page_size)
    entries[~plain] = 0
    return plain, entries, head["next"].astype(np.int64)

"""Map files written from packed entries (`mailconf.tables.packed`): what their writers share.

A writer of packed entries makes a whole stretch of a file at a time, with a few operations of numpy for all entries in
it. `NotPacked` means that some entry is not of the usual kind: then the type's other writer writes the map.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise

from mailconf.arrays import Array, arrays
from mailconf.maps.core.opening import Repeated
from mailconf.tables.packed import Packed

_PAGES, _ENTRIES = 1 << 10, 1 << 15  # of a stretch, at the most
_PARTS, _FEW = 16, 1 << 11  # into which the entries of a table are divided, or as many entries: what is made at a time
MIXED = (16777619, 0), (1540483477, 1)  # multipliers and starts of two hashes
_ROUNDS = 8  # of comparing 8 bytes of keys that are equal so far
_WORD = 8
_MANY = 1 << 19  # entries whose numbers have 64 bits, which is quicker; fewer take half of that
AT_ONCE, LESS = 1 << 15, 1 << 12  # keys of which something is found out at a time: of many, of less than `_MANY`


class NotPacked(Exception):
    """An entry is too long, or the like."""


class WordColumn:
    """Keys as numbers of 64 bits, of which the larger is the one of the key that comes later."""

    def __init__(self, packed: Packed) -> None:
        self._np = np = arrays()
        self._at = packed.key_at
        self._length = packed.key_length
        self._text = packed.text
        self._every = view(packed.text, _WORD) if packed.text.size >= _WORD else None
        self.common = self._common() if len(packed) else 0
        self.longest = int(np.max(packed.key_length, initial=0))

    def of(self, first: int, some: Array = None) -> Array:
        """8 bytes from byte ``first`` of each key on, or of ``some`` keys; zeros after its end."""
        found = self._np.empty(len(self._at if some is None else some), self._np.uint64)
        for start in range(0, len(found), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            found[part] = self._of(first, part if some is None else some[part])
        return found

    def _of(self, first: int, some: Array | slice) -> Array:
        np = self._np
        if self._every is None:
            raise NotPacked
        at, left = self._at[some] + first, self._length[some] - first
        last = self._every.size - 1
        if at.size and int(at.max()) > last:
            start = np.minimum(at, last)
            late = np.minimum(at - start, _WORD - 1).astype(np.uint64) * 8
            words = self._every[start].view(">u8").astype(np.uint64) << late
        else:
            words = self._every[at].view(">u8").astype(np.uint64)
        if left.size and int(left.min()) < _WORD:
            unused = (8 * (_WORD - np.clip(left, 1, _WORD))).astype(np.uint64)
            words = words >> unused << unused
            words[left <= 0] = 0
        return words

    def begin(self, ones: Array, others: Array) -> Array:
        """Whether the keys of ``ones`` are the beginnings of those of ``others``, or all of them, each of its own."""
        np = self._np
        lengths = self._length[ones]
        found = lengths <= self._length[others]
        at = np.flatnonzero(found)
        first = 0
        while at.size:
            left = lengths[at] - first
            unused = (8 * (_WORD - np.clip(left, 1, _WORD))).astype(np.uint64)
            differ = (self.of(first, ones[at]) ^ self.of(first, others[at])) >> unused != 0
            found[at[differ]] = False
            at = at[~differ & (left > _WORD)]
            first += _WORD
        return found

    def _common(self) -> int:
        """How many bytes all keys have in common at their beginning, at least."""
        shortest, first = int(self._length.min()), 0
        while first + _WORD <= shortest:
            words = self.of(first)
            differ = int(words.min()) ^ int(words.max())
            if differ:
                return first + (64 - differ.bit_length()) // 8
            first += _WORD
        return first


def ordered(packed: Packed, places: Array = None, highest: int = 0, *, repeated: bool = False) -> Array:
    """The numbers of the entries in the order of their ``places``, 0 to ``highest``, and there in that of their keys.

    Raises Repeated when two entries have the same place and key, unless they may be ``repeated``.
    """
    np = arrays()
    words = WordColumn(packed)
    bits = highest.bit_length()
    first = words.common
    if places is None:
        ranks = words.of(first)
        first += _WORD
    else:
        ranks = words.of(first)
        ranks >>= np.uint64(bits)
        for start in range(0, len(ranks), AT_ONCE):  # all at once, it takes twice the ranks again
            part = slice(start, start + AT_ONCE)
            ranks[part] |= places[part].astype(np.uint64) << np.uint64(64 - bits)
        first += (64 - bits) // 8
        if bits % 8:  # the byte that is not there in whole is looked at again
            ranks &= ~np.uint64((1 << (8 - bits % 8)) - 1)
    order = np.argsort(ranks)
    if len(order) < _MANY:
        order = order.astype(packed.key_at.dtype)
    same = np.empty(max(len(order) - 1, 0), bool)
    for start in range(0, len(same), AT_ONCE):
        part = ranks[order[start : start + AT_ONCE + 1]]
        same[start : start + AT_ONCE] = part[1:] == part[:-1]
    del ranks
    where = None
    for _ in range(_ROUNDS):
        if not same.any():
            return order
        if first >= words.longest:
            if repeated:
                return order
            raise Repeated
        # Those that are equal so far, with the number of their group.
        member = np.zeros(same.size + 1, bool)
        member[1:] = same
        member[:-1] |= same
        group = np.cumsum(~np.concatenate(([False], same)))[member]
        at = np.flatnonzero(member) if where is None else where[member]
        some = order[at]
        more = words.of(first, some)
        first += _WORD
        new = np.lexsort((more, group))
        order[at] = some[new]
        group, more = group[new], more[new]
        same = (group[1:] == group[:-1]) & (more[1:] == more[:-1])
        where = at
    _order_slowly(packed, order, same, where, repeated)
    return order


def _order_slowly(packed: Packed, order: Array, same: Array, where: Array, repeated: bool) -> None:
    """Order the entries that are still equal key by key."""
    np = arrays()
    starts = np.flatnonzero(np.concatenate(([True], ~same)))
    stops = np.append(starts[1:], same.size + 1)
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if stop - start > 1:
            numbers = order[where[start:stop]].tolist()
            keys = sorted((packed.key(number), number) for number in numbers)
            if not repeated and any(one == other for (one, _), (other, _) in pairwise(keys)):
                raise Repeated
            order[where[start:stop]] = [number for _, number in keys]


def repeats(packed: Packed, *, ends: bool = True) -> tuple[Array, Array, Array]:
    """The numbers of the entries whose key an earlier entry has, ascending; of each such key the first, the last.

    Without ``ends`` the last two are not looked for.
    """
    np = arrays()
    count = len(packed)
    if packed.text.size < _WORD:
        return _repeats_slowly(packed, np.arange(count))
    ranks, width = ranked(packed)
    bits = np.uint64(width)
    words, mask = WordColumn(packed), (np.uint64(1) << bits) - np.uint64(1)
    found: tuple[list[Array], ...] = ([], [], [])
    step = _step(count)
    for start in range(0, count, step):
        stop = min(start + step, count)
        part = ranks[max(start - 1, 0) : stop + 1]
        order = (part & mask).astype(packed.key_at.dtype)
        same = part[1:] >> bits == part[:-1] >> bits
        ones, others = order[:-1][same], order[1:][same]
        if not ((packed.key_length[ones] == packed.key_length[others]) & words.begin(ones, others)).all():
            return _repeats_slowly(packed, _alike(ranks, bits) & mask)
        if not start:
            same, order = np.append(False, same), np.append(order[:1], order)
        if stop == count:
            same = np.append(same, False)
        before, behind, numbers = same[:-1], same[1:], order[1 : stop - start + 1]
        found[0].append(numbers[before])
        if ends:
            found[1].append(numbers[behind & ~before])
            found[2].append(numbers[before & ~behind])
    del ranks
    later, firsts, lasts = (np.concatenate(column) if column else np.zeros(0, np.int64) for column in found)
    later.sort()
    return later, firsts, lasts


def _step(count: int) -> int:
    """How many of ``count`` keys are looked at together."""
    return AT_ONCE if count >= _MANY else min(LESS, AT_ONCE)


def ranked(packed: Packed) -> tuple[Array, int]:
    """Numbers of 64 bits, ascending: the upper bits those of a key (`_mixed`), the lower ones the number of its entry.
    And how many bits that takes."""
    np = arrays()
    count = len(packed)
    width = count.bit_length()
    ranks = _mixed(packed)
    ranks >>= np.uint64(width)
    ranks <<= np.uint64(width)
    step = _step(count)
    for start in range(0, count, step):
        ranks[start : start + step] |= np.arange(start, min(start + step, count), dtype=np.uint64)
    ranks.sort()
    return ranks, width


def _alike(ranks: Array, bits: Array) -> Array:
    """Those of sorted numbers whose upper bits are those of a neighbour."""
    np = arrays()
    same = ranks[1:] >> bits == ranks[:-1] >> bits
    return ranks[np.append(False, same) | np.append(same, False)]


def _mixed(packed: Packed) -> Array:
    """A number of 64 bits of each key."""
    np = arrays()
    found = np.empty(len(packed), np.uint64)
    step = _step(len(found))
    for start in range(0, len(found), step):
        part = slice(start, start + step)
        at, lengths = packed.key_at[part], packed.key_length[part]
        found[part] = hashes(packed.text, at, lengths, *MIXED[0])
        found[part] ^= hashes(packed.text, at, lengths, *MIXED[1]).astype(np.uint64) << np.uint64(32)
    return found


def _repeats_slowly(packed: Packed, numbers: Array) -> tuple[Array, Array, Array]:
    """The same of some entries; different keys may have the same bits."""
    np = arrays()
    firsts: dict[bytes, int] = {}
    lasts: dict[int, int] = {}
    later = []
    for number in np.sort(numbers).tolist():
        first = firsts.setdefault(packed.key(number), number)
        if first != number:
            later.append(number)
            lasts[first] = number
    return tuple(np.array(found, np.int64) for found in (later, list(lasts), list(lasts.values())))


def stretches(counts: Array) -> Iterator[slice]:
    """The pages in parts that are made at a time, of ``counts`` entries each."""
    np = arrays()
    stops = np.cumsum(counts)
    most = min(max(len(stops) and int(stops[-1]) // _PARTS, _FEW), _ENTRIES)
    pages = min(max(len(stops) // _PARTS, 64), _PAGES)
    start = 0
    while start < len(stops):
        done = int(stops[start - 1]) if start else 0
        stop = int(np.searchsorted(stops, done + most, "right"))
        stop = min(max(stop, start + 1), start + pages)
        yield slice(start, stop)
        start = stop


def hashes(text: Array, places: Array, lengths: Array, prime: int, start: int, end: bool = False) -> Array:
    """The hashes of the keys at ``places``, by `mailconf.maps.database.fnv`; ``end``: each as if followed by a NUL."""
    np = arrays()
    found = np.empty(len(places), np.uint32)
    step = _step(len(found))
    for at in range(0, len(found), step):
        part = slice(at, at + step)
        found[part] = _hashes(text, places[part], lengths[part], prime, start, end)
    return found


def _hashes(text: Array, places: Array, lengths: Array, prime: int, start: int, end: bool) -> Array:
    np = arrays()
    found = np.empty(len(places), np.uint32)
    factor = np.uint32(prime)
    for length, some in by_length(lengths):
        columns = np.ascontiguousarray(view(text, length)[places[some]].view(np.uint8).reshape(-1, length).T)
        value = np.full(columns.shape[1], start, np.uint32)
        for column in columns:
            value *= factor
            value ^= column
        if end:
            value *= factor
        found[some] = value
    return found


def by_length(lengths: Array) -> Iterator[tuple[int, Array]]:
    """For each length the numbers of those that have it."""
    np = arrays()
    if not lengths.size:
        return
    order = np.argsort(lengths.astype(np.uint16), kind="stable")
    ranked = lengths[order]
    cuts = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
    for some in np.split(order, cuts):
        yield int(lengths[some[0]]), some


def view(text: Array, length: int) -> Array:
    """All pieces of ``length`` bytes that an array of bytes has, one for each place where such a piece begins."""
    np = arrays()
    return np.ndarray((text.size - length + 1,), f"V{length}", text, strides=(1,))


def copy(target: Array, places: Array, text: Array, at: Array, lengths: Array) -> None:
    """Copy the pieces of ``text`` at ``at`` with these lengths to ``places`` in ``target``."""
    for length, some in by_length(lengths):
        if length:
            view(target, length)[places[some]] = view(text, length)[at[some]]


def ranges(starts: Array, counts: Array) -> Array:
    """The numbers from each of ``starts`` on, as many as ``counts`` has for it, one range after the other."""
    np = arrays()
    before = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) + np.repeat(starts - before, counts)


def write_at(descriptor: int, data: Array | bytes, place: int) -> None:
    """Write all bytes of an array at ``place``. Raises OSError."""
    rest = memoryview(data).cast("B")
    while rest:
        written = os.pwrite(descriptor, rest, place)
        rest, place = rest[written:], place + written

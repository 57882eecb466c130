"""Packed entries as a table in memory: what a source would be as a map (`mailconf.tables.packed`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mailconf.arrays import arrays
from mailconf.maps.database.fnv import hash_one
from mailconf.maps.database.packed import MIXED, ranked
from mailconf.tables.packed import Packed


class PackedTable(Mapping[bytes, bytes]):
    """``packed`` has each key once."""

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._ranks, self._bits = ranked(packed)

    def __getitem__(self, key: bytes) -> bytes:
        np = arrays()
        low, high = (hash_one(key, *each) for each in MIXED)
        wanted = (high << 32 | low) >> self._bits
        at = int(np.searchsorted(self._ranks, np.uint64(wanted << self._bits)))
        while at < len(self._packed) and (rank := int(self._ranks[at])) >> self._bits == wanted:
            number = rank & ((1 << self._bits) - 1)
            if self._packed.key(number) == key:
                return self._packed.value(number)
            at += 1
        raise KeyError(key)

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[bytes]:
        return map(self._packed.key, range(len(self._packed)))

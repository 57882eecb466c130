"""A table that is read whole when it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mailconf.maps.core.opening import Opening


class MemoryTable:
    """``table`` holds folded keys."""

    def __init__(self, type: str, name: str, table: Mapping[bytes, bytes], opening: Opening) -> None:
        self.type = type
        self.name = name
        self._table = table
        self._folded = opening.folded

    def lookup(self, key: bytes) -> bytes | None:
        return self._table.get(self._folded(key))

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(self._table.items())

    def close(self) -> None:
        pass

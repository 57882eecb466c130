"""``fail``: every lookup is a temporary failure (DATABASE_README)."""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import TemporaryFailure


class FailTable:
    type = "fail"

    def __init__(self, name: str) -> None:
        self.name = name

    def lookup(self, key: bytes) -> bytes | None:
        raise TemporaryFailure("Application error")

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        raise TemporaryFailure("Application error")

    def close(self) -> None:
        pass


def open_table(name: str, opening: Opening) -> FailTable:
    return FailTable(name)

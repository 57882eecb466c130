"""``environ``: the process's environment (DATABASE_README); the name is of no importance. It cannot be listed."""

from __future__ import annotations

import os

from mailconf.maps.core.opening import Opening


class EnvironTable:
    type = "environ"

    def __init__(self, name: str, opening: Opening) -> None:
        self.name = name
        self._folded = opening.folded

    def lookup(self, key: bytes) -> bytes | None:
        return os.environb.get(self._folded(key).partition(b"\0")[0])

    def close(self) -> None:
        pass


def open_table(name: str, opening: Opening) -> EnvironTable:
    return EnvironTable(name, opening)

"""The tables that ask other tables (DATABASE_README).

``unionmap:{type:name, ...}`` asks all of them and joins what they answer with commas; ``pipemap:{type:name, ...}`` asks
each for what the one before it answered, and knows the key only when all of them do. A temporary failure of one is a
temporary failure of the whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import LookupTable, UnsupportedMap
from mailconf.maps.core.words import inside, split_braced


class CombinedTable(ABC):
    type: ClassVar[str]

    def __init__(self, name: str, opening: Opening) -> None:
        self.name = name
        self._tables: list[LookupTable] = []
        specs = list(split_braced(inside(name) or ""))
        need = f'bad syntax: "{self.type}:{name}"; need "{self.type}:{{type:name...}}"'
        if not specs:
            raise UnsupportedMap(need)
        try:
            for spec in specs:
                if ":" not in spec:
                    raise UnsupportedMap(need)
                self._tables.append(opening.open(spec))
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def lookup(self, key: bytes) -> bytes | None: ...

    def close(self) -> None:
        for table in self._tables:
            table.close()


class UnionTable(CombinedTable):
    type = "unionmap"

    def lookup(self, key: bytes) -> bytes | None:
        joined = b""
        for table in self._tables:
            value = table.lookup(key)
            if value is not None:
                joined += b"," + value if joined else value
        return joined or None


class PipeTable(CombinedTable):
    type = "pipemap"

    def lookup(self, key: bytes) -> bytes | None:
        value: bytes | None = key
        for table in self._tables:
            if value is None:
                break
            value = table.lookup(value)
        return value

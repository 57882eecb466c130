"""``randmap``: one of several values at random, for every key: ``randmap:{value, value, ...}`` (DATABASE_README)."""

from __future__ import annotations

import random

from mailconf.maps.core.contents import NoContent
from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import UnsupportedMap
from mailconf.maps.core.words import inside, split_braced
from mailconf.source import encode


class RandomTable:
    type = "randmap"

    def __init__(self, name: str, values: list[bytes]) -> None:
        self.name = name
        self._values = values

    def lookup(self, key: bytes) -> bytes | None:
        return random.choice(self._values)

    def close(self) -> None:
        pass


def open_table(name: str, opening: Opening) -> RandomTable:
    try:
        values = [opening.value(encode(word)) for word in split_braced(inside(name) or "")]
    except NoContent as missing:
        raise UnsupportedMap(str(missing)) from missing
    if not values:
        raise UnsupportedMap(f'bad syntax: "randmap:{name}"; need "randmap:{{value...}}"')
    return RandomTable(name, values)

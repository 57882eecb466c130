"""``static``: one answer for every key. ``static:value``, or ``static:{ value with spaces }`` (DATABASE_README)."""

from __future__ import annotations

from mailconf.maps.core.contents import NoContent
from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import UnsupportedMap
from mailconf.maps.core.words import balanced
from mailconf.source import encode


class StaticTable:
    type = "static"

    def __init__(self, name: str, value: bytes) -> None:
        self.name = name
        self._value = value

    def lookup(self, key: bytes) -> bytes | None:
        return self._value

    def close(self) -> None:
        pass


def open_table(name: str, opening: Opening) -> StaticTable:
    if not name.startswith("{"):
        return StaticTable(name, _value(name, opening))
    length = balanced(name)
    if not length:
        raise UnsupportedMap(f"bad static:name syntax: missing '}}' in \"{name}\"")
    if name[length:].strip():
        raise UnsupportedMap(f"bad static:name syntax: syntax error after '}}' in \"{name}\"")
    return StaticTable(name, _value(name[1 : length - 1].strip(), opening))


def _value(text: str, opening: Opening) -> bytes:
    try:
        return opening.value(encode(text))
    except NoContent as missing:
        raise UnsupportedMap(str(missing)) from missing

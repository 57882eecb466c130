"""``inline``: a table within the configuration, ``inline:{key=value, {key = value with spaces}, ...}``.

DATABASE_README. A key that comes twice has its last value. Departure: entries are listed in the order in which they
are written, where the original's order is that of its hash table.
"""

from __future__ import annotations

from mailconf.maps.core.contents import NoContent
from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import UnsupportedMap
from mailconf.maps.core.words import balanced, inside, split_braced
from mailconf.maps.simple.memory import MemoryTable
from mailconf.source import encode

_SPACE = " \t\r\n\v\f"


def open_table(name: str, opening: Opening) -> MemoryTable:
    spec = f'"inline:{name}"; need "inline:{{name=value...}}"'
    text = inside(name)
    if text is None:
        raise UnsupportedMap(f"bad syntax: {spec}")
    table = {}
    for word in split_braced(text):
        pair = word
        if word.startswith("{"):
            length = balanced(word)
            if word[length:].strip(_SPACE):
                raise UnsupportedMap(f"syntax error after '}}' in \"{word}\": {spec}")
            pair = word[1 : length - 1]
        key, equals, value = pair.strip(_SPACE).partition("=")
        key = key.rstrip(_SPACE)
        if not equals or any(character in _SPACE for character in key):
            raise UnsupportedMap(f"missing '=' after attribute name: {spec}")
        try:
            table[opening.folded(encode(key))] = opening.value(encode(value.lstrip(_SPACE)))
        except NoContent as missing:
            raise UnsupportedMap(f'{missing}: "inline:{name}"; need "inline:{{name=filename...}}"') from missing
    if not table:
        raise UnsupportedMap(f"empty table: {spec}")
    return MemoryTable("inline", name, table, opening)

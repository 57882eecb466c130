"""``inline``: a table within the configuration, ``inline:{key=value, {key = value with spaces}, ...}``.

DATABASE_README. A key that comes twice has its last value. Departure: entries are listed in the order in which they
are written, where the original's order is that of its hash table.
"""

from __future__ import annotations

from mailconf.maps.core.contents import NoContent
from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import UnsupportedMap
from mailconf.maps.core.utf8 import is_utf8
from mailconf.maps.core.words import balanced, inside, split_braced
from mailconf.maps.simple.memory import MemoryTable
from mailconf.source import encode

_SPACE = " \t\r\n\v\f"
_ENDS_KEY = frozenset(_SPACE + "=")


def open_table(name: str, opening: Opening) -> MemoryTable:
    spec = f'"inline:{name}"; need "inline:{{name=value...}}"'
    text = inside(name)
    if text is None:
        raise UnsupportedMap(f"bad syntax: {spec}")
    if opening.utf8 and not is_utf8(encode(name)):
        raise UnsupportedMap(f"bad UTF-8 syntax: {spec}")
    table = {}
    for word in split_braced(text):
        pair = word
        if word.startswith("{"):
            length = balanced(word)
            if word[length:].strip(_SPACE):
                raise UnsupportedMap(f"syntax error after '}}' in \"{word}\": {spec}")
            pair = word[1 : length - 1]
        try:
            key, value = _split(pair.strip(_SPACE))
        except ValueError as problem:
            raise UnsupportedMap(f"{problem}: {spec}") from None
        try:
            table[opening.folded(encode(key))] = opening.value(encode(value))
        except NoContent as missing:
            raise UnsupportedMap(f'{missing}: "inline:{name}"; need "inline:{{name=filename...}}"') from missing
    if not table:
        raise UnsupportedMap(f"empty table: {spec}")
    return MemoryTable("inline", name, table, opening)


def _split(pair: str) -> tuple[str, str]:
    """The key and the value of ``key = value``; blanks and ``=`` within quotes or after a backslash are of the key, and
    quotes and backslashes, too. Raises ValueError in the words of the original."""
    if not pair:
        raise ValueError("no key found; expected format: key = value")
    at, quoted = 0, False
    while at < len(pair) and (quoted or pair[at] not in _ENDS_KEY):
        quoted ^= pair[at] == '"'
        at += 2 if pair[at] == "\\" else 1
    if quoted:
        raise ValueError("unbalanced '\"'")
    rest = pair[at:].lstrip(_SPACE)
    if not rest.startswith("="):
        raise ValueError("missing '=' after attribute name")
    return pair[:at], rest[1:].lstrip(_SPACE)

"""What is certainly meant by values, lines and services that Postfix does not take as they are: the edits of fixes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.edits import Fix, blanks_removed, swapped

if TYPE_CHECKING:
    from collections.abc import Collection

    from mailconf.source import Source, Span

_YES = frozenset({"true", "on", "1", "y", "enable", "enabled"})
_NO = frozenset({"false", "off", "0", "n", "disable", "disabled", "none"})
# Compiled where one is needed, for each start of a tool reads this module.
_TIME = r"(?i)(\d+)\s*(?:(s)(?:ecs?|econds?)|(m)in(?:s|utes?)?|(h)(?:rs?|ours?)|(d)ays?|(w)(?:ks?|eeks?))"
_SERVICE = r"\s+\S+\s+(?:inet|unix|fifo|pass|unix-dgram)(?:\s+[-yn]){3}\s+\S+\s+\S+\s+\S"
_ASSIGNED = r"([A-Za-z]\w*)[ \t]*=[ \t]*([^\s={}]+)(?=[ \t]+-o\b|[ \t]*\Z|[ \t]*\n)"


def boolean_meant(text: str) -> str:
    """yes or no where ``text`` is another word for it, else ""."""
    return "yes" if text.lower() in _YES else "no" if text.lower() in _NO else ""


def time_meant(text: str) -> str:
    """A time as Postfix takes it where ``text`` has its unit as a word ("5 minutes"), else ""."""
    found = re.fullmatch(_TIME, text)
    return f"{found[1]}{next(unit for unit in found.groups()[1:] if unit).lower()}" if found else ""


def first_setting(source: Source, at: int, names: Collection[str]) -> Fix:
    """The blanks before the first setting of a main.cf go, where it sets one of ``names``."""
    line = source.line(source.position(at).line)
    name, equals, _ = line.partition("=")
    return blanks_removed(source, at) if equals and name.strip() in names else ()


def first_service(source: Source, at: int) -> Fix:
    """The blanks before the first service of a master.cf go, where all its fields are there."""
    line = source.line(source.position(at).line)
    return blanks_removed(source, at) if re.match(_SERVICE, line) else ()


def override_braced(span: Span, names: Collection[str]) -> Fix:
    """``-o name = value`` in master.cf becomes ``-o { name = value }``, where nothing else can be meant."""
    found = re.match(_ASSIGNED, span.source.text[span.start : span.start + 1000])
    if found is None or found[1] not in names or " " not in found[0].replace("\t", " "):
        return ()
    return swapped(span, found[0], f"{found[1]}={found[2]}")

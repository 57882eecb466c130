"""Maps as a .cf defines them: what a K line or an AliasFile option says, and what a lookup makes of an answer.

A map is opened when it is asked for the first time. Where its file is missing and ``-o`` is not given, or cannot be
used, every lookup fails for the time being: a map that cannot answer is never one that has nothing. With ``-o`` such a
map is as if it were not there.

Source: Sendmail Installation and Operation Guide 5.8; sendmail 8.17.1.9, ``/map`` of its address test mode.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from mailconf.sendmail.rules.problems import EX_OK

if TYPE_CHECKING:
    from mailconf.sendmail.rules.asking import Asking
    from mailconf.sendmail.rules.posix import Regex
    from mailconf.sendmail.rules.resolv_conf import Patience

_DIGIT = "0123456789"


class MapFound(NamedTuple):
    """What a lookup came to.

    value   None where nothing was found
    status  of sysexits.h; 75 where the map could not answer
    """

    value: str | None
    status: int = EX_OK


@dataclass(slots=True)
class MapFlags:
    """What the flags of a K line say; each has the letter that sets it.

    Maps with the same flags share them: who changes those of one map makes a copy first (`with_flags`).

    append      -a, what is put behind each value
    failing     -T, what is put behind the key where the map cannot answer
    matches     -m, the answer is the key
    quotes      -q, quotes stay in the key
    folds       not -f: the key is asked for in lower case
    optional    -o
    plain, nul  not -N, not -O: keys are without, or with, a NUL at their end
    blank       -S, what stands for a blank between two tokens of the key; None for the usual one
    delimiter   -z
    key_column, value_column   -k, -v
    defers, never_defers       -D, -t
    """

    append: str | None = None
    failing: str | None = None
    matches: bool = False
    quotes: bool = False
    folds: bool = True
    optional: bool = False
    plain: bool = False
    nul: bool = False
    blank: str | None = None
    delimiter: str = ""
    key_column: str | None = None
    value_column: str | None = None
    defers: bool = False
    never_defers: bool = False


@dataclass(slots=True)
class DefinedMap:
    """A map, and what has become of it.

    kind     its type
    file     the file, or what else the first word after the flags is
    rest     what follows the file
    members  of a sequence or switch, the maps that it asks
    alias    whether AliasFile names it
    valid, open, broken   whether its definition could be read; whether it is open; whether it cannot answer
    """

    name: str
    kind: MapKind
    flags: MapFlags = field(default_factory=MapFlags)
    file: str = ""
    rest: str = ""
    members: Sequence[DefinedMap | None] = ()
    alias: bool = False
    valid: bool = False
    open: bool = False
    broken: bool = False
    record: str = ""  # dns: the type of records
    base: str = ""  # dns -B
    most: int = 0  # dns -Z
    patience: Patience | None = None  # dns, host: -d and -r
    regex: Regex | None = None
    priority: str = "info"  # syslog
    columns: tuple[int, int] = (0, 0)  # text: of key and value; user: the second
    aliases: dict[str, str] | None = None  # stab: what has been read

    def with_flags(self, **changes: bool) -> None:
        """Change flags of this map alone."""
        self.flags = replace(self.flags, **changes)  # type: ignore[arg-type]


Opener = Callable[["Asking", DefinedMap], Awaitable[bool]]
Finder = Callable[["Asking", DefinedMap, str, Sequence[str]], Awaitable[MapFound]]


class MapKind(NamedTuple):
    """A type of maps.

    parse     reads the arguments of a K line into the map: whether they could be read
    find      looks a key up; its arguments are the key (as the first) and those of ``$@``
    open      opens the map: whether that was possible. None where there is nothing to open
    alias_ok  whether AliasFile can name it
    """

    name: str
    parse: Callable[[DefinedMap, str, Callable[[str], object]], bool]
    find: Finder
    open: Opener | None = None
    alias_ok: bool = False
    needs_file: bool = True


def rewritten(flags: MapFlags, value: str, arguments: Sequence[str] | None) -> str:
    """A value with ``%0`` to ``%9`` replaced by the arguments (None: left as they are), and ``-a`` appended."""
    value = value.partition("\0")[0]
    if arguments is not None and "%" in value:
        value = _interpolated(value, arguments)
    return value + flags.append if flags.append else value


def _interpolated(value: str, arguments: Sequence[str]) -> str:
    parts: list[str] = []
    at = 0
    while (percent := value.find("%", at)) >= 0:
        parts.append(value[at:percent])
        following = value[percent + 1 : percent + 2]
        at = percent + 2
        if following in _DIGIT and following:
            number = int(following)
            if number < len(arguments):
                parts.append(arguments[number])
        elif following in ("%", ""):
            parts.append("%")
        else:
            parts.append("%" + following)
    return "".join(parts) + value[at:]


def answered(map_: DefinedMap, key: str, value: str, arguments: Sequence[str]) -> MapFound:
    """A value that was found: with ``-m`` the key in its place."""
    if map_.flags.matches:
        return MapFound(rewritten(map_.flags, key, None))
    return MapFound(rewritten(map_.flags, value, arguments))


def unquoted_key(text: str) -> str:
    """The text without its quotes; a backslash is dropped too, and what follows it stays."""
    if '"' not in text and "\\" not in text:
        return text
    parts: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "\\":
            character = text[at : at + 1]
            at += 1
        elif character == '"':
            continue
        parts.append(character)
    return "".join(parts)

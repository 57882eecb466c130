"""Maps that are stored: hash, btree, text, stab, implicit, and those made of others: sequence, switch, null.

Keys are cut at 256 bytes. A table is asked for the key without a NUL at its end and then with one, until one of the two
has answered; ``-N`` and ``-O`` leave only one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.maps import DefinedMap, MapFound, answered
from mailconf.sendmail.rules.problems import EX_NOTFOUND, EX_OK, EX_TEMPFAIL, EX_UNAVAILABLE
from mailconf.sendmail.rules.world import Trusting, Unable

if TYPE_CHECKING:
    from mailconf.sendmail.rules.asking import Asking

KEY = 256
_LINE = 2047
_BLANK = re.compile(r"[\n\t ]")
MOST_MEMBERS = 12


def trusting(engine: Asking) -> Trusting:
    """What the configuration allows of maps."""
    book = engine.book
    return Trusting(
        unsafe_folders=book.blames("mapinunsafedirpath"),
        links=book.blames("linkedmapinwritabledir"),
        group=book.blames("groupwritabledirpathsafe"),
        sticky=book.blames("truststickybit"),
    )


def warn(engine: Asking, folders: Sequence[str]) -> None:
    """Report folders that others can write, as sendmail does where it has time to talk."""
    if engine.verbose > 1:
        for folder in folders:
            engine.problems.remark(folder, "051")


def _key(map_: DefinedMap, key: str) -> str:
    key = key[:KEY]
    return folded(key) if map_.flags.folds else key


# -- hash, btree


def _base(map_: DefinedMap) -> str:
    return map_.file.removesuffix(".db")


async def open_database(engine: Asking, map_: DefinedMap) -> bool:
    kind = "hash" if map_.kind.name == "implicit" else map_.kind.name
    try:
        folders = await engine.world.open_table(kind, _base(map_), trusting(engine))
    except Unable as unable:
        if not map_.flags.optional and map_.kind.name != "implicit":
            word = "missing" if unable.missing else "unsafe"
            engine.problems.system(f'{kind} map "{map_.name}": {word} map file {_base(map_)}.db', unable.reason)
        return False
    warn(engine, folders)
    if map_.alias:
        await _compare_aliases(engine, map_)
    return True


async def _compare_aliases(engine: Asking, map_: DefinedMap) -> None:
    """Report an alias map that is older than its text, as sendmail does where it has time to talk."""
    built = f"{_base(map_)}.db"
    text, made = await engine.world.changed(map_.file), await engine.world.changed(built)
    if engine.verbose and text is not None and (made is None or made < text):
        engine.problems.remark(f"Warning: alias database {built} out of date")


async def find_database(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    kind = "hash" if map_.kind.name == "implicit" else map_.kind.name
    stored = _key(map_, key).encode("latin-1", "replace")
    flags = map_.flags
    value: bytes | None = None
    try:
        if flags.plain:
            value = await engine.world.find(kind, _base(map_), stored)
            if value is not None and flags.nul:
                map_.with_flags(nul=False)
        if value is None and flags.nul:
            value = await engine.world.find(kind, _base(map_), stored + b"\0")
            if value is not None and flags.plain:
                map_.with_flags(plain=False)
    except Unable as unable:
        if flags.optional:
            return MapFound(None)
        engine.problems.system(f"Cannot reopen DB database {map_.file}", unable.reason)
        map_.broken = True
        return MapFound(None, EX_TEMPFAIL)
    if value is None:
        return MapFound(None)
    return answered(map_, key, value.decode("latin-1"), arguments)


# -- text


async def open_text(engine: Asking, map_: DefinedMap) -> bool:
    if not map_.file.startswith("/"):
        engine.problems.system(f'text map "{map_.name}": file name must be fully qualified')
        return False
    try:
        _, folders = await engine.world.read(map_.file, trusting(engine))
    except Unable as unable:
        if not map_.flags.optional:
            engine.problems.system(f'text map "{map_.name}": unsafe map file {map_.file}', unable.reason)
        return False
    warn(engine, folders)
    columns = []
    for letter, column in (("k", map_.flags.key_column), ("v", map_.flags.value_column)):
        if column is not None and not column[:1].isdigit():
            about = f'text map "{map_.name}", file {map_.file}'
            engine.problems.system(f"{about}: -{letter} should specify a number, not {column}")
            return False
        columns.append(int(re.match(r"[0-9]{1,9}", column)[0]) if column else 0)  # type: ignore[index]
    map_.columns = columns[0], columns[1]
    return True


async def find_text(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    try:
        data, folders = await engine.world.read(map_.file, trusting(engine))
    except Unable:
        map_.valid = map_.open = False
        return MapFound(None, EX_UNAVAILABLE)
    warn(engine, folders)
    wanted = folded(_key(map_, key))
    delimiter = map_.flags.delimiter
    for line in _lines(data):
        if line.startswith("#"):
            continue
        found = column(line, map_.columns[0], delimiter)
        if found is None or folded(found) != wanted:
            continue
        value = column(line, map_.columns[1], delimiter)
        return MapFound(None, EX_NOTFOUND) if value is None else answered(map_, key, value, arguments)
    return MapFound(None, EX_NOTFOUND)


def _lines(data: bytes) -> Sequence[str]:
    """The lines of a file, long ones in pieces, each up to a NUL."""
    lines: list[str] = []
    for line in data.decode("latin-1").split("\n"):
        pieces = [line[at : at + _LINE] for at in range(0, len(line), _LINE)] or [line]
        lines += [piece.partition("\0")[0] for piece in pieces]
    return lines


def column(line: str, number: int, delimiter: str) -> str | None:
    """A column of a line, from 0; without a delimiter, white space parts columns."""
    if not line or (delimiter and number == 0 and line[0] == delimiter):
        return None
    begin = 0
    if not number and not delimiter:
        begin = len(line) - len(line.lstrip(" \t\v\f\r\n"))
    for _ in range(number):
        end = _column_end(line, begin, delimiter)
        if end < 0:
            return None
        begin = end + 1
        while not delimiter and begin < len(line) and line[begin] in " \t\v\f\r\n":
            begin += 1
    end = _column_end(line, begin, delimiter)
    return line[begin : len(line) if end < 0 else end][:KEY]


def _column_end(line: str, at: int, delimiter: str) -> int:
    if delimiter:
        return line.find(delimiter, at)
    found = _BLANK.search(line, at)
    return found.start() if found else -1


# -- stab, implicit


async def open_stab(engine: Asking, map_: DefinedMap) -> bool:
    from mailconf.sendmail.rules.aliases import read_aliases

    try:
        data, folders = await engine.world.read(map_.file, trusting(engine))
    except Unable:
        return False
    warn(engine, folders)
    engine.texts.add(map_.name)
    engine.stab.update(await read_aliases(engine, map_.file, data))
    return True


async def reopen(engine: Asking, map_: DefinedMap) -> bool:
    """Open the map as for the first time, for an engine that has not read its text."""
    assert map_.kind.open is not None
    return await map_.kind.open(engine, map_)


async def find_stab(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    if map_.name not in engine.texts and not await reopen(engine, map_):  # another session has opened the map
        return MapFound(None, EX_TEMPFAIL)
    value = engine.stab.get(folded(key))
    return MapFound(None) if value is None else answered(map_, key, value, arguments)


async def open_implicit(engine: Asking, map_: DefinedMap) -> bool:
    if await open_database(engine, map_):
        map_.aliases = None
        return True
    if not map_.alias:
        return False
    if engine.verbose:
        engine.problems.remark(f"WARNING: cannot open alias database {map_.file}; reading text version")
    map_.aliases = engine.stab
    return await open_stab(engine, map_)


async def find_implicit(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    if map_.aliases is not None:
        return await find_stab(engine, map_, key, arguments)
    return await find_database(engine, map_, key, arguments)


# -- sequence, switch, null


async def open_switch(engine: Asking, map_: DefinedMap) -> bool:
    services = await engine.world.services(map_.file)
    if not services:
        return False
    members: list[DefinedMap | None] = []
    for service in services[:MOST_MEMBERS]:
        name = f"{map_.name}.{service}"
        member = engine.book.maps.get(folded(name))
        if member is None:
            engine.problems.system(f"Switch map {map_.name}: unknown member map {name}")
        members.append(member)
    map_.members = members
    return True


async def find_sequence(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    failed, status = False, EX_OK
    for member in map_.members:
        if member is None or member is map_ or not (member.open or await engine.open_map(member)):
            continue
        found = await engine.find(member, key, arguments)
        if found.value is not None:
            return found
        status = found.status
        failed = failed or status == EX_TEMPFAIL
    if failed:
        return MapFound(None, EX_TEMPFAIL)
    return MapFound(None, EX_NOTFOUND if status == EX_OK else status)


async def find_null(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    return MapFound(None, EX_NOTFOUND)

"""Maps built and changed, whole or not at all.

A map is written to a temporary file beside its target, made durable and renamed (`mailconf.files.replace`): a crash at
any moment leaves the old map or the new one. `mailconf.maps.build.target` decides what may be at the target's place;
`mailconf.maps.build.change` adds to a map and takes out of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mailconf.arrays import arrays
from mailconf.files import replace
from mailconf.maps.build.target import safe_target
from mailconf.maps.core.opening import Progress, Repeated
from mailconf.maps.core.table import NotBuilt, UnsupportedMap
from mailconf.maps.reference import PROXY
from mailconf.maps.registry import known_types
from mailconf.maps.types import EXTENSIONS as EXTENSIONS
from mailconf.maps.types import TYPES, MapType
from mailconf.tables.packed import Packed, Packing

Table = dict[bytes, bytes]
_TINY = 8  # bytes of text for each entry


class Columns(NamedTuple):
    """Entries as parallel lists: the form in which a million of them is quickest to hand over."""

    keys: list[bytes]
    values: list[bytes]


class Addition(NamedTuple):
    """Entries that are to be packed with what a map holds.

    read   adds them to a Packing of ``text``; False where they have to be added singly
    more   bytes that it adds to the text at the most; ``most``: about how many entries
    ended  what keys and values end with as they are read, where that is not what the map's are to end with
    own    keys of the entries that take the place of what the map holds, as they are stored
    """

    read: Callable[[Packing], bool]
    text: bytes
    more: int
    most: int
    ended: bytes | None = None
    own: Collection[bytes] = ()


class Duplicates(Enum):
    """Which of several entries with the same key counts: the first (postmap(1)) or the last (``postmap -r``)."""

    FIRST = "first"
    LAST = "last"


class DuplicateKey(Exception):
    """Raised by an ``on_duplicate`` that wants no map (makemap(8))."""


_INSTALLED = "Is the postfix-{} package installed?"
_TYPES = {name: kind for name, kind in TYPES.items() if kind.writer}


def writable_types() -> list[str]:
    """The types that `write_map` writes, sorted."""
    return sorted(_TYPES)


def changeable_types() -> list[str]:
    """The types whose maps can be changed (`mailconf.maps.build.change`), sorted."""
    return sorted(name for name, kind in _TYPES.items() if not kind.fixed)


def missing_package(type: str) -> str:
    """The Python package without which maps of the type cannot be written here; "" where nothing is missing."""
    try:
        preload(type)
    except UnsupportedMap:
        return _TYPES[type].package if type in _TYPES else ""
    return ""


def map_path(type: str, source: Path) -> Path:
    """Where the map of the text ``source`` lies: ``/etc/postfix/access.db``. Raises UnsupportedMap."""
    return source.with_name(source.name + type_of(type).suffix)


def stored_end(type: str, nul: bool | None) -> bytes:
    """What ends keys and values in a map of the type: a NUL or nothing. ``nul`` is `write_map`'s."""
    return end_of(type_of(type), nul)


def preload(type: str, *, packed: bool = False) -> None:
    """Import what writing the type needs, for a caller that is about to give up the right to read our modules.

    packed  also what writing packed entries needs, where it is there

    Raises UnsupportedMap where the package that writes it is missing.
    """
    kind = type_of(type)
    _writer(kind)
    load(kind.reader)
    if packed and arrays() is not None:
        load(kind.packed)


def write_map(
    type: str,
    target: Path,
    entries: Iterable[tuple[bytes, bytes]] | Columns | Packed,
    *,
    source: os.stat_result | None = None,
    nul: bool | None = None,
    duplicates: Duplicates = Duplicates.FIRST,
    on_duplicate: Callable[[bytes], None] | None = None,
    progress: Progress | None = None,
    staged: Path | None = None,
    warn: Callable[[str], None] | None = None,
) -> int:
    """Replace the map ``target`` by one that holds ``entries``; the number of keys in it.

    source        the text's status: the map gets its owner, and if there was none before, its permissions
    nul           end keys and values with a NUL (makemap(8): only with -N); None: as postmap(1) does for the type
    duplicates    which entry counts; ``on_duplicate`` gets the key of every later one, and may raise to write nothing
    progress      called now and then with (entries done, all entries)
    staged        write this file beside the target instead, with the owner and mode that the target is to have
    warn          takes the warnings about the target (`mailconf.maps.build.target`)

    Raises UnsupportedMap, and OSError when the map cannot be written.
    """
    kind = type_of(type)
    end = end_of(kind, nul)
    target = safe_target(target, warn, follow=staged is None)
    with no_collection():
        if isinstance(entries, Packed):
            packed, said = entries, _said(entries, on_duplicate)
            if packed.text.size < _TINY * len(packed):
                entries = counting(packed, duplicates, said)  # most keys come twice, and to sort takes more memory
            try:
                written = packed_written(kind, target, entries, end, source, progress, staged)
            except Repeated:
                entries = counting(packed, duplicates, said)
                written = packed_written(kind, target, entries, end, source, progress, staged)
            if written:
                return len(entries)
            entries = Columns(*entries.columns())
        columns = entries if isinstance(entries, Columns) else columns_of(list(entries))
        try:
            write_columns(kind, target, columns, end, source, progress, staged)
        except Repeated:
            pairs = zip(*columns, strict=True)
            columns = columns_of(collect(pairs, {}, duplicates, on_duplicate).items())
            write_columns(kind, target, columns, end, source, progress, staged)
    return len(columns.keys)


def _said(packed: Packed, on_duplicate: Callable[[bytes], None] | None) -> Callable[[Iterable[int]], None] | None:
    """What hands ``on_duplicate`` the keys of numbered entries."""
    if on_duplicate is None:
        return None

    def said(numbers: Iterable[int]) -> None:
        for number in numbers:
            on_duplicate(packed.key(number))

    return said


def counting(
    packed: Packed,
    duplicates: Duplicates = Duplicates.FIRST,
    told: Callable[[Iterable[int]], None] | None = None,
) -> Packed:
    """Of several entries with the same key the one that counts; ``told`` gets the numbers of all later ones.

    ``packed`` itself must not be used any more.
    """
    from mailconf.maps.database.packed import repeats

    last = duplicates is Duplicates.LAST
    later, firsts, lasts = repeats(packed, ends=last)
    if told is not None:
        told(map(int, later))
    if last:  # at the place of the first
        packed.value_at[firsts], packed.value_length[firsts] = packed.value_at[lasts], packed.value_length[lasts]
    return packed.dropping(later) if len(later) else packed


def write_values(
    type: str,
    target: Path,
    table: dict[bytes, list[bytes]],
    *,
    source: os.stat_result | None = None,
    warn: Callable[[str], None] | None = None,
) -> None:
    """Replace the map ``target`` by one in which a key may have several values, in their order: ``makemap -d``.

    Keys and values are written as they are. Raises UnsupportedMap when the type has no such maps, and OSError.
    """
    kind = type_of(type)
    if not kind.many:
        raise UnsupportedMap(f"{type} maps have one value for a key")
    target = safe_target(target, warn)
    with no_collection():
        write_many(kind, target, table, source, None)


def write_distinct(
    type: str, target: Path, packed: Packed, *, nul: bool | None = None, source: os.stat_result | None = None
) -> bool:
    """`write_values` of packed entries, each of which has a key of its own; False where that has to do it.

    ``nul`` is `write_map`'s.
    """
    from mailconf.maps.database.bdb_values import allow_repeats
    from mailconf.maps.database.packed import NotPacked

    kind = type_of(type)
    target = safe_target(target, None)
    try:
        with no_collection(), _replaced(target, source) as file:
            load(kind.packed)(file, packed, end=end_of(kind, nul), progress=None)
            allow_repeats(file.fileno())
    except NotPacked:
        return False
    return True


def type_of(name: str) -> MapType:
    """The writer of a type; UnsupportedMap in postmap's words."""
    if name in _TYPES:
        return _TYPES[name]
    if name == PROXY:
        raise UnsupportedMap("can't create maps via the proxy service")
    raise NotBuilt(name, name in known_types())


def end_of(kind: MapType, nul: bool | None) -> bytes:
    """What ends keys and values."""
    return b"\0" if nul or (nul is None and kind.nul) else b""


def load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"mailconf.maps.{module}"), name)


def _writer(kind: MapType) -> Any:
    """The function that writes maps of the type.

    Raises UnsupportedMap, which begins with postmap's words, where the package that it needs is missing.
    """
    try:
        return load(kind.writer)
    except ImportError as missing:
        if not kind.package:
            raise
        type = next(name for name, other in _TYPES.items() if other is kind)
        hint = f"mailconf writes it with the Python package {kind.package}, which cannot be imported"
        raise UnsupportedMap(f"unsupported dictionary type: {type}. {_INSTALLED.format(type)} ({hint})") from missing


def columns_of(pairs: Collection[tuple[bytes, bytes]]) -> Columns:
    return Columns([key for key, _ in pairs], [value for _, value in pairs])


def collect(
    entries: Iterable[tuple[bytes, bytes]],
    table: Table,
    duplicates: Duplicates,
    on_duplicate: Callable[[bytes], None] | None,
) -> Table:
    """Put ``entries`` into ``table``."""
    for key, value in entries:
        if key not in table:
            table[key] = value
            continue
        if on_duplicate is not None:
            on_duplicate(key)
        if duplicates is Duplicates.LAST:
            table[key] = value
    return table


def write_columns(
    kind: MapType,
    target: Path,
    columns: Columns,
    end: bytes,
    source: os.stat_result | None,
    progress: Progress | None,
    staged: Path | None = None,
) -> None:
    with _replaced(target, source, staged) as file:
        _writer(kind)(file, *columns, end=end, progress=progress)


def packed_written(
    kind: MapType,
    target: Path,
    entries: Packed,
    end: bytes,
    source: os.stat_result | None,
    progress: Progress | None,
    staged: Path | None,
) -> bool:
    """Write packed entries; False where the other writer has to."""
    from mailconf.maps.database.packed import NotPacked

    try:
        with _replaced(target, source, staged) as file:
            load(kind.packed)(file, entries, end=end, progress=progress)
    except NotPacked:
        return False
    return True


def write_many(
    kind: MapType,
    target: Path,
    table: dict[bytes, list[bytes]],
    source: os.stat_result | None,
    progress: Progress | None,
) -> None:
    with _replaced(target, source) as file:
        load(kind.many)(file, list(table), list(table.values()), progress=progress)


@contextmanager
def _replaced(target: Path, source: os.stat_result | None, staged: Path | None = None) -> Iterator[BinaryIO]:
    """The new file, with the owner and, when there is no old one, the mode of ``source``."""
    mode = None
    if target.exists():
        mode = target.stat().st_mode & 0o7777
    elif source is not None:
        mode = _new_mode(source.st_mode)
    owner = (source.st_uid, source.st_gid) if source is not None else None
    with replace(staged or target, owner=owner, mode=mode) as file:
        yield file


def _new_mode(source: int) -> int:
    """The mode of a new map, as postmap(1) has it: the text's, readable for its owner, written by nobody else."""
    return source & 0o044 | 0o600


def no_collection() -> AbstractContextManager[None]:
    from mailconf.tables.garbage_collection import no_collection  # here: start-up time

    return no_collection()

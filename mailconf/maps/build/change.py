"""Maps changed: what one holds is read, changed and written anew (`mailconf.maps.build.write`).

The old file's exclusive lock (fcntl(2)) is held meanwhile, as the real tools do, so that no change is lost between
them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from mailconf.arrays import arrays
from mailconf.maps.build.target import safe_target
from mailconf.maps.build.write import (
    Addition,
    Columns,
    Duplicates,
    Table,
    collect,
    columns_of,
    counting,
    end_of,
    load,
    no_collection,
    packed_written,
    type_of,
    write_columns,
    write_many,
)
from mailconf.maps.core.opening import NotStored, Progress, Repeated, cannot_open
from mailconf.maps.core.table import UnsupportedMap
from mailconf.maps.types import MapType
from mailconf.tables.packed import MANY, Packed, Packing

_SOME = 1 << 10  # entries that are read at a time
_LEAST = 8  # bytes of a map for an entry


class _Values(dict[bytes, list[bytes]]):
    """The contents of a map whose keys may have several values."""


def update_map(
    type: str,
    target: Path,
    entries: Iterable[tuple[bytes, bytes]],
    *,
    source: os.stat_result | None = None,
    nul: bool | None = None,
    duplicates: Duplicates = Duplicates.FIRST,
    on_duplicate: Callable[[bytes], None] | None = None,
    progress: Progress | None = None,
    last: Iterable[tuple[bytes, bytes]] = (),
    warn: Callable[[str], None] | None = None,
) -> None:
    """Add ``entries`` to the map ``target``, which need not exist yet: ``postmap -i``. The arguments are `write_map`'s.

    ``last`` are entries that take the place of what the map holds without a warning, stored as they are.

    Keys that the map holds already are duplicates. A map of several values for a key (``makemap -d``) stays one: there,
    a later entry that counts is one value more.

    Raises TemporaryFailure when the old map cannot be read, NotStored when the type does not take an entry,
    UnsupportedMap when maps of the type are never changed.
    """
    kind = _changeable(type)
    end = end_of(kind, nul)
    with _failures(target):
        target = safe_target(target, warn)
    told = None if on_duplicate is None else (lambda key: on_duplicate(key[: len(key) - len(end)]))
    stored = ((key + end, value + end) for key, value in entries)
    with no_collection(), _failures(target), ExitStack() as held:
        try:
            old = _contents(kind, held.enter_context(_opened(kind, target)))
        except FileNotFoundError:
            old = {}
        if isinstance(old, _Values):
            _add_values(stored, old, duplicates, told)
            _add_values(last, old, Duplicates.LAST, None)
            write_many(kind, target, old, source, progress)
            return
        table = collect(stored, old, duplicates, told)
        table.update(last)
        write_columns(kind, target, columns_of(table.items()), b"", source, progress)


Told = Callable[[Packed, int, Iterable[int]], None]


def update_packed(
    type: str,
    target: Path,
    addition: Addition,
    told: Told,
    *,
    source: os.stat_result | None = None,
    nul: bool | None = None,
    duplicates: Duplicates = Duplicates.FIRST,
    progress: Progress | None = None,
    warn: Callable[[str], None] | None = None,
) -> bool:
    """`update_map` with packed entries: what the map holds is packed, too, and both are in one text.

    ``told`` gets, once and before the map is written, all entries, the number of the first that is added, and the
    numbers of those added whose key there is already.

    False, and nothing is changed, where that is not possible: then `update_map` does it.
    """
    kind = _changeable(type)
    end = end_of(kind, nul)
    with _failures(target):
        target = safe_target(target, warn)
    with no_collection(), _failures(target), ExitStack() as held:
        try:
            database = held.enter_context(_opened(kind, target))
        except FileNotFoundError:
            database = None
        packing = _packed_contents(target, database, end, addition)
        if packing is None:
            return False
        first = len(packing)
        if not addition.read(packing):
            return False
        every = packing.packed()
        del packing
        if len(every):
            every = counting(every, duplicates, partial(told, every, first))
        else:
            told(every, first, ())
        if not len(every) or not packed_written(kind, target, every, end, source, progress, None):
            write_columns(kind, target, Columns(*every.columns()), end, source, progress)
        return True


def _packed_contents(target: Path, database: Any, end: bytes, addition: Addition) -> Packing | None:
    """What the map ``target`` holds, if there is one, with room for what is added.

    None where not every key and value of the map has the end that it has to have, and no other NUL.
    """
    size = 0 if database is None else target.stat().st_size
    found = Packing(addition.text, size + addition.more, size // _LEAST + addition.most)
    if database is None:
        return found
    if getattr(database, "repeats", False):
        return None
    expected = end if addition.ended is None else addition.ended
    for columns in _stored(database, addition.own, set()):
        for column in columns:
            for number, stored in enumerate(column):
                text = stored.removesuffix(expected) if expected else stored
                if not text or b"\0" in text or len(text) + len(expected) != len(stored):
                    return None
                column[number] = text if addition.ended is None else stored
        found.add_lists(*columns)
    return found


def _stored(database: Any, without: Collection[bytes], met: set[bytes]) -> Iterator[Columns]:
    """What a map holds, some at a time; without some keys, those of which it has are put into ``met``."""
    items = iter(database.items())
    while some := list(islice(items, _SOME)):
        columns = Columns([], [])
        for key, value in some:
            if key in without:
                met.add(key)
            else:
                columns.keys.append(key)
                columns.values.append(value)
        yield columns


def is_large_map(target: Path) -> bool:
    """Whether the map has so many entries that what it holds should be packed in order to be changed."""
    try:
        return target.stat().st_size >= MANY
    except OSError:
        return False


def rewrite_packed(
    type: str,
    target: Path,
    database: Any,
    without: Collection[bytes],
    added: Collection[tuple[bytes, bytes]] = (),
    *,
    source: os.stat_result | None = None,
) -> set[bytes] | None:
    """Write what the map ``target`` holds, of which ``database`` is the reader, without some keys and with others.

    Keys and values are as they are stored. The keys that it was written without, of those that it had; where it had
    none and nothing is added, it is not written. None, and nothing is written, where this is not possible.
    """
    kind = _changeable(type)
    if getattr(database, "repeats", False) or arrays() is None:
        return None
    size = target.stat().st_size
    packing = Packing(b"", size, size // _LEAST)
    met: set[bytes] = set()
    for columns in _stored(database, without, met):
        packing.add_lists(*columns)
    if not met and not added:
        return met
    packing.add_lists([key for key, _ in added], [value for _, value in added])
    packed = packing.packed()
    del packing
    if not len(packed) or not (int(packed.key_length.min()) and int(packed.value_length.min())):
        return None
    try:
        written = packed_written(kind, target, packed, b"", source, None, None)
    except Repeated:  # keys that differ in a NUL at their end
        return None
    return met if written else None


def delete_keys(
    type: str,
    target: Path,
    keys: Iterable[bytes],
    *,
    nul: bool | None = None,
    source: os.stat_result | None = None,
    warn: Callable[[str], None] | None = None,
) -> set[bytes]:
    """Take ``keys``, with all their values, out of the map ``target``: ``postmap -d``; those that were there.

    They are looked for with a NUL first, then without; where ``nul`` is given, with a NUL only or without.

    The map is not written when it had no such key. Raises TemporaryFailure when it cannot be read, UnsupportedMap
    when maps of the type are never changed.
    """
    kind = _changeable(type)
    found = set()
    ends = (b"\0", b"") if nul is None else (b"\0" if nul else b"",)
    with no_collection(), _failures(target), _opened(kind, target) as database:
        if is_large_map(target):
            keys = list(keys)
            stored = {key: [key + end for end in ends if database.get(key + end) is not None] for key in keys}
            gone = {key for key, there in stored.items() if there}
            without = {there[0] for there in stored.values() if there}
            file = safe_target(target, warn) if gone else target
            if not gone or rewrite_packed(type, file, database, without, source=source) is not None:
                return gone
        table = _contents(kind, database)
        for key in keys:
            for end in ends:
                if table.pop(key + end, None) is not None:
                    found.add(key)
                    break
        if found:
            target = safe_target(target, warn)
            if isinstance(table, _Values):
                write_many(kind, target, table, source, None)
            else:
                write_columns(kind, target, columns_of(table.items()), b"", source, None)
    return found


@contextmanager
def _failures(target: Path) -> Iterator[None]:
    try:
        yield
    except NotStored:
        raise
    except OSError as problem:
        raise cannot_open(str(target), problem) from problem


def _changeable(name: str) -> MapType:
    kind = type_of(name)
    if kind.fixed:
        raise UnsupportedMap(kind.fixed)
    return kind


def _add_values(
    entries: Iterable[tuple[bytes, bytes]],
    table: _Values,
    duplicates: Duplicates,
    on_duplicate: Callable[[bytes], None] | None,
) -> None:
    """Put ``entries`` into ``table``, where a key may have several values."""
    for key, value in entries:
        values = table.setdefault(key, [])
        if values and on_duplicate is not None:
            on_duplicate(key)
        if not values or duplicates is Duplicates.LAST:
            values.append(value)


@contextmanager
def _opened(kind: MapType, target: Path) -> Iterator[Any]:
    """The reader of the map, which is locked until the end. Raises FileNotFoundError, TemporaryFailure."""
    # Closing any descriptor of a file gives up the locks that its process has on it: so the reader is closed last.
    with _locked(target), closing(load(kind.reader)(target, str(target))) as database:
        yield database


def _contents(kind: MapType, database: Any) -> Table | _Values:
    if not kind.many or not database.repeats:
        return dict(database.items())
    table = _Values()
    for key, value in database.items():
        table.setdefault(key, []).append(value)
    return table


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the exclusive lock of the map that is at ``target`` now. Raises FileNotFoundError when there is no map."""
    while True:
        descriptor = os.open(target, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
            if _is_at(descriptor, target):
                yield
                return
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, target: Path) -> bool:
    """Whether the open file is still the one at ``target``: it may have been replaced while we waited."""
    try:
        return os.path.samestat(os.fstat(descriptor), target.stat())
    except FileNotFoundError:
        return False

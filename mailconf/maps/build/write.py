"""Maps built and changed, whole or not at all.

A map is written to a temporary file beside its target, made durable and renamed (`mailconf.files.replace`): a crash at
any moment leaves the old map or the new one. An incremental change (``postmap -i``, ``-d``) reads the old map, changes
what it holds and writes it anew; it takes the old file's exclusive lock (fcntl(2)) meanwhile, as the real tools do,
so that no change is lost between them. `mailconf.maps.build.target` decides what may be at the target's place.
"""

from __future__ import annotations

import fcntl
import os
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from enum import Enum
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mailconf.arrays import arrays
from mailconf.files import replace
from mailconf.maps.build.target import safe_target
from mailconf.maps.core.opening import NotStored, Progress, Repeated, cannot_open
from mailconf.maps.core.table import NotBuilt, UnsupportedMap
from mailconf.maps.reference import PROXY
from mailconf.maps.registry import known_types
from mailconf.maps.types import EXTENSIONS as EXTENSIONS
from mailconf.maps.types import TYPES, MapType
from mailconf.tables.packed import Packed, Packing

Table = dict[bytes, bytes]
_TINY = 8  # bytes of text for each entry
_SOME = 1 << 12  # entries that are read at a time
_LEAST = 8  # bytes of a map for an entry


class _Values(dict[bytes, list[bytes]]):
    """The contents of a map whose keys may have several values."""


class Columns(NamedTuple):
    """Entries as parallel lists: the form in which a million of them is quickest to hand over."""

    keys: list[bytes]
    values: list[bytes]


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
    """The types whose maps `update_map` and `delete_keys` change, sorted."""
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
    return source.with_name(source.name + _type(type).suffix)


def stored_end(type: str, nul: bool | None) -> bytes:
    """What ends keys and values in a map of the type: a NUL or nothing. ``nul`` is `write_map`'s."""
    return _end(_type(type), nul)


def preload(type: str, *, packed: bool = False) -> None:
    """Import what writing the type needs, for a caller that is about to give up the right to read our modules.

    packed  also what writing packed entries needs, where it is there

    Raises UnsupportedMap where the package that writes it is missing.
    """
    kind = _type(type)
    _writer(kind)
    _load(kind.reader)
    if packed and arrays() is not None:
        _load(kind.packed)


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
    kind = _type(type)
    end = _end(kind, nul)
    target = safe_target(target, warn, follow=staged is None)
    with _no_collection():
        if isinstance(entries, Packed):
            packed, said = entries, _said(entries, on_duplicate)
            if packed.text.size < _TINY * len(packed):
                entries = counting(packed, duplicates, said)  # most keys come twice, and to sort takes more memory
            try:
                written = _packed_written(kind, target, entries, end, source, progress, staged)
            except Repeated:
                entries = counting(packed, duplicates, said)
                written = _packed_written(kind, target, entries, end, source, progress, staged)
            if written:
                return len(entries)
            entries = Columns(*entries.columns())
        columns = entries if isinstance(entries, Columns) else _columns(list(entries))
        try:
            _write(kind, target, columns, end, source, progress, staged)
        except Repeated:
            pairs = zip(*columns, strict=True)
            columns = _columns(_collect(pairs, {}, duplicates, on_duplicate).items())
            _write(kind, target, columns, end, source, progress, staged)
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
    packed: Packed, duplicates: Duplicates = Duplicates.FIRST, told: Callable[[Iterable[int]], None] | None = None
) -> Packed:
    """Of several entries with the same key the one that counts; ``told`` gets the numbers of all later ones."""
    from mailconf.maps.database.packed import repeats

    later, firsts, lasts = repeats(packed)
    if told is not None:
        told(map(int, later))
    if duplicates is Duplicates.LAST:  # at the place of the first
        packed.value_at[firsts], packed.value_length[firsts] = packed.value_at[lasts], packed.value_length[lasts]
    return packed.without(later) if len(later) else packed


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
    kind = _type(type)
    if not kind.many:
        raise UnsupportedMap(f"{type} maps have one value for a key")
    target = safe_target(target, warn)
    with _no_collection():
        _write_values(kind, target, table, source, None)


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
    end = _end(kind, nul)
    with _failures(target):
        target = safe_target(target, warn)
    told = None if on_duplicate is None else (lambda key: on_duplicate(key[: len(key) - len(end)]))
    stored = ((key + end, value + end) for key, value in entries)
    with _no_collection(), _failures(target), ExitStack() as held:
        try:
            old = held.enter_context(_current(kind, target))
        except FileNotFoundError:
            old = {}
        if isinstance(old, _Values):
            _add_values(stored, old, duplicates, told)
            _add_values(last, old, Duplicates.LAST, None)
            _write_values(kind, target, old, source, progress)
            return
        table = _collect(stored, old, duplicates, told)
        table.update(last)
        _write(kind, target, _columns(table.items()), b"", source, progress)


def update_packed(
    type: str,
    target: Path,
    entries: Packed,
    told: Callable[[Iterable[int]], None],
    *,
    source: os.stat_result | None = None,
    nul: bool | None = None,
    duplicates: Duplicates = Duplicates.FIRST,
    progress: Progress | None = None,
    warn: Callable[[str], None] | None = None,
) -> None:
    """`update_map` with packed entries: what the map holds already is packed, too.

    ``told`` gets the numbers of the duplicates among ``entries``, once, before the map is written.
    """
    kind = _changeable(type)
    end = _end(kind, nul)
    with _failures(target):
        target = safe_target(target, warn)
    with _no_collection(), _failures(target), ExitStack() as held:
        try:
            database = held.enter_context(_opened(kind, target))
        except FileNotFoundError:
            database = None
        found = (entries, 0) if database is None else _behind_contents(target, database, end, entries)
        if found is not None:
            every, before = found
            del found
            every = counting(every, duplicates, lambda numbers: told(number - before for number in numbers))
            if not _packed_written(kind, target, every, end, source, progress, None):
                _write(kind, target, Columns(*every.columns()), end, source, progress)
            return
        table = _contents(kind, database)
        told(_add_one_by_one(entries, end, table, duplicates))
        if isinstance(table, _Values):
            _write_values(kind, target, table, source, progress)
        else:
            _write(kind, target, _columns(table.items()), b"", source, progress)


def _add_one_by_one(entries: Packed, end: bytes, table: Table | _Values, duplicates: Duplicates) -> array[int]:
    """Put packed entries into ``table``; the numbers of the duplicates."""
    repeated = array("Q")
    for number in range(len(entries)):
        key = entries.key(number) + end
        if key in table:
            repeated.append(number)
        pair = (key, entries.value(number) + end)
        if isinstance(table, _Values):
            _add_values((pair,), table, duplicates, None)
        else:
            _collect((pair,), table, duplicates, None)
    return repeated


def _behind_contents(target: Path, database: Any, end: bytes, entries: Packed) -> tuple[Packed, int] | None:
    """What the map ``target`` holds with ``entries`` after it, and how many those of the map are.

    None where not every key and value of the map has ``end``, and no other NUL.
    """
    size = target.stat().st_size
    found = Packing(b"", size + entries.text.size, size // _LEAST + len(entries))
    if getattr(database, "repeats", False):
        return None
    items = iter(database.items())
    while some := list(islice(items, _SOME)):
        columns: tuple[list[bytes], list[bytes]] = ([], [])
        for key_and_value in some:
            for column, stored in zip(columns, key_and_value, strict=True):
                text = stored.removesuffix(end) if end else stored
                if not text or b"\0" in text or len(text) + len(end) != len(stored):
                    return None
                column.append(text)
        found.add_lists(*columns)
    count = len(found)
    at = found.add_text(memoryview(entries.text))
    found.add(entries.key_at + at, entries.key_length, entries.value_at + at, entries.value_length)
    return found.packed(), count


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
    with _no_collection(), _failures(target), _current(kind, target) as table:
        for key in keys:
            for end in ends:
                if table.pop(key + end, None) is not None:
                    found.add(key)
                    break
        if found:
            target = safe_target(target, warn)
            if isinstance(table, _Values):
                _write_values(kind, target, table, source, None)
            else:
                _write(kind, target, _columns(table.items()), b"", source, None)
    return found


@contextmanager
def _failures(target: Path) -> Iterator[None]:
    try:
        yield
    except NotStored:
        raise
    except OSError as problem:
        raise cannot_open(str(target), problem) from problem


def _type(name: str) -> MapType:
    """The writer of a type; UnsupportedMap in postmap's words."""
    if name in _TYPES:
        return _TYPES[name]
    if name == PROXY:
        raise UnsupportedMap("can't create maps via the proxy service")
    raise NotBuilt(name, name in known_types())


def _changeable(name: str) -> MapType:
    kind = _type(name)
    if kind.fixed:
        raise UnsupportedMap(kind.fixed)
    return kind


def _end(kind: MapType, nul: bool | None) -> bytes:
    """What ends keys and values."""
    return b"\0" if nul or (nul is None and kind.nul) else b""


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"mailconf.maps.{module}"), name)


def _writer(kind: MapType) -> Any:
    """The function that writes maps of the type.

    Raises UnsupportedMap, which begins with postmap's words, where the package that it needs is missing.
    """
    try:
        return _load(kind.writer)
    except ImportError as missing:
        if not kind.package:
            raise
        type = next(name for name, other in _TYPES.items() if other is kind)
        hint = f"mailconf writes it with the Python package {kind.package}, which cannot be imported"
        raise UnsupportedMap(f"unsupported dictionary type: {type}. {_INSTALLED.format(type)} ({hint})") from missing


def _columns(pairs: Collection[tuple[bytes, bytes]]) -> Columns:
    return Columns([key for key, _ in pairs], [value for _, value in pairs])


def _collect(
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
def _current(kind: MapType, target: Path) -> Iterator[Table | _Values]:
    """What the map holds, NULs included, locked until the end. Raises FileNotFoundError, TemporaryFailure."""
    with _opened(kind, target) as database:
        yield _contents(kind, database)


@contextmanager
def _opened(kind: MapType, target: Path) -> Iterator[Any]:
    """The reader of the map, which is locked until the end. Raises FileNotFoundError, TemporaryFailure."""
    # Closing any descriptor of a file gives up the locks that its process has on it: so the reader is closed last.
    with _locked(target), closing(_load(kind.reader)(target, str(target))) as database:
        yield database


def _contents(kind: MapType, database: Any) -> Table | _Values:
    if not kind.many or not database.repeats:
        return dict(database.items())
    table = _Values()
    for key, value in database.items():
        table.setdefault(key, []).append(value)
    return table


def _write(
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


def _packed_written(
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
            _load(kind.packed)(file, entries, end=end, progress=progress)
    except NotPacked:
        return False
    return True


def _write_values(
    kind: MapType,
    target: Path,
    table: dict[bytes, list[bytes]],
    source: os.stat_result | None,
    progress: Progress | None,
) -> None:
    with _replaced(target, source) as file:
        _load(kind.many)(file, list(table), list(table.values()), progress=progress)


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


def _no_collection() -> AbstractContextManager[None]:
    from mailconf.tables.garbage_collection import no_collection  # here: start-up time

    return no_collection()

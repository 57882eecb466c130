"""A database file as a lookup table: what hash, btree, cdb and lmdb share (DATABASE_README).

Keys and values end with a NUL in files of postmap(1) (of cdb only with -N), without in those of makemap(8). Both are
read as Postfix reads them: a key is first asked for with a NUL, then without, and once one of the two has answered, the
other is not tried any more. A value is a C string: what follows a NUL is not seen.

Each lookup takes the shared lock that Postfix's readers take (fcntl(2)), so that an update in place by the real
postmap is seen whole or not at all. Departure: a table that was replaced or updated meanwhile is opened anew, where a
Postfix process goes on with what it has and soon ends itself.
"""

from __future__ import annotations

import fcntl
import os
import stat
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol, runtime_checkable

from mailconf.files import Root
from mailconf.maps.core.opening import Opening, cannot_open
from mailconf.maps.core.table import WHOLE, Share, TemporaryFailure

_SINGLY = 50  # keys that are looked up one by one before the rest are together
_SAMPLED = 64  # one key of so many shows how they are divided
_REOPENINGS = 10  # a table that is replaced more often than this while one lookup waits is not read


class OpenFile(Protocol):
    descriptor: int


class DatabaseFile(Protocol):
    """`HashFile`, `CdbFile`, ...: keys and values as they are stored."""

    @property
    def file(self) -> OpenFile: ...

    def get(self, key: bytes) -> bytes | None: ...

    def items(self) -> Iterator[tuple[bytes, bytes]]: ...

    def close(self) -> None: ...


@runtime_checkable
class ManyAtOnce(Protocol):
    """A `DatabaseFile` that finds many keys at once, each followed by ``end``, for less than one by one.

    The ``keys`` are without NULs, values are given up to one. Of a ``share`` only the values that lie in one part of
    the file, or of one part of the keys: every key has its answer in one of the parts and None in the others.
    """

    def get_all(self, keys: list[bytes], end: bytes = b"", share: Share = WHOLE) -> list[bytes | None]: ...


@runtime_checkable
class Placing(ManyAtOnce, Protocol):
    """A `DatabaseFile` that has to work out where each of many keys would lie."""

    def places(self, keys: list[bytes], end: bytes = b"") -> array[int]: ...

    def get_all(
        self, keys: list[bytes], end: bytes = b"", share: Share = WHOLE, places: array[int] | None = None
    ) -> list[bytes | None]: ...


class Library(NamedTuple):
    """A compiled library that reads files of a type and trusts their content.

    open     opens a file: what finds stored keys in it, and gives values as they are stored
    at_once  bytes of keys that it is best asked for together
    """

    open: Callable[[str], Callable[[list[bytes]], list[bytes | None]]]
    at_once: int


class _Asked:
    """The keys of a table asked of its library, which opens the file for the first of them and keeps it open.

    The file is the one with this open descriptor, even if another one has taken its name meanwhile.
    """

    def __init__(self, table: DatabaseTable, library: Library, descriptor: int, end: bytes) -> None:
        self.at_once = library.at_once
        self._table = table
        self._library = library
        self._path = f"/dev/fd/{descriptor}"
        self._end = end
        self._find: Callable[[list[bytes]], list[bytes | None]] | None = None

    def __call__(self, text: bytes) -> tuple[list[bytes], list[bytes | None]]:
        if self._find is None:
            self._find = self._library.open(self._path)
        lines = keys = text.split(b"\n")
        lines.pop()
        folded = self._table.folded_text(text)
        if self._end or folded != text:
            keys = folded.replace(b"\n", self._end + b"\n").split(b"\n")
            keys.pop()
        values = self._find(keys)
        return lines, list(map(c_string, values)) if self._end else values


class DatabaseTable:
    """The table ``type:name``; ``kind`` opens its file ``name`` with the extension.

    library  gives what else can be asked, if it is there; called when it is needed, for it takes time to load
    """

    def __init__(
        self,
        type: str,
        name: str,
        opening: Opening,
        kind: Callable[[str | os.PathLike[str], str], DatabaseFile],
        extension: str = ".db",
        library: Callable[[], Library | None] | None = None,
    ) -> None:
        self.type = type
        self.name = name
        self._file_name = name + extension
        self._tree = opening.root
        self._kind = kind
        self._library = library
        self._folded = opening.folded
        self._folded_all = opening.folded_all
        self.folded_text = opening.folded_text
        self._with_nul, self._without_nul = self._ends = opening.nul is not False, opening.nul is not True
        self._closed = False
        self._database = self._open()

    def lookup(self, key: bytes) -> bytes | None:
        key = self._folded(key)
        with self._reading() as database:
            return self._lookup(database, key)

    def _lookup(self, database: DatabaseFile, key: bytes) -> bytes | None:
        if self._with_nul:
            value = database.get(key + b"\0")
            if value is not None:
                self._without_nul = False
                return value.partition(b"\0")[0]
        if self._without_nul:
            value = database.get(key)
            if value is not None:
                self._with_nul = False
                return value.partition(b"\0")[0]
        return None

    def places(self, keys: list[bytes]) -> array[int] | None:
        with self._reading() as database:
            if isinstance(database, Placing) and self.edition is not None:
                return database.places(self._folded_all(keys), self._end)
        return None

    def processes(self, count: int) -> int:
        processes = getattr(self._database, "processes", None)
        return 2 if processes is None else int(processes(count))

    def lookup_all(
        self, keys: list[bytes], share: Share = WHOLE, places: array[int] | None = None
    ) -> list[bytes | None]:
        """What `lookup` answers for each of ``keys`` in turn; many keys of a large table cost less this way."""
        keys = self._folded_all(keys)
        first: list[bytes | None] = []
        with self._reading() as database:
            if self._with_nul != self._without_nul:
                if places is not None and isinstance(database, Placing):
                    return database.get_all(keys, self._end, share, places)
                return _get_all(database, keys, self._end, share)
            # Usually one of the first keys shows whether those of the file end with a NUL.
            for key in keys[:_SINGLY]:
                if self._with_nul != self._without_nul:
                    break
                first.append(self._lookup(database, key))
            rest = keys[len(first) :]
            if self._with_nul != self._without_nul:
                found = _get_all(database, rest, self._end)
            else:
                found = self._lookup_either(database, rest)
        return first + found

    def _lookup_either(self, database: DatabaseFile, keys: list[bytes]) -> list[bytes | None]:
        """The values of ``keys`` while it is open whether keys end with a NUL."""
        found = _get_all(database, keys, b"\0")
        first = next((n for n, value in enumerate(found) if value is not None), len(keys))
        # Up to the first key that has a NUL in the file, keys are asked for without one as well.
        found[:first] = _get_all(database, keys[:first], b"")
        plain = next((n for n, value in enumerate(found[:first]) if value is not None), len(keys))
        if plain < first:
            self._with_nul = False
            found[plain + 1 :] = _get_all(database, keys[plain + 1 :], b"")
        elif first < len(keys):
            self._without_nul = False
        return found

    @contextmanager
    def by_library(self) -> Iterator[_Asked | None]:
        with self._reading() as database:
            descriptor = database.file.descriptor
            status = os.fstat(descriptor)
            ours = status.st_uid in (0, os.geteuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            library = self._library() if self._library and ours and self.edition is not None else None
            yield None if library is None else _Asked(self, library, descriptor, self._end)

    @property
    def _end(self) -> bytes:
        """What ends the keys of the file, once that is known."""
        return b"\0" if self._with_nul else b""

    @property
    def edition(self) -> object:
        """Which file was read last, and whether its keys end with a NUL; None as long as that is not known."""
        return None if self._with_nul == self._without_nul else (self._with_nul, self._state)

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        with self._reading() as database:
            for key, value in database.items():
                yield key.partition(b"\0")[0], value.partition(b"\0")[0]

    def close(self) -> None:
        self._closed = True
        self._database.close()

    def _open(self) -> DatabaseFile:
        try:
            # Taken first: a file that changes while it is being opened must not pass for what was read of it.
            state = _state(self._tree.stat(self._file_name))
            # A path of the disk as text spares every start the time that pathlib takes to load.
            on_disk = self._tree.place if isinstance(self._tree, Root) else self._tree.real
            database = self._kind(on_disk(self._file_name), self._file_name)
        except OSError as problem:
            raise cannot_open(self._file_name, problem) from problem
        self._state = state
        return database

    @contextmanager
    def _reading(self) -> Iterator[DatabaseFile]:
        """The file, locked against writers and up to date."""
        if self._closed:
            raise ValueError(f"{self.type}:{self.name} is closed")
        for _ in range(_REOPENINGS):
            database = self._database
            descriptor = database.file.descriptor
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_SH)
            except OSError as problem:
                raise TemporaryFailure(f"lock database {self._file_name}: {problem.strerror}") from problem
            status = os.fstat(descriptor)
            if status.st_nlink > 0 and _state(status) == self._state:
                try:
                    yield database
                finally:
                    if database.file.descriptor == descriptor:
                        fcntl.lockf(descriptor, fcntl.LOCK_UN)
                return
            # The old file stays in use until its successor is open: a failure to open is answered next time again.
            self._database = self._open()
            self._with_nul, self._without_nul = self._ends
            database.close()
        raise TemporaryFailure(f"database {self._file_name} changes all the time")


def c_string(value: bytes | None) -> bytes | None:
    """A value as Postfix sees it: up to a NUL."""
    return None if value is None else value.partition(b"\0")[0]


def _get_all(database: DatabaseFile, keys: list[bytes], end: bytes, share: Share = WHOLE) -> list[bytes | None]:
    if isinstance(database, ManyAtOnce):
        return database.get_all(keys, end, share)
    part = part_of(len(keys), share)
    return [c_string(database.get(key + end)) if n in part else None for n, key in enumerate(keys)]


def part_of(count: int, share: Share) -> range:
    """Which of ``count`` things make a share."""
    start, stop = share
    return range(int(count * start), int(count * stop))


def in_share(keys: list[bytes], share: Share) -> list[bytes]:
    """A share of some keys by their order, each time the same of the same keys; equal keys stay together."""
    if share == WHOLE:
        return keys
    sample = sorted(keys[::_SAMPLED])
    part = part_of(len(sample), share)
    low = sample[part.start] if 0 < part.start < len(sample) else b""
    if part.stop == len(sample):
        return [key for key in keys if low <= key] if part else []
    high = sample[part.stop] if part.stop else b""
    return [key for key in keys if low <= key < high]


def _state(status: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a file is written or replaced."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size

"""Berkeley DB maps in the hands of sendmail's tools: checked, found by type, locked, read and changed.

The originals change a map in place under flock(2). Here a change reads the map, changes what it holds and replaces the
file whole, under the same lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import closing, contextmanager

from mailconf.cli.sendmail.sendmail_tool import EX_CANTCREAT, Stop
from mailconf.sendmail.safefile import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any, Literal

    from mailconf.files import Tree
    from mailconf.maps.database.bdb_table import DatabaseFile
    from mailconf.sendmail.safefile import Safety

TYPES = ("hash", "btree", "implicit")
_BERKELEY = ("hash", "btree")
_NOT_COMPILED = {"dbm": "NDBM", "cdb": "CDB"}
_ORDERS: tuple[Literal["little"], Literal["big"]] = ("little", "big")
_REPEATS = 0x01  # a flag of the first page
_MAGIC = {0x061561: "hash", 0x053162: "btree"}
_MODE = 0o640
DAMAGED = "Database panic, run recovery"  # libdb's message for a map whose pages make no sense


class Map:
    """A map that may be used.

    kind     hash or btree
    path     its file, where symbolic links lead
    exists   whether there is one that counts: not one that will be replaced, nor, where one may be made, an empty file
    repeats  whether its keys may have several values
    """

    def __init__(self, kind: str, path: Path, exists: bool, repeats: bool) -> None:
        self.kind = kind
        self.path = path
        self.exists = exists
        self.repeats = repeats

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the file that is there now, if any: flock(2), as sendmail's programs do."""
        while True:
            try:
                descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                yield
                return
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if self._is_at(descriptor):
                    yield
                    return
            finally:
                os.close(descriptor)

    def _is_at(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))  # noqa: PTH116
        except FileNotFoundError:
            return False

    def open(self) -> DatabaseFile:
        """Open it for reading. Raises OSError, and TemporaryFailure when it is damaged."""
        reader: Any
        if self.kind == "hash":
            from mailconf.maps.database.bdb_hash import HashFile as reader
        else:
            from mailconf.maps.database.bdb_btree import BtreeFile as reader
        file: DatabaseFile = reader(self.path, str(self.path))
        return file

    def change(self, without: bytes, added: tuple[bytes, bytes] | None, trusted: int | None) -> bool:
        """Take a key out of a map whose keys do not repeat, and put an entry in; whether it had that key.

        Where nothing changes, it is written only if there was none. Raises OSError, TemporaryFailure.
        """
        from mailconf.maps.build.change import is_large_map, rewrite_packed
        from mailconf.maps.build.write import Columns, write_map

        table: dict[bytes, bytes] = {}
        if self.exists:
            with closing(self.open()) as database:
                if is_large_map(self.path):
                    new, status = () if added is None else (added,), self.status(trusted)
                    gone = rewrite_packed(self.kind, self.path, database, (without,), new, source=status)
                    if gone is not None:
                        return bool(gone)
                table.update(database.items())
        found = without in table
        if added is not None:
            table[added[0]] = added[1]
        elif found:
            del table[without]
        if found or added is not None or not self.exists:
            columns = Columns(list(table), list(table.values()))
            write_map(self.kind, self.path, columns, source=self.status(trusted), nul=False)
        return found

    def contents(self) -> dict[bytes, list[bytes]]:
        """All values of each key, as they are stored. Raises OSError, TemporaryFailure."""
        table: dict[bytes, list[bytes]] = {}
        if self.exists:
            with closing(self.open()) as database:
                for key, value in database.items():
                    table.setdefault(key, []).append(value)
        return table

    def save(self, table: dict[bytes, list[bytes]], trusted: int | None) -> None:
        """Replace the map. Raises OSError."""
        from mailconf.maps.build.write import Columns, write_map, write_values

        status = self.status(trusted)
        if self.repeats:
            write_values(self.kind, self.path, table, source=status)
            return
        columns = Columns(list(table), [values[-1] for values in table.values()])
        write_map(self.kind, self.path, columns, source=status, nul=False)

    def status(self, trusted: int | None, umask: int | None = None) -> os.stat_result:
        """What the replaced file gets its owner and, when it is new, its mode from; ``umask`` is the process's."""
        if umask is None:
            umask = os.umask(0o077)
            os.umask(umask)
        try:
            old = os.stat(self.path)  # noqa: PTH116
            user, group = old.st_uid, old.st_gid
        except FileNotFoundError:
            user, group = os.geteuid(), os.getegid()
        return os.stat_result((_MODE & ~umask, 0, 0, 0, user if trusted is None else trusted, group, 0, 0, 0, 0))


def find(
    program: str, kind: str, name: str, safety: Safety, root: Tree, *, write: bool, create: bool, new: bool
) -> Map:
    """The map ``name`` of a type, as a tool opens it. Raises Stop when it may not.

    create  a map that does not exist is made
    new     an old file will be replaced: it need not be a map
    """
    if kind in _NOT_COMPILED:
        text = f"{program}: Need to recompile with -D{_NOT_COMPILED[kind]} for {kind} support"
        raise Stop(EX_CANTCREAT, text)
    try:
        return find_map(kind, name, safety, root, write=write, create=create, new=new)
    except Refused as reason:
        raise Stop(EX_CANTCREAT, f"{program}: error opening type {kind} map {name}: {reason}") from reason


def find_map(kind: str, name: str, safety: Safety, root: Tree, *, write: bool, create: bool, new: bool) -> Map:
    """The same, raising Refused."""
    if kind not in TYPES:
        raise Refused("Unknown database type")
    if kind != "implicit":
        return _find(kind, name, safety, root, write, create, new)
    for each in _BERKELEY:
        try:
            return _find(each, name, safety, root, write, create, new)
        except Refused as reason:
            if reason.number not in (errno.ENOENT, errno.EINVAL):
                raise
    raise Refused("Unknown database type")


def _find(kind: str, name: str, safety: Safety, root: Tree, write: bool, create: bool, new: bool) -> Map:
    file = name if name.endswith(".db") else name + ".db"
    exists = safety.check(file, write=write, create=create)
    path = root.path(file)
    if path.is_symlink():
        path = path.resolve()
    if new or not exists or (create and path.stat().st_size == 0):
        return Map(kind, path, exists=False, repeats=False)
    found, repeats = _header(path)
    if found != kind:
        raise Refused(os.strerror(errno.EINVAL), errno.EINVAL)
    return Map(kind, path, exists, repeats)


def _header(path: Path) -> tuple[str | None, bool]:
    """The type of a Berkeley DB file, by the magic number of its first page, and whether keys may repeat."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            start = file.read(52)
    except OSError as failure:
        raise Refused(failure.strerror or str(failure), failure.errno or 0) from failure
    for order in _ORDERS:
        kind = _MAGIC.get(int.from_bytes(start[12:16], order))
        if kind is not None:
            return kind, bool(int.from_bytes(start[48:52], order) & _REPEATS)
    return None, False


def open_old(program: str, found: Map, kind: str, name: str) -> DatabaseFile:
    """Open the map for reading. Raises Stop when its first page makes no sense."""
    from mailconf.maps.core.table import TemporaryFailure

    try:
        return found.open()
    except (OSError, TemporaryFailure) as failure:
        raise cannot_open(program, kind, name) from failure


def cannot_open(program: str, kind: str, name: str) -> Stop:
    """The end of a tool whose map is not of its type."""
    reason = "Unknown database type" if kind == "implicit" else os.strerror(errno.EINVAL)
    return Stop(EX_CANTCREAT, f"{program}: error opening type {kind} map {name}: {reason}")

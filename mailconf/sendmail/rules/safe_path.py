"""Whether a file may be believed that sendmail reads: its folders, its owner and mode (DontBlameSendmail).

- Root gets no privilege from being root: the permission bits must let the file's owner, group or others read it.
- A folder of the path that others, or its group, can write makes it unsafe. `Trusting.unsafe_folders` allows that; root
  is warned then, and no symbolic link in the folder itself counts unless `Trusting.links` allows it.
- Who is not root reads what the system lets them read, for they can change no more than themselves.

Source: sendmail 8.17.1.9 -bt and -bi, on files and folders of each kind; Sendmail Installation and Operation Guide 5.6.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from mailconf.sendmail.rules.world import Trusting, Unable

if TYPE_CHECKING:
    from mailconf.files import Tree

_LINKS = 40
_PATH = 4096


class _Unsafe(Exception):
    """A folder that others can write; the message is sendmail's."""


class Reader(NamedTuple):
    """A user for whom a file is read that users write: a list of recipients, a .forward file.

    user, groups   their number, and those of their groups
    must_own       the file belongs to them, or to root
    group_file, world_file   its group, or everybody, may be able to write it
    """

    user: int
    groups: frozenset[int]
    must_own: bool = False
    group_file: bool = False
    world_file: bool = False


def check_file(root: Tree, name: str, trusting: Trusting, reader: Reader | None = None) -> tuple[str, ...]:
    """The warnings about folders of a file that can be read. Raises Unable where it may not be.

    reader  for whom; without one it is this process itself, which root's files are read for
    """
    return _Path(root, trusting, reader).check(name)


class _Path:
    def __init__(self, root: Tree, trusting: Trusting, reader: Reader | None = None) -> None:
        self._root = root
        self._trusting = trusting
        self._reader = reader
        self._user = os.geteuid() if reader is None else reader.user
        self._groups = {os.getegid(), *os.getgroups()} if reader is None else reader.groups
        self._warnings: list[str] = []

    def check(self, name: str) -> tuple[str, ...]:
        if len(name) >= _PATH or "\0" in name:
            raise Unable("File name too long")
        folder = os.path.dirname(name) or ("/" if name.startswith("/") else ".")  # noqa: PTH120
        failure: OSError | None = None
        status = None
        try:
            status = self._root.stat(name)
        except OSError as problem:
            failure = problem
        follows, walked = True, False
        try:
            if not self._trusting.unsafe_folders and (self._user == 0 or self._reader is not None):
                self._walk(folder, 0, 0, strict=True)
                walked = True
            elif not self._trusting.links:
                follows = walked = self._is_safe(folder)
                if not follows:
                    status = self._root.stat(name, follow=False)
            if not walked:
                self._walk(folder, 0, 0, strict=False)
        except _Unsafe as unsafe:
            raise Unable(str(unsafe)) from unsafe
        except OSError as problem:
            raise _unable(problem) from problem
        if failure is not None or status is None:
            raise _unable(failure)
        if stat.S_ISLNK(status.st_mode):
            raise Unable("Symbolic links not allowed")
        if not stat.S_ISREG(status.st_mode):
            raise Unable("Regular files only")
        if status.st_nlink != 1 and not follows:
            raise Unable("Hard links not allowed")
        if self._reader is not None:
            self._check_user_file(status, self._reader)
        if not self._readable(status):
            raise Unable("Permission denied")
        return tuple(self._warnings)

    def _check_user_file(self, status: os.stat_result, reader: Reader) -> None:
        if status.st_mode & stat.S_IWGRP and not reader.group_file:
            raise Unable("Group writable file")
        if status.st_mode & stat.S_IWOTH and not reader.world_file:
            raise Unable("World writable file")
        if reader.must_own and status.st_uid not in (reader.user, 0):
            raise Unable("Permission denied")

    def _readable(self, status: os.stat_result) -> bool:
        return self._lets(status, stat.S_IROTH)

    def _searchable(self, status: os.stat_result) -> bool:
        return self._lets(status, stat.S_IXOTH)

    def _lets(self, status: os.stat_result, bit: int) -> bool:
        """Whether the mode lets the reader do what ``bit`` lets others do."""
        shift = 6 if status.st_uid == self._user else 3 if status.st_gid in self._groups else 0
        return bool(status.st_mode >> shift & bit)

    def _is_safe(self, folder: str) -> bool:
        try:
            self._walk(folder, 0, 0, strict=True)
        except (_Unsafe, OSError):
            return False
        return True

    def _walk(self, path: str, offset: int, depth: int, *, strict: bool) -> None:
        """Look at the folders of ``path`` from the one that ends after ``offset`` characters."""
        if depth > _LINKS:
            raise OSError(40, os.strerror(40))
        at = path.find("/", offset)
        while at >= 0:
            self._folder(path[:at] or "/", depth, strict)
            at = path.find("/", at + 1)
        if path != "/":
            self._folder(path, depth, strict)

    def _folder(self, path: str, depth: int, strict: bool) -> None:
        before, slash, last = path.rpartition("/")
        if slash and before and last in (".", ".."):
            return
        status = self._root.stat(path, follow=False)
        if stat.S_ISLNK(status.st_mode):
            target = self._root.link(path)
            if target.startswith("/"):
                self._walk(target, 0, depth + 1, strict=strict)
            else:
                self._walk(before + slash + target, len(before + slash), depth + 1, strict=strict)
            return
        mask = stat.S_IWOTH | (0 if self._trusting.group else stat.S_IWGRP)
        if self._reader is not None and not self._searchable(status):
            raise PermissionError(13, os.strerror(13))
        sticky = self._trusting.sticky and status.st_mode & stat.S_ISVTX
        if status.st_mode & mask and not sticky and (strict or self._user == 0):
            who = "World" if status.st_mode & stat.S_IWOTH else "Group"
            if strict:
                raise _Unsafe(f"{who} writable directory")
            self._warnings.append(f"WARNING: {who} writable directory {path}")


def _unable(failure: OSError | None) -> Unable:
    if failure is None:
        return Unable("No such file or directory", missing=True)
    return Unable(failure.strerror or str(failure), missing=isinstance(failure, FileNotFoundError))

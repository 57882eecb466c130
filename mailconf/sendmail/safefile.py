"""What sendmail's map tools ask of a file before they touch it: DontBlameSendmail's subject, as makemap(8) has it.

- Root gets no privilege here: the permission bits of the file must let its owner, its group or others in, whichever
  root is. TrustedUser, where root runs the tool, counts as an owner too.
- The file is a regular one, not executable if it is to be written, no symbolic link and without a second name (``-s``
  allows both).
- Each folder of the path must be searchable, through symbolic links; where root runs the tool, one that its group or
  everybody can write is warned about. A new file needs a folder that can be written.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from mailconf.files import Tree

_LINKS = 40  # symbolic links on a path, as the kernel counts them
_PATH = 4096  # bytes of a path


class Refused(Exception):
    """The file may not be used; the message has the reason, in sendmail's words. ``number`` is errno's or 0."""

    def __init__(self, message: str, number: int = 0) -> None:
        super().__init__(message)
        self.number = number


class Safety:
    """The checks of one run of a tool.

    trusted   TrustedUser's number, or None
    links     whether symbolic and hard links are allowed
    special   whether anything but a regular file is
    shared    whether files that their group or everybody can write are
    alone     the bits of its mode that must not be set, for its group and for everybody; the default follows ``shared``
    folders   what happens where others can write a folder: "warn", or warn and "refuse"
    group     whether the group counts among the others
    warn      takes the warnings
    """

    def __init__(
        self,
        root: Tree,
        trusted: int | None,
        *,
        links: bool = False,
        special: bool = False,
        shared: bool = True,
        alone: int | None = None,
        folders: Literal["warn", "refuse"] = "warn",
        group: bool = True,
        warn: Callable[[str], None],
    ) -> None:
        self._root = root
        self._links = links
        self._special = special
        self._shared = shared
        self._alone = (0 if shared else 0o022) if alone is None else alone
        self._folders = folders
        self._others = stat.S_IWOTH | (stat.S_IWGRP if group else 0)
        self._warn = warn
        self._user = os.geteuid()
        self._groups = {os.getegid(), *os.getgroups()}
        self._owners = {self._user} if trusted is None or self._user else {self._user, trusted}

    def check(self, name: str, *, write: bool, create: bool) -> bool:
        """Whether the file ``name`` exists. It is looked at twice, as the originals do; so they warn twice.

        Raises Refused when it may not be read or written, or is not there and may not be created.
        """
        if len(os.fsencode(name)) >= _PATH:
            raise Refused("Name too long")
        try:
            self._check(name, os.W_OK if write else os.R_OK, create)
            return self._check(name, os.W_OK | os.R_OK if write else os.R_OK, create)
        except OSError as failure:
            raise Refused(failure.strerror or str(failure), failure.errno or 0) from failure

    def warn_of_folders(self, path: str) -> None:
        """Warn of each folder on the way to the folder ``path`` that others can write, and of itself."""
        try:
            self._walk(path, 0, 0)
        except OSError:
            return  # what is missing or closed is somebody else's to report

    def _check(self, name: str, access: int, create: bool) -> bool:
        folder = os.path.dirname(name) or ("/" if name.startswith("/") else ".")  # noqa: PTH120
        self._walk(folder, 0, 0)
        try:
            status = self._root.stat(name, follow=False)
            if stat.S_ISLNK(status.st_mode):
                if not self._links:
                    raise Refused("Symbolic links not allowed")
                status = self._behind_link(name, create)
        except FileNotFoundError:
            if not create:
                raise
            if not self._may(self._root.stat(folder), os.W_OK | os.X_OK, self._owners):
                raise _denied() from None
            return False
        if not stat.S_ISREG(status.st_mode) and not self._special:
            raise Refused("Regular files only")
        if status.st_mode & 0o111 and (access & os.W_OK or not self._shared):
            raise Refused("Executable files not allowed")
        if status.st_mode & self._alone:
            raise Refused("Group writable file" if status.st_mode & self._alone & 0o020 else "World writable file")
        if status.st_nlink > 1 and not self._links:
            raise Refused("Hard links not allowed")
        if not self._may(status, access, self._owners):
            raise _denied()
        return True

    def _behind_link(self, name: str, create: bool) -> os.stat_result:
        try:
            return self._root.stat(name)
        except FileNotFoundError:
            if create:  # the file would be made with O_EXCL
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            raise

    def _may(self, status: os.stat_result, access: int, owners: set[int]) -> bool:
        """Whether the permission bits allow ``access`` (bits of access(2))."""
        if status.st_uid in owners:
            bits = status.st_mode >> 6
        elif status.st_gid in self._groups:
            bits = status.st_mode >> 3
        else:
            bits = status.st_mode
        return bits & access == access

    def _walk(self, path: str, offset: int, depth: int) -> None:
        """Check the folders of ``path``, from the one that ends after ``offset`` characters."""
        if depth > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        path = path.rstrip("/") or "/"
        at = path.find("/", offset)
        while at >= 0:
            self._folder(path[:at] or "/", depth)
            at = path.find("/", at + 1)
        if path != "/":
            self._folder(path, depth)

    def _folder(self, path: str, depth: int) -> None:
        before, slash, last = path.rpartition("/")
        if slash and before and last in (".", ".."):
            return None
        status = self._root.stat(path, follow=False)
        if stat.S_ISLNK(status.st_mode):
            target = self._root.link(path)
            if target.startswith("/"):
                return self._walk(target, 0, depth + 1)
            return self._walk(before + slash + target, len(before + slash), depth + 1)
        if not self._may(status, os.X_OK, {self._user}):
            raise _denied()
        if self._user == 0 and status.st_mode & self._others:
            who = "World" if status.st_mode & stat.S_IWOTH else "Group"
            self._warn(f"WARNING: {who} writable directory {path}")
            if self._folders == "refuse":
                raise Refused(f"{who} writable directory")
        return None


def _denied() -> OSError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES))

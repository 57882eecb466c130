"""Files replaced whole, and absolute paths below another root.

`read_own` reads what mailconf itself has written, and believes nothing that another user can have put in its place.

`replace` is the only way mailconf writes a file that someone else may be reading: a temporary file beside the target,
fsync, owner and mode, rename, fsync of the folder. A crash at any moment leaves the old file or the new one, and
perhaps the temporary file, which the next `replace` of the same file removes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class Root:
    """Where the absolute paths of a configuration lie: below ``/`` or, with ``--root DIR``, below DIR."""

    def __init__(self, top: str | os.PathLike[str] = "/") -> None:
        name = os.fspath(top)
        if name.startswith("//"):  # which pathlib keeps, and which is no other folder
            name = f"/{name.lstrip('/')}"
        self.top = Path(name)  # as it was given: reports name files the way the user does
        if ".." in self.top.parts:  # one name for one folder: what it leads to
            self.top = Path(os.path.realpath(self.top))
        self._absolute = self.top.absolute()
        self._real = self._absolute == Path("/")
        self._prefix = f"{self._absolute}/"

    @property
    def is_real(self) -> bool:
        """True when paths have their usual meaning."""
        return self._real

    def path(self, name: str | os.PathLike[str]) -> Path:
        """The place of ``name``: an absolute one below the root, a relative one as it is.

        A path that already lies below the root is not moved a second time; one with ``..`` does not lead out of it.
        """
        path = Path(name)
        if self._real or not path.is_absolute():
            return path
        if ".." in path.parts:
            path = Path(os.path.normpath(path))
        if f"{path}/".startswith(self._prefix):
            return path
        return self.top / str(path).lstrip("/")  # a path may begin with two slashes

    def shown(self, path: str | os.PathLike[str]) -> Path:
        """The file at ``path`` as reports name it: below the root as that was given, if it lies there."""
        path = Path(path)
        inside = self.inside(path)
        return path if self._real or inside == str(path.absolute()) else self.top / inside.lstrip("/")

    def inside(self, path: str | os.PathLike[str]) -> str:
        """The inverse of `path`: what the configuration calls the file at ``path``."""
        absolute = str(Path(path).absolute())
        if "/../" in f"{absolute}/":
            absolute = os.path.realpath(absolute)
        if self._real or not f"{absolute}/".startswith(self._prefix):
            return absolute
        return absolute.removeprefix(str(self._absolute)) or "/"


class Untrusted(PermissionError):
    """A file or folder of ours that another user owns or can write to; ``strerror`` names which."""


def distrust(status: os.stat_result, path: Path) -> None:
    """Raise Untrusted unless only root and we can have written the file or folder of ``status``."""
    if status.st_uid not in (0, os.geteuid()):
        raise Untrusted(errno.EPERM, f"it belongs to another user (uid {status.st_uid})", str(path))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Untrusted(errno.EPERM, "other users can write to it", str(path))


def read_regular(
    path: Path, most: int, *, flags: int = 0, accept: Callable[[os.stat_result, Path], None] | None = None
) -> bytes:
    """The content of a file of at most ``most`` bytes. OSError for a larger one, and for all that is no regular file:
    a pipe would be waited for, and a device may have no end.

    It is opened once and looked at when it is open; ``accept`` may raise OSError for what it sees.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if accept is not None:
            accept(status, path)
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


def read_own(path: Path, most: int) -> bytes:
    """The content of a file of our own, of at most ``most`` bytes.

    A link, a pipe, or a file that another user owns or can write to is not read, also where others
    can change the folders above it. Raises OSError: FileNotFoundError, Untrusted, ...
    """
    return read_regular(path, most, flags=os.O_NOFOLLOW, accept=distrust)


@contextmanager
def replace(target: Path, *, owner: tuple[int, int] | None = None, mode: int | None = None) -> Iterator[BinaryIO]:
    """Write ``target`` whole: yields a new binary file that takes the target's place when the block ends well.

    ``owner`` (uid, gid) and ``mode`` default to the old file's; a new file gets the umask's mode. If the block
    raises, the target stays as it was and the temporary file is gone. OSError passes to the caller.

    What a process that was killed in here has left of the same target is removed first (`remove_leftovers`).
    """
    old = None
    with suppress(FileNotFoundError):
        old = target.stat()
    if mode is None:
        mode = old.st_mode & 0o7777 if old else 0o666 & ~_umask()
    if owner is None and old is not None:
        owner = (old.st_uid, old.st_gid)
    remove_leftovers(target)
    temporary, descriptor = _new_temporary(target)
    try:
        # The lock goes with the descriptor: it is held until the file has its name.
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            # Last of all, for what is left of a file of another owner is not removed.
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):
                    os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            temporary.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    sync_folder(target.parent)


def _temporary_name(target: Path) -> str:
    # A name has 255 bytes at most, and the target's may have them all.
    return f".{os.fsdecode(os.fsencode(target.name)[:200])}."


def _new_temporary(target: Path) -> tuple[Path, int]:
    """A new file beside ``target``, and a descriptor that holds its lock (flock(2)): so it is known to be in use."""
    while True:
        temporary = target.with_name(f"{_temporary_name(target)}{os.getpid()}.{os.urandom(4).hex()}")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # a file system without locks: there, what is left stays
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # between open and flock it was taken for a leftover


def remove_leftovers(target: Path) -> None:
    """Remove the temporary files of `replace` for ``target`` whose processes have ended before they were finished.

    A process that is at work holds the lock of its file; the number in the name decides nothing, for it may be another
    process's by now, or one of another machine. Only regular files that belong to the effective user are removed.
    """
    start = _temporary_name(target)
    try:
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(start)]
        for name in names:
            process, _, rest = name[len(start) :].partition(".")
            if process.isascii() and process.isdigit() and len(rest) == 8 and not rest.strip("0123456789abcdef"):
                with suppress(OSError):
                    _remove_unlocked(name, folder)
    except OSError:  # a folder that may be written, but not read
        return
    finally:
        os.close(folder)


def _remove_unlocked(name: str, folder: int) -> None:
    """Remove the regular file ``name`` of ours in the open ``folder``, if nobody has it locked; OSError otherwise."""
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        return
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, os.O_RDWR | flags, dir_fd=folder)  # flock(2) on NFS needs the right to write
    except PermissionError:  # the file has got the mode of its target
        descriptor = os.open(name, os.O_RDONLY | flags, dir_fd=folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        opened = os.fstat(descriptor)
        # It may have been renamed to its target meanwhile, and another file may have the name.
        if os.path.samestat(now, opened) and stat.S_ISREG(opened.st_mode) and opened.st_uid == os.geteuid():
            os.unlink(name, dir_fd=folder)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask

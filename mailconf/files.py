"""Files replaced whole, and absolute paths below another root.

`read_own` reads what mailconf itself has written, and believes nothing that another user can have put in its place.

`replace` is the only way mailconf writes a file that someone else may be reading: a temporary file beside the target,
fsync, owner and mode, rename, fsync of the folder. A crash at any moment leaves the old file or the new one.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class Root:
    """Where the absolute paths of a configuration lie: below ``/`` or, with ``--root DIR``, below DIR."""

    def __init__(self, top: str | os.PathLike[str] = "/") -> None:
        self.top = Path(top)  # as it was given: reports name files the way the user does
        if ".." in self.top.parts:  # one name for one folder: what it leads to
            self.top = Path(os.path.realpath(self.top))
        self._absolute = self.top.absolute()
        self._real = self._absolute == Path("/")
        self._prefix = f"{self._absolute}/"

    @property
    def is_real(self) -> bool:
        """True when paths mean what they say."""
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

    def inside(self, path: str | os.PathLike[str]) -> str:
        """The inverse of `path`: what the configuration calls the file at ``path``."""
        absolute = str(Path(path).absolute())
        if "/../" in f"{absolute}/":
            absolute = os.path.realpath(absolute)
        if self._real or not f"{absolute}/".startswith(self._prefix):
            return absolute
        return absolute.removeprefix(str(self._absolute)) or "/"


class Untrusted(PermissionError):
    """A file or folder of ours that another user owns or can write to; ``strerror`` says which of it."""


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

    A link, a pipe, or a file that another user owns or can write to is not read, also where others can change the
    folders above it. Raises OSError: FileNotFoundError, Untrusted, ...
    """
    return read_regular(path, most, flags=os.O_NOFOLLOW, accept=distrust)


@contextmanager
def replace(target: Path, *, owner: tuple[int, int] | None = None, mode: int | None = None) -> Iterator[BinaryIO]:
    """Write ``target`` whole: yields a new binary file that takes the target's place when the block ends well.

    ``owner`` (uid, gid) and ``mode`` default to the old file's; a new file gets the umask's mode. If the block
    raises, the target stays as it was and the temporary file is gone. OSError passes to the caller.
    """
    old = None
    with suppress(FileNotFoundError):
        old = target.stat()
    if mode is None:
        mode = old.st_mode & 0o7777 if old else 0o666 & ~_umask()
    if owner is None and old is not None:
        owner = (old.st_uid, old.st_gid)
    # A name has 255 bytes at most, and the target's may have them all.
    name = os.fsdecode(os.fsencode(target.name)[:200])
    temporary = target.with_name(f".{name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
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

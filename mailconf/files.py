"""Files replaced whole, and absolute paths below another root.

`replace` is the only way mailconf writes a file that someone else may be reading: a temporary file beside the target,
fsync, owner and mode, rename, fsync of the folder. A crash at any moment leaves the old file or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class Root:
    """Where the absolute paths of a configuration lie: below ``/`` or, with ``--root DIR``, below DIR."""

    def __init__(self, top: str | os.PathLike[str] = "/") -> None:
        self.top = Path(top)  # as it was given: reports name files the way the user does
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
        if self._real or not f"{absolute}/".startswith(self._prefix):
            return absolute
        return absolute.removeprefix(str(self._absolute)) or "/"


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

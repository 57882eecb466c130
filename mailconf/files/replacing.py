"""Files replaced whole.

`replace` is the only way mailconf writes a file that someone else may be reading: a temporary file beside the target,
owner and mode, fsync, rename, fsync of the folder. A crash at any moment leaves the old file or the new one, and
perhaps the temporary file, which the next `replace` of the same file removes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mailconf.files.regular import read_regular


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


def exchange(target: Path, before: bytes, after: bytes) -> None:
    """`replace` the regular file ``target``, which holds ``before``, by ``after``; it keeps owner and mode.

    Raises OSError: where it is a link or holds something else by now, and where root would change it below a folder
    that another user can write to, who could put another folder in its place.
    """
    from mailconf.files.tree import MOST

    if not stat.S_ISREG(target.lstat().st_mode) or read_regular(target, MOST) != before:
        raise OSError(errno.ESTALE, "it was changed meanwhile", str(target))
    for above in Path(os.path.realpath(target)).parents if os.geteuid() == 0 else ():
        status = above.stat()
        shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX
        if status.st_uid != 0 or shared:
            reason = f"{above} can be changed by another user than root: run mailconf as that user"
            raise PermissionError(errno.EPERM, reason, str(target))
    with replace(target) as file:
        file.write(after)


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


def lock_folder(folder: Path) -> int:
    """Wait for the lock of a folder, flock(2), which keeps other processes out that ask for it.

    Returns a descriptor; the lock is held until that is closed. Raises OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


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

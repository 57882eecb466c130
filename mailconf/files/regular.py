"""Regular files read whole and within a bound; nothing here waits for a pipe or runs into a device without an end."""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mailconf.files.tree import Name

_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE = 1 << 20  # bytes that are asked for where a file is longer than it said


def read_regular(
    path: Name, most: int, *, flags: int = 0, accept: Callable[[os.stat_result, Name], None] | None = None
) -> bytes:
    """The content of a file of at most ``most`` bytes. OSError for a larger one, and for all that is no regular file:
    a pipe would be waited for, and a device may have no end.

    It is opened once and looked at when it is open; ``accept`` may raise OSError for what it sees.
    """
    return load_regular(path, most, flags=flags, accept=accept)[0]


def load_regular(
    path: Name, most: int, *, flags: int = 0, accept: Callable[[os.stat_result, Name], None] | None = None
) -> tuple[bytes, os.stat_result]:
    """What `read_regular` returns, and the status of the file that was open."""
    descriptor = os.open(path, _READING | flags)
    try:
        status = os.fstat(descriptor)
        require_regular(status.st_mode, path)
        if accept is not None:
            accept(status, path)
        if status.st_size > most:
            raise too_large(path)
        return read_to_end(descriptor, status.st_size, most, path), status
    finally:
        os.close(descriptor)


def open_regular(path: Name) -> int:
    """A descriptor to read a regular file, whatever its size. Raises OSError."""
    descriptor = os.open(path, _READING)
    try:
        require_regular(os.fstat(descriptor).st_mode, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def head_of_regular(path: Name, count: int) -> tuple[bytes, os.stat_result]:
    """The first ``count`` bytes, or fewer, of a regular file, and its status. Raises OSError."""
    descriptor = open_regular(path)
    try:
        return os.read(descriptor, count), os.fstat(descriptor)
    finally:
        os.close(descriptor)


def require_regular(mode: int, path: Name) -> None:
    """Raise OSError unless ``mode`` is a regular file's."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))


def read_to_end(descriptor: int, size: int, most: int, path: Name) -> bytes:
    """Everything behind the descriptor, which is probably ``size`` bytes. OSError where it is more than ``most``."""
    parts, length = [os.read(descriptor, size + 1)], 0
    while parts[-1]:
        length += len(parts[-1])
        if length > most:
            raise too_large(path)
        parts.append(os.read(descriptor, _PIECE))
    return b"".join(parts[:-1])


def too_large(path: Name) -> OSError:
    """The error for a file that is larger than its reader allows."""
    return OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))

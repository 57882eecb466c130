"""The folder of a queue: what its files are called, who may have written them, who owns it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mailconf.files import Untrusted, distrust, sync_folder
from mailconf.mta.queue.entry import QueueError
from mailconf.mta.queue.records import HEAD_SIZE, SegmentHead, read_head

FOLDER = ".mailconf"  # what empties or lists a queue by a pattern, rm queue/*, leaves it alone
LOCK = ".mailconf.lock"  # in queue_directory; held by the MTA that works on the queue, commands do not take it
INCOMING = "incoming"
FIRST_SERIAL = 0x20001
_SEGMENT, _MESSAGE, _DAMAGED, _UNFINISHED = ".segment", ".message", ".damaged", ".unfinished"
_FORGOTTEN = 3600.0  # seconds after which a file that a command has not finished is removed


class NotReadable(QueueError):
    """A file of the queue that may be there later, or for another user."""


class QueueFolder:
    """``queue_directory/.mailconf``. Raises QueueError where another user can have written what is in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / FOLDER
        self.incoming = self.path / INCOMING

    def make(self) -> None:
        """Make what is missing, private, with durable names; look at owners and modes."""
        with self._errors():
            for folder in (self.directory, self.path, self.incoming):
                _make(folder)
                _distrust_folder(folder, follow=folder is self.directory)

    def look(self) -> bool:
        """Look at owners and modes; whether there is such a folder."""
        with self._errors():
            for folder in (self.directory, self.path, self.incoming):
                if not folder.exists():
                    return False
                _distrust_folder(folder, follow=folder is self.directory)
        return True

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except Untrusted as error:
            raise QueueError(f"the queue {error.filename} is not used: {error.strerror}") from error
        except OSError as error:
            raise QueueError(f"cannot open the queue {self.path}: {error.strerror}") from error

    def lock(self) -> int:
        """Become the owner: a descriptor that holds the lock until it is closed."""
        with self._errors():
            descriptor = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise QueueError(f"another mail system works on the queue {self.directory}") from error
        return descriptor

    def segments(self) -> list[int]:
        """The numbers of the segments, in order."""
        with self._errors():
            names = [path.stem for path in self.path.iterdir() if path.suffix == _SEGMENT]
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def segment(self, number: int) -> Path:
        return self.path / f"{number:012d}{_SEGMENT}"

    def messages(self) -> list[str]:
        """The names of the files that commands have left, the oldest first."""
        with self._errors():
            found = []
            for path in self.incoming.iterdir():
                with suppress(FileNotFoundError):
                    if path.suffix == _MESSAGE:
                        found.append((path.lstat().st_mtime_ns, path.name))
        return [name for _, name in sorted(found)]

    def tidy(self, now: float) -> None:
        """Remove what commands began and did not finish."""
        for path in self.incoming.iterdir():
            with suppress(OSError):
                if path.suffix == _UNFINISHED and path.lstat().st_mtime < now - _FORGOTTEN:
                    path.unlink()

    def next_serial(self) -> int:
        """A serial that no message had when the last segment was begun."""
        for number in reversed(self.segments()):
            with suppress(QueueError, FileNotFoundError), self.open(self.segment(number)) as file:
                head = read_head(file.read(HEAD_SIZE))
                if head is not None:
                    return head.next_serial
        return FIRST_SERIAL

    def open(self, path: Path) -> BinaryIO:
        """A file of the queue to be read; raises QueueError, FileNotFoundError."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise QueueError(f"the queue {path} is not used: it is no regular file") from error
            raise NotReadable(f"the queue {path} is not used: {error.strerror}") from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise QueueError(f"the queue {path} is not used: it is no regular file")
            distrust(status, path)
        except Untrusted as error:
            os.close(descriptor)
            raise QueueError(f"the queue {path} is not used: {error.strerror}") from error
        except BaseException:
            os.close(descriptor)
            raise
        return open(descriptor, "rb", buffering=1 << 16)  # noqa: PTH123

    def create(self, number: int, next_serial: int, zeros: int) -> tuple[int, SegmentHead]:
        """A new segment with its head and ``zeros`` zeros, durable; a descriptor to write. Raises OSError."""
        path = self.segment(number)
        head = SegmentHead(number, next_serial, os.urandom(8))
        descriptor = create(path, head.pack() + bytes(zeros))
        try:
            os.fsync(descriptor)
            sync_folder(self.path)
        except BaseException:
            os.close(descriptor)
            with suppress(OSError):
                path.unlink()
            raise
        return descriptor, head

    def free(self, number: int, *, damaged: bool) -> None:
        """Remove a segment in which nothing is left to do; a damaged one is kept under another name."""
        path = self.segment(number)
        if not damaged:
            path.unlink(missing_ok=True)
        elif path.exists():
            path.rename(path.with_suffix(_DAMAGED))
        sync_folder(self.path)

    def received(self, name: str) -> None:
        """Remove the file of a command, whose message is in a segment."""
        (self.incoming / name).unlink(missing_ok=True)

    def refuse(self, name: str) -> None:
        """Keep the file of a command that is no message under another name."""
        path = self.incoming / name
        path.rename(path.with_suffix(_DAMAGED))

    def names(self, stem: str) -> tuple[Path, Path]:
        """Of a file that a command makes: the name until it is whole, the name by which it is found."""
        return self.incoming / f"{stem}{_UNFINISHED}", self.incoming / f"{stem}{_MESSAGE}"


def create(path: Path, data: bytes) -> int:
    """A new private file with ``data`` in it; a descriptor to write. It leaves none behind where it raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        write_at(descriptor, data, 0)
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()
        raise
    return descriptor


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """All of ``data``; raises OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        offset += written
        view = view[written:]


def _make(folder: Path) -> None:
    """Make a folder, private, and those above it that are missing; their names are durable then."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        sync_folder(each.parent)


def _distrust_folder(folder: Path, *, follow: bool) -> None:
    """Raise Untrusted where another user can have put something into it, or where it is a link that is not followed."""
    status = folder.stat() if follow else folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise Untrusted(errno.ENOTDIR, "it is no folder", str(folder))
    distrust(status, folder)

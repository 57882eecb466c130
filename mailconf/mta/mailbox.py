"""Mailboxes: mbox files and Maildir folders, written so that a failure leaves what was there before.

mbox: a "From sender date" line, the message with lines that begin with "From " marked by ``>``, an empty line. The
file is locked with fcntl(2) and a ``.lock`` file beside it (postconf(5) mailbox_delivery_lock); what was written of a
message that cannot be written whole is cut off again.

Maildir: the file is written below ``tmp``, made durable and then linked into ``new`` under its unique name; missing
folders are made (mode 0700).

Several messages for one mailbox share a lock and the syncs (`append_all`, `maildir_all`). Who asks for that is
`mailconf.mta.mailbox_writer`, which also runs as a program of its own: this module imports the standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import itertools
import os
import queue
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

LOCK_ATTEMPTS = 20
LOCK_DELAY = 1.0
STALE_LOCK = 500.0


class Failure(Exception):
    """The message was not written. ``dsn`` is a DSN status whose class distinguishes permanent from temporary.

    warning  what the log is to have besides, "" for nothing
    """

    def __init__(self, dsn: str, text: str, warning: str = "") -> None:
        super().__init__(text)
        self.dsn = dsn
        self.text = text
        self.warning = warning


def from_line(sender: str, when: float) -> bytes:
    """The line that begins a message in an mbox; ``sender`` in external form, the null sender is MAILER-DAEMON."""
    return os.fsencode(f"From {sender or 'MAILER-DAEMON'}  {time.asctime(time.localtime(when))}\n")


def mbox_entry(head: bytes, content: bytes, sender: str, when: float) -> bytes:
    """The bytes that are appended to an mbox file. ``head`` is put on top of the headers."""
    text = (b"\n" + head + content).replace(b"\nFrom ", b"\n>From ")[1:]
    return from_line(sender, when) + text + (b"" if text.endswith(b"\n") else b"\n") + b"\n"


class Entry(NamedTuple):
    """A message for an mbox or a Maildir; ``limit`` is as in `append` and `maildir`."""

    data: bytes
    limit: int = 0


def append(
    path: str,
    data: bytes,
    *,
    limit: int = 0,
    dotlock: bool = True,
    required: bool = False,
    mailbox: bool = False,
    owner: int | None = None,
) -> list[str]:
    """Append ``data`` to the file at ``path``, made with mode 0600 if missing; returns warnings. Raises Failure.

    limit     the file may not grow beyond this many bytes; 0: no limit
    required  without its .lock file nothing is written (virtual(8)); otherwise that is a warning (local(8))
    mailbox   it is a mailbox, and must be a regular file; a destination /file/name may be a device, but no program
    owner     the user id that must own a mailbox (postconf(5) strict_mailbox_ownership); None: any may
    """
    ways = {"dotlock": dotlock, "required": required, "mailbox": mailbox, "owner": owner}
    (found,), warnings = append_all(path, [Entry(data, limit)], **ways)  # type: ignore[arg-type]
    if found is not None:
        raise found
    return warnings


def append_all(
    path: str,
    entries: list[Entry],
    *,
    dotlock: bool = True,
    required: bool = False,
    mailbox: bool = False,
    owner: int | None = None,
) -> tuple[list[Failure | None], list[str]]:
    """Append the entries under one lock and one fsync(2): what failed of each, and warnings. Raises Failure: of all."""
    warnings: list[str] = []
    with contextlib.ExitStack() as stack:
        try:
            if dotlock and not _is_special(path):
                stack.enter_context(_dotlock(path))
        except OSError as error:
            text = f"unable to create lock file {path}.lock: {os.strerror(error.errno or 0)}"
            if required:
                raise Failure("4.2.0", text) from error
            warnings.append(text)
        file = _open(path, owner)
        stack.callback(os.close, file)
        status = os.fstat(file)
        if mailbox:
            _check_mailbox(path, status, owner)
        elif not stat.S_ISREG(status.st_mode):
            for entry in entries:
                _write(file, entry.data)
            return [None] * len(entries), warnings
        elif status.st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
            raise Failure("5.7.1", "file is executable")
        lock(file)
        return appended(path, file, entries), warnings


def appended(path: str, file: int, entries: list[Entry]) -> list[Failure | None]:
    """Write what is to be appended to a locked file; of what cannot be written whole nothing stays."""
    start = size = os.fstat(file).st_size
    failures: list[Failure | None] = []
    for entry in entries:
        try:
            if entry.limit and size + len(entry.data) > entry.limit:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            _write(file, entry.data)
            size += len(entry.data)
            failures.append(None)
        except OSError as error:
            failures.append(_not_written(error))
            try:
                os.ftruncate(file, size)
            except OSError as further:  # nothing may follow half a message
                failures += [_not_written(further)] * (len(entries) - len(failures))
                break
    try:
        if size > start:
            os.fsync(file)
        if not start:  # it may be new; the message is in it even where the user cannot read the folder
            with contextlib.suppress(OSError):
                _sync_folder(os.path.dirname(path) or ".")  # noqa: PTH120
    except OSError as error:
        with contextlib.suppress(OSError):
            os.ftruncate(file, start)
        return [found or _not_written(error) for found in failures]
    return failures


def _not_written(error: OSError) -> Failure:
    failure = Failure(_dsn(error), f"error writing message: {os.strerror(error.errno or 0)}")
    failure.__cause__ = error
    return failure


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _check_mailbox(path: str, status: os.stat_result, owner: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Failure("5.2.0", f"destination {path} is not a regular file")
    if owner is not None and status.st_uid != owner:
        hint = 'specify "strict_mailbox_ownership = no" to ignore mailbox ownership mismatch'
        raise Failure("4.2.0", f"destination {path} is not owned by recipient", hint)


def _roots_alone(folder: str) -> bool:
    """Whether only root can make files in ``folder``."""
    status = os.stat(folder)  # noqa: PTH116
    return status.st_uid == 0 and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _existing(path: str, flags: int, owner: int | None) -> int:
    """The file opened; a symbolic link only where it is root's, in a folder that is root's alone. Raises OSError."""
    folder = os.path.dirname(path)  # noqa: PTH120
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP and os.lstat(path).st_uid == 0 and _roots_alone(folder):
            return os.open(path, flags & ~os.O_NOFOLLOW)
        if error.errno == errno.EACCES and owner is not None and _roots_alone(folder):
            _check_mailbox(path, os.lstat(path), owner)  # local(8) opens it as root there, and finds this
        raise


def _open(path: str, owner: int | None = None) -> int:
    """The file opened for appending, made when missing; never through a user's link, never one that has other names."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        file = _existing(path, flags, owner)
    except FileNotFoundError:
        try:
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            reason = f"cannot create file exclusively: {os.strerror(error.errno or 0)}"
            raise Failure(_dsn(error), reason) from error
    except OSError as error:
        link = error.errno == errno.ELOOP
        what = "file is a symbolic link" if link else f"cannot open file: {os.strerror(error.errno or 0)}"
        raise Failure(_dsn(error), what) from error
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
        os.close(file)
        raise Failure("5.2.0", f"file has {found.st_nlink} hard links")
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISCHR(found.st_mode):
        os.close(file)
        raise Failure("5.2.0", "file is not a regular file")
    return file


def lock(file: int) -> None:
    """Lock an open file with fcntl(2); raises Failure."""
    for attempt in range(LOCK_ATTEMPTS):
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise Failure(_dsn(error), f"unable to lock for exclusive access: {error.strerror}") from error
        if attempt + 1 < LOCK_ATTEMPTS:
            time.sleep(LOCK_DELAY)
    raise Failure("4.2.0", f"unable to lock for exclusive access: {os.strerror(errno.EAGAIN)}")


@contextlib.contextmanager
def _dotlock(path: str) -> Iterator[None]:
    """Hold ``path.lock``; a stale one (postconf(5) stale_lock_time) is taken over. Raises OSError."""
    lock = f"{path}.lock"
    for attempt in range(LOCK_ATTEMPTS):
        try:
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - os.stat(lock).st_mtime > STALE_LOCK:  # noqa: PTH116
                    os.unlink(lock)  # noqa: PTH108
            if attempt + 1 == LOCK_ATTEMPTS:
                raise Failure("4.2.0", f"unable to create lock file {lock}: {os.strerror(errno.EEXIST)}") from None
            time.sleep(LOCK_DELAY)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(lock)  # noqa: PTH108


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


_deliveries = itertools.count(1)  # threads of one process deliver within one second


def maildir(path: str, data: bytes, *, limit: int = 0) -> list[str]:
    """Put ``data`` as a new file into the Maildir at ``path``; raises Failure, whose text names the step."""
    (found,) = maildir_all(path, [Entry(data, limit)])
    if found is not None:
        raise found
    return []


def maildir_all(path: str, entries: list[Entry]) -> list[Failure | None]:
    """Put each entry as a new file into the Maildir at ``path``: what failed of each.

    All are on the disk before one gets its name, and the names are made durable together.
    """
    path = path.rstrip("/")
    host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
    letters = [_Letter(path, entry, host) for entry in entries]
    if len(letters) > 1:
        in_parallel([letter.write for letter in letters])
    else:
        letters[0].write()
    for letter in letters:
        letter.name()
    named = [letter for letter in letters if letter.failure is None]
    if named:
        try:
            _sync_folder(f"{path}/new")
        except OSError as error:
            for letter in named:
                letter.fail(error)
    return [letter.failure for letter in letters]


class _Letter:
    """A file of a Maildir on its way. ``failure`` is what went wrong, ``step`` what is done at the moment."""

    def __init__(self, path: str, entry: Entry, host: str) -> None:
        self.path = path
        self.entry = entry
        self.host = host
        self.now = time.time()
        self.temporary = f"{path}/tmp/{int(self.now)}.P{os.getpid()}Q{next(_deliveries)}.{host}"
        self.step = f"create maildir file {self.temporary}"
        self.failure: Failure | None = None
        self._unique = ""

    def fail(self, error: OSError) -> None:
        self.failure = Failure(_dsn(error), f"{self.step}: {os.strerror(error.errno or 0)}")
        self.failure.__cause__ = error

    def write(self) -> None:
        """Write the file below ``tmp``, durable."""
        try:
            file = self._create()
        except OSError as error:
            self.fail(error)
            return
        try:
            self.step = "error writing message"
            if self.entry.limit and len(self.entry.data) > self.entry.limit:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            _write(file, self.entry.data)
            os.fsync(file)
            found, now = os.fstat(file), self.now
            moment = int(now * 1e6) % 1_000_000
            self._unique = f"{self.path}/new/{int(now)}.V{found.st_dev:x}I{found.st_ino:x}M{moment}.{self.host}"
        except OSError as error:
            self.fail(error)
            self._remove()
        finally:
            os.close(file)

    def _create(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return os.open(self.temporary, flags, 0o600)
        except FileNotFoundError:
            self._make_folders()
            return os.open(self.temporary, flags, 0o600)

    def _make_folders(self) -> None:
        for name in ("tmp", "new", "cur"):
            with contextlib.suppress(OSError):  # who needs them reports it
                _make_folder(f"{self.path}/{name}")

    def name(self) -> None:
        """Give the file its name below ``new``."""
        if self.failure is not None:
            return
        self.step = f"create maildir file {self._unique}"
        try:
            try:
                os.link(self.temporary, self._unique)
            except FileNotFoundError:
                self._make_folders()
                os.link(self.temporary, self._unique)
        except OSError as error:
            self.fail(error)
        finally:
            self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self.temporary)  # noqa: PTH108


def _make_folder(path: str) -> None:
    """Make the folder with mode 0700, and those above it that are missing, and make their names durable."""
    missing = []
    above = path
    while above and not os.path.isdir(above):  # noqa: PTH112
        missing.append(above)
        above = os.path.dirname(above)  # noqa: PTH120
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700 if folder == path else 0o777)  # noqa: PTH102
        with contextlib.suppress(OSError):
            _sync_folder(os.path.dirname(folder) or ".")  # noqa: PTH120


def _sync_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


_DSN = {
    errno.EFBIG: "5.2.2",
    errno.EDQUOT: "5.2.2",
    errno.ENOSPC: "4.3.0",
    errno.ESTALE: "4.2.0",
    errno.EAGAIN: "4.2.0",
}


def _dsn(error: OSError) -> str:
    return _DSN.get(error.errno or 0, "5.2.0")


# Many requests at a time


class Threads:
    """Up to ``most`` threads, which are started when there is work for them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads = self._busy = 0

    def put(self, action: Callable[[], None]) -> None:
        """``action`` raises nothing."""
        with self._lock:
            self._busy += 1
            start = self._threads < min(self._busy, self._most)
            self._threads += start
        self._work.put(action)
        if start:
            threading.Thread(target=self._run, name="mailbox", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._work.get()()
            with self._lock:
                self._busy -= 1


_syncs = Threads(8)


def in_parallel(actions: list[Callable[[], None]]) -> None:
    """Returns when all have been carried out, one of them by the caller's thread; none of them raises."""
    left, ended = len(actions) - 1, threading.Event()
    lock = threading.Lock()

    def carry_out(action: Callable[[], None]) -> None:
        nonlocal left
        try:
            action()
        finally:
            with lock:
                left -= 1
                if not left:
                    ended.set()

    for action in actions[1:]:
        _syncs.put(functools.partial(carry_out, action))
    actions[0]()
    ended.wait()

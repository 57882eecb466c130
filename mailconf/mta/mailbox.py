"""Mailboxes: mbox files and Maildir folders, written so that a failure leaves what was there before.

mbox: a "From sender date" line, the message with lines that begin with "From " marked by ``>``, an empty line. The
file is locked with fcntl(2) and a ``.lock`` file beside it (postconf(5) mailbox_delivery_lock); what was written of a
message that cannot be written whole is cut off again.

Maildir: the file is written below ``tmp``, made durable and then linked into ``new`` under its unique name; missing
folders are made (mode 0700).

Writing happens under the recipient's user and group. A process cannot do that for one of its threads, so a root MTA
starts this file as a program, once for each identity: `serve` drops the privileges and answers requests on standard
input. The file therefore imports the standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import json
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

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
            _write(file, data)
            return warnings
        elif status.st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
            raise Failure("5.7.1", "file is executable")
        _lock(file)
        before = os.fstat(file).st_size
        try:
            if limit and before + len(data) > limit:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            _write(file, data)
            os.fsync(file)
            if not before:  # it may be new; the message is in it even where the user cannot read the folder
                with contextlib.suppress(OSError):
                    _sync_folder(os.path.dirname(path) or ".")  # noqa: PTH120
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(file, before)
            raise Failure(_dsn(error), f"error writing message: {os.strerror(error.errno or 0)}") from error
    return warnings


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


def _lock(file: int) -> None:
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
    path = path.rstrip("/")
    host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
    now = time.time()
    temporary = f"{path}/tmp/{int(now)}.P{os.getpid()}Q{next(_deliveries)}.{host}"
    step = f"create maildir file {temporary}"
    try:
        for name in ("tmp", "new", "cur"):
            with contextlib.suppress(OSError):  # opening the file reports it
                _make_folder(f"{path}/{name}")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            step = "error writing message"
            if limit and len(data) > limit:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            _write(file, data)
            os.fsync(file)
            found = os.fstat(file)
            unique = f"{path}/new/{int(now)}.V{found.st_dev:x}I{found.st_ino:x}M{int(now * 1e6) % 1_000_000}.{host}"
            step = f"create maildir file {unique}"
            os.link(temporary, unique)
        finally:
            os.close(file)
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        _sync_folder(f"{path}/new")
    except OSError as error:
        raise Failure(_dsn(error), f"{step}: {os.strerror(error.errno or 0)}") from error
    return []


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


# The worker process

_HEAD = struct.Struct(">II")


def send(pipe: BinaryIO, head: dict[str, Any], data: bytes = b"") -> None:
    text = json.dumps(head).encode()
    pipe.write(_HEAD.pack(len(text), len(data)) + text + data)
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next (head, data), or None when the other side is gone."""
    sizes = pipe.read(_HEAD.size)
    if len(sizes) < _HEAD.size:
        return None
    head, data = _HEAD.unpack(sizes)
    text, content = pipe.read(head), pipe.read(data)
    if len(text) < head or len(content) < data:
        return None
    request: dict[str, Any] = json.loads(text)
    return request, content


def perform(request: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Carry out ``{"kind": "mbox" or "maildir", "path": ..., "limit": ...}``; the answer has warnings or a failure.

    A failure for lack of a permission has "denied": whose fault that is depends on who asked.
    With "mbox" there are "required", and "mailbox" and "owner" where it is one: see `append`.
    """
    try:
        if request["kind"] == "maildir":
            warnings = maildir(request["path"], data, limit=request["limit"])
        else:
            warnings = append(
                request["path"],
                data,
                limit=request["limit"],
                required=request["required"],
                mailbox=request.get("mailbox", False),
                owner=request.get("owner"),
            )
    except Failure as failure:
        warned = {"warnings": [failure.warning]} if failure.warning else {}
        denied = {"denied": True} if _is_denied(failure.__cause__) else {}
        return {"dsn": failure.dsn, "text": failure.text, **warned, **denied}
    except Exception as error:  # of any kind: the message was not delivered
        return {"dsn": "4.3.0", "text": f"unexpected error: {type(error).__name__}: {error}"}
    return {"warnings": warnings}


def _is_denied(cause: BaseException | None) -> bool:
    return isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


def serve(uid: int, gid: int, groups: list[int]) -> None:
    """Become the user permanently and answer requests until standard input ends."""
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.umask(0o077)
    while (asked := receive(sys.stdin.buffer)) is not None:
        send(sys.stdout.buffer, perform(*asked))


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), [int(group) for group in sys.argv[3:]])

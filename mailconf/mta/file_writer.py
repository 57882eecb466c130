"""Appends messages to a file that an address names, with the rights that this process has.

The file is a regular one, without an x in its mode, no symbolic link and without a second name; one that is missing is
made with mode 0600, in a folder that is there. The bits set-user-id and set-group-id stay when it has been written.

Source: Sendmail Installation and Operation Guide 5.6 (DontBlameSendmail, SafeFileEnvironment); sendmail 8.17.1.9,
tests/vectors/sendmail_mailers.jsonl. It imports the standard library only, and `mailconf.mta.mailbox`, which does so.
"""

from __future__ import annotations

import contextlib
import os
import stat

from mailconf.mta.mailbox import Entry, Failure, appended, lock

_SET = stat.S_ISUID | stat.S_ISGID
_CANNOT = "5.2.0"


def append_to_file(
    path: str, entries: list[Entry], *, links: bool = False, names: bool = False, same: list[int] | None = None
) -> list[Failure | None]:
    """Append the entries under one lock: what failed of each. Raises Failure: of all.

    links, names  whether it may be a symbolic link, or have several names
    same          device and number that the file has to have; None: any
    """
    file = _open(path, links=links)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, file)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise Failure(_CANNOT, "file is not a regular file")
        if found.st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
            raise Failure(_CANNOT, "file is executable")
        if found.st_nlink > 1 and not names:
            raise Failure(_CANNOT, f"file has {found.st_nlink} hard links")
        if same is not None and [found.st_dev, found.st_ino] != same:
            raise Failure("4.2.0", "file has been replaced")
        lock(file)
        failures = appended(path, file, entries)
        if found.st_mode & _SET:
            with contextlib.suppress(OSError):
                os.fchmod(file, stat.S_IMODE(found.st_mode))
        return failures


def _open(path: str, *, links: bool) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW)
    try:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Failure(_CANNOT, f"cannot open file: {os.strerror(error.errno or 0)}") from error

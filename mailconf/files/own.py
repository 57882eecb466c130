"""Files of mailconf's own: nothing that another user can have put in their place is believed."""

from __future__ import annotations

import errno
import os
import stat

from mailconf.files.regular import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.files.tree import Name


class Untrusted(PermissionError):
    """A file or folder of ours that another user owns or can write to; ``strerror`` says which of it."""


def distrust(status: os.stat_result, path: Name) -> None:
    """Raise Untrusted unless only root and we can have written the file or folder of ``status``."""
    if status.st_uid not in (0, os.geteuid()):
        raise Untrusted(errno.EPERM, f"it belongs to another user (uid {status.st_uid})", str(path))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Untrusted(errno.EPERM, "other users can write to it", str(path))


def read_own(path: Name, most: int) -> bytes:
    """The content of a file of our own, of at most ``most`` bytes.

    A link, a pipe, or a file that another user owns or can write to is not read, also where others
    can change the folders above it. Raises OSError: FileNotFoundError, Untrusted, ...
    """
    return read_regular(path, most, flags=os.O_NOFOLLOW, accept=distrust)

"""The domain of bare addresses (postconf(5) myorigin), which on Debian and Ubuntu may be in a file.

A value that begins with ``/`` names a file, and the first line, without the blanks around it, is the domain. The rest
of the file does not count, and nothing in the line is expanded. Postfix opens the file as it opens what it must trust:
with one name in the file system, and through a symbolic link only where the link and its folder are root's and nobody
else may change the folder. A program that cannot have the file, or finds it empty, or a value of several words, ends.

Only the origin is read from the file: ``$myorigin`` in another parameter is the file's name.

Departure: what is not a regular file is refused; Postfix waits for a named pipe and reads a device.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.files import Tree

BLANKS = " \t\r\n\v\f"
MAX_LINE = 65536  # bytes of the file that are looked at
_SEPARATORS = ", \t\r\n"


class BadOrigin(ValueError):
    """Postfix's programs end with this message."""


def read_origin(value: str, root: Tree) -> str:
    """The domain that ``value``, which is expanded, stands for. Raises BadOrigin in the original's words.

    Whether it is one word is `check_origin`'s question, which Postfix asks later.
    """
    if not value.startswith("/"):
        return value
    from mailconf.source import decode

    try:
        data = _read(root, value)
    except OSError as failure:
        raise BadOrigin(f"{value}: cannot open file: {failure.strerror}") from failure
    line = decode(data.partition(b"\n")[0].partition(b"\0")[0]).strip(BLANKS)
    if not line:
        raise BadOrigin(f"myorigin file {value} is empty")
    return line


def check_origin(origin: str) -> None:
    """Raise BadOrigin, in the original's words, where there is more than one word."""
    if any(character in _SEPARATORS for character in origin):
        raise BadOrigin(f"myorigin parameter setting must not contain multiple values: {origin}")


def _read(root: Tree, name: str) -> bytes:
    """The first bytes of the file. Below another root owners are not looked at: they are anybody's."""
    trusting = not root.is_real
    try:
        data, status = root.head(name, MAX_LINE)
    except OSError as failure:
        if failure.errno not in (errno.EINVAL, errno.EISDIR):
            raise
        data, status = b"", root.stat(name)
    if status.st_nlink != 1 and not trusting:
        raise BadOrigin(f"{name}: file has {status.st_nlink} hard links")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if not trusting and not _is_safe(root, name):
        raise BadOrigin(f"{name}: file is a symbolic link")
    return data


def _is_safe(root: Tree, name: str) -> bool:
    """Whether the last part of ``name`` is no symbolic link, or one that only root can have made."""
    link = root.stat(name, follow=False)
    if not stat.S_ISLNK(link.st_mode):
        return True
    folder = root.stat(os.path.dirname(name))  # noqa: PTH120 - pathlib starts slowly
    return link.st_uid == folder.st_uid == 0 and not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

"""Where a map may be written: the file at its place is looked at before it is replaced.

| at the target | what happens | reason |
|---|---|---|
| a symbolic link | the file it leads to is replaced, in its own folder; the link stays | the originals do so |
| such a link in a folder that others can write, or of another user but root | refused | it may be a trap |
| a symbolic link, in a build of several maps | refused | they take their places by renaming |
| a device, a pipe, a socket or a folder | refused | it is no map, and renaming would remove it |
| a file with more than one name | replaced, with a warning | the other names keep the old map |
| any map in a folder that its group or everybody can write | written, with a warning | others can replace it |
| root writes in another user's folder | written, with a warning | that user can replace root's map |

sendmail's tools ask more before they come here (`mailconf.sendmail.safefile`). A refusal is an OSError.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def safe_target(target: Path, warn: Callable[[str], None] | None = None, *, follow: bool = True) -> Path:
    """The file to replace for the map ``target``. ``warn`` takes the warnings; without ``follow`` no link is allowed.

    Raises OSError when the map may not be written there.
    """
    if target.is_symlink():
        if not follow:
            raise OSError(errno.ELOOP, "it is a symbolic link; put a file in its place")
        folder = target.parent.stat()
        if folder.st_mode & _OTHERS_WRITE or folder.st_uid not in (0, os.geteuid()):
            raise OSError(errno.EACCES, "it is a symbolic link that another user may have made")
        target = target.resolve()
    _look(target, warn or (lambda _: None))
    return target


def _look(target: Path, warn: Callable[[str], None]) -> None:
    try:
        status = target.stat()
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if status.st_nlink > 1:
            warn(f"{target}: the file has other names: they keep the old map")
    folder = target.parent.stat()
    if folder.st_mode & _OTHERS_WRITE:
        who = "everybody" if folder.st_mode & stat.S_IWOTH else "its group"
        warn(f"{target}: the folder can be written by {who}")
    elif os.geteuid() == 0 != folder.st_uid:
        warn(f"{target}: the folder belongs to another user")

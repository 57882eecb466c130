"""The rights with which Postfix's table tools work, and the owner and permissions of what they write."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailconf.cli.postfix.postfix_tool import ToolFatal
from mailconf.cli.postfix.postmap_options import TableOptions


def status_of(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


@contextmanager
def as_owner_of(
    status: os.stat_result | None, target: Path, name: str, options: TableOptions
) -> Iterator[os.stat_result | None]:
    """Work with the rights of the owner of the file ``status``, as the original does when root runs it (unless ``-o``).

    Yields the status that a new map takes its owner and mode from: the owner is who we are now, or the old map's.
    An old map that the owner may not write is left alone; one that they may write, in a folder that they may not, is
    replaced with root's rights, because the original writes into it.
    """
    if status is None:
        yield None
        return
    was = os.geteuid(), os.getegid()
    dropped = was[0] == 0 and status.st_uid != 0 and "o" not in options.flags

    def regain() -> None:
        os.seteuid(was[0])
        os.setegid(was[1])

    if dropped:
        os.setegid(status.st_gid)
        os.seteuid(status.st_uid)
    try:
        new = _new_status(status, target, options)
        if dropped and target.exists():
            if not os.access(target, os.W_OK, effective_ids=True):
                raise ToolFatal(f"open {name}{target.suffix}: {os.strerror(errno.EACCES)}")
            if not os.access(target.parent, os.W_OK, effective_ids=True) and not target.is_symlink():
                regain()
        yield new
    finally:
        if dropped:
            regain()


def _new_status(source: os.stat_result, target: Path, options: TableOptions) -> os.stat_result:
    mode = source.st_mode if "p" not in options.flags else stat.S_IFREG | 0o644
    owner, group = os.geteuid(), os.getegid()
    try:
        old = target.stat()
        owner, group = old.st_uid, old.st_gid
    except OSError:
        pass
    return os.stat_result((mode, *source[1:4], owner, group, *source[6:10]))

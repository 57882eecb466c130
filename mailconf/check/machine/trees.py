"""What lies below a folder, as find(1) sees it: every name once, with its status from lstat(2)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mailconf.files import Root

MOST_LINKED = 10_000  # names below symbolic links to folders that are looked at: such a link may lead anywhere
_MOST_LINKS = 40

lstat = os.lstat


class Found(NamedTuple):
    """A file: its name, and where it is (elsewhere where links were followed, or below another root).

    status  of itself
    behind  of what it leads to, where links are followed; None when it leads to nothing
    """

    path: Path
    place: Path
    status: os.stat_result
    behind: os.stat_result | None

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)


def walk(top: Path, root: Root | None = None, *, at: Path | None = None) -> Iterator[Found]:
    """``top`` and everything below it, folders before what is in them; what cannot be read is left out.

    With ``root`` symbolic links are followed, absolute ones below it, and each folder counts once. ``at`` is where
    ``top`` really is.
    """
    seen: set[tuple[int, int]] = set()
    left = MOST_LINKED
    waiting = [(top, at or top, False)]  # under which name, where, whether a link leads there
    while waiting:
        path, place, linked = waiting.pop()
        left -= linked
        status = _status(place)
        if status is None or left < 0:
            continue
        leads, behind = place, status
        if root is not None and stat.S_ISLNK(status.st_mode):
            leads, linked = resolve(place, root), True
            found = _status(leads)
            if found is not None and stat.S_ISLNK(found.st_mode):
                found = None  # it goes round
            yield Found(path, place, status, found)
            if found is None:
                continue
            behind = found
        else:
            yield Found(path, place, status, status)
        if stat.S_ISDIR(behind.st_mode) and (behind.st_dev, behind.st_ino) not in seen:
            seen.add((behind.st_dev, behind.st_ino))
            waiting += ((path / name, leads / name, linked) for name in reversed(_names(leads)))


def itself(path: Path) -> list[Found]:
    """What is at ``path``, without what lies below it; nothing when there is nothing."""
    status = _status(path)
    return [] if status is None else [Found(path, path, status, status)]


def is_folder(path: Path) -> bool:
    """Whether there is a folder at ``path``, or a link to one; no for what cannot be looked at."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a folder above is closed


def is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - as above


def resolve(path: Path, root: Root) -> Path:
    """Where the symbolic link at ``path`` leads to in the end, whether anything is there or not."""
    for _ in range(_MOST_LINKS):
        try:
            text = os.readlink(path)  # noqa: PTH115 - a Path does not keep the text as written
        except OSError:
            return path
        path = root.path(text) if text.startswith("/") else path.parent / text
    return path


def _status(path: Path) -> os.stat_result | None:
    try:
        return lstat(path)
    except (OSError, ValueError):
        return None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []

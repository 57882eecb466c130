"""What lies below a folder, as find(1) sees it: every name once, with its status from lstat(2)."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from os import stat_result
from pathlib import Path
from typing import NamedTuple

from mailconf.files import Tree, TreePlace

MOST_LINKED = 10_000  # names below symbolic links to folders that are looked at: such a link may lead anywhere
_MOST_LINKS = 40


class FoundFile(NamedTuple):
    """A file: its name, and where it is (elsewhere where links were followed, or below another root).

    status  of itself
    behind  of what it leads to, where links are followed; None when it leads to nothing
    """

    path: Path
    place: Path
    status: stat_result
    behind: stat_result | None

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)


def walk(top: Path, root: Tree, *, follow: bool = False, at: Path | None = None) -> Iterator[FoundFile]:
    """``top`` and everything below it, folders before what is in them; what cannot be read is left out.

    With ``follow`` symbolic links are followed, absolute ones below ``root``, and each folder counts once. ``at`` is
    where ``top`` really is.
    """
    seen: set[tuple[int, int]] = set()
    left = MOST_LINKED
    waiting = [(top, at or top, False)]  # under which name, where, whether a link leads there
    while waiting:
        path, place, linked = waiting.pop()
        left -= linked
        status = _status(place, root)
        if status is None or left < 0:
            continue
        leads, behind = place, status
        if follow and stat.S_ISLNK(status.st_mode):
            leads, linked = resolve(place, root), True
            found = _status(leads, root)
            if found is not None and stat.S_ISLNK(found.st_mode):
                found = None  # it goes round
            yield FoundFile(path, place, status, found)
            if found is None:
                continue
            behind = found
        else:
            yield FoundFile(path, place, status, status)
        if stat.S_ISDIR(behind.st_mode) and (behind.st_dev, behind.st_ino) not in seen:
            seen.add((behind.st_dev, behind.st_ino))
            waiting += ((path / name, leads / name, linked) for name in reversed(_names(leads, root)))


def itself(path: Path, root: Tree) -> list[FoundFile]:
    """What is at ``path``, without what lies below it; nothing when there is nothing."""
    status = _status(path, root)
    return [] if status is None else [FoundFile(path, path, status, status)]


def is_folder(path: Path, root: Tree) -> bool:
    """Whether there is a folder at ``path``, or a link to one; no for what cannot be looked at."""
    try:
        return root.is_folder(TreePlace(path))
    except OSError:
        return False


def is_file(path: Path, root: Tree) -> bool:
    """The same of a regular file."""
    try:
        return root.is_file(TreePlace(path))
    except OSError:
        return False


def resolve(path: Path, root: Tree) -> Path:
    """Where the symbolic link at ``path`` leads to in the end, whether anything is there or not."""
    for _ in range(_MOST_LINKS):
        try:
            text = root.link(TreePlace(path))
        except (OSError, ValueError):
            return path
        path = root.path(text) if text.startswith("/") else path.parent / text
    return path


def _status(path: Path, root: Tree) -> stat_result | None:
    try:
        return root.stat(TreePlace(path), follow=False)
    except (OSError, ValueError):
        return None


def _names(folder: Path, root: Tree) -> Sequence[str]:
    try:
        return root.list(TreePlace(folder))
    except OSError:
        return ()

"""What trees without a disk have in common: names are followed here as path_resolution(7) describes it.

A symbolic link is followed within the tree: an absolute one leads below its top, and what leads out of the tree leads
to nothing. No name follows more than 40 links.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from mailconf.files.regular import require_regular, too_large
from mailconf.files.tree import MOST, NoDisk, Tree, TreePlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mailconf.files.tree import Name
    from mailconf.personal import PersonalFile

MOST_LINKS = 40
LONGEST_PATH = 4096  # bytes


class Node(NamedTuple):
    """A file, folder or link: what stat(2) reports of it, ``modified`` in ns.

    key   what the tree finds its content by
    """

    mode: int
    owner: int
    group: int
    modified: int
    key: object = None


class NodeTree(Tree):
    """A tree that its subclass makes of nodes; a place is absolute, without links, ``.`` and ``..``."""

    def node(self, place: str) -> Node | None:
        """What is at ``place``; None for nothing. OSError where it cannot be known."""
        raise NotImplementedError

    def entries(self, place: str) -> Iterable[str]:
        """The names in the folder at ``place``."""
        raise NotImplementedError

    def data(self, node: Node, most: int) -> bytes:
        """The content of a file, or where a link leads. Raises OSError where it is longer than ``most``."""
        raise NotImplementedError

    def size(self, node: Node) -> int:
        """How long the content is."""
        raise NotImplementedError

    # -- as a Tree

    def load(self, name: Name, most: int = MOST) -> tuple[bytes, os.stat_result]:
        place, node = self._found(name)
        require_regular(node.mode, place)
        return self._data(node, most, place), self._status(place, node)

    def head(self, name: Name, count: int) -> tuple[bytes, os.stat_result]:
        data, status = self.load(name)
        return data[:count], status

    def stat(self, name: Name, *, follow: bool = True) -> os.stat_result:
        return self._status(*self._found(name, follow=follow))

    def list(self, name: Name) -> Sequence[str]:
        place, node = self._found(name)
        if not stat.S_ISDIR(node.mode):
            raise _error(errno.ENOTDIR, name)
        return sorted(self.entries(place))

    def link(self, name: Name) -> str:
        place, node = self._found(name, follow=False)
        if not stat.S_ISLNK(node.mode):
            raise _error(errno.EINVAL, name)
        return self._target(node, place)

    def resolve(self, name: Name) -> TreePlace:
        return TreePlace(self._follow(name, follow=True)[0])

    def real(self, name: Name) -> Path:
        self._found(name)
        raise NoDisk(self.place(name))

    def personal(self, name: Name, user: tuple[int, int] | None, *, follow: bool) -> PersonalFile:
        from mailconf.personal import LIMIT, PersonalFile

        try:
            place, node = self._found(name, follow=follow)
            status = self._status(place, node)
        except (OSError, ValueError) as failure:
            return PersonalFile(reason=getattr(failure, "strerror", None) or str(failure))
        if not stat.S_ISREG(status.st_mode):
            return PersonalFile(status.st_uid, status.st_mode)
        try:
            return PersonalFile(status.st_uid, status.st_mode, self._data(node, LIMIT, place))
        except OSError as failure:
            return PersonalFile(status.st_uid, status.st_mode, reason=failure.strerror or str(failure))

    # -- the way along a name

    def _found(self, name: Name, *, follow: bool = True) -> tuple[str, Node]:
        place, node = self._follow(name, follow=follow)
        if node is None:
            raise _error(errno.ENOENT, name)
        return place, node

    def _follow(self, name: Name, *, follow: bool) -> tuple[str, Node | None]:
        """The place that a name leads to, and what is there."""
        if "\0" in os.fspath(name):
            raise ValueError("embedded null byte")
        if not os.fspath(name):
            raise _error(errno.ENOENT, name)
        whole = str(self.path(name).absolute())
        left = _parts(whole)
        if len(os.fsencode(whole)) >= LONGEST_PATH:
            raise _error(errno.ENAMETOOLONG, name)
        place, node, links = "/", self.node("/"), 0
        while left:
            part = left.pop()
            if node is not None and not stat.S_ISDIR(node.mode):
                raise _error(errno.ENOTDIR, name)
            if part == "..":
                place = os.path.dirname(place)
                node = self.node(place)
                continue
            here = f"{place.rstrip('/')}/{part}"
            node = None if node is None else self.node(here)
            if node is None or not stat.S_ISLNK(node.mode) or not (left or follow):
                place = here
                continue
            links += 1
            target = self._target(node, here)
            if links > MOST_LINKS or not target:
                raise _error(errno.ELOOP if target else errno.ENOENT, name)
            if target.startswith("/"):
                target, place = str(self.path(target).absolute()), "/"
            left += _parts(target)
            node = self.node(place)
        return place, node

    def _target(self, node: Node, place: str) -> str:
        try:
            return os.fsdecode(self._data(node, LONGEST_PATH, place))
        except OSError as failure:
            code = errno.ENAMETOOLONG if failure.errno == errno.EFBIG else failure.errno or errno.EIO
            raise _error(code, place) from failure

    def _data(self, node: Node, most: int, place: str) -> bytes:
        if self.size(node) > most:
            raise too_large(place)
        return self.data(node, most)

    def _status(self, place: str, node: Node) -> os.stat_result:
        from zlib import crc32

        size = 0 if stat.S_ISDIR(node.mode) else self.size(node)
        number = crc32(os.fsencode(place)) + 1  # one for each name: who compares inodes tells files apart
        return status_of(node.mode, number, node.owner, node.group, size, node.modified)


def status_of(mode: int, number: int, owner: int, group: int, size: int, modified: int) -> os.stat_result:
    """A status as stat(2) returns it, of a file with one name; ``modified`` in ns."""
    seconds = modified // 1_000_000_000
    times = {f"st_{name}time_ns": modified for name in "amc"} | {f"st_{name}time": modified / 1e9 for name in "amc"}
    return os.stat_result((mode, number, 0, 1, owner, group, size, seconds, seconds, seconds), times)


def _parts(path: str) -> list[str]:
    """The parts of a path, the last one first, as they are taken off."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _error(code: int, name: Name) -> OSError:
    return OSError(code, os.strerror(code), os.fspath(name))

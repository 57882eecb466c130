"""What a git repository has recorded in a revision, as a tree.

The work tree of the repository has its place in the tree, below ``top`` like the disk's files; whatever lies outside
the work tree does not exist in the revision. An entry of git has a mode, and no owner: all belongs to the owner of the
repository, who has written it. All was modified when the commit was made, so that nothing is newer than anything else.
A submodule is an empty folder.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from mailconf.files.git import NoRevision as NoRevision
from mailconf.files.git import Objects, find
from mailconf.files.nodes import Node, NodeTree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailconf.files.tree import Name

MOST_FOLDER = 64 << 20  # bytes of a folder's object
_MOST_COMMIT = 1 << 20  # bytes
_DAMAGED = "a folder of the git repository is damaged"


class _Entry(NamedTuple):
    """What a folder has under a name: ``mode`` as git writes it, and the object's name."""

    mode: int
    object: bytes


class Revision(NodeTree):
    """The files of one commit; see the module.

    folder    a folder in the work tree, by configuration path; it need not be there any more
    revision  what git calls the commit: HEAD, a branch, a tag, v1~3, the beginning of its name

    Raises NoRevision.
    """

    def __init__(self, folder: Name, revision: str, top: Name = "/") -> None:
        super().__init__(top)
        named = str(self.path(folder).absolute())
        there = named
        while not os.path.isdir(there) and there != "/":
            there = os.path.dirname(there)
        try:
            repository = find(there, revision)
            self._objects = Objects(repository)
            commit = self._objects.read(repository.commit, b"commit", _MOST_COMMIT)
        except OSError as failure:
            raise NoRevision(f"the git repository of {folder} cannot be read: {failure.strerror}") from failure
        # The work tree by the name that the caller has for it, which may lead through links.
        within = os.path.join(there, "").removesuffix(f"/{repository.prefix}" if repository.prefix else "/") or "/"
        self._work_tree, self._link = within, ("", b"")
        if os.path.realpath(within) != repository.top:  # the folder is a link from outside into the work tree
            self._work_tree = repository.top
            target = os.path.relpath(os.path.join(repository.top, repository.prefix), os.path.dirname(there))
            self._link = there, os.fsencode(target)
        self._owner = repository.owner
        self._modified = _time_of(commit)
        self._trees: dict[str, dict[str, _Entry]] = {}
        self._sizes: dict[bytes, int] = {}
        self._top_tree = _tree_of(commit)

    def close(self) -> None:
        """End git; afterwards nothing is read."""
        self._objects.close()

    def node(self, place: str) -> Node | None:
        link, target = self._link
        if link and place == link:
            return Node(stat.S_IFLNK | 0o777, *self._owner, self._modified, target)
        above = f"{place.rstrip('/')}/"
        if place == self._work_tree or self._work_tree.startswith(above) or link.startswith(above):
            return self._node(stat.S_IFDIR, None)
        within = self._inside(place)
        if within is None:
            return None
        folder, _, name = within.rpartition("/")
        entry = self._folder(folder).get(name)
        return None if entry is None else self._node(entry.mode, entry)

    def entries(self, place: str) -> Iterable[str]:
        within = "" if place == self._work_tree else self._inside(place)
        if within is None:  # above the work tree
            above = f"{place.rstrip('/')}/"
            leading = [path for path in (self._work_tree, self._link[0]) if path.startswith(above)]
            return {path.removeprefix(above).partition("/")[0] for path in leading}
        return self._folder(within)

    def data(self, node: Node, most: int) -> bytes:
        if isinstance(node.key, bytes):
            return node.key
        assert isinstance(node.key, _Entry)
        return self._objects.read(node.key.object, b"blob", most)

    def size(self, node: Node) -> int:
        if isinstance(node.key, bytes):
            return len(node.key)
        assert isinstance(node.key, _Entry)
        name = node.key.object
        if name not in self._sizes:
            self._sizes[name] = self._objects.size(name)
        return self._sizes[name]

    def _inside(self, place: str) -> str | None:
        start = f"{self._work_tree.rstrip('/')}/"
        return place[len(start) :] if place.startswith(start) else None

    def _node(self, mode: int, entry: _Entry | None) -> Node:
        kind = stat.S_IFMT(mode)
        if kind not in (stat.S_IFREG, stat.S_IFLNK):
            mode = stat.S_IFDIR | 0o755  # git has no permissions of folders; a submodule has a kind of its own
        elif kind == stat.S_IFLNK:
            mode |= 0o777
        return Node(mode, *self._owner, self._modified, entry)

    def _folder(self, within: str) -> dict[str, _Entry]:
        """The entries of the folder of that path within the work tree; none where there is no such folder."""
        if within not in self._trees:
            if within:
                above, _, name = within.rpartition("/")
                entry = self._folder(above).get(name)
                found = {} if entry is None or stat.S_IFMT(entry.mode) != stat.S_IFDIR else self._read(entry.object)
            else:
                found = self._read(self._top_tree)
            self._trees[within] = found
        return self._trees[within]

    def _read(self, name: bytes) -> dict[str, _Entry]:
        """The entries of a tree object (gitformat: mode, blank, name, NUL, the object's name in bytes)."""
        data = self._objects.read(name, b"tree", MOST_FOLDER)
        length = len(name) // 2
        entries: dict[str, _Entry] = {}
        at = 0
        while at < len(data):
            blank = data.find(b" ", at, at + 8)
            nul = data.find(b"\0", blank)
            mode = data[at:blank]
            if blank < 0 or nul < 0 or nul + length >= len(data) or not mode or mode.strip(b"01234567"):
                raise OSError(errno.EIO, _DAMAGED)
            called, at = os.fsdecode(data[blank + 1 : nul]), nul + 1 + length
            if called not in ("", ".", "..") and "/" not in called:  # no work tree has such names
                entries[called] = _Entry(int(mode, 8), data[nul + 1 : at].hex().encode())
        return entries


def _tree_of(commit: bytes) -> bytes:
    line = commit.partition(b"\n")[0]
    if not line.startswith(b"tree "):
        raise NoRevision("the commit is damaged")
    return line[5:]


def _time_of(commit: bytes) -> int:
    """When the commit was made, in ns; 0 where it has no time that a file could have."""
    for line in commit.partition(b"\n\n")[0].split(b"\n"):
        if line.startswith(b"committer "):
            words = line.split()
            seconds = words[-2] if len(words) > 2 else b""
            return int(seconds) * 1_000_000_000 if seconds.isdigit() and len(seconds) < 12 else 0
    return 0

"""A tree of files that exist nowhere else: the configurations of tests."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from mailconf.files.nodes import Node, NodeTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailconf.files.tree import Name


class File(NamedTuple):
    """A file with an owner and a mode of its own; ``modified`` in ns. The mode may be that of a pipe or a device."""

    data: bytes
    mode: int = 0o644
    owner: int = 0
    group: int = 0
    modified: int = 0


class Link(NamedTuple):
    """A symbolic link."""

    target: str


class Memory(NodeTree):
    """The files that are given, by configuration path; the folders above them are there, too.

    Files without an owner are root's. A path that ends with a slash is an empty folder.
    """

    def __init__(self, files: Mapping[str, bytes | str | File | Link], top: Name = "/") -> None:
        super().__init__(top)
        self._nodes: dict[str, Node] = {"/": _FOLDER}
        self._entries: dict[str, set[str]] = {"/": set()}
        for name, file in files.items():
            place = str(self.path(name).absolute())
            self._folder(place if name.endswith("/") else os.path.dirname(place))
            if not name.endswith("/"):
                self._nodes[place] = _node(file)
                self._entries[os.path.dirname(place)].add(os.path.basename(place))

    def _folder(self, place: str) -> None:
        if place in self._entries:
            return
        above, name = os.path.split(place)
        self._folder(above)
        self._entries[above].add(name)
        self._entries[place] = set()
        self._nodes[place] = _FOLDER

    def node(self, place: str) -> Node | None:
        return self._nodes.get(place)

    def entries(self, place: str) -> Iterable[str]:
        return self._entries[place]

    def data(self, node: Node, most: int) -> bytes:
        assert isinstance(node.key, bytes)
        return node.key

    def size(self, node: Node) -> int:
        return len(self.data(node, 0))


_FOLDER = Node(stat.S_IFDIR | 0o755, 0, 0, 0, b"")


def _node(file: bytes | str | File | Link) -> Node:
    if isinstance(file, Link):
        return Node(stat.S_IFLNK | 0o777, 0, 0, 0, os.fsencode(file.target))
    if not isinstance(file, File):
        file = File(os.fsencode(file))
    mode = file.mode if stat.S_IFMT(file.mode) else stat.S_IFREG | file.mode
    return Node(mode, file.owner, file.group, file.modified, file.data)

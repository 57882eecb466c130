"""What mailconf remembers of the maps that it built: ``.mailconf/state.json`` in the configuration's folder.

    {"generation": 3, "maps": {"/etc/postfix/virtual.db": {"type": "hash", "source": "/etc/postfix/virtual",
        "source_digest": "<sha256>", "source_stat": [...], "digest": "<sha256>", "stat": [...], "inputs": {}}}}

``inputs`` are the other files that a map was built from, a sendmail.cf from the library of macros above all: each name
with digest and stat; a file that was sought and not there has an empty digest.

Files are named as the configuration calls them, so that a tree may be built under another root. A ``stat`` is inode,
size, mtime and ctime: as long as it is the same, a file need not be read to know that it has not changed (nobody can
set a ctime back). A state that cannot be read is ignored: then only times decide what is stale, as with make(1).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from mailconf.files import Root

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from mailconf.files import Tree
    from mailconf.files.tree import Name

FOLDER = ".mailconf"
NAME = "state.json"
LARGEST = 64 << 20  # bytes of a record; one of 100,000 maps has fewer
# A file that was changed less than this (in ns) before it was read may change again within the same tick of the clock
# that files' times are taken from.
_TICK = 100_000_000
_LARGE = 1 << 20  # bytes of a file whose digest is worth remembering
_MOST_DIGESTS = 1000  # that are remembered

Stat = tuple[int, ...]
_digests: dict[tuple[str, Stat], str] = {}  # by place and status


class Input(NamedTuple):
    """A further file that something was built from: what it held and its `Stat` then."""

    digest: str
    stat: Stat

    def is_in(self, path: Name, tree: Tree) -> bool:
        """Whether the file at ``path`` is still the same. OSError passes to the caller."""
        if not self.digest:
            return not tree.exists(path)
        return tree.is_file(path) and _is_same(path, tree, self.stat, self.digest)


class Record(NamedTuple):
    """A map as mailconf built it; an empty ``stat`` is like no other."""

    type: str
    source: str
    source_digest: str
    source_stat: Stat
    digest: str
    stat: Stat = ()
    inputs: Mapping[str, Input] = MappingProxyType({})

    def is_from(self, source: Name, tree: Tree) -> bool:
        """Whether the map was built from what ``source`` holds now. OSError passes to the caller."""
        return _is_same(source, tree, self.source_stat, self.source_digest)

    def is_at(self, target: Name, tree: Tree) -> bool:
        """Whether ``target`` is still what we wrote. OSError passes to the caller."""
        return _is_same(target, tree, self.stat, self.digest)


@dataclass(frozen=True, slots=True)
class BuildState:
    """``maps``: by the map's name."""

    generation: int = 0
    maps: dict[str, Record] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, tree: Tree) -> BuildState:
        """The state that the folder ``.mailconf`` holds; an empty one when it cannot be read or trusted.

        Without one, the times of the files decide what is stale."""
        try:
            return cls.from_json(json.loads(tree.own(folder / NAME, LARGEST)))
        except (OSError, ValueError, RecursionError):
            return cls()

    @classmethod
    def from_json(cls, data: Any) -> BuildState:
        """The inverse of `as_json`; ValueError for what is no state."""
        try:
            maps = {str(name): _record(record) for name, record in data["maps"].items()}
            return cls(int(data["generation"]), maps)
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(f"no state: {problem!r}") from problem

    def as_json(self) -> dict[str, Any]:
        maps = {name: {**record._asdict(), "inputs": dict(record.inputs)} for name, record in self.maps.items()}
        return {"generation": self.generation, "maps": maps}


def _record(data: dict[str, Any]) -> Record:
    words = {name: str(data[name]) for name in ("type", "source", "source_digest", "digest")}
    source_stat, stat = (tuple(int(number) for number in data[name]) for name in ("source_stat", "stat"))
    inputs = {
        str(name): Input(str(digest), tuple(map(int, stat))) for name, (digest, stat) in data.get("inputs", {}).items()
    }
    return Record(**words, source_stat=source_stat, stat=stat, inputs=inputs)


def stat_of(status: os.stat_result) -> Stat:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def settled(status: os.stat_result, read_at: int) -> Stat:
    """The `stat_of` a file that was read at ``read_at`` (ns); empty when it may have changed since, unnoticed."""
    return stat_of(status) if status.st_ctime_ns < read_at - _TICK else ()


def _is_same(path: Name, tree: Tree, stat: Stat, digest: str) -> bool:
    status = tree.stat(path)
    if stat_of(status) == stat:
        return True
    if len(stat) > 1 and stat[1] != status.st_size:
        return False
    return _digest(path, tree, status) == digest


def _digest(path: Name, tree: Tree, status: os.stat_result) -> str:
    """The digest of a file that has this status; of a large one on the disk it is computed once in a run.

    A build plans twice, the second time under its lock, and a map that another program has changed has another status.
    """
    if not isinstance(tree, Root) or status.st_size < _LARGE:
        return tree.digest(path)
    key = tree.place(path), settled(status, time.time_ns())
    known = _digests.get(key)
    if known is not None:
        return known
    found = tree.digest(path)
    if key[1] and stat_of(tree.stat(path)) == key[1]:
        if len(_digests) >= _MOST_DIGESTS:
            _digests.clear()
        _digests[key] = found
    return found

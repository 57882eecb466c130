"""Berkeley DB files in which a key has several values (``makemap -d``): the writers, on top of those for single values.

By a flag in the meta page keys may repeat; libdb then appends where it would refuse or replace. The values of a
key keep the order in which they came.

hash    one item of type 2 holds all values of a key, each between its length (2) and its length again; when they take
        more than a quarter of a page, an item of type 4 names the root of a tree of values
btree   each value is an entry of its own, and all of them point to one key; when they take more than a quarter of a
        page, an item of type 2 names the root of the tree

`mailconf.maps.database.bdb_items` describes the tree. The root of one with internal pages has the number of all values
where other pages have the number of the page before.
"""

from __future__ import annotations

import os
import struct
from array import array
from operator import itemgetter
from typing import BinaryIO

from mailconf.maps.core.opening import Progress
from mailconf.maps.database.bdb import (
    BTREE_LEAF,
    CAPACITY,
    NO_PAGE,
    PAGE_SIZE,
    VALUES_INTERNAL,
    VALUES_LEAF,
    PageRun,
    write_big_item,
)
from mailconf.maps.database.bdb_btree_writer import Body, BtreeWriter, tree_body, tree_page
from mailconf.maps.database.bdb_hash import BIG_DUPLICATES
from mailconf.maps.database.bdb_hash import DUPLICATES as HASH_DUPLICATES
from mailconf.maps.database.bdb_hash_writer import HashWriter
from mailconf.maps.database.bdb_items import BIG, DUPLICATES, KEYDATA

REPEATS = 1  # the flag, the same in both kinds of file

_FLAGS, _FLAGS_AT = struct.Struct("=I"), 48  # in the meta page
_LIMIT = PAGE_SIZE // 4
_LENGTH = struct.Struct("=H")
_HASH_TREE = struct.Struct("=B3xI")
_TREE = struct.Struct("=HBxII")
_HEAD = struct.Struct("=HB")
_CHILD = struct.Struct("=II")  # page, values below it

_Child = tuple[int, int]


class _Values(bytes):
    """The values of a key as the item of a hash page, without its type; ``all`` are the values themselves."""

    all: list[bytes]


def write_hash_values(
    file: BinaryIO, keys: list[bytes], values: list[list[bytes]], *, end: bytes = b"", progress: Progress | None = None
) -> None:
    """Write a table as a hash file; ``values`` are those of each key, the arguments else those of `write_hash`."""
    groups: list[bytes] = []
    for several in values:
        if len(several) == 1:
            groups.append(several[0])
            continue
        ended = [value + end for value in several]
        lengths = map(_LENGTH.pack, (min(len(value), 0xFFFF) for value in ended))
        group = _Values(b"".join(length + value + length for length, value in zip(lengths, ended, strict=True)))
        group.all = ended
        groups.append(group)
    _HashWriter(file.fileno(), keys, groups, end, progress).write()


def write_btree_values(
    file: BinaryIO, keys: list[bytes], values: list[list[bytes]], *, end: bytes = b"", progress: Progress | None = None
) -> None:
    """The same as a btree file."""
    writer = _BtreeWriter(file.fileno(), end, progress)
    writer.values = dict(zip(keys, values, strict=True))
    writer.write(keys, keys)


def allow_repeats(descriptor: int) -> None:
    """Set the flag in the file of another writer, in which no key repeats."""
    os.pwrite(descriptor, _FLAGS.pack(REPEATS), _FLAGS_AT)


class _HashWriter(HashWriter):
    flags = REPEATS

    def _bodies(self, items: list[bytes]) -> list[tuple[int, int, bytes]]:
        return self._big_bodies(items) or [(0, PAGE_SIZE, bytes(CAPACITY))]

    def _item(self, data: bytes) -> bytes:
        if not isinstance(data, _Values):
            return super()._item(data)
        if len(data) <= _LIMIT:
            return bytes([HASH_DUPLICATES]) + data
        return _HASH_TREE.pack(BIG_DUPLICATES, _write_tree(self.rest, data.all))


class _BtreeWriter(BtreeWriter):
    flags = REPEATS
    values: dict[bytes, list[bytes]]

    def _write_leaves(self, keys: list[bytes], values: list[bytes]) -> list[tuple[bytes, int]]:
        leaves: list[tuple[bytes, list[tuple[bytes, list[bytes]]]]] = []  # each with its lowest key
        used = CAPACITY
        before = b""
        for key, several in sorted(self.values.items(), key=itemgetter(0)):
            key += self.end
            entry = _item(self.run, key), self._stored([value + self.end for value in several])
            size = len(entry[0]) + sum(map(len, entry[1])) + 4 * len(entry[1])
            if used + size > CAPACITY:
                common = next((n for n, (a, b) in enumerate(zip(before, key, strict=False)) if a != b), len(before))
                leaves.append((key[: common + 1] if leaves else b"", []))
                used = 0
            leaves[-1][1].append(entry)
            used += size
            before = key
        bodies = [_leaf_body(entries) for _, entries in leaves] or [_leaf_body([])]
        first, last = self.run.next, self.run.next + len(bodies) - 1
        if len(bodies) == 1:
            self._write_root(1, BTREE_LEAF, bodies[0])
        else:
            _write_chain(self.run, BTREE_LEAF, bodies)
        lowest = [key for key, _ in leaves] or [b""]
        return list(zip(lowest, range(first, last + 1), strict=True))

    def _stored(self, several: list[bytes]) -> list[bytes]:
        items = [_item(self.run, value) for value in several]
        if len(several) == 1 or sum(map(len, items)) <= _LIMIT:
            return items
        return [_TREE.pack(0, DUPLICATES, _write_tree_of(self.run, items), 0)]


def _leaf_body(entries: list[tuple[bytes, list[bytes]]]) -> Body:
    """A leaf: the number of its entries, their offsets, their text. A key is there once for all its values."""
    offsets: list[int] = []
    low = PAGE_SIZE
    parts: list[bytes] = []
    for key, items in entries:
        low -= len(key)
        key_at = low
        parts.append(key)
        for item in items:
            low -= len(item)
            offsets += [key_at, low]
            parts.append(item)
    return len(offsets), array("H", offsets).tobytes(), b"".join(reversed(parts))


def _item(run: PageRun, data: bytes) -> bytes:
    """A key or value as it lies on a leaf; a big one is written to pages of its own."""
    if len(data) > _LIMIT - 17:
        return _TREE.pack(0, BIG, write_big_item(run, data), len(data))
    text = _HEAD.pack(len(data), KEYDATA) + data
    return text + bytes(-len(text) % 4)


def _write_tree(run: PageRun, values: list[bytes]) -> int:
    """Write the tree of several values; the number of its root."""
    return _write_tree_of(run, [_item(run, value) for value in values])


def _write_tree_of(run: PageRun, items: list[bytes]) -> int:
    groups = _paged([2 + len(item) for item in items])
    bodies = [tree_body(items[start:stop]) for start, stop in groups]
    children = [(run.next + n, stop - start) for n, (start, stop) in enumerate(groups)]
    _write_chain(run, VALUES_LEAF, bodies)
    level = 1
    while len(children) > 1:
        level += 1
        children = _write_level(run, level, children)
    return children[0][0]


def _write_level(run: PageRun, level: int, children: list[_Child]) -> list[_Child]:
    """Write the internal pages above ``children``; the entries above them."""
    above: list[_Child] = []
    groups = _paged([2 + _CHILD.size] * len(children))
    for start, stop in groups:
        part = children[start:stop]
        count = sum(values for _, values in part)
        body = tree_body([_CHILD.pack(*child) for child in part])
        above.append((run.next, count))
        run.add(tree_page(run.next, count if len(groups) == 1 else NO_PAGE, NO_PAGE, level, VALUES_INTERNAL, body))
    return above


def _paged(sizes: list[int]) -> list[tuple[int, int]]:
    """Cut a sequence of entries of these sizes into stretches that fill a page each."""
    groups, start, used = [], 0, 0
    for at, size in enumerate(sizes):
        if used + size > CAPACITY:
            groups.append((start, at))
            start, used = at, 0
        used += size
    return [*groups, (start, len(sizes))]


def _write_chain(run: PageRun, kind: int, bodies: list[Body]) -> None:
    """Write leaves that follow each other."""
    first, last = run.next, run.next + len(bodies) - 1
    for number, body in zip(range(first, last + 1), bodies, strict=True):
        previous = number - 1 if number > first else NO_PAGE
        following = number + 1 if number < last else NO_PAGE
        run.add(tree_page(number, previous, following, 1, kind, body))

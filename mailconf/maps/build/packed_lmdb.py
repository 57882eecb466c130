"""LMDB files written from packed entries. `mailconf.maps.database.lmdb` describes the format.

They are as the library leaves them that is given sorted entries for an empty file: full pages, no free ones, and the
tree of the entries in the second meta page, as transaction 1.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from mailconf.arrays import Array, arrays
from mailconf.maps.build.packed_bdb import filled
from mailconf.maps.core.opening import Progress
from mailconf.maps.database.lmdb import BRANCH, HEADER, LEAF, MAGIC, META, VERSION
from mailconf.maps.database.lmdb_writer import SMALLEST_MAP
from mailconf.maps.database.packed import NotPacked, copy, ordered, ranges, stretches, write_at
from mailconf.tables.packed import Packed

PAGE_SIZE = 4096

_NODE = 8  # bytes before a node's key
_ROOM = PAGE_SIZE - HEADER
_LARGEST_NODE = _ROOM // 2 - 2
_LONGEST_KEY = 511
_NO_PAGE = (1 << 64) - 1
_INTEGER_KEYS = 0x08
_HEAD = struct.Struct("=Q2xHHH")
_BRANCH_NODE = struct.Struct("=HHHH")
_DATABASE = struct.Struct("=IHHQQQQQ")


def write_lmdb(file: BinaryIO, packed: Packed, *, end: bytes, progress: Progress | None = None) -> None:
    """Write a table as an LMDB file. Raises NotPacked, Repeated."""
    np = arrays()
    count = len(packed)
    sizes = _even(packed.key_length + packed.value_length + 2 * len(end) + _NODE)
    if not count or int(packed.key_length.max()) + len(end) > _LONGEST_KEY or int(sizes.max()) > _LARGEST_NODE:
        raise NotPacked
    order = ordered(packed)
    starts = np.array(filled(sizes[order] + 2, _ROOM))
    counts = np.diff(starts, append=count)
    descriptor = file.fileno()
    for part in stretches(counts):
        some = order[ranges(starts[part], counts[part])]
        _write_leaves(descriptor, packed, some, counts[part], part.start + 2, len(end))
        if progress is not None:
            progress(min(int(starts[part.start]) + len(some), count), count)
    children = [(packed.key(number) + end, page) for page, number in enumerate(order[starts].tolist(), 2)]
    leaves = len(children)
    next_page, depth = leaves + 2, 1
    while len(children) > 1:
        depth += 1
        groups = _grouped(children)
        write_at(
            descriptor, b"".join(map(_branch, groups, range(next_page, next_page + len(groups)))), next_page * PAGE_SIZE
        )
        children = [(group[0][0], next_page + number) for number, group in enumerate(groups)]
        next_page += len(groups)
    branches = next_page - 2 - leaves
    size = SMALLEST_MAP
    while size < next_page * PAGE_SIZE:
        size *= 2
    empty = _DATABASE.pack(0, 0, 0, 0, 0, 0, 0, _NO_PAGE)
    tree = _DATABASE.pack(0, 0, depth, branches, leaves, 0, count, children[0][1])
    write_at(descriptor, _meta(0, size, empty, 1, 0) + _meta(1, size, tree, next_page - 1, 1), 0)


def _even(sizes: Array) -> Array:
    return (sizes + 1) & ~1


def _meta(page: int, size: int, tree: bytes, last_page: int, transaction: int) -> bytes:
    free = _DATABASE.pack(PAGE_SIZE, _INTEGER_KEYS, 0, 0, 0, 0, 0, _NO_PAGE)
    start = _HEAD.pack(page, META, 0, 0) + struct.pack("=IIQQ", MAGIC, VERSION, 0, size)
    return (start + free + tree + struct.pack("=QQ", last_page, transaction)).ljust(PAGE_SIZE, b"\0")


def _write_leaves(descriptor: int, packed: Packed, some: Array, counts: Array, first: int, nul: int) -> None:
    """Write leaves with the numbers from ``first`` on, which have ``counts`` of the entries ``some`` in turn."""
    np = arrays()
    key_length, value_length = packed.key_length[some], packed.value_length[some]
    sizes = _even(key_length + value_length + 2 * nul + _NODE)
    before = np.cumsum(counts) - counts
    page = np.repeat(np.arange(len(counts)), counts)
    used = np.concatenate(([0], np.cumsum(sizes)))
    low = PAGE_SIZE - (used[1:] - used[before][page])
    data = np.zeros(len(counts) * PAGE_SIZE, np.uint8)
    numbers = data.view(np.uint16)
    heads = data.view("<u8").reshape(-1, PAGE_SIZE // 8)
    heads[:, 0] = np.arange(first, first + len(counts))
    lower = HEADER + 2 * counts
    upper = PAGE_SIZE - (used[before + counts] - used[before])
    heads[:, 1] = LEAF << 16 | lower << 32 | upper << 48
    base = page * PAGE_SIZE
    numbers[(base + HEADER >> 1) + np.arange(len(some)) - before[page]] = low
    at = base + low
    numbers[at >> 1] = value_length + nul
    numbers[(at >> 1) + 3] = key_length + nul
    copy(data, at + _NODE, packed.text, packed.key_at[some], key_length)
    copy(data, at + _NODE + key_length + nul, packed.text, packed.value_at[some], value_length)
    write_at(descriptor, data, first * PAGE_SIZE)


def _branch_size(key: bytes) -> int:
    return 2 + _NODE + len(key) + len(key) % 2


def _grouped(children: list[tuple[bytes, int]]) -> list[list[tuple[bytes, int]]]:
    """The children of each of the pages over them, two at least on a page."""
    groups: list[list[tuple[bytes, int]]] = [[]]
    used = 0
    for child in children:
        size = _branch_size(child[0])
        if used + size > _ROOM:
            groups.append([])
            used = 0
        groups[-1].append(child)
        used += size
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-1].insert(0, groups[-2].pop())
    return groups


def _branch(children: list[tuple[bytes, int]], number: int) -> bytes:
    """A branch: of each child the lowest key and the page; the first key is never looked at."""
    nodes, offsets, low = [], [], PAGE_SIZE
    for at, (whole, page) in enumerate(children):
        key = whole if at else b""
        node = _BRANCH_NODE.pack(page & 0xFFFF, page >> 16 & 0xFFFF, page >> 32, len(key)) + key + bytes(len(key) % 2)
        low -= len(node)
        offsets.append(low)
        nodes.append(node)
    start = _HEAD.pack(number, BRANCH, HEADER + 2 * len(children), low)
    start += struct.pack(f"={len(offsets)}H", *offsets)
    return start + b"".join(reversed(nodes)).rjust(PAGE_SIZE - len(start), b"\0")

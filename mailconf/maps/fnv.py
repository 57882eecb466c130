"""The hash function of Berkeley DB hash files: the 32-bit FNV-1 of Fowler, Noll and Vo with 0 as its start.

For each byte: multiply by 16777619, keep 32 bits, xor the byte. The start of 0 has a useful consequence: NUL bytes
*before* a key do not change its hash, so keys can be padded on the left to any width.

`hash_all` needs no compiled code: it lays the keys of one length side by side as 64-bit lanes of one big integer
(a lane holds the product, 57 bits, without a carry into the next) and works on a column of characters at a time.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict, deque
from collections.abc import Iterator

PRIME = 16777619
MASK = 0xFFFFFFFF

_LANES = 1024  # keys at a time: their integers stay in the processor's second cache
_FEW = 24  # so few keys are hashed faster one by one
_LONG = 512  # bytes; a key above is rare, and a width of its own would be a column of its own


def hash_one(key: bytes) -> int:
    """The hash of one key."""
    value = 0
    for byte in key:
        value = (value * PRIME & MASK) ^ byte
    return value


def hash_all(keys: list[bytes], end: bytes = b"", mask: int = MASK) -> Iterator[tuple[list[bytes], array[int]]]:
    """The hashes of ``keys``, each as if followed by ``end`` (empty or one NUL) and and'ed with ``mask``.
    They come in groups: (keys, their hashes).

    Every key comes once; the order within and between the groups is not that of ``keys``.
    """
    groups: defaultdict[int, list[bytes]] = defaultdict(list)
    deque(map(list.append, map(groups.__getitem__, map(len, keys)), keys), maxlen=0)
    for length in sorted(groups):
        group = groups[length]
        if len(group) < _FEW or length > _LONG:
            yield group, array("I", [hash_one(key + end) & mask for key in group])
            continue
        for start in range(0, len(group), _LANES):
            chunk = group[start : start + _LANES]
            yield chunk, _hash_lanes(chunk, length, end, mask)


def _hash_lanes(keys: list[bytes], length: int, end: bytes, mask: int) -> array[int]:
    """The hashes of keys that all have ``length`` bytes."""
    count = len(keys)
    words = max(1, (length + 7) // 8)
    pad = bytes(words * 8 - length)
    columns = memoryview(pad + pad.join(keys)).cast("Q")
    ones = int.from_bytes(b"\1\0\0\0\0\0\0\0" * count, "little")
    low32, low8 = ones * MASK, ones * 0xFF
    value = 0
    for word in range(words):
        text = int.from_bytes(columns[word::words].tobytes(), sys.byteorder)
        first = len(pad) if word == 0 else 0
        for shift in range(8 * first, 64, 8):
            value = (value * PRIME & low32) ^ (text >> shift & low8)
    for _ in end:
        value = value * PRIME & low32
    lanes = array("Q")
    lanes.frombytes((value & ones * mask).to_bytes(8 * count, "little"))
    if sys.byteorder == "big":
        lanes.byteswap()
    return array("I", lanes)

"""The hash function of Berkeley DB hash files: the 32-bit FNV-1 of Fowler, Noll and Vo with 0 as its start.

For each byte: multiply by 16777619, keep 32 bits, xor the byte. The start of 0 has a useful consequence: NUL bytes
*before* a key do not change its hash, so keys can be padded on the left to one width. Other functions of this kind
(cdb's has another multiplier and start) begin with the number that the padding turns into their start.

`hash_all` needs no compiled code: it lays keys of one width side by side as 64-bit lanes of one big integer (a lane
holds the product, 57 bits, without a carry into the next) and works on a column of characters at a time.
"""

from __future__ import annotations

import sys
from array import array
from functools import lru_cache

PRIME = 16777619
MASK = 0xFFFFFFFF

_LANES = 1024  # keys at a time: their integers stay in the processor's cache


def hash_one(key: bytes, prime: int = PRIME, start: int = 0) -> int:
    """The hash of one key."""
    value = start
    for byte in key:
        value = (value * prime & MASK) ^ byte
    return value


def hash_all(
    keys: list[bytes], end: bytes = b"", mask: int = MASK, *, prime: int = PRIME, start: int = 0
) -> array[int]:
    """The hashes of ``keys``, each as if followed by ``end`` (empty or one NUL) and and'ed with ``mask``."""
    hashes = array("I")
    for first in range(0, len(keys), _LANES):
        chunk = keys[first : first + _LANES]
        lengths = list(map(len, chunk))
        width = max(lengths)
        usual = 64 + 2 * sum(lengths) // len(chunk)
        if width <= usual:
            hashes += _hash_lanes(chunk, width, end, mask, prime, start)
            continue
        # A few keys are much longer than the rest, which would all be padded to their width.
        short = [key if len(key) <= usual else b"" for key in chunk]
        part = _hash_lanes(short, usual, end, mask, prime, start)
        for at, length in enumerate(lengths):
            if length > usual:
                part[at] = hash_one(chunk[at] + end, prime, start) & mask
        hashes += part
    return hashes


@lru_cache(maxsize=4)
def _ones(count: int) -> int:
    """A 1 in each of ``count`` lanes."""
    return int.from_bytes(b"\1\0\0\0\0\0\0\0" * count, "little")


@lru_cache(maxsize=64)
def _starts(prime: int, start: int, width: int) -> list[int]:
    """With which number to begin before 0 to ``width`` NULs, so that ``start`` is what comes out after them."""
    inverse = pow(prime, -1, MASK + 1)
    starts = [start]
    for _ in range(width):
        starts.append(starts[-1] * inverse & MASK)
    return starts


def _hash_lanes(keys: list[bytes], width: int, end: bytes, mask: int, prime: int, start: int) -> array[int]:
    """The hashes of ``keys``, none of which is longer than ``width``."""
    count = len(keys)
    words = max(1, (width + 7) // 8)
    full = 8 * words
    text = b"".join([key.rjust(full, b"\0") for key in keys])
    columns = memoryview(text).cast("Q")
    ones = _ones(count)
    low32, low8 = ones * MASK, ones * 0xFF
    value = 0
    if start:
        starts = _starts(prime, start, width)
        first_values = array("Q", [starts[width - len(key)] for key in keys])
        value = int.from_bytes(first_values.tobytes(), sys.byteorder)
    for word in range(words):
        letters = int.from_bytes(columns[word::words].tobytes(), "little")
        first = full - width if word == 0 else 0
        for shift in range(8 * first, 64, 8):
            value = (value * prime & low32) ^ (letters >> shift & low8)
    for _ in end:
        value = value * prime & low32
    lanes = array("Q")
    lanes.frombytes((value & ones * mask).to_bytes(8 * count, "little"))
    if sys.byteorder == "big":
        lanes.byteswap()
    return array("I", lanes)

"""The order in which Postfix's programs walk their hash tables.

postconf warns of undefined and unused parameters in that order. The engine seeds the hash anew in every run unless
NORANDOMIZE is set in its environment; this is the order with NORANDOMIZE, so that ours is the same in every run.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_BASIS = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = (1 << 64) - 1
_FIRST_SIZE = 13
MAX_KEYS = 10_000


def hash_order(keys: Iterable[str]) -> list[str]:
    """``keys``, given in the order of their entry into the table, in the order of a walk over it.

    Of more than `MAX_KEYS`, which no configuration has, the order is their own.
    """
    keys = list(keys)
    if len(keys) > MAX_KEYS:
        return keys
    size = _FIRST_SIZE
    buckets: list[list[tuple[int, str]]] = [[] for _ in range(size)]
    for used, key in enumerate(keys):
        if used >= size:
            old = [entry for bucket in buckets for entry in bucket]
            size = 2 * size + 1
            buckets = [[] for _ in range(size)]
            for entry in old:
                buckets[entry[0] % size].insert(0, entry)
        number = _hash(key)
        buckets[number % size].insert(0, (number, key))
    return [key for bucket in buckets for _, key in bucket]


def _hash(key: str) -> int:
    """FNV-1a over 64 bits, each byte counted one higher."""
    number = _BASIS
    for byte in key.encode("utf-8", "surrogateescape"):
        number = ((number ^ (byte + 1)) * _PRIME) & _MASK
    return number

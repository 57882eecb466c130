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
FNV_SINCE = (3, 7)


def hash_order(keys: Iterable[str], version: tuple[int, int] = FNV_SINCE) -> list[str]:
    """``keys``, given in the order of their entry into the table, in the order of a walk over it.

    ``version`` is Postfix's. Of more than `MAX_KEYS`, which no configuration has, the order is their own.
    """
    keys = list(keys)
    if len(keys) > MAX_KEYS:
        return keys
    number_of = _fnv if version >= FNV_SINCE else _pjw
    size = _FIRST_SIZE
    buckets: list[list[tuple[int, str]]] = [[] for _ in range(size)]
    for used, key in enumerate(keys):
        if used >= size:
            old = [entry for bucket in buckets for entry in bucket]
            size = 2 * size + 1
            buckets = [[] for _ in range(size)]
            for entry in old:
                buckets[entry[0] % size].insert(0, entry)
        number = number_of(key)
        buckets[number % size].insert(0, (number, key))
    return [key for bucket in buckets for _, key in bucket]


def _fnv(key: str) -> int:
    """FNV-1a over 64 bits, each byte counted one higher."""
    number = _BASIS
    for byte in key.encode("utf-8", "surrogateescape"):
        number = ((number ^ (byte + 1)) * _PRIME) & _MASK
    return number


def _pjw(key: str) -> int:
    """The hash of P. J. Weinberger, in 64 bits, of which the upper half fills."""
    number = 0
    for byte in key.encode("utf-8", "surrogateescape"):
        number = ((number << 4) + byte) & _MASK
        high = number & 0xF0000000
        number = (number ^ (high >> 24)) ^ high
    return number

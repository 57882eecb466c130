from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.maps.database import fnv


def test_hash_function_is_libdb_s() -> None:
    # Berkeley DB stores the hash of this string in every hash file.
    assert fnv.hash_one(b"%$sniglet^&\0") == 0x5E688DD1


@given(st.binary(max_size=40))
def test_nul_before_a_key_changes_nothing(key: bytes) -> None:
    assert fnv.hash_one(b"\0\0\0" + key) == fnv.hash_one(key)


@pytest.mark.parametrize("end", [b"", b"\0"])
@pytest.mark.parametrize("mask", [fnv.MASK, 0xFF])
@given(seed=st.randoms(use_true_random=False), lengths=st.lists(st.integers(0, 70), max_size=6))
def test_all_at_once_is_one_by_one(end: bytes, mask: int, seed, lengths: list[int]) -> None:
    keys = list({seed.randbytes(length) for length in lengths for _ in range(seed.choice((1, 30, 1500)))})
    seed.shuffle(keys)
    assert list(fnv.hash_all(keys, end, mask)) == [fnv.hash_one(key + end) & mask for key in keys]


def test_long_keys() -> None:
    keys = [bytes([n]) * 600 for n in range(40)] + [b"x" * 70_000]
    assert list(fnv.hash_all(keys)) == [fnv.hash_one(key) for key in keys]
    keys = [b"a", b"x" * 70_000, b"", b"b" * 65] * 300
    assert list(fnv.hash_all(keys, b"\0")) == [fnv.hash_one(key + b"\0") for key in keys]

"""Garbage collection is off within the block, and afterwards as before."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from mailconf.tables.garbage_collection import no_collection


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    yield
    gc.enable()


@pytest.mark.parametrize("was_on", [True, False])
def test_it_is_off_within_and_afterwards_as_before(was_on: bool) -> None:
    (gc.enable if was_on else gc.disable)()
    with pytest.raises(KeyError), no_collection():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled() == was_on

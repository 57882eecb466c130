"""tests/limits.py, by which the suite bounds processor time."""

from __future__ import annotations

import gc

import pytest

from tests.limits import unit, within


def test_more_than_the_limit_is_noticed() -> None:
    with pytest.raises(AssertionError, match="s are more than 1 units of"), within(1):
        unit()  # which takes several, to be exact


def test_a_garbage_collection_inside_does_not_count_what_other_tests_left() -> None:
    left = [[number] for number in range(1_000_000)]  # a collection of them takes more than a unit
    with within(0.5):
        gc.collect()
    assert gc.get_freeze_count() == 0 and len(left) == 1_000_000

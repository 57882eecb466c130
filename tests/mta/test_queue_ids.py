"""Queue ids in their long form (postconf(5) enable_long_queue_ids) are Postfix's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.mta.queue_ids import LongIds, ShortIds

# Of Postfix 3.7.11: the id, the time that it was given at, and the number of the message's file.
RECORDED = ("4jdg0z3GMGzMh0v", 1_796_080_675, 460_682, 2_614_052)


def test_as_postfix_makes_them() -> None:
    queue_id, second, microsecond, number = RECORDED
    assert LongIds().make(second + (microsecond + 0.5) / 1_000_000, number) == queue_id
    assert LongIds().serial(queue_id) == number


@given(st.integers(0, 10**9), st.floats(0, 4e9))
def test_a_queue_may_have_both_forms(serial: int, now: float) -> None:
    for made in (LongIds(), ShortIds()):
        for asked in (LongIds(), ShortIds()):
            assert asked.serial(made.make(now, serial)) == serial


@given(st.lists(st.floats(1, 4e9), min_size=2, max_size=5))
def test_ids_of_one_length_sort_by_time(times: list[float]) -> None:
    made = [LongIds().make(now, 7) for now in sorted(times)]
    assert made == sorted(made)


@pytest.mark.parametrize("wrong", ["z", "4jdg0z3GMGz", "zMh0v", "4jdg0z3GMGzA", "0000"])
def test_what_is_no_id(wrong: str) -> None:
    with pytest.raises(ValueError):
        LongIds().serial(wrong)

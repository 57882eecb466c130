"""So many connections in a second go together."""

from __future__ import annotations

from mailconf.mta.rates import Throttle


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_in_groups() -> None:
    throttle = Throttle(2, Time())
    assert [throttle.note() for _ in range(10)] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]


def test_who_comes_in_another_second_does_not_wait() -> None:
    time = Time()
    throttle = Throttle(1, time)
    assert [throttle.note() for _ in range(4)] == [0, 0, 0, 1]
    time.now += 1.5
    assert [throttle.note() for _ in range(3)] == [0, 0, 0.5]
    time.now += 5
    assert throttle.note() == 0


def test_without_a_rate_nobody_waits() -> None:
    throttle = Throttle(0, Time())
    assert not any(throttle.note() for _ in range(1000))

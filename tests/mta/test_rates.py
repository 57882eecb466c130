"""What clients do within a time: counted by client and activity, bounded whatever comes."""

from __future__ import annotations

import tracemalloc

from mailconf.model.limits import Activity
from mailconf.mta.rates import Doings, client_of


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_time_begins_with_the_first_that_a_client_does() -> None:
    clock = Clock()
    doings = Doings(clock=clock)
    assert [doings.note("a", Activity.MESSAGE, 60) for _ in range(3)] == [1, 2, 3]
    assert doings.note("b", Activity.MESSAGE, 60) == doings.note("a", Activity.LOGIN, 60) == 1
    clock.now += 60
    assert doings.note("a", Activity.MESSAGE, 60) == 4
    assert doings.seen("a", Activity.LOGIN, 60) == 1
    clock.now += 0.1
    assert doings.seen("a", Activity.LOGIN, 60) == 0
    assert doings.note("a", Activity.MESSAGE, 60) == 1


def test_what_is_over_is_forgotten() -> None:
    clock = Clock()
    doings = Doings(clock=clock)
    for number in range(1000):
        doings.note(str(number), Activity.CONNECTION, 60)
    clock.now += 61
    for number in range(1000):
        doings.note(f"x{number}", Activity.CONNECTION, 60)
    assert len(doings) <= 1001


def test_a_million_addresses_have_their_bound() -> None:
    doings = Doings(most=500)
    tracemalloc.start()
    try:
        for number in range(1000):
            doings.note(f"2001:db8::{number:x}", Activity.CONNECTION, 60)
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1000, 30_000):
            doings.note(f"2001:db8::{number:x}", Activity.CONNECTION, 60)
        assert tracemalloc.get_traced_memory()[0] < before + 100_000
    finally:
        tracemalloc.stop()
    assert len(doings) == 500
    assert doings.seen("2001:db8::752f", Activity.CONNECTION, 60) == 1  # the last ones are those that are known


def test_whom_an_address_belongs_to() -> None:
    assert client_of("192.0.2.7", 32, 84) == "192.0.2.7"
    assert client_of("192.0.2.7", 24, 84) == "192.0.2.0/24"
    assert client_of("2001:db8::1234:0:0:7", 32, 84) == client_of("2001:db8::1234:0:5:9", 32, 84)
    assert client_of("2001:db8:0:0:1000::7", 32, 84) != client_of("2001:db8:0:0:2000::7", 32, 84)
    assert client_of("unknown", 24, 84) == "unknown"

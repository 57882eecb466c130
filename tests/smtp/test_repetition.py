"""Commands that are repeated wait longer and longer."""

from __future__ import annotations

from mailconf.smtp.events import Slowed
from mailconf.smtp.repetition import LONGEST, Repetition


def waits(repetition: Repetition, verb: str, count: int, *, closed: bool = False) -> list[float]:
    found = [repetition.note(verb, closed=closed) for _ in range(count)]
    return [0 if slowed is None else slowed.seconds for slowed in found]


def test_the_wait_is_doubled_up_to_a_bound() -> None:
    seconds = waits(Repetition(1), "NOOP", 2000)
    assert seconds[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240]
    assert set(seconds[8:]) == {LONGEST}


def test_each_kind_has_its_number() -> None:
    assert waits(Repetition(0), "NOOP", 50) == [0] * 50
    assert waits(Repetition(20), "NOOP", 21) == [0] * 19 + [1, 2]
    assert waits(Repetition(20), "EHLO", 4) == [0, 0, 1, 2]
    assert waits(Repetition(20), "ETRN", 9) == [0] * 7 + [1, 2]
    assert waits(Repetition(20), "RSET", 99) == [0] * 99


def test_vrfy_and_expn_are_counted_together() -> None:
    repetition = Repetition(20)
    assert waits(repetition, "VRFY", 3) == [*waits(repetition, "EXPN", 2), 0]
    assert repetition.note("EXPN") == Slowed(1.0, "EXPN", 6, True)
    assert repetition.note("VRFY") == Slowed(2.0, "VRFY", 7, False)


def test_what_is_refused_anyhow_waits_by_the_number() -> None:
    repetition = Repetition(20)
    assert waits(repetition, "VRFY", 18, closed=True) == [0] * 5 + [1] * 6 + [2] * 6 + [3]
    assert waits(repetition, "ETRN", 50, closed=True) == [0] * 50
    assert max(waits(repetition, "VRFY", 5000, closed=True)) == LONGEST

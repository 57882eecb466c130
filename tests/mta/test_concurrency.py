"""How many deliveries go to one destination at a time, as with the real qmgr(8) (tests/vectors/concurrency.jsonl)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.model.transport import Concurrency, Feedback
from mailconf.mta.destinations import LANE, Destination, Destinations
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.vectors.record_concurrency import MESSAGES, REACHED, STEPS, UNREACHED
from tests.vectors.store import load

VECTORS = load("concurrency")


class Line:
    """MESSAGES deliveries to one destination by a configuration; ``active`` are those under way."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        (folder / "master.cf").write_text("smtp unix - - n - - smtp\n")
        site = site_of(Configuration.load(str(folder), Sink()))
        self.all: Destinations[int] = Destinations()
        limit = site.concurrency("smtp") or LANE
        self.destination = self.all.get("smtp", "far.example", limit, 0.0, site.transports["smtp"].change)
        for number in range(MESSAGES):
            self.all.put(self.destination, number)
        self.begun = 0
        self.go()

    def go(self) -> None:
        self.begun += len(list(self.all.ready(0.0)))

    @property
    def active(self) -> int:
        return self.destination.active

    def reached(self) -> None:
        self.destination.reached()
        self.all.ended(self.destination, 0.0)
        self.go()

    def unreached(self) -> None:
        if self.destination.unreached():
            self.all.set_aside(self.destination, 300.0, "4.4.1", "")
        self.all.ended(self.destination, 0.0)
        self.go()


def test_what_was_recorded() -> None:
    assert VECTORS.head.version == "3.7.11" and not VECTORS.left_out
    assert len(VECTORS.cases) == len(REACHED) + len(UNREACHED)


@pytest.mark.parametrize("number", range(len(REACHED) + len(UNREACHED)))
def test_as_recorded(number: int, tmp_path: Path) -> None:
    case = VECTORS.cases[number]
    line = Line(tmp_path, case["settings"])
    if case["kind"] == "reached":
        found = [line.active]
        for _ in range(STEPS):
            line.reached()
            found.append(line.active)
        assert found == case["begun"]
    else:
        first, failed = line.destination.width, 0
        while failed < MESSAGES and not line.destination.until:
            line.unreached()
            failed += 1
        tried = min(case["begun"][0], MESSAGES)  # some of them a second time, where that took long
        assert failed <= tried < failed + first


def test_one_that_was_set_aside_begins_anew() -> None:
    """As wide as at first, and with nothing counted, at its time or when that is forgiven."""
    for forgiven in (False, True):
        all: Destinations[int] = Destinations()
        change = Concurrency(first=2)
        destination = all.get("smtp", "a", 20, 0.0, change)
        for number in range(20):
            all.put(destination, number)
        list(all.ready(0.0))
        for _ in range(6):
            destination.reached()
            all.ended(destination, 0.0)
            list(all.ready(0.0))
        assert destination.width == 8
        while not destination.unreached():
            pass
        all.set_aside(destination, 300.0, "4.4.1", "")
        if forgiven:
            all.forgive()
        again = all.get("smtp", "a", 20, 1.0 if forgiven else 300.0, change)
        assert (again.width, again.failed, again.until) == (2, 0.0, 0.0)


def test_a_reload_changes_what_holds() -> None:
    all: Destinations[int] = Destinations()
    destination = all.get("smtp", "a", 20, 0.0, Concurrency())
    assert destination.width == 5
    all.put(destination, 1)
    assert all.get("smtp", "a", 3, 0.0, Concurrency()) is destination and destination.width == 3
    assert all.get("smtp", "a", 3, 0.0, Concurrency(first=2)).width == 2


def test_it_never_ends_at_nothing() -> None:
    """However many do not reach it, where it is never set aside; and no success makes it wider than its limit."""
    destination: Destination[int] = Destination("smtp", "a", 4, Concurrency(cohorts=0))
    for _ in range(100):
        assert not destination.unreached() and 1 <= destination.width <= 4
    destination.active = 100
    for _ in range(100):
        destination.reached()
    assert destination.width == 4
    assert Feedback(1.0, True).at(4) == 0.25 and Feedback(0.5).at(9) == 0.5

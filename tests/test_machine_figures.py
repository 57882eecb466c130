"""What tests/machines/figures.py takes from a log, and what docs/machines.md makes of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
sys.path.insert(0, str(TOP / "docs"))
sys.path.insert(0, str(TOP / "tests/machines"))

from figures import read_log  # noqa: E402
from machine_figures import page  # noqa: E402

LOG = """\
machines: trixie: debootstrap took 49 s
machines: Debian 13.8, Python 3.13.5, GNU Make 4.4.1
The demo runs as root below .demo/.
machines: trixie: make demo took 12 s
........s.F [100%]
=================================== FAILURES ===================================
=========================== short test summary info ============================
FAILED tests/a/test_b.py::test_c[x y] - AssertionError: 1 in 2.5s
1 failed, 10150 passed, 1 skipped, 346 warnings in 1338.58s (0:22:18)
make: *** [Makefile:19: test] Error 1
machines: trixie: make test failed after 1343 s
engine: postfix 3.10.13-0+deb13u1
engine: mutt is missing
=============== 2 passed, 1 error in 7.25s ===============
ERROR tests/live/test_d.py
machines: trixie: make live took 8 s
deploy: probe: uid 997, and so on
deploy: log: to=<a@example.org>, relay=virtual, delay=0.05, delays=0.02/0/0/0.03, dsn=2.0.0, status=sent (x)
deploy: service: Debian 13.8, Python 3.13.5, systemd 257 (257.13-1): passed after 117 s
""".splitlines()


def test_a_log() -> None:
    found = read_log(LOG)
    assert list(found) == ["trixie demo", "trixie test", "trixie live", "deploy service Debian 13.8"]
    test = found["trixie test"]
    assert (test["passed"], test["failed"], test["skipped"], test["well"]) == (10150, 1, 1, False)
    assert test["problems"] == ["tests/a/test_b.py::test_c[x y]"]
    assert (test["python"], test["debian"], test["seconds"], test["engines"]) == ("3.13.5", "13.8", 1343, {})
    live = found["trixie live"]
    assert (live["passed"], live["failed"], live["engines"]) == (2, 1, {"postfix": "3.10.13-0+deb13u1"})
    assert live["problems"] == ["tests/live/test_d.py"]
    assert found["deploy service Debian 13.8"]["seen"] == [
        "uid 997, and so on",
        "to=<a@example.org>, relay=virtual, dsn=2.0.0, status=sent (x)",
    ]


def test_single_files_are_no_figures() -> None:
    single = [line.replace("make live took", "make live of tests/live/test_d.py took") for line in LOG[-6:-3]]
    assert single[-1] == "machines: trixie: make live of tests/live/test_d.py took 8 s"
    assert read_log([*single, *LOG]) == read_log(LOG) and read_log(single) == {}


def test_a_run_that_was_cut_off_has_no_figures() -> None:
    with pytest.raises(ValueError, match="make live has no line"):
        read_log(["machines: trixie: make live failed after 8 s"])


def test_what_does_not_pass_needs_a_reason() -> None:
    figures = read_log(LOG)
    reasons = {"trixie": {"test skipped": "why not", "tests/a/test_b.py::test_c": "slow"}}
    with pytest.raises(KeyError, match=r"test_d\.py"):
        page("note", figures, reasons)
    reasons["trixie"]["tests/live/test_d.py"] = "broken"
    text = page("note", figures, reasons)
    assert "| 13.8 | 3.13.5 | test | 10150 | 1 | 1 | 22.4 |" in text
    assert "- trixie, `tests/live/test_d.py` (1): broken" in text and "Skipped in trixie, make test: why not" in text
    assert "service, Debian 13.8, Python 3.13.5, systemd 257 (257.13-1), in 117 s:" in text
    twice = page("note", {**figures, "deploy service Debian 12": {"machine": "M", "seen": [], "seconds": 1}}, reasons)
    assert "service, Debian 13.8, " in twice and "service, M, in 1 s:" in twice
    assert "| postfix | 3.10.13-0+deb13u1 |" in text

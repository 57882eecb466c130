"""What tests/live/proof_figures.py takes from a run of make proof, and what docs/proof.md makes of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.live.proof_figures import figures

sys.path.insert(0, str(Path(__file__).parent.parent / "docs"))

from proof_figures import page

LOG = """\

smtpd_check.in, DNS: 136 of 136 lines agree
     406 warning
.
lines at random: 6040, of which 6039 agree
.mac_expand: 3,443 templates
util/x_test: 20 of 21 cases agree
bounce/x: 12 lines; missing in ours: notices of queue files
recipients asked, all but 0 with the program's reply, and warnings in serve's log: {'serve': 5, 'warnings': 7}
FAILED tests/live/test_a.py::test_b[x y] - AssertionError: 1 in 2.5s
1 failed, 4 passed in 17.6s
""".splitlines()


def test_a_run() -> None:
    found = figures(LOG)
    assert found["suites"] == {
        "smtpd_check.in, DNS": [136, 136],
        "lines at random": [6039, 6040],
        "util/x_test": [20, 21],
        "recipients through serve": [5, 5],
        "warnings in serve's log": [7, 7],
    }
    assert found["missing"] == {"bounce/x": [12, "notices of queue files"]}
    assert (found["passed"], found["failed"], found["seconds"], found["problems"]) == (4, 1, 18, ["test_b[x y]"])
    text = page("", {"test_a.py": found})
    assert "4 passed, 1 failed, 0 skipped, in 18 seconds." in text
    assert "- Failed: `test_b[x y]`" in text
    assert "| lines at random | 6,040 | 6,039 |" in text
    assert "| all | 6,209 | 6,207 |" in text
    assert "| bounce/x | 12 | notices of queue files |" in text


def test_differences_through_serve_are_not_hidden() -> None:
    line = (
        "recipients asked, all but 2 with the program's reply, and warnings in serve's log: {'serve': 5, 'policy': 5}"
    )
    found = figures([line, "1 failed in 1.0s"])
    assert found["suites"] == {"recipients through serve, explain and the Policy": [8, 10]}


def test_a_run_that_was_cut_off_is_no_run() -> None:
    with pytest.raises(ValueError, match="last line"):
        figures(LOG[:-1])

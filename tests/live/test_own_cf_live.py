"""Our own sendmail.cf against the library's, under the real sendmail: a sample of tests/live/compare_cf.py."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.cf_sites import SITES

TOP = Path(__file__).parents[2]
BOUND = 0.2  # per cent that may differ: docs/departures.md


@pytest.mark.live
def test_a_sample_of_decisions_is_alike() -> None:
    words = [sys.executable, "-m", "tests.live.compare_cf", "--sample", "400", "--mixed", "2", "--seed", "1"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=TOP, check=False)
    last = re.search(r"^all: (\d+) of (\d+) alike .*, (\d+) accepted by ours alone$", done.stdout, re.MULTILINE)
    assert last, done.stdout + done.stderr
    alike, asked, accepted = map(int, last.groups())
    assert asked == 400 * (len(SITES) + 2), done.stdout
    assert accepted == 0, done.stdout
    assert 100 * (asked - alike) / asked <= BOUND, done.stdout

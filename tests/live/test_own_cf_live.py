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


@pytest.mark.live
def test_our_interpreter_decides_on_our_own_cf_as_the_real_one() -> None:
    words = [sys.executable, "-m", "tests.live.compare_cf", "--interpreter", "--sample", "150", "--seed", "1"]
    words += ["--sites", "everyday,secure,session,uucp", "-v"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=TOP, check=False)
    assert re.search(r"^all: 600 of 600 alike", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.live
def test_smtp_is_answered_as_with_the_librarys_cf() -> None:
    """By the real sendmail with our own .cf, and by ours with it."""
    words = [sys.executable, "-m", "tests.live.compare_own_smtp", "--sessions", "11", "--sites", "everyday", "-v"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=TOP, check=False)
    found = re.search(r"^all: (\d+) of (\d+) replies alike$", done.stdout, re.MULTILINE)
    assert found and found[1] == found[2] and int(found[2]) > 200, done.stdout + done.stderr

"""A sample of what tests/live/compare_draws.py compares, from a fixed seed: configurations made up by dice."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    "asked",
    [("--sites", "4", "--prompts", "150"), ("--sites", "4", "--sessions", "12"), ("--sites", "2", "--mutants", "15")],
    ids=lambda asked: asked[2],
)
def test_both_answer_the_same(asked: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "tests.live.compare_draws", "--seed", "fixed", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " of " in done.stdout.splitlines()[-1]

"""Clients are tested by the real postscreen and by ours, with the same answers and the same lines in the log."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.live


def test_clients_are_tested_alike() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        script = str(Path(__file__).with_name("screen_side.py"))
        done = subprocess.run([sys.executable, script, top], capture_output=True, text=True, timeout=600)
    *differences, played = done.stdout.splitlines() or [""]
    assert (differences, done.returncode) == ([], 0), done.stderr[-2000:]
    assert int(played) > 15

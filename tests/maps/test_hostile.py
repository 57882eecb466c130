"""Damaged maps are answered or refused, soon and in little memory, by every reader and tool; see hostile.py.

MAILCONF_MUTATIONS says how many of each type are tried: ``MAILCONF_MUTATIONS=100000`` is the full run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = os.environ.get("MAILCONF_MUTATIONS", "150")
PROGRAM = Path(__file__).with_name("hostile.py")


@pytest.mark.parametrize("kind", ["hash", "btree", "cdb", "lmdb"])
def test_mutations(kind: str) -> None:
    done = subprocess.run([sys.executable, PROGRAM, kind, COUNT, "1"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{kind}: {COUNT} mutations, slowest " in done.stdout


def test_what_is_too_slow_or_too_large_is_noticed(tmp_path: Path) -> None:
    """The limits are real."""
    script = """
import sys, hostile
from mailconf.maps.database.cdb import CdbFile
loops = sys.argv[1] == "loops"
def items(self):
    text = b"x"
    while loops or len(text) < 1 << 30:
        text = text if loops else text * 2
    yield text, text
real = hostile.limit_memory
hostile.limit_memory = lambda: (real(), setattr(CdbFile, "items", items))
sys.exit(hostile.main("cdb", 3, 1))
"""
    for mode, word in (("loops", "items: Unfit('more than 1.0 s')"), ("grows", "items: MemoryError()")):
        environment = {**os.environ, "PYTHONPATH": str(PROGRAM.parent), "TMPDIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", script, mode], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 1
        assert word in done.stdout

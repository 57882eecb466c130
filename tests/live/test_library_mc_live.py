"""The .mc files that come with sendmail's library, in both programs: a sample of tests/live/compare_library_mc.py.

With MAILCONF_PROOF=1 all of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SAMPLE = ["generic-linux", "uucpproto", "knecht", "clientproto", "sendmail", "submit"]


@pytest.mark.live
def test_both_answer_alike() -> None:
    names = [] if os.environ.get("MAILCONF_PROOF") == "1" else SAMPLE
    words = [sys.executable, "-m", "tests.live.compare_library_mc", "-v", *names]
    done = subprocess.run(words, capture_output=True, text=True, cwd=TOP, check=False)
    last = re.search(r"^(\d+) \.cf: (\d+) of (\d+) answers alike$", done.stdout, re.MULTILINE)
    assert last, done.stdout + done.stderr
    files, alike, asked = map(int, last.groups())
    print(last[0])
    assert alike == asked, done.stdout
    assert files >= (len(names) or 30)
    assert asked == 402 * files

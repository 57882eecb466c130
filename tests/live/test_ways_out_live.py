"""The real smtp(8) and ours send the same on the same ways."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

sys.path.insert(0, str(Path(__file__).parent.parent / "mta"))

from test_ways_out import at_random, differing

from tests.vectors.record_ways_out import record
from tests.vectors.ways_out import PLAIN, SEVEN, WAYS, Case

pytestmark = pytest.mark.live

_SAMPLE = ("fallback, RCPT 450", "greeting 554, final", "a local address", "lines of 100", "8-bit, parts")


def test_ways(tmp_path: Path) -> None:
    chosen = random.Random(20_26)
    cases = {name: WAYS[name] for name in _SAMPLE}
    for number in range(5):
        content = PLAIN + b"MIME-Version: 1.0\n" + at_random(chosen) + b"\xc3\xa9\n"
        cases[f"at random, {number}"] = Case({}, {"EHLO": SEVEN}, content=content)
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            found = record(postfix, cases)
    for (name, case), theirs in zip(cases.items(), found, strict=True):
        assert differing(case, theirs, tmp_path) == [], name

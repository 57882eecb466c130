"""The decisions of smtpd(8), line by line, against those of Postfix's own test program for them, smtpd_check.

tests/vectors/record_smtpd_lines.py has recorded them; tests/live/test_smtpd_suites.py asks the program for many more.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mailconf.files import Memory
from tests.vectors.store import load

sys.path[:0] = [str(Path(__file__).parents[1] / "live")]

from smtpd_compared import Compared, ZoneWorld  # noqa: E402
from smtpd_scripts import Answered, Script  # noqa: E402

VECTORS = load("smtpd_lines")
_PARTS = 40


def _differences(case: dict[str, Any]) -> list[Compared]:
    common = VECTORS.head.common
    tree = Memory({f"/top/{name}": text for name, text in common["files"].items()})
    recorded = [Answered(a["line"], a["reply"], tuple(a["log"])) for a in case["answers"]]
    ours = Script(ZoneWorld(common["dns"], tree)).answers(line.replace("@TOP@", "/top") for line in case["script"])
    plain = (
        Answered(
            answer.line.replace("/top", "@TOP@"),
            answer.reply,
            tuple(entry.replace("/top/", "@TOP@/") for entry in answer.log),
        )
        for answer in ours
    )
    pairs = [Compared(theirs, mine) for theirs, mine in zip(recorded, plain, strict=False)]
    assert [pair.engine.line for pair in pairs] == [pair.ours.line for pair in pairs]
    return [pair for pair in pairs if pair.is_asked and not pair.agrees]


@pytest.mark.parametrize("part", range(_PARTS))
def test_each_line_is_answered_as_recorded(part: int) -> None:
    for case in VECTORS.cases[part::_PARTS]:
        found = _differences(case)
        assert not found, (found[0], case["script"])

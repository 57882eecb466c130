"""What we send to mail filters, and what comes of their answers, is what sendmail does
(tests/vectors/sendmail_milters.jsonl)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.sendmail.policy.sendmail_milter_side import answers, comparable
from tests.vectors.sendmail_milter_cases import cases
from tests.vectors.store import load

VECTORS = load("sendmail_milters")
RECORDED = VECTORS.keyed("name")
# Where ours is another answer on purpose (docs/departures.md).
DEPARTURES = {
    "R answers badly, F=T, ": {"replies", "log"},
    "R answers badly, F=R, ": {"replies", "log"},
    "R answers badly, F=4, ": {"replies", "log"},
    "M hangs up, F=4, ": {"log"},
    "E hangs up, F=4, ": {"replies", "log"},
}


def test_as_recorded() -> None:
    differences: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:  # users look for files in it, with their own rights
        Path(folder).chmod(0o755)
        for case, answer in zip(cases(), answers(Path(folder), cases()), strict=True):
            theirs, ours = comparable(RECORDED[case["name"]]), comparable(answer)
            found = {key for key in ours if theirs[key] != ours[key]}
            if found != DEPARTURES.get(case["name"], set()):
                differences += [(case["name"], key, theirs[key], ours[key]) for key in found]
    assert VECTORS.head.version == "8.17.1.9"
    assert not differences, "\n".join(map(str, differences[:10])) + f"\n{len(differences)} differ"

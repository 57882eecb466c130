"""What we send to mail filters, and what comes of their answers, is what Postfix does (tests/vectors/milters.jsonl)."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent)]

from tests.milter_side import Ours, comparable, departs  # noqa: E402
from tests.vectors.milter_cases import Case, cases  # noqa: E402
from tests.vectors.store import load  # noqa: E402

VECTORS = load("milters")
RECORDED = VECTORS.keyed("name")


def groups() -> dict[str, list[Case]]:
    """The cases by the first word of their names, or the letter of the event."""
    found: dict[str, list[Case]] = {}
    for case in cases():
        if not case.submitted:
            found.setdefault(re.split(r"[ :,]", case.name)[0], []).append(case)
    return found


def test_the_recording_is_of_these_cases() -> None:
    assert VECTORS.head.version == "3.7.11"
    assert set(RECORDED) == {case.name for case in cases()}


@pytest.mark.parametrize("group", groups())
def test_as_recorded(group: str, tmp_path: Path) -> None:
    some = groups()[group]
    differences: list[Any] = []
    for case, answer in zip(some, Ours(tmp_path).answers(some), strict=True):
        theirs, ours = comparable(RECORDED[case.name]), comparable(answer)
        found = {key: (theirs[key], ours[key]) for key in theirs if theirs[key] != ours[key]}
        if set(found) != departs(case):
            differences.append((case.name, found))
    assert not differences, (
        "\n".join(
            f"{name}: {key}\n   theirs {theirs}\n   ours   {ours}"
            for name, found in differences[:20]
            for key, (theirs, ours) in found.items()
        )
        + f"\n{len(differences)} differ"
    )

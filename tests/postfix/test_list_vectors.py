"""Replays what the real Postfix said to list_scenarios.py (the folders of tests/vectors/lists) against our Policy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "vectors"))

from policy_replay import differences, report

from tests.vectors.policy_scenarios import Scenario
from tests.vectors.store import load


@pytest.mark.parametrize("case", load("lists").cases, ids=lambda case: case["name"])
def test_lists_and_origins_are_read_as_recorded(case: dict[str, Any], tmp_path: Path) -> None:
    found = differences(Scenario.recorded(case), case["answers"], tmp_path)
    assert not found, report(found)

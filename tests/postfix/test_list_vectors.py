"""Replays what the real Postfix said to list_scenarios.py (tests/vectors/lists.json) against our Policy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from list_scenarios import scenarios  # noqa: E402
from policy_replay import differences, report  # noqa: E402
from policy_scenarios import Scenario  # noqa: E402

RECORDED = {entry["name"]: entry["answers"] for entry in json.loads((VECTORS / "lists.json").read_text())["scenarios"]}
SCENARIOS = scenarios()


def test_every_scenario_is_recorded() -> None:
    assert {s.name: len(s.sessions) for s in SCENARIOS} == {name: len(answers) for name, answers in RECORDED.items()}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_lists_and_origins_are_read_as_recorded(scenario: Scenario, tmp_path: Path) -> None:
    found = differences(scenario, RECORDED[scenario.name], tmp_path)
    assert not found, report(found)

"""Replays what the real Postfix said (the folders of tests/vectors/policy, by record_policy.py) against our Policy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "vectors"))

from policy_replay import differences, report

from tests.vectors.policy_scenarios import Scenario
from tests.vectors.policy_server import PolicyServer
from tests.vectors.store import load


@pytest.mark.parametrize("case", load("policy").cases, ids=lambda case: case["name"])
def test_policy_answers_as_recorded(case: dict[str, Any], tmp_path: Path) -> None:
    scenario = Scenario.recorded(case)
    with PolicyServer(scenario.answers) as service:
        found = differences(scenario, case["answers"], tmp_path, service.port if scenario.answers else 0)
    assert not found, report(found)

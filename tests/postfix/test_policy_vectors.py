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
from tests.vectors.store import load, versions_of

VECTORS = load("policy")
OTHERS = {version: load(f"policy_others@{version}").keyed("name") for version in versions_of("policy_others")}


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: case["name"])
def test_policy_answers_as_recorded(case: dict[str, Any], tmp_path: Path) -> None:
    scenario = Scenario.recorded(case)
    with PolicyServer(scenario.answers) as service:
        found = differences(scenario, case["answers"], tmp_path, service.port if scenario.answers else 0)
    assert not found, report(found)


@pytest.mark.parametrize(
    ("version", "name"),
    [(version, name) for version in OTHERS for name, case in OTHERS[version].items() if case["otherwise"]],
)
def test_policy_answers_as_other_versions(
    version: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sessions that a version answers otherwise; all others as recorded first."""
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", version)
    case, otherwise = VECTORS.keyed("name")[name], OTHERS[version][name]["otherwise"]
    scenario = Scenario.recorded(case)
    answers = [otherwise.get(str(number), answer) for number, answer in enumerate(case["answers"])]
    assert answers != case["answers"]
    with PolicyServer(scenario.answers) as service:
        found = differences(scenario, answers, tmp_path, service.port if scenario.answers else 0)
    assert not found, report(found)

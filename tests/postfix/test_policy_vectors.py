"""Replays what the real Postfix said (tests/vectors/policy.json, by record_policy.py) against our Policy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from policy_replay import differences, report  # noqa: E402
from policy_scenarios import Scenario, scenarios  # noqa: E402
from policy_server import PolicyServer  # noqa: E402
from refusal_scenarios import refusals  # noqa: E402

RECORDED = {entry["name"]: entry["answers"] for entry in json.loads((VECTORS / "policy.json").read_text())["scenarios"]}
OTHERS = json.loads((VECTORS / "policy_others.json").read_text())
SCENARIOS = [*scenarios(), *refusals()]


def test_every_scenario_is_recorded() -> None:
    assert {s.name: len(s.sessions) for s in SCENARIOS} == {name: len(answers) for name, answers in RECORDED.items()}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_policy_answers_as_recorded(scenario: Scenario, tmp_path: Path) -> None:
    with PolicyServer(scenario.answers) as service:
        found = differences(scenario, RECORDED[scenario.name], tmp_path, service.port if scenario.answers else 0)
    assert not found, report(found)


@pytest.mark.parametrize(("version", "name"), [(version, name) for version in OTHERS for name in OTHERS[version]])
def test_policy_answers_as_other_versions(
    version: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sessions that a version answers otherwise; all others as recorded first."""
    monkeypatch.setenv("MAILCONF_POSTFIX_VERSION", version)
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    answers = [OTHERS[version][name].get(str(number), answer) for number, answer in enumerate(RECORDED[name])]
    assert answers != RECORDED[name]
    with PolicyServer(scenario.answers) as service:
        found = differences(scenario, answers, tmp_path, service.port if scenario.answers else 0)
    assert not found, report(found)

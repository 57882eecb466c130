"""Sessions with the real smtpd(8), recorded by tests/vectors/record_sessions.py, held with ours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "vectors"))

from policy_replay import differences, report

from tests.vectors.policy_scenarios import Scenario
from tests.vectors.store import load

VECTORS = load("sessions")


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: case["name"])
def test_replies_and_log_are_those_of_the_real_smtpd(case: dict[str, Any], tmp_path: Path) -> None:
    found = differences(Scenario.recorded(case), case["answers"], tmp_path)
    assert not found, report(found)

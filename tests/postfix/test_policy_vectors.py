"""Replays what the real Postfix said (tests/vectors/policy.json, by record_policy.py) against our Policy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from dialogue import Dialogue  # noqa: E402
from policy_replay import open_site  # noqa: E402
from policy_scenarios import Scenario, scenarios  # noqa: E402
from policy_server import PolicyServer  # noqa: E402
from refusal_scenarios import refusals  # noqa: E402

from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.postfix.policy import PostfixPolicy  # noqa: E402

RECORDED = {entry["name"]: entry["answers"] for entry in json.loads((VECTORS / "policy.json").read_text())["scenarios"]}
SCENARIOS = [*scenarios(), *refusals()]


def test_every_scenario_is_recorded() -> None:
    assert {s.name: len(s.sessions) for s in SCENARIOS} == {name: len(answers) for name, answers in RECORDED.items()}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_policy_answers_as_recorded(scenario: Scenario, tmp_path: Path) -> None:
    with PolicyServer(scenario.answers) as service:
        policy, world = open_site(scenario, tmp_path, service.port if scenario.answers else 0)
        differences = compared(scenario, policy, world)
    assert not differences, report(differences)


def compared(
    scenario: Scenario, policy: PostfixPolicy, world: FileWorld
) -> list[tuple[list[str], list[str], list[str]]]:
    """The sessions that are answered otherwise, with what the original said and what we say."""
    differences = []
    for session, recorded in zip(scenario.sessions, RECORDED[scenario.name], strict=True):
        dialogue = Dialogue(policy, world)
        pending = False
        replies = []
        for command in session:
            if command == "." and not pending:
                continue
            replies.append(dialogue.command(command))
            pending = replies[-1].startswith("354")
        if replies != recorded["replies"]:
            differences.append((session, recorded["replies"], replies))
        elif dialogue.log != recorded["log"]:
            differences.append((session, recorded["log"], dialogue.log))
    return differences


def report(differences: list[tuple[list[str], list[str], list[str]]]) -> str:
    lines = [f"{len(differences)} sessions differ"]
    for session, theirs, ours in differences[:40]:
        lines.append(f"\n{session}")
        lines += [f"  real {a!r}\n  ours {b!r}" for a, b in zip(theirs, ours, strict=False) if a != b]
        if len(theirs) != len(ours):
            lines.append(f"  real {theirs[len(ours) :]}\n  ours {ours[len(theirs) :]}")
    return "\n".join(lines)

"""Parameters that change little are those of the real smtpd (tests/vectors/switches.jsonl, by record_switches.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from secured_fixture import SecuredListener
from test_auth_vectors import LIMITS, PRIVATE
from test_rate_vectors import play, shown

from tests.vectors.store import load
from tests.vectors.switch_dialogues import SWITCHES

VECTORS = load("switches")
# Commands are not replaced yet.
NOT_SERVED = {"smtpd_command_filter"}


@pytest.mark.parametrize("name", [name for name, case in SWITCHES.items() if NOT_SERVED.isdisjoint(case.settings)])
def test_as_recorded(name: str, tmp_path: Path) -> None:
    case, recorded = SWITCHES[name], VECTORS.keyed("name")[name]["answers"]
    settings = {**VECTORS.head.common["settings"], **PRIVATE, **LIMITS, **case.settings}
    with SecuredListener(tmp_path, settings) as ours:
        for steps, theirs in zip(case.sessions, recorded, strict=True):
            since = len(ours.lines)
            assert play(ours, steps, theirs["replies"], tmp_path) == theirs["replies"]
            ours.await_line("disconnect from", since)
            assert shown(ours.lines[since:], tmp_path) == shown(theirs["log"], tmp_path)

"""The modes of the sendmail command against what sendmail answered: tests/vectors/modes.jsonl.

Sessions and daemons are run by tests/live/test_sendmail_modes_live.py, and so are calls of other users than root that
queue something.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.modes_fixture import Modes
from tests.vectors.modes_departures import departure
from tests.vectors.modes_site import comparable, settled
from tests.vectors.store import load

RECORDED = load("modes")
_PROCESS = re.compile(r"-b[sdD]")


def _is_here(case: dict[str, Any]) -> bool:
    """Whether the case can be run in this process: it neither talks nor serves, nor needs another user's queue."""
    if case["site"].get("joes") or case["site"].get("modes", {}).get("queue"):
        return False
    for call in case["calls"]:
        words = call["words"]
        if words == ["-bv", "-v", "team"]:  # reads a file as its user, who may not enter the test's folder
            return False
        if "talk" in call or call.get("daemon") or call["tool"] in ("smtpd", "praliases"):
            return False
        if any(_PROCESS.match(word) for word in words) or any(word in ("/dev/null", "/tmp") for word in words):
            return False
        if any("QueueDirectory=/tmp" in word or word.startswith("/etc/x") or "queue/x" in word for word in words):
            return False
    return True


CASES = [case for case in RECORDED.cases if _is_here(case)]
AGREEING = [case for case in CASES if not departure(case)]
DEPARTING = [case for case in CASES if departure(case)]


def _name(case: dict[str, Any]) -> str:
    return f"{case['number']} {case['group']} {' '.join(case['calls'][0]['words'])}"[:60]


def _shown(answers: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [(settled(each["out"]), re.sub(r"\S*/(?=\w+: )", "", each["err"]), each["status"]) for each in answers]


@pytest.fixture
def modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Modes:
    return Modes(tmp_path, monkeypatch)


@pytest.mark.skipif(os.geteuid() != 0, reason="the recordings are root's")
@pytest.mark.parametrize("case", AGREEING, ids=_name)
def test_it_answers_as_sendmail(modes: Modes, case: dict[str, Any]) -> None:
    found = modes.run(case)
    assert _shown(found["answers"]) == _shown(case["answers"])
    assert found["queue"] == comparable(case["queue"])
    assert found["left"] == case["left"]


@pytest.mark.skipif(os.geteuid() != 0, reason="the recordings are root's")
@pytest.mark.parametrize("case", DEPARTING, ids=_name)
def test_what_departs_is_a_plain_answer(modes: Modes, case: dict[str, Any]) -> None:
    """A departure still ends with one of sendmail's statuses, and nothing that it does not send is queued."""
    found = modes.run(case)
    for answer in found["answers"]:
        assert answer["status"] in (0, 64, 65, 67, 68, 69, 70, 72, 75, 78)
        assert "Traceback" not in answer["out"] + answer["err"]
    known = {address for entry in case["queue"] for address, _ in comparable([entry])[0]["recipients"]}
    if not known:
        assert not found["queue"]


def test_most_calls_agree() -> None:
    """What departs is the exception, and each departure is one that really is there."""
    assert len(AGREEING) > 500
    assert len(DEPARTING) < 60

"""What pipe(8) did with the cases of tests/vectors/pipe_scenarios.py, our agent does too."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable
from grp import getgrnam
from pathlib import Path
from pwd import getpwnam
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from pipe_fixture import Site, account

from tests.vectors.pipe_scenarios import reported, scenarios
from tests.vectors.store import load

RECORDED = load("pipe").cases
CASES = scenarios()
pytestmark = pytest.mark.skipif(account() is None, reason="this process's user has no name")


Found = tuple[list[dict[str, Any]], list[str]]
# What the real one says of its own works, or ours says otherwise.
_ITS_OWN = re.compile(r"warning: (pipe_command|bounce_append)|fatal: pipe_command")


@pytest.fixture(scope="module")
def ours() -> Found:
    """The answers, and the log."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        site = Site(top, CASES)
        site.lay_out()
        ids = asyncio.run(asyncio.wait_for(site.deliver(), 600))
        log = [line.replace(name, "@TOP@") for line in site.log]
        return site.answers(ids), log


def neutral(answer: dict[str, Any]) -> dict[str, Any]:
    """Without the size of the message, which has another Received field; the log shows no bytes beyond ASCII."""
    results = [[re.sub(r"[^ -~]", "??", text) for text in result] for result in answer["results"]]
    runs = [{**run, "argv": [re.sub(r"\A\d{3}\Z", "SIZE", word) for word in run["argv"]]} for run in answer["runs"]]
    return {"runs": runs, "results": results}


def lacking(number: int) -> str:
    """What this machine lacks for a case."""
    case = CASES[number]
    for name in re.findall(r"postfix|postdrop|daemon|root", case.user):
        known = (getpwnam, getgrnam) if name != "postdrop" else (getgrnam,)
        if not any(_exists(look_up, name) for look_up in known):
            return f"no account {name}"
    return "only root may do that" if case.service.startswith("chroot=") and os.geteuid() else ""


def _exists(look_up: Callable[[str], object], name: str) -> bool:
    try:
        look_up(name)
    except KeyError:
        return False
    return True


@pytest.mark.parametrize("number", range(len(CASES)))
def test_as_recorded(ours: Found, number: int) -> None:
    if reason := lacking(number):
        pytest.skip(reason)
    recorded, (answers, log) = RECORDED[number], ours
    found, expected = neutral(answers[number]), neutral(recorded)
    said = [re.sub(r"id[= ]\d+", "ID", line) for line in recorded["said"] if not _ITS_OWN.match(line)]
    texts = {re.sub(r"id[= ]\d+", "ID", line.partition(": ")[2]) for line in log}
    assert set(said) <= texts
    if not expected["results"]:  # the service does not run: what the queue manager says of that comes later
        assert {tuple(result[4:]) for result in found["results"]} == {
            ("4.3.0", "deferred", "unknown mail transport error")
        }
        return
    assert found == expected


def test_reports_as_recorded() -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        site = Site(top, reported())
        site.lay_out()
        told = asyncio.run(asyncio.wait_for(site.report(), 600))
    assert told == [case["report"] for case in load("pipe_reports").cases]

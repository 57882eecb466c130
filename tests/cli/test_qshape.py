"""qshape: its tables and usage are those of the original, on a queue of mailconf's."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from site_fixture import ENVIRONMENT

from mailconf.cli.postfix import qshape
from mailconf.mta.message import Message, Recipient
from mailconf.mta.submission import Submission
from tests.personality import PERSONALITY
from tests.vectors.qshape_cases import QUEUES
from tests.vectors.store import load

CASES = load("qshape").cases


def table(case: dict[str, Any]) -> list[str]:
    """Ours, of the messages of a case."""
    words = list(case["options"])
    options = qshape._options(words)
    assert not words
    shape = qshape.shape_of(options)
    for age, sender, recipients in QUEUES[case["queue"]]:
        shape.add(age * 60 + 1, sender, recipients)
    return list(shape.lines())


def ordered(lines: list[str]) -> tuple[list[tuple[int, str]], list[str]]:
    """How long the names are and what they count, in order; the lines by themselves: rows that are equal in both come
    in any order."""
    shown = [line.strip().partition(" ")[0::2] for line in lines[1:]]
    return [(len(name), rest.split()[0]) for name, rest in shown], sorted(lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['queue']} {' '.join(case['options'])}")
def test_as_recorded(case: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    if not case["status"]:
        assert ordered(table(case)) == ordered(case["output"].splitlines())
        return
    assert qshape.run("/usr/sbin/qshape", case["options"]) == case["status"]
    assert capsys.readouterr() == (case["output"], case["errors"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """Three messages that no server has taken up."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "main.cf").write_text(f"queue_directory = {tmp_path}/queue\n")
    (tmp_path / "queue").mkdir()
    for age, sender, recipients in ((30, "a@from.test", ["x@one.test", "y@one.test"]), (400, "", ["x@two.test"])):
        wanted = [Recipient(address, address) for address in recipients]
        message = Message("", sender, wanted, b"Subject: x\n\nx\n", time.time() - age)
        submission = Submission(tmp_path / "queue", PERSONALITY.ids)
        message.queue_id = submission.queue_id(message.arrival)
        submission.add_whole(message, hold=not sender)
    yield tmp_path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mailconf", "qshape", *words]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)


def rows(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    assert done.returncode == 0, done.stderr
    return [line.split()[:3] for line in done.stdout.splitlines()[1:]]


def test_the_queues_that_are_named(site: Path) -> None:
    etc = str(site / "etc")
    assert rows(run("-c", etc)) == [["TOTAL", "2", "2"], ["one.test", "2", "2"]]
    assert rows(run("-c", etc, "hold")) == [["TOTAL", "1", "0"], ["two.test", "1", "0"]]
    assert rows(run("-c", etc, "-s", "hold", f"{site}/queue/incoming"))[0] == ["TOTAL", "2", "1"]
    nothing = run("-c", etc, "nosuch")
    assert rows(nothing) == [["TOTAL", "0", "0"]]
    assert nothing.stderr == "Can't stat nosuch: No such file or directory\n"


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    done = run("-c", str(tmp_path))
    assert done.returncode == 255
    assert done.stderr == f"qshape: fatal: open {tmp_path}/main.cf: No such file or directory\n"

"""Replays what cleanup queued of headers that reach its limits (by tests/vectors/record_headers.py)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from dialogue import policy_of  # noqa: E402
from header_scenarios import BASE, RECIPIENT, SENDER, first_lines, plain, scenarios, whole  # noqa: E402

from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.model.session import Session  # noqa: E402
from mailconf.mta.headers import guard  # noqa: E402
from mailconf.mta.intake import QueueIntake  # noqa: E402
from mailconf.mta.message import Context, Message, Recipient  # noqa: E402
from tests.personality import PERSONALITY  # noqa: E402
from tests.vectors.store import load  # noqa: E402

FIELDS, FIRST_LINES = (load(name).cases for name in ("header_fields", "header_first_lines"))


class Taken:
    """A queue that keeps what it was given."""

    async def add(self, message: Message, *, hold: bool, filter: str) -> int:
        return 1


def queued(top: Path, parameters: dict[str, str], content: bytes, log: list[str], from_lines: bool = True) -> str:
    (top / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in {**BASE, **parameters}.items()))
    (top / "master.cf").write_text("")
    policy, _ = policy_of(top)
    context = Context(policy, FileWorld(), lambda program, text: log.append(text), PERSONALITY)
    session = Session(client_address="127.0.0.1")
    content = guard(content, from_lines)
    message = Message("A1", SENDER, [Recipient(RECIPIENT, RECIPIENT)], content, 0.0, session=session, local=True)
    queue: Any = Taken()
    asyncio.run(QueueIntake(context, queue).accept(message))
    return plain(message.content)


@pytest.mark.parametrize("number", range(len(scenarios())))
def test_fields_are_queued_as_recorded(number: int, tmp_path: Path) -> None:
    parameters, fields = scenarios()[number]
    assert queued(tmp_path, parameters, whole(fields), []) == FIELDS[number]["queued"]


@pytest.mark.parametrize("number", range(len(first_lines())))
def test_first_lines_are_queued_as_recorded(number: int, tmp_path: Path) -> None:
    content = whole(first_lines()[number], first=True)
    assert queued(tmp_path, {}, content, []) == FIRST_LINES[number]["queued"]


def test_what_is_taken_from_around_an_address_is_logged(tmp_path: Path) -> None:
    """Words of cleanup 3.7.11."""
    log: list[str] = []
    queued(tmp_path, {}, whole('From: "' + "q" * 300 + '" <x>\n'), log)
    assert f'warning: A1: stripping too many comments from address: "{"q" * 99}...' in log
    log.clear()
    queued(tmp_path, {}, whole('From: "' + "q" * 300 + '" <x@example.com>\n'), log)
    assert not any("stripping" in line for line in log)

"""Transports with a command beside the real pipe(8): the recorded cases, and local parts made of what is special."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from private_postfix import PrivatePostfix

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "mta"))

from pipe_fixture import Site  # noqa: E402
from test_pipe_vectors import neutral  # noqa: E402

from tests.vectors.pipe_scenarios import Scenario, macros, scenarios  # noqa: E402
from tests.vectors.record_pipe import real_answers  # noqa: E402

pytestmark = pytest.mark.live

WORDS = "${recipient} ${user} ${extension} ${mailbox} x${original_recipient}y ${domain} ${user}/${nexthop} ${sender}"
PIECES = (
    "a", "B", "-", "-f", "+", "++", ".", "..", " ", "$(id)", "${user}", "`", "|", ";", "<", ">", "&", "*", "?", "'",
    "\\\\", '\\"', "@", ",", "(", ")", "%", "!", "#", "~", "{", "}", "[", "]", "=", "^", "\u00e9", "/", "../",
)  # fmt: skip


def hostile(seed: int) -> list[str]:
    """Recipients whose local parts are quoted."""
    dice = random.Random(seed)
    found = dict.fromkeys("".join(dice.choices(PIECES, k=dice.randint(1, 6))) for _ in range(30))
    return [f'"{local}"@@D' for local in found]


def cases() -> list[Scenario]:
    flags = ("", "h", "u", "q", "hq", "uq", "hqu", "hu")
    return [*scenarios(), *(macros(WORDS, tuple(hostile(seed)), flags=flags[seed]) for seed in range(len(flags)))]


@pytest.fixture(scope="module")
def answers() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The real one's and ours."""
    with tempfile.TemporaryDirectory() as name, PrivatePostfix(Path(name)) as postfix:
        Path(name).chmod(0o755)
        real = real_answers(postfix, cases())
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        site = Site(Path(name), cases())
        site.lay_out()
        ids = asyncio.run(asyncio.wait_for(site.deliver(), 300))
        return real, site.answers(ids)


@pytest.mark.parametrize("number", range(len(cases())))
def test_the_same_arguments_input_and_outcome(
    answers: tuple[list[dict[str, Any]], list[dict[str, Any]]], number: int
) -> None:
    real, ours = (neutral(side[number]) for side in answers)
    assert ours["runs"] == real["runs"]
    if real["results"]:  # of a service that ends the queue manager speaks later
        assert sorted(ours["results"]) == sorted(real["results"])

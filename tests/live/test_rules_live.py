"""Address test mode: mailconf's sendmail and the real one with the same prompts. Needs root."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import TOOLS
from tests.vectors.record_rules import Bench, next_sendmail
from tests.vectors.rules_cases import sessions

OURS = Path(sys.executable).parent / "mailconf"
pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as folder:
        yield Bench(Path(folder))


@pytest.mark.parametrize("prompts", sessions("live", 4, 50), ids=range(4))
def test_both_answer_the_same(bench: Bench, prompts: list[str]) -> None:
    theirs = bench.ask([TOOLS / "sendmail"], "", prompts)
    assert bench.ask([OURS, "sendmail", "--sendmail-version", "8.17"], "", prompts) == theirs


@pytest.mark.parametrize("text", ["", "V11/Berkeley\nF{Town}@LDAP\n"], ids=["configuration", "versions"])
@pytest.mark.parametrize("prompts", sessions("next", 4, 50), ids=range(4))
def test_both_of_the_next_version_answer_the_same(bench: Bench, text: str, prompts: list[str]) -> None:
    command = next_sendmail()
    if not command:
        pytest.skip("the next Debian's sendmail could not be had")
    asked = ["$v", "?", *prompts]
    theirs = bench.ask(command, text, asked)
    assert bench.ask([OURS, "sendmail", "--sendmail-version", "8.18"], text, asked) == theirs

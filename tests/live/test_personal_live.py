"""Whose files local and virtual open: the answers of tests/vectors/personal.jsonl are Postfix's still."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from personal_scenarios import CASES  # noqa: E402
from record_personal import answer, prepare  # noqa: E402

from tests.vectors.store import load  # noqa: E402

pytestmark = pytest.mark.live
VECTORS_OF_AGENTS = load("personal")
RECORDED = VECTORS_OF_AGENTS.keyed("name")


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        prepare(private)
        yield private


@pytest.mark.parametrize("name", CASES)
def test_the_engine_does_as_recorded(postfix: PrivatePostfix, name: str) -> None:
    found = json.dumps(answer(postfix, CASES[name]), sort_keys=True)
    recorded = {key: RECORDED[name][key] for key in ("results", "warnings", "state")}
    expected = json.dumps(recorded, sort_keys=True)
    unlike = r"/tmp/\d+\.\w+\.\S+?:"  # the name of a Maildir's file
    assert re.sub(unlike, "/tmp/NAME:", found) == re.sub(unlike, "/tmp/NAME:", expected)

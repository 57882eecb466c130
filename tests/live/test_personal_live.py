"""Whose files local and virtual open: the answers of tests/vectors/personal.json are Postfix's still."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from private_postfix import PrivatePostfix

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from personal_scenarios import CASES  # noqa: E402
from record_personal import answer, prepare  # noqa: E402

pytestmark = pytest.mark.live
RECORDED: dict[str, Any] = json.loads((VECTORS / "personal.json").read_text())["cases"]


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        prepare(private)
        yield private


@pytest.mark.parametrize("name", CASES)
def test_the_engine_does_as_recorded(postfix: PrivatePostfix, name: str) -> None:
    found = json.dumps(answer(postfix, CASES[name]), sort_keys=True)
    expected = json.dumps(RECORDED[name], sort_keys=True)
    unlike = r"/tmp/\d+\.\w+\.\S+?:"  # the name of a Maildir's file
    assert re.sub(unlike, "/tmp/NAME:", found) == re.sub(unlike, "/tmp/NAME:", expected)

"""Tables that Postfix does not trust in their role: the answers of tests/vectors/trust.jsonl are its answers still."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from record_trust import answer, lay_out  # noqa: E402

from tests.vectors.store import load  # noqa: E402

pytestmark = pytest.mark.live
RECORDED = [(case["parameter"], case["table"], case["results"]) for case in load("trust").cases]


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        lay_out(private)
        yield private


@pytest.mark.parametrize(("name", "table", "expected"), RECORDED)
def test_the_engine_answers_as_recorded(
    postfix: PrivatePostfix, name: str, table: str, expected: list[list[str]]
) -> None:
    assert answer(postfix, name, table) == expected

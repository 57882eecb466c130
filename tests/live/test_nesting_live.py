"""Aliases and :include: files within each other, beside the installed Postfix: what lies too deep, and what is said."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "postfix"))
sys.path.insert(0, str(TESTS / "vectors"))

from nesting_cases import ENDS, ROUND, cases, files, name  # noqa: E402
from test_nesting_vectors import answer, site  # noqa: E402

from tests.vectors import record_nesting  # noqa: E402

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        record_nesting.lay_out(private)
        yield private


@pytest.mark.parametrize("end", [*ENDS, ROUND])
def test_what_lies_too_deep(postfix: PrivatePostfix, end: str) -> None:
    policy, world = site(files())
    for case in cases():
        if case["end"] == end:
            theirs = record_nesting.answer(postfix, case)
            assert answer(policy, world, f"{name(case)}@mail.example.com") == theirs, name(case)

"""The reports of bounce(8) beside ours: the cases of tests/vectors/record_reports.py, asked anew."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / "mta"), str(TESTS / "vectors")]

from test_report_vectors import FATAL, run  # noqa: E402

from tests.vectors.record_reports import ALIASES, CASES, HEADER_CASES, PARAMETERS, ask  # noqa: E402

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    # Not below pytest's folder: every pytest that starts closes that one to other users, Postfix's among them.
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        private.configure(PARAMETERS, {"etc/aliases": ALIASES})
        private.postmap("hash:@TOP@/etc/aliases")
        yield private


@pytest.mark.parametrize("name", [name for name in (*CASES, *HEADER_CASES) if name not in FATAL])
def test_reports_and_log(postfix: PrivatePostfix, tmp_path: Path, name: str) -> None:
    settings, templates, sent = (CASES | HEADER_CASES)[name]
    answer = ask(postfix, settings, templates, sent)
    case = {"settings": settings, "templates": templates, "message": list(sent)}
    boxes, log = asyncio.run(asyncio.wait_for(run(tmp_path, case), 60))
    assert (boxes, log) == (answer["delivered"], answer["log"])

"""Sessions with mail filters, sendmail and ours side by side: a part of the recorded ones, asked anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.sendmail.policy.sendmail_milter_side import answers, comparable
from tests.vectors.record_sendmail_milters import answered
from tests.vectors.sendmail_milter_cases import cases

pytestmark = pytest.mark.live

NAMES = (
    "everything passes",
    "macros",
    "two filters",
    "RSET",
    "C: 'r'",
    "M: 'r'",
    "R: 'd'",
    "T: 't'",
    "E: 'r'",
    "changes",
)


def test_as_the_real_one() -> None:
    some = [case for case in cases() if case["name"].startswith(NAMES)]
    assert len(some) > 20
    theirs = answered(some)
    with tempfile.TemporaryDirectory() as folder:  # users look for files in it, with their own rights
        Path(folder).chmod(0o755)
        ours = list(answers(Path(folder), some))
    assert [comparable(answer) for answer in ours] == [comparable(answer) for answer in theirs]

"""Sessions with mail filters, Postfix and ours side by side: a part of tests/vectors/milter_cases.py, asked anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from private_postfix import PrivatePostfix, mail_version

from tests.milter_side import Ours, comparable, departs
from tests.vectors.milter_cases import cases
from tests.vectors.record_milters import answers

pytestmark = pytest.mark.live

# One of each kind, and few configurations: Postfix starts anew for each.
NAMES = (
    "everything passes",
    "C: 'r'",
    "H: 't'",
    "M: 'd'",
    "R: 'a'",
    "T: 'r'",
    "L: 'y550 5.7.9 no, thanks\x00'",
    "B: 'd'",
    "E: 't'",
    "changes: ('m\\x00\\x00\\x00\\x02X-Twice\\x00changed\\x00',)",
    "changes: ('2<carl@example.com>\\x00NOTIFY=NEVER ORCPT=rfc822;x@y.example\\x00',)",
    "changes: ('qsuspicious\\x00',)",
    "a long body",
    "lists of macros",
    "R answers '?unknown'",
    "E hangs up",
    "two messages",
    "two filters, both change",
    "macros everywhere",
)


def test_as_the_real_one(tmp_path: Path) -> None:
    some = [case for case in cases() if case.name in NAMES]
    assert len(some) >= len(NAMES) - 1
    with PrivatePostfix(tmp_path / "postfix") as postfix:
        theirs = [comparable(answer) for answer in answers(postfix, some)]
    (tmp_path / "ours").mkdir()
    ours = [comparable(answer) for answer in Ours(tmp_path / "ours", mail_version()).answers(some)]
    different = [
        (case.name, key, real[key], own[key])
        for case, real, own in zip(some, theirs, ours, strict=True)
        for key in real
        if real[key] != own[key] and key not in departs(case)
    ]
    assert different == []

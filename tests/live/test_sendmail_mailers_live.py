"""Mailers that are programs, of a served sendmail.cf, beside the real daemon: each message of the vectors' cases.

Marked ``live``; namespaces need root.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.vectors.record_sendmail_mailers import answered, comparable
from tests.vectors.sendmail_mailers_cases import cases

pytestmark = pytest.mark.live


def test_each_message_of_the_cases() -> None:
    asked = cases()
    ours = answered([Path(sys.executable).parent / "mailconf", "sendmail"], asked)
    theirs = answered(["/usr/sbin/sendmail"], asked)
    different = []
    for case, wanted, got in zip(asked, theirs, ours, strict=True):
        if comparable(got) != comparable(wanted):
            different.append((case["recipients"], comparable(wanted), comparable(got)))
    print(f"{len(asked)} messages, {len(different)} differ")
    assert not different, different[:3]

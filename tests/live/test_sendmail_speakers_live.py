"""Mailers that speak LMTP or SMTP, of a served sendmail.cf, beside the real daemon: messages of the vectors' cases.

Marked ``live``; namespaces need root.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.vectors.record_sendmail_speakers import answered, comparable
from tests.vectors.sendmail_speakers_cases import DIFFERENT, cases

pytestmark = pytest.mark.live


def test_each_message_of_the_cases() -> None:
    asked = [case for case in cases() if case["recipients"][0].partition("@")[2] not in DIFFERENT]
    ours = answered([Path(sys.executable).parent / "mailconf", "sendmail"], asked)
    theirs = answered(["/usr/sbin/sendmail"], asked)
    different = [
        (case["recipients"], comparable(wanted), comparable(got))
        for case, wanted, got in zip(asked, theirs, ours, strict=True)
        if comparable(got) != comparable(wanted)
    ]
    print(f"{len(asked)} messages, {len(different)} differ")
    assert not different, different[:3]

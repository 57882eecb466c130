"""Reports of a served sendmail.cf beside those of the real daemon: messages of the vectors' cases, the whole way.

Marked ``live``; namespaces need root. Messages that have to grow old first are in the hermetic test alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.record_sendmail_reports import answered
from tests.vectors.sendmail_reports_cases import cases

pytestmark = pytest.mark.live
_EVERY = 6
_REPORT = "Received: from localhost (localhost)"


def reports(answer: dict[str, Any]) -> list[tuple[str, list[str], str]]:
    """The reports among what came, in an order of their own."""
    found = []
    for each in answer["came"]:
        if _REPORT in each["content"]:
            envelope = [line.replace(" BODY=8BITMIME", "").upper() for line in each["envelope"]]
            found.append((each["by"], envelope, each["content"]))
    return sorted(found)


def test_reports() -> None:
    asked = [case for case in cases() if not case["ages"]][::_EVERY]
    theirs = answered(["/usr/sbin/sendmail"], asked)
    counted = [{**case, "comes": len(answer["came"])} for case, answer in zip(asked, theirs, strict=True)]
    ours = answered([Path(sys.executable).parent / "mailconf", "sendmail"], counted)
    different = [
        (case["mail"], case["recipients"], reports(wanted), reports(got))
        for case, wanted, got in zip(asked, theirs, ours, strict=True)
        if reports(got) != reports(wanted)
    ]
    print(f"{len(asked)} messages, {sum(len(reports(each)) for each in theirs)} reports, {len(different)} differ")
    assert sum(len(reports(each)) for each in theirs) > 15
    assert not different, different[:2]

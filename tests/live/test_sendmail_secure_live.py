"""TLS and logins of a served sendmail.cf, beside the real daemon: some of the recorded cases, asked anew.

MAILCONF_PROOF=1 asks them all. Marked ``live``; namespaces need root.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.live.sendmail_side import TOOLS
from tests.vectors.record_sendmail_secure import answered
from tests.vectors.sendmail_secure_cases import CASES, DEPARTURES

pytestmark = pytest.mark.live

_EACH = 13


def test_the_daemon_s_replies_and_its_log() -> None:
    compared = [case for case in CASES if not any(word in f"{case['sasl']}{case['text']}" for word in DEPARTURES)]
    cases = compared if os.environ.get("MAILCONF_PROOF") else compared[::_EACH]
    ours = answered([Path(sys.executable).parent / "mailconf", "sendmail"], cases)
    theirs = answered([TOOLS / "sendmail"], cases)
    different = []
    count = 0
    for case, wanted, got in zip(cases, theirs, ours, strict=True):
        count += len(wanted["said"])
        about = (case["text"], case["mc"], case["daemon"], case["sasl"])
        steps = zip(case["steps"], wanted["said"], got["said"], strict=True)
        different += [(about, step, reply, own) for step, reply, own in steps if reply != own]
        if wanted["log"] != got["log"]:
            different.append((about, "the log", wanted["log"], got["log"]))
    print(f"{count} replies, {len(different)} differ")
    assert not different, different[:3]

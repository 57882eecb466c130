"""A proxy before the queue, and mail filters of the sendmail command's mail, Postfix and ours side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from private_postfix import PrivatePostfix, free_port, mail_version

from tests.milter_side import Ours
from tests.mta.test_local_milter_vectors import settled, without_chance
from tests.proxy_side import answers, comparable, departs
from tests.vectors import record_milters, record_proxy_filters
from tests.vectors.local_milter_cases import cases as local_cases
from tests.vectors.proxy_filter_cases import cases

pytestmark = pytest.mark.live

PROXIED = (
    "everything passes", "parameters", "MAIL: '550 5.7.1 no'", "RCPT: '450 4.7.1 later'",
    "DATA: '421 4.7.0 going away'", ".: '550-5.7.1 no\\n550 5.7.1 never'", "EHLO: '550 5.7.1 no'",
    "greeting: '421 4.7.0 bye'", "the second recipient",
    ". answers '!close'", "DATA answers '!close'", "nothing listens", "two messages", "XFORWARD of all",
    "speed_adjust, everything passes", "speed_adjust, . answers '!close'", "speed_adjust, RCPT: '550 5.7.1 no'",
)  # fmt: skip
LOCAL = (
    "by sendmail(1)", "by sendmail(1), E: r", "null sender", "two recipients, E: r",
    "changes: ('hX-New\\x00value\\x00',)",
)  # fmt: skip


def test_a_proxy_before_the_queue(tmp_path: Path) -> None:
    some = [case for case in cases() if case.name in PROXIED]
    assert len(some) == len(PROXIED)
    with PrivatePostfix(tmp_path / "postfix") as postfix:
        theirs = [comparable(answer) for answer in record_proxy_filters.answers(postfix, some)]
    (tmp_path / "ours").mkdir()
    ours = [comparable(answer) for answer in answers(tmp_path / "ours", free_port(), some, mail_version())]
    different = [
        (case.name, key, real[key], own[key])
        for case, real, own in zip(some, theirs, ours, strict=True)
        for key in real
        if real[key] != own[key] and key not in departs(case)
    ]
    assert different == []


def test_mail_of_commands(tmp_path: Path) -> None:
    some = [case for case in local_cases() if case.name in LOCAL]
    assert len(some) == len(LOCAL)
    with PrivatePostfix(tmp_path / "postfix") as postfix:
        theirs = [settled(answer) for answer in record_milters.answers(postfix, some)]
    (tmp_path / "ours").mkdir()
    ours = [without_chance(answer) for answer in Ours(tmp_path / "ours", mail_version()).answers(some)]
    different = [
        (case.name, key, real[key], own[key])
        for case, real, own in zip(some, theirs, ours, strict=True)
        for key in real
        if real[key] != own[key]
    ]
    assert different == []

"""header_checks and body_checks beside the real cleanup, and smtp_header_checks beside the real smtp(8).

The messages that were recorded, or a sample of them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / "vectors"), str(TESTS / "postfix")]

import test_sent_check_vectors as sent  # noqa: E402
from content_check_cases import groups, sent_groups  # noqa: E402
from record_content_checks import answers  # noqa: E402
from record_sent_checks import answers as answers_sent  # noqa: E402
from test_content_check_vectors import judge  # noqa: E402

pytestmark = pytest.mark.live
PROOF = os.environ.get("MAILCONF_PROOF") == "1"
FEW, EACH = 3, 4  # groups, and every fourth message of them


def test_messages_come_to_the_same(tmp_path: Path) -> None:
    asked = groups() if PROOF else [group._replace(messages=group.messages[::EACH]) for group in groups()[:FEW]]
    with PrivatePostfix(tmp_path / "postfix") as postfix:
        found = iter(answers(postfix, asked))
    count = 0
    for group in asked:
        for message in group.messages:
            judge(group.parameters, group.tables, message, next(found))
            count += 1
    print(f"{count} messages asked, {count} agree")
    assert count > 30


def test_messages_leave_alike(tmp_path: Path) -> None:
    asked = sent_groups() if PROOF else [sent_groups()[0]._replace(messages=sent_groups()[0].messages[::EACH])]
    with PrivatePostfix(tmp_path / "postfix") as postfix:
        found = iter(answers_sent(postfix, asked))
    count = 0
    for group in asked:
        for message in group.messages:
            sent.judge(group.parameters, group.tables, message, next(found))
            count += 1
    print(f"{count} messages sent, {count} agree")
    assert count > 20

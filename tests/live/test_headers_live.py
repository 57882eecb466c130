"""Headers at the limits of cleanup(8): what the real one queues, and what ours does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from private_postfix import PrivatePostfix, mail_version

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / "vectors"), str(TESTS / "postfix")]

from header_scenarios import first_lines, scenarios, whole  # noqa: E402
from record_headers import answers  # noqa: E402
from test_header_vectors import queued  # noqa: E402

from mailconf.postfix.parameters.releases import ONE_FROM_LINE, version_numbers  # noqa: E402

pytestmark = pytest.mark.live


def test_headers_are_queued_alike(tmp_path: Path) -> None:
    with PrivatePostfix(tmp_path / "postfix") as postfix:
        fields_queued, first_queued = answers(postfix)
    ours = [queued(tmp_path, parameters, whole(fields), []) for parameters, fields in scenarios()]
    assert ours == fields_queued
    from_lines = version_numbers(mail_version()) < ONE_FROM_LINE
    ours = [queued(tmp_path, {}, whole(lines, first=True), [], from_lines) for lines in first_lines()]
    assert ours == first_queued

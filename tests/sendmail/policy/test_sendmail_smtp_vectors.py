"""A SendmailPolicy answers SMTP as sendmail's daemon has answered it."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest

from tests.sendmail.policy.smtp_dialogue import bench, exchange, policy_of
from tests.vectors import store

CASES = store.load("sendmail_smtp").cases
GROUPS = [(text, list(group)) for text, group in itertools.groupby(CASES, lambda case: case["text"])]


@pytest.mark.parametrize(("text", "group"), GROUPS, ids=[f"{n} {text[:40]!r}" for n, (text, _) in enumerate(GROUPS)])
def test_the_daemon_s_replies(text: str, group: list[store.Case]) -> None:
    with tempfile.TemporaryDirectory() as folder:  # users look for files in it, with their own rights
        Path(folder).chmod(0o755)
        place = bench(Path(folder))
        policy = policy_of(place, text)
        for case in group:
            assert exchange(place, policy, case) == case["exchange"], case["lines"]

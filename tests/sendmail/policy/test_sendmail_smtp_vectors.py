"""A SendmailPolicy answers SMTP as sendmail's daemon has answered it."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest

from mailconf.sendmail.rules.version import VERSIONS
from tests.sendmail.policy.smtp_dialogue import bench, exchange, policy_of
from tests.vectors import store

CASES = {"8.17": store.load("sendmail_smtp").cases, "8.18": store.load("sendmail_smtp@8.18").cases}
# Of 8.18, which differs in nothing else than its number, every fourth is enough.
GROUPS = [
    (version, text, list(group))
    for version, cases, step in (("8.17", CASES["8.17"], 1), ("8.18", CASES["8.18"], 4))
    for text, group in itertools.groupby(cases[::step], lambda case: case["text"])
]
NAMES = [f"{version} {number} {text[:40]!r}" for number, (version, text, _) in enumerate(GROUPS)]


@pytest.mark.parametrize(("version", "text", "group"), GROUPS, ids=NAMES)
def test_the_daemon_s_replies(version: str, text: str, group: list[store.Case]) -> None:
    with tempfile.TemporaryDirectory() as folder:  # users look for files in it, with their own rights
        Path(folder).chmod(0o755)
        place = bench(Path(folder))
        policy = policy_of(place, text, VERSIONS[version])
        for case in group:
            assert exchange(place, policy, case) == case["exchange"], case["lines"]


def test_the_versions_differ_in_their_numbers() -> None:
    one, other = VERSIONS["8.17"].number, VERSIONS["8.18"].number
    for case, later in zip(*CASES.values(), strict=True):
        said = [[sent, reply.replace(one, other)] for sent, reply in case["exchange"]]
        assert said == later["exchange"], case["lines"]

"""Address test mode against what sendmail answered: tests/vectors/rules.jsonl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailconf.files import Memory
from mailconf.sendmail.rules.version import VARIABLE, VERSIONS, chosen_version, version_of
from tests.sendmail.rules.rule_bench import FOLDER, Bench
from tests.vectors.rules_cases import cut
from tests.vectors.store import load

RECORDED = load("rules")
COMMON = RECORDED.head.common
ANSWERS = {"8.17": RECORDED.cases, "8.18": load("rules@8.18").cases}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    place = Path(tmp_path_factory.mktemp("rules"))
    yield Bench(place, files=COMMON["files"], tables=COMMON["tables"], passwd=COMMON["passwd"], host=COMMON["host"])


@pytest.mark.parametrize("version", ANSWERS)
@pytest.mark.parametrize("case", range(len(RECORDED.cases)), ids=lambda n: repr(_title(RECORDED.cases[n]))[1:-1][:40])
def test_it_answers_as_sendmail(bench: Bench, case: int, version: str) -> None:
    recorded = ANSWERS[version][case]
    printed, status = bench.talk(COMMON["base"] + recorded["text"], recorded["prompts"], VERSIONS[version])
    assert cut(printed) == [answer.replace("FOLDER", FOLDER) for answer in recorded["said"]]
    assert status == recorded["status"]


def test_the_versions_differ_in_their_numbers_and_in_one_message() -> None:
    """What `mailconf.sendmail.rules.version` has is all that differs."""
    one, other = VERSIONS["8.17"], VERSIONS["8.18"]
    for case, later in zip(*ANSWERS.values(), strict=True):
        said = [s.replace(one.number, other.number).replace(one.no_ldap, other.no_ldap) for s in case["said"]]
        assert said == later["said"]
        assert case["status"] == later["status"]


@pytest.mark.parametrize("name", ["8.17", "8.18", "8.17.1.9", "8.18.1"])
def test_versions_by_release_and_number(name: str) -> None:
    assert name in (version_of(name).release, version_of(name).number)


@pytest.mark.parametrize("name", ["", "8", "8.16", "8.18.2", "9.17", "8.17.1.9.1", "x"])
def test_others_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"known are 8\.17, 8\.18"):
        version_of(name)


@pytest.mark.parametrize(
    ("named", "environment", "macros", "release"),
    [
        (None, "", "", "8.17"),
        (None, "", "DZ8.18.1`'ifdef", "8.18"),
        (None, "", "DZ8.16.1", "8.17"),
        (None, "8.18", "DZ8.17.1", "8.18"),
        ("8.17", "8.18", "DZ8.18.1", "8.17"),
    ],
)
def test_the_version_that_is_meant(
    named: str | None, environment: str, macros: str, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, environment)
    tree = Memory({"/usr/share/sendmail-cf/m4/version.m4": f"divert(0)\n{macros}\n"} if macros else {})
    assert chosen_version(tree, named).release == release


def _title(case: dict[str, Any]) -> str:
    return str(case["text"] or case["prompts"][0])

"""sendmail -bv against what sendmail answered: tests/vectors/recipients.jsonl."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sendmail.policy.recipients_bench import Site
from tests.vectors.store import load

RECORDED = load("recipients")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Site]:
    places = {built: Path(tmp_path_factory.mktemp("recipients")) for built in (False, True)}
    return {built: Site(place, RECORDED.head.common, built=built) for built, place in places.items()}


@pytest.mark.parametrize("case", RECORDED.cases, ids=lambda case: " ".join(case["arguments"])[:60] or "none")
def test_it_answers_as_sendmail(sites: dict[bool, Site], case: dict[str, Any]) -> None:
    printed, status = sites[case["built"]].verify(case["arguments"])
    assert printed == case["printed"]
    assert status == case["status"]

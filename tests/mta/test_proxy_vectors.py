"""What a proxy before the queue gets, and what the client is told, is as with Postfix (proxy_filters.jsonl)."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent)]

from tests.live.private_postfix import free_port  # noqa: E402
from tests.proxy_side import answers, comparable, departs  # noqa: E402
from tests.vectors.proxy_filter_cases import cases  # noqa: E402
from tests.vectors.store import load  # noqa: E402

VECTORS = load("proxy_filters")
RECORDED = VECTORS.keyed("name")


def test_as_recorded(tmp_path: Path) -> None:
    assert VECTORS.head.version == "3.7.11"
    some = cases()
    assert len(some) >= 280
    differences: list[str] = []
    for case, answer in zip(some, answers(tmp_path, free_port(), some), strict=True):
        recorded = {key: RECORDED[case.name][key] for key in answer}
        theirs, ours = comparable(recorded), comparable(answer)
        found = {key: (theirs[key], ours[key]) for key in theirs if theirs[key] != ours[key]}
        if set(found) != departs(case):
            differences += [f"{case.name}: {key}\n   theirs {a}\n   ours   {b}" for key, (a, b) in found.items()]
            differences += [f"{case.name} is as recorded"] * (not found)
    assert not differences, "\n".join(differences[:40]) + f"\n{len(differences)} differ"

"""What we send to mail filters in sessions under TLS is what Postfix does (tests/vectors/milters_tls.jsonl)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent)]

from tests.milter_side import Ours, comparable  # noqa: E402
from tests.vectors.milter_tls_cases import cases, talk  # noqa: E402
from tests.vectors.record_auth import write_certificates  # noqa: E402
from tests.vectors.store import load  # noqa: E402

VECTORS = load("milters_tls")
RECORDED = VECTORS.keyed("name")


def test_as_recorded(tmp_path: Path) -> None:
    assert VECTORS.head.version == "3.7.11"
    write_certificates(tmp_path)
    some = cases()
    differences: list[Any] = []
    for case, answer in zip(some, Ours(tmp_path, talk=talk(tmp_path)).answers(some), strict=True):
        theirs, ours = comparable(RECORDED[case.name]), comparable(answer)
        differences += [
            f"{case.name}: {key}\n   theirs {theirs[key]}\n   ours   {ours[key]}"
            for key in theirs
            if theirs[key] != ours[key]
        ]
    assert not differences, "\n".join(differences)
    told = str(RECORDED["TLS, macros everywhere"]["packets"])
    assert "{tls_version}" in told and "{cipher}" in told  # it is about something

"""Our reading of aliases against what the real local(8) delivered to (tests/vectors/record_alias_targets.py)."""

from __future__ import annotations

from typing import Any

import pytest

from mailconf.tables.aliases import AliasKind, parse_alias_value
from tests.vectors.store import load

VECTORS = load("alias_targets")


def rewritten(address: str) -> str:
    """What Postfix makes of an address before the log tells it: a domain for those without, no empty one."""
    if address in ("", "@"):
        return "MAILER-DAEMON@h.test"
    return address if "@" in address else f"{address}@origin.test"


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: case["value"])
def test_targets_are_those_of_real_local(case: dict[str, Any]) -> None:
    targets = parse_alias_value(case["value"])

    def of(kind: AliasKind) -> set[str]:
        return {target.text for target in targets if target.kind is kind}

    assert {rewritten(address) for address in of(AliasKind.ADDRESS)} == set(case["addresses"])
    assert of(AliasKind.COMMAND) == set(case["commands"])
    assert of(AliasKind.FILE) == set(case["files"])
    assert len([target for target in targets if target.kind is AliasKind.INCLUDE]) == case["includes"]

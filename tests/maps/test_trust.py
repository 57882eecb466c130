"""Tables that Postfix 3.7.11 opens with restrictions, in its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.maps.core.table import UnsupportedMap
from mailconf.maps.core.trust import ROUTE, SENSITIVE, Trust
from mailconf.maps.registry import open_table

SKIPPED = "line 1: regular expression substitution is not allowed: skipping this rule"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("tcp:127.0.0.1:1", "tcp:127.0.0.1:1 map is not allowed for security sensitive data"),
        ("proxy:tcp:127.0.0.1:1", "tcp:127.0.0.1:1 map is not allowed for security sensitive data"),
        ("socketmap:unix:/s:x", "socketmap:unix:/s:x map is not allowed for security-sensitive data"),
        ("memcache:/etc/mc", "memcache:/etc/mc map is not allowed for security-sensitive data"),
        ("pipemap:{static:y, tcp:127.0.0.1:1}", "tcp:127.0.0.1:1 map is not allowed for security sensitive data"),
        (
            "unionmap:{static:y, socketmap:unix:/s:x}",
            "socketmap:unix:/s:x map is not allowed for security-sensitive data",
        ),
    ],
)
def test_tables_that_anyone_may_answer(table: str, words: str) -> None:
    with pytest.raises(UnsupportedMap) as refused:
        open_table(table, trust=SENSITIVE)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("prefix", "trust", "answer"),
    [
        ("", Trust(), b"x-y"),
        ("proxy:", Trust(), b"x-y"),
        ("", ROUTE, None),
        ("proxy:", ROUTE, b"x-y"),
        ("", SENSITIVE, None),
        ("proxy:", SENSITIVE, None),
    ],
)
@pytest.mark.parametrize("kind", ["regexp", "pcre"])
def test_text_of_what_was_looked_up(kind: str, prefix: str, trust: Trust, answer: bytes | None, tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("/^a(.)$/ x-$1\n/^b/ $$1\n")
    told: list[str] = []
    table = open_table(f"{prefix}{kind}:{tmp_path}/rules", trust=trust, warn=told.append)
    assert (table.lookup(b"ay"), table.lookup(b"b")) == (answer, b"$1")
    assert told == ([] if answer else [f"{kind} map {tmp_path}/rules, {SKIPPED}"])

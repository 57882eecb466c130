"""Our alias reader against what the real postalias said and stored (tests/vectors/record_postalias.py)."""

from __future__ import annotations

import re

import pytest

from mailconf.source import encode
from mailconf.tables.aliases import NO_PAIR, NOT_LOCAL, NOT_UTF8, ORPHAN, Alias, read_lines
from mailconf.tables.postmap import fold
from tests.vectors.store import load

VECTORS = load("postalias")
WORDS = {
    r"postalias: warning: T, line (\d+): need name:value pair": NO_PAIR,
    r"postalias: warning: T, line (\d+): name must be local": NOT_LOCAL,
    r"postalias: warning: T, line (\d+): non-UTF-8 input .*": NOT_UTF8,
    r"postalias: warning: T: (logical) line must not start with whitespace: .*": ORPHAN,
}


def recorded(messages: list[str]) -> list[tuple[str, str]]:
    """(line number, what is wrong with it); an orphan's line has no number."""
    found = []
    for message in messages:
        for pattern, kind in WORDS.items():
            if match := re.fullmatch(pattern, message, re.DOTALL):
                found.append((match[1], kind))
    assert len(found) == len([message for message in messages if "duplicate entry" not in message])
    return found


@pytest.mark.parametrize("case", VECTORS.cases)
def test_lines_are_read_as_real_postalias_reads_them(case: dict[str, object]) -> None:
    data, utf8 = str(case["text"]).encode("latin-1"), bool(case["utf8"])
    table: dict[bytes, bytes] = {}
    problems = []
    for line, found in read_lines(data, utf8=utf8):
        if isinstance(found, Alias):
            table.setdefault(fold(encode(found.name), utf8=utf8), encode(found.value))
        else:
            number = data.count(b"\n", 0, line.start) + 1
            problems.append(("logical" if found == ORPHAN else str(number), found))
    assert problems == recorded(case["messages"])  # type: ignore[arg-type]
    entries = case["entries"]
    assert table == {k.encode("latin-1"): v.encode("latin-1") for k, v in entries}  # type: ignore[attr-defined]

"""Names in other letters: Postfix's own library beside our translation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "vectors"))

from record_idna import answers, icu

from mailconf.domain_names import DomainNameError, to_ascii, to_unicode
from mailconf.postfix.settings.hostnames import valid_domain
from tests.vectors.store import load, versions_of

pytestmark = pytest.mark.live

FIRST = "libicuuc.so.72"


def departures_of(icu: str) -> dict[tuple[str, bool], dict[str, Any]]:
    """What a recorded newer ICU answers otherwise than the first, by name and mapping (docs/departures.md)."""
    if icu not in versions_of("idna"):
        return {}
    pairs = zip(load(f"idna@{FIRST}").cases, load(f"idna@{icu}").cases, strict=True)
    return {
        (case["name"], case["transitional"] == "yes"): {key: newer[key] for key in ("ascii", "unicode", "valid")}
        for case, newer in pairs
        if case != newer
    }


def test_names_are_translated_alike() -> None:
    departures = departures_of(icu())
    for case, theirs in zip(load(f"idna@{FIRST}").cases, answers(), strict=True):
        name, transitional = case["name"], case["transitional"] == "yes"
        if (name, transitional) in departures:
            assert theirs == departures[name, transitional]
            continue
        try:
            ours = to_ascii(name, transitional=transitional)
        except DomainNameError:
            ours = None
        assert name.isascii() or ours == theirs["ascii"], name
        try:
            back: str | None = to_unicode(name)
        except DomainNameError:
            back = None
        assert transitional or (back, valid_domain(name)) == (theirs["unicode"], theirs["valid"]), name

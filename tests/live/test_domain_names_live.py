"""Names in other letters: Postfix's own library beside our translation."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "vectors"))

from domain_names import NAMES
from record_idna import answers, icu

from mailconf.domain_names import DomainNameError, to_ascii, to_unicode
from mailconf.postfix.settings.hostnames import valid_domain

pytestmark = pytest.mark.live

# Names that newer ICUs translate in another way than ours, as recorded (docs/departures.md).
OTHERS = json.loads((Path(__file__).parent.parent / "vectors/idna.json").read_text())["others"]


def test_names_are_translated_alike() -> None:
    others = OTHERS.get(icu(), {}).get("enable_idna2003_compatibility", {})
    for word, theirs in answers().items():
        departures = others.get(word, {})
        for name, (plain, letters, valid) in zip(NAMES, theirs, strict=True):
            if name in departures:
                assert [plain, letters, valid] == departures[name]
                continue
            try:
                ours = to_ascii(name, transitional=word == "yes")
            except DomainNameError:
                ours = None
            assert name.isascii() or ours == plain, name
            try:
                back: str | None = to_unicode(name)
            except DomainNameError:
                back = None
            assert word == "yes" or (back, valid_domain(name)) == (letters, valid), name

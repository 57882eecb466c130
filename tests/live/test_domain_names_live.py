"""Names in other letters: Postfix's own library beside our translation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "vectors"))

from domain_names import NAMES
from record_idna import answers

from mailconf.domain_names import DomainNameError, to_ascii, to_unicode
from mailconf.postfix.settings.hostnames import valid_domain

pytestmark = pytest.mark.live


def test_names_are_translated_alike() -> None:
    for word, theirs in answers().items():
        for name, (plain, letters, valid) in zip(NAMES, theirs, strict=True):
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

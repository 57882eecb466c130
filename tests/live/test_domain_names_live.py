"""Names in other letters: Postfix's own library beside our translation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "vectors"))

from record_idna import answers, inputs

from mailconf.domain_names import DomainNameError, to_ascii, to_unicode
from mailconf.postfix.settings.hostnames import valid_domain

pytestmark = pytest.mark.live


def test_names_are_translated_alike() -> None:
    for case, theirs in zip(inputs().cases, answers(), strict=True):
        name, transitional = case["name"], case["transitional"] == "yes"
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

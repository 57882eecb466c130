"""Names in other letters, beside what Postfix's library says of them (idna@ICU.jsonl, by record_idna.py)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(VECTORS))

from domain_names import NAMES  # noqa: E402

from mailconf.domain_names import DomainNameError, comparable, for_resolver, to_ascii, to_unicode  # noqa: E402
from mailconf.postfix.settings.hostnames import valid_domain  # noqa: E402
from mailconf.smtp.path import valid_hostname  # noqa: E402
from tests.vectors.store import load  # noqa: E402

RECORDED, NEWER = (load(f"idna@libicuuc.so.{version}").by("transitional") for version in (72, 76))


def found(function: Callable[[], str]) -> str | None:
    try:
        return function()
    except DomainNameError:
        return None


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_names_are_translated_as_recorded(number: int) -> None:
    name = NAMES[number]
    case = RECORDED["no"][number]
    plain, letters, valid = case["ascii"], case["unicode"], case["valid"]
    assert found(lambda: to_unicode(name)) == letters
    assert valid_domain(name) == valid
    if not name.isascii():  # one that is ASCII is translated by nobody
        assert found(lambda: to_ascii(name)) == plain
        assert found(lambda: to_ascii(name, transitional=True)) == RECORDED["yes"][number]["ascii"]
        if not name.endswith("."):  # of an address, one dot at the end is dropped first
            assert valid_hostname(name, smtputf8=True) == valid


def test_what_a_newer_icu_translates_otherwise() -> None:
    """docs/departures.md names it: ẞ, and the transitional mapping, which ICU 76 does not do any more."""
    pairs = [pair for word in RECORDED for pair in zip(RECORDED[word], NEWER[word], strict=True) if pair[0] != pair[1]]
    assert [case["name"] for case, _ in pairs if case["transitional"] == "no"] == ["FA\u1e9e.example"]
    assert any(case["transitional"] == "yes" for case, _ in pairs)
    for case, newer in pairs:
        name = case["name"]
        assert to_ascii(name, transitional=case["transitional"] == "yes") == case["ascii"] != newer["ascii"]
        assert name == "FA\u1e9e.example" or to_ascii(name) == newer["ascii"]


def test_a_letter_that_stands_for_itself_leads_to_its_own_domain() -> None:
    assert to_ascii("fa\u00df.example") == "xn--fa-hia.example"
    assert to_ascii("fa\u00df.example", transitional=True) == "fass.example"
    assert comparable("FA\u00df.Example") == comparable("XN--FA-HIA.example") == "xn--fa-hia.example"
    assert comparable("-\u00e4") == "-\u00e4"
    assert for_resolver("-\u00e4") == "invalid."


@given(st.text(max_size=80), st.booleans())
def test_no_name_is_too_odd(name: str, transitional: bool) -> None:
    plain = found(lambda: to_ascii(name, transitional=transitional))
    assert plain is None or plain.isascii()
    if plain and not name.isascii():
        assert len(plain) <= 255 and comparable(plain) == plain
        letters = to_unicode(plain)
        assert letters.isascii() or to_ascii(letters) == plain


def test_the_tables_are_loaded_when_they_are_needed() -> None:
    program = "import sys, mailconf.domain_names as d; d.to_ascii('a.example'); print('idna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"

"""Which values a configuration can tell apart: alphabets, signatures, and texts that patterns match."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.model.alphabet import FRESH, STRANGERS, alphabet, representatives
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.specimen import specimen

TABLE = "hash:/t"
KEYS = {TABLE: ["a.example", ".b.example", "c.example"], "regexp:/r": [r"^mail\.d\.example$"]}
VALUES = {"a.example": "OK", "c.example": "OK", ".b.example": "REJECT"}
HELO = [
    Distinction("check_helo_access", Dimension.HELO, Form.TABLE, TABLE, (Key.WHOLE, Key.DOT_PARENTS)),
    Distinction("check_helo_access", Dimension.HELO, Form.PATTERN, "regexp:/r", (Key.WHOLE,)),
    Distinction("list", Dimension.HELO, Form.LITERAL, "e.example", (Key.WHOLE,)),
    Distinction("list", Dimension.SENDER, Form.LITERAL, "f.example", (Key.DOMAIN,)),
]


def keys(table: str) -> Iterable[str]:
    return KEYS[table]


def look(table: str, key: str) -> str | None:
    if table == TABLE:
        return VALUES.get(key)
    return "OK" if re.search(KEYS[table][0], key) else None


def test_an_alphabet_has_a_value_for_each_thing_that_is_looked_at() -> None:
    found = alphabet(HELO, Dimension.HELO, keys)
    assert found.values[0] == FRESH
    assert {"a.example", "zz.b.example", "mail.d.example", "e.example"} <= set(found.values)
    assert found.sampled
    assert not alphabet(HELO, Dimension.SENDER, keys).sampled


def test_senders_are_addresses() -> None:
    assert alphabet(HELO, Dimension.SENDER, keys).values == (f"zz@{FRESH}", "", "zz@f.example")


def test_clients_are_addresses_of_networks_and_octets() -> None:
    about = [
        Distinction("mynetworks", Dimension.CLIENT, Form.NETWORK, "10.0.0.0/8"),
        Distinction("mynetworks", Dimension.CLIENT, Form.NETWORK, "[2001:db8::]/32"),
        Distinction("check_client_access", Dimension.CLIENT, Form.TABLE, "hash:/c", (Key.WHOLE, Key.NETWORKS)),
        Distinction("local_header_rewrite_clients", Dimension.CLIENT, Form.LITERAL, "permit_mynetworks"),
    ]
    found = alphabet(about, Dimension.CLIENT, lambda table: ["198", "192.0.2", "host.example"])
    assert found.values == (*STRANGERS, "10.0.0.9", "2001:db8::9", "198.9.9.9", "192.0.2.9")


def test_values_that_are_answered_alike_have_one_representative() -> None:
    found = representatives(alphabet(HELO, Dimension.HELO, keys), HELO, look)
    assert found[0] == FRESH
    assert ("a.example" in found) is not ("c.example" in found)  # OK for both
    assert {"zz.b.example", "mail.d.example", "e.example"} <= set(found)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^a",
        r"\.example\.com$",
        r"^(foo|bar)[0-9]+@",
        r"[^a-z]x{3,5}",
        r"^.+@.*\.(com|net)$",
        r"(?i)Mail",
        r"\d\s\w",
        r"x*",
    ],
)
def test_a_specimen_matches_its_pattern(pattern: str) -> None:
    text = specimen(pattern)
    assert text is not None
    assert re.search(pattern, text, re.IGNORECASE)


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", "x{1000}", "a(?!a)a" * 3])
def test_no_specimen_is_better_than_a_wrong_one(pattern: str) -> None:
    assert specimen(pattern) is None


@given(st.text(max_size=40))
def test_any_text_has_a_specimen_that_matches_or_none(pattern: str) -> None:
    text = specimen(pattern)
    assert text is None or re.search(pattern, text, re.IGNORECASE)

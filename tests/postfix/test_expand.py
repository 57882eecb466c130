"""$-expansion: the recorded answers are in test_postconf; here are its bounds and its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.postfix.text.expand import MacroError, expand, parse_level, references, scan
from tests.limits import within

VALUES = {"foo": "FOO", "empty": "", "ref": "$empty", "self": "x$self"}
PIECES = [
    "$",
    "${",
    "}",
    "{",
    "(",
    ")",
    "?",
    ":",
    "==",
    "<=level",
    "!=",
    " ",
    "foo",
    "empty",
    "ref",
    "nope",
    "3.6",
    "é",
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$foo.$(foo)${foo}", "FOO.FOOFOO"),
        ("a$$b", "a$b"),
        ("${foo?{yes}:{no}}${nope?{yes}:no}", "yesno"),
        ("${ref?raw value counts}", "raw value counts"),
        ("${{$foo} == {FOO} ? {same} : {other}}", "same"),
        ("${{9} < {10}}${{9x} < {10}}", "true"),
        ("${{3.6} <level {3.10} ? {old} : {new}}", "old"),
        ("$nope", ""),
    ],
)
def test_expressions(text: str, value: str) -> None:
    assert expand(text, VALUES.get) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${foo", 'truncated macro reference: "${foo"'),
        ("a$", 'empty macro name: "a$"'),
        ("${foo bar}", 'attribute name syntax error at: "...foo>>> bar"'),
        ("$self", 'unreasonable macro call nesting: "x"'),
        ("${{x} <level {3}}", 'malformed compatibility level syntax: "x"'),
    ],
)
def test_errors_have_the_engines_words(text: str, message: str) -> None:
    with pytest.raises(MacroError) as failure:
        expand(text, VALUES.get)
    assert failure.value.messages[0] == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${domain_to_ascii{ Straße.$tld }}", "xn--strae-oqa.de"),
        ("${domain_to_ascii{A_b.DE}}", "A_b.DE"),
        ("${domain_to_utf8{xn--4ca.de}}", "ä.de"),
        ("${{${domain_to_ascii{a}}} == {a} ? {y} : {n}}", "y"),
    ],
)
def test_functions(text: str, value: str) -> None:
    assert expand(text, {"tld": "de"}.get, version=(3, 11)) == value
    with pytest.raises(MacroError, match="attribute name syntax error"):
        expand(text, {"tld": "de"}.get)


@pytest.mark.parametrize("domain", ["-ä", "ä..b", "ä%", "\udcff", ""])
def test_names_that_have_no_ascii_form(domain: str) -> None:
    with pytest.raises(MacroError) as failure:
        expand(f"${{domain_to_ascii{{{domain}}}}}", VALUES.get, version=(3, 11))
    assert failure.value.messages[1] == f"bad domain argument in: 'domain_to_ascii{{{domain}}}'"


def test_scan_reads_both_branches() -> None:
    names: list[str] = []
    scan("$a ${b?{$c}:{$d}} ${{$e} == {$f} ? {$g} : {h}}", names.append, print)
    assert names == ["a", "b", "c", "d", "e", "f", "g"]
    assert references("$a ${b") == ["a"]


def test_levels() -> None:
    assert parse_level("3.6") == (3, 6, 0)
    assert parse_level("3.10.1") == (3, 10, 1)
    assert parse_level("") is None
    assert parse_level("3.1024") is None


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_text_has_a_value_or_an_error(text: str) -> None:
    try:
        expand(text, VALUES.get)
    except MacroError as failure:
        assert failure.messages


@pytest.mark.parametrize(
    "values",
    [
        {f"n{i}": f"$n{i - 1}$n{i - 1}" for i in range(1, 90)} | {"n0": "x", "start": "$n89"},
        {f"n{i}": f"$n{(i + 1) % 1000}" for i in range(1000)} | {"start": "$n0"},
        {f"n{i}": f"${{{{$n{i + 1}}} == {{$n{i + 1}}}}}" for i in range(90)} | {"n90": "x", "start": "$n0"},
        {"start": "${a?" * 10_000 + "}" * 10_000, "a": "x"},
        {"start": "${a?" * 10_000, "a": "x"},
        {"start": ("${a?" * 1900 + "}" * 1900) * 200, "a": "x"},
        {"start": "$big" * 100, "big": "$a" * 10_000, "a": "x" * 10_000},
    ],
    ids=["doubling", "cycle of a thousand", "operands", "deep", "unclosed", "wide", "big"],
)
def test_hostile_values_end_soon(values: dict[str, str]) -> None:
    with within(50), pytest.raises(MacroError):
        expand("$start", values.get)

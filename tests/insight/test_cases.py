"""Test files as they are read: forms, places, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.insight.cases import nodes, read
from mailconf.insight.cases.read import read_suite
from mailconf.insight.cases.schema import schema, schema_text
from mailconf.insight.cases.suite import Case, Going, Suite
from mailconf.insight.compare import same
from mailconf.model.session import NameOutcome
from mailconf.model.world import Outcome
from mailconf.smtp.reply import Reply
from mailconf.source import Source

TOP = Path(__file__).resolve().parents[2]


def suite_of(text: str) -> Suite:
    sink = Sink()
    suite = read_suite(Source("t.yaml", text), sink)
    assert suite is not None, [str(d) for d in sink]
    return suite


def findings(text: str) -> list[str]:
    sink = Sink()
    assert read_suite(Source("t.yaml", text), sink) is None
    assert all(d.hint for d in sink), [str(d) for d in sink]
    return [f"{d.span.first.line}:{d.span.first.column} {d.code}" for d in sink.sorted() if d.span is not None]


def case(text: str, before: str = "") -> Case:
    (found,) = suite_of(f"site: .\n{before}cases:\n  - {text}\n").cases
    return found


def test_a_case_has_its_place_and_its_defaults() -> None:
    suite = suite_of(
        "site: .\nclients: {out: 203.0.113.9 mail.far.test}\ndefaults: {client: out, from: a@far.test}\n"
        "cases:\n  - {to: b@x.test, reply: 250}\n  - name: g\n    from: <>\n    cases:\n"
        "      - {to: c@x.test, reply: 550 5.1.1}\n"
    )
    first, second = suite.cases
    assert (first.sender, first.recipients, first.client.name.text) == ("a@far.test", ("b@x.test",), "mail.far.test")
    assert first.span.first == (5, 5)
    assert (second.sender, second.title) == ("", "g: out: <> -> c@x.test")
    assert first.goes is None and first.reply is not None


def test_a_table_has_places_and_columns() -> None:
    suite = suite_of(
        "site: .\ncases:\n  - columns: from to reply goes\n    table: |\n      # nobody\n\n"
        "      a@b.test  postmaster@[each local domain]\t250 2.1.5 Ok\tlocal x, local y\n"
        "      <>  c@d.test  -  smtp d.test\n"
    )
    first, second = suite.cases
    assert first.recipients == ("postmaster@[each local domain]",)
    assert first.span.first == (7, 7)
    assert first.reply is not None and first.reply.written.span.first == (7, 48)
    assert first.reply.text == "2.1.5 Ok"
    assert first.goes is not None and [g.address for g in first.goes] == ["x", "y"]
    assert second.sender == "" and second.reply is None


def test_what_is_a_client() -> None:
    assert case("{client: 127.0.0.1, to: a@b.test, reply: 250}").client.name.text == "localhost"
    client = case(
        "{client: c, to: a@b.test, reply: 250}",
        "clients: {c: {address: '::ffff:192.0.2.1', name: servfail, auth: ann, helo: ''}}\n",
    ).client
    assert (client.address, client.name.outcome, client.auth, client.helo) == (
        "192.0.2.1",
        NameOutcome.FAILED,
        "ann",
        "",
    )


def test_the_dns_of_a_world() -> None:
    dns = suite_of(
        "site: .\nworld:\n  dns:\n    a.test: [192.0.2.1, '2001:db8::1']\n"
        "    b.test: {mx: [20 m2.test, 10 m1.test.], txt: x y}\n"
        "    c.test: servfail\n    d.test: {a: servfail}\n    192.0.2.1: {ptr: a.test}\n    e.test: {}\n"
        "cases:\n  - {to: a@b.test, reply: 250}\n"
    ).world.dns
    assert dns["a.test", "A"].values == ("192.0.2.1",) and dns["a.test", "AAAA"].values == ("2001:db8::1",)
    assert dns["b.test", "MX"].values == ("10 m1.test", "20 m2.test") and dns["b.test", "TXT"].values == ("x y",)
    assert dns["c.test", "*"].outcome is dns["d.test", "A"].outcome is Outcome.FAILED
    assert dns["1.2.0.192.in-addr.arpa", "PTR"].values == ("a.test",)
    assert ("e.test", "") in dns


@pytest.mark.parametrize(
    ("pattern", "reply", "matches"),
    [
        ("250", "250 2.1.5 Ok", True),
        ("250", "251 2.1.5 Ok", False),
        ("554 5.7.1", "554 5.7.1 <a>: Relay access denied", True),
        ("554  5.7.1 <a>:   Relay", "554 5.7.1 <a>: Relay access denied", True),
        ("554 5.7.2", "554 5.7.1 <a>: Relay access denied", False),
        ("/Relay .*denied$/", "554 5.7.1 <a>: Relay access denied", True),
        ("/^550/", "554 5.7.1 <a>: Relay access denied", False),
    ],
)
def test_replies(pattern: str, reply: str, matches: bool) -> None:
    found = case(f"{{to: a@b.test, reply: '{pattern}'}}").reply
    assert found is not None
    assert found.matches(Reply.of(int(reply[:3]), reply[4:])) is matches


LOCAL, AWAY = Going("local", "", "joe@b.test", local=True), Going("smtp", "[gw.test]:25", "ann@far.test")


@pytest.mark.parametrize(
    ("goals", "ways", "passes"),
    [
        ("[local joe]", [LOCAL], True),
        ("[local joe@B.test]", [LOCAL], True),
        ("[local b.test]", [LOCAL], False),
        ("[smtp far.test]", [AWAY], True),
        ("[smtp ann]", [AWAY], False),
        ("['smtp:[gw.test]:25 far.test']", [AWAY], True),
        ("['smtp:gw.test far.test']", [AWAY], False),
        ("['smtp: far.test']", [AWAY], False),
        ("[smtp far.test, local joe]", [LOCAL, AWAY], True),
        ("[local joe]", [LOCAL, AWAY], False),
        ("[local joe, local joe]", [LOCAL], False),
        ("nothing", [], True),
        ("[]", [LOCAL], False),
        ("[smtp far.test, 'smtp:[gw.test]:25 far.test']", [AWAY, AWAY._replace(nexthop="")], True),
    ],
)
def test_ways_out(goals: str, ways: list[Going], passes: bool) -> None:
    found = case(f"{{to: a@b.test, goes: {goals}}}").goes
    assert found is not None
    assert same(found, ways) is passes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1 TS005"]),
        ("site: .\n", ["1:1 TS005"]),
        ("site: .\ncases: []\n", ["1:1 TS005"]),
        ("- a\n", ["1:1 TS003"]),
        ("site: .\ncases: [\n", ["3:1 TS001"]),
        ("site: .\ncases:\n\t- a\n", ["3:1 TS001"]),
        ("site: .\ncases: {}\n", ["2:8 TS003"]),
        ("site: .\ncases:\n  - {to: a@b.test}\n", ["3:5 TS005"]),
        ("site: .\ncases:\n  - {reply: 250}\n", ["3:5 TS005"]),
        ("site: .\ncases:\n  - {to: a@b.test, reply: 99}\n", ["3:27 TS004"]),
        ("site: .\ncases:\n  - {to: a@b.test, reply: '/(/'}\n", ["3:27 TS004"]),
        ("site: .\ncases:\n  - {to: a@b.test, reply: [250]}\n", ["3:27 TS003"]),
        ("site: .\ncases:\n  - {to: a@b.test, reply: }\n", ["3:27 TS003"]),
        ("site: .\ncases:\n  - {to: 'a b', reply: 250}\n", ["3:10 TS004"]),
        ("site: .\ncases:\n  - {to: 'a@[each loca domain]', reply: 250}\n", ["3:10 TS004"]),
        ("site: .\ncases:\n  - {to: a@b.test, goes: local}\n", ["3:26 TS004"]),
        ("site: .\ncases:\n  - {to: a@b.test, goes: local a, local b}\n", ["3:35 TS002"]),
        ("site: .\ncases:\n  - {to: a@b.test, reply: 250, reply: 550}\n", ["3:32 TS009"]),
        ("site: .\ncases:\n  - {to: a@b.test, reply: 250, client: who}\n", ["3:40 TS006"]),
        ("site: .\ncases:\n  - {to: a@b.test, reply: 250, client: 1.2.3}\n", ["3:40 TS004"]),
        ("site: .\nworld: {dns: {a.test: {mx: m.test}}}\ncases:\n  - {to: a@b.test, reply: 250}\n", ["2:28 TS004"]),
        ("site: .\nworld: {dns: {a.test: {mxx: x}}}\ncases:\n  - {to: a@b.test, reply: 250}\n", ["2:24 TS004"]),
        ("site: .\nworld: {clock: noon}\ncases:\n  - {to: a@b.test, reply: 250}\n", ["2:16 TS004"]),
        ("site: .\nclients: {c: {name: x.test}}\ncases:\n  - {to: a@b.test, reply: 250}\n", ["2:14 TS005"]),
        ("site: .\ncases:\n  - {to: a@b.test, reply: 250, size: big}\n", ["3:38 TS004"]),
        ("site: .\ncases:\n  - table: |\n      a@b.test  250  local b  more\n    columns: to reply\n", ["4:7 TS004"]),
        ("site: .\ncases:\n  - {columns: to answer, table: 'a'}\n", ["3:15 TS002"]),
        ("site: .\ncases:\n  - {to: \ud800, reply: 250}\n", ["3:10 TS001"]),
        ("a: 1\n---\nb: 2\n", ["2:1 TS001"]),
    ],
)
def test_what_is_wrong_has_its_place_and_a_hint(text: str, expected: list[str]) -> None:
    assert findings(text) == expected


def test_aliases_are_allowed_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(suite_of("site: .\ncases:\n  - &a {to: a@b.test, reply: 250}\n  - *a\n").cases) == 2
    monkeypatch.setattr(nodes, "MOST_NODES", 1000)
    levels = "".join(f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert findings(f"site: .\ncases:\n  - &a0 [x]\n{levels}")[0].endswith("TS001")


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings("[" * 200_000)[0].endswith("TS001")
    assert findings("[" * 20 + "]" * 20) == ["1:17 TS001"]
    monkeypatch.setattr(read, "MOST_CASES", 2)
    one = "  - {to: a@b.test, reply: 250}\n"
    assert len(suite_of("site: .\ncases:\n" + one * 2).cases) == 2
    assert findings("site: .\ncases:\n" + one * 3) == ["5:5 TS005"]
    monkeypatch.setattr(nodes, "MOST_BYTES", 10)
    assert findings("site: .\ncases: []\n") == ["1:1 TS001"]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="site:cas-{}[]&*|>'\"#, \n\tto@x.5/", max_size=80))
def test_any_text_is_read_or_reported(text: str) -> None:
    sink = Sink()
    if read_suite(Source("t.yaml", text), sink) is None:
        assert sink.failed


WORDS = st.sampled_from(["250", "a@b.test", "x", "", "local a"])
KEYS = st.sampled_from([*read.CASE_KEYS, *read.GROUP_KEYS, *read.WORLD_KEYS, "a.test"])


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
    )
)
def test_any_form_is_read_or_reported(value: object) -> None:
    sink = Sink()
    text = json.dumps({"site": ".", "world": {"dns": value}, "cases": [value]})
    if read_suite(Source("t.yaml", text), sink) is None:
        assert sink.failed


def test_the_schema_is_published_and_takes_the_examples() -> None:
    assert (TOP / "docs/test.schema.json").read_text(encoding="utf-8") == schema_text()
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    for name in ("postfix", "sendmail"):
        document = yaml.safe_load((TOP / f"examples/{name}/mail.test.yaml").read_text(encoding="utf-8"))
        assert list(validator.iter_errors(document)) == []
    misspelt = {"site": ".", "cases": [{"to": "a", "replies": 1}]}
    for wrong in ({"site": "."}, misspelt, {"site": ".", "cases": [], "x": 1}):
        assert not validator.is_valid(wrong)


def test_the_keys_are_in_the_page() -> None:
    page = (TOP / "docs/testing.md").read_text(encoding="utf-8")
    keys = {*read.TOP_KEYS, *read.WORLD_KEYS, *read.CLIENT_KEYS, *read.CASE_KEYS, *read.GROUP_KEYS}
    assert not [key for key in sorted(keys) if f"`{key}`" not in page and f"`{key}:`" not in page]

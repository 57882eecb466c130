"""The readers of /etc/mail's and of rules' texts: entries or Diagnostics for any bytes, places that are right."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.maps.registry import open_table
from mailconf.source import Source, decode
from mailconf.tables import class_file, hosts_access, roles
from mailconf.tables import sides as sides_module
from mailconf.tables.entry import Entry
from mailconf.tables.roles import meaning
from mailconf.tables.rule_lines import Pattern, RuleKind, read_rules
from mailconf.tables.sendmail_roles import SENDMAIL, read_sendmail_table, sendmail_format
from mailconf.tables.sides import check_sides
from tests.limits import within


def read(role: str, text: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Keys and values, and the findings, each with the text that it points at."""
    sink = Sink()
    entries = read_sendmail_table(role, Source("t", text), sink)
    return [(e.key, e.value) for e in entries], [(d.code, d.span.text if d.span else "") for d in sink.sorted()]


def test_names_of_roles() -> None:
    assert sendmail_format("virtusertable") is sendmail_format("virtuser") is SENDMAIL["virtuser"]
    assert sendmail_format("local-host-names") is SENDMAIL["class"]
    assert sendmail_format("hosts.deny") is SENDMAIL["hosts"]
    assert sendmail_format("what else").name == "other"


def test_the_meaning_of_an_entry() -> None:
    form = sendmail_format("mailertable")
    entry = form.read(Source("t", ".example.com\tesmtp:[relay.example.com]\n"), Sink())[0]
    assert meaning(form.sides, entry)[1].host == "[relay.example.com]"


def test_class_files() -> None:
    """As `$=w` of the real sendmail shows them (tests/live)."""
    words, found = read("class", "a.test\n# c.test\n  b.test\nC.Test # boss\n\nd.test e.test\n\x00g.test\nf.test")
    assert [key for key, _ in words] == ["a.test", "b.test", "C.Test", "d.test", "f.test"]
    assert found == [("TB071", "e.test")]


def test_words_of_class_files_that_are_none() -> None:
    _, found = read("local-host-names", "  # x\na.test.\nb.test,c.test\nu@d.test\n!e.test\nf.test#x\n*.g.test\n")
    assert found == [
        ("TB070", "#"),
        ("TB072", "a.test."),
        ("TB072", "b.test,c.test"),
        ("TB072", "u@d.test"),
        ("TB072", "!e.test"),
        ("TB072", "f.test#x"),
        ("TB072", "*.g.test"),
    ]


def test_a_class_files_line_is_read_in_pieces() -> None:
    length = class_file.LIMIT
    words, found = read("class", "x" * (length + 3) + " y\n")
    assert [len(key) for key, _ in words] == [length, 3]
    assert [code for code, _ in found] == ["TB073", "TB071"]


def test_aliases_of_sendmail() -> None:
    entries, found = read(
        "aliases", '# c\nRoot: joe\njoe: a,\n  b\n"A B": |/bin/x y\nno colon\nx@other.test:\n: y\nz: é # q\n'
    )
    assert entries == [("root", "joe"), ("joe", "a,  b"), ('"a b"', "|/bin/x y"), ("z", "é # q")]
    assert found == [
        ("TB056", "|/bin/x y"),
        ("TB052", "no colon"),
        ("TB053", "x@other.test:"),
        ("TB050", ": y"),
        ("TB025", "#"),
    ]


def test_lines_of_sendmails_aliases_that_are_lost() -> None:
    _, found = read("aliases", "  orphan: x\nlong: " + "a" * 9000 + '\nopen"x: y\n')
    assert [code for code, _ in found] == ["TB001", "TB055", "TB054"]


def test_hosts_allow() -> None:
    entries, found = read("hosts.allow", "# c\nALL: 192.0.2. : allow\nsendmail:\\\n  .a.test, 10\njunk\n\nx: y")
    assert entries == [("ALL", "192.0.2. : allow"), ("sendmail", ".a.test, 10")]
    assert found == [("TB165", "10"), ("TB160", "junk"), ("TB161", "x: y")]


@pytest.mark.parametrize(("length", "whole"), [(hosts_access.LIMIT, True), (hosts_access.LIMIT + 1, False)])
def test_how_long_a_rule_of_hosts_allow_may_be(length: int, whole: bool) -> None:
    for text in ("ALL: ALL".ljust(length), "ALL: ALL\\\n".ljust(length + 2)):
        _, found = read("hosts", text + "\n")
        assert [code for code, _ in found] == ([] if whole else ["TB161"])


def rules(kind: str, text: str) -> tuple[list[tuple[RuleKind, tuple[Pattern, ...], str]], list[tuple[str, str]]]:
    sink = Sink()
    found = read_rules(kind, Source("t", text), sink)
    diagnostics = [(d.code, d.span.text if d.span else "") for d in sink.sorted()]
    return [(rule.kind, rule.patterns, rule.entry.value) for rule in found], diagnostics


def test_rules_of_patterns() -> None:
    text = "/^a\\/b/i REJECT\n  no\nm,x,m OK\nif /y/\n/c/!/d/ W\nendif\n"
    assert rules("regexp", text) == (
        [
            (RuleKind.RULE, (Pattern("^a\\/b", "i"),), "REJECT  no"),
            (RuleKind.IF, (Pattern("y"),), ""),
            (RuleKind.RULE, (Pattern("c"), Pattern("d", negated=True)), "W"),
            (RuleKind.ENDIF, (), ""),
        ],
        [("TB112", "m,x,m")],
    )


def test_rules_that_are_skipped() -> None:
    text = "/a\n/b/q X\nfoo x\nendif\n!/c/ $1\n/d/\nif /e/ f\n"
    _, found = rules("pcre", text)
    assert found == [
        ("TB110", "/a"),
        ("TB111", "q"),
        ("TB112", "foo"),
        ("TB113", "endif"),
        ("TB118", "$1"),
        ("TB115", "/d/"),
        ("TB114", "if /e/ f"),
        ("TB117", "f"),
    ]


def test_rules_of_networks() -> None:
    text = "192.0.2.0/24 OK\n! 2001:db8::/32 x y\nif [10.0.0.0]/8\nendif\n10.0.0.1/8 x\n10.1 x\n::1/129 x\n10.0.0.1\n"
    assert rules("cidr", text) == (
        [
            (RuleKind.RULE, (Pattern("192.0.2.0/24"),), "OK"),
            (RuleKind.RULE, (Pattern("2001:db8::/32", negated=True),), "x y"),
            (RuleKind.IF, (Pattern("[10.0.0.0]/8"),), ""),
            (RuleKind.ENDIF, (), ""),
        ],
        [("TB116", "10.0.0.1/8"), ("TB116", "10.1"), ("TB116", "::1/129"), ("TB115", "10.0.0.1")],
    )


RULES = st.lists(
    st.sampled_from(
        [
            *("/a/ x", "/a/i y", "!/b/ z", "if /a/", "if !/b/", "endif", "ENDIF", "/a", "/a/q x", "/a/!/b/ x", "a x"),
            *("10.0.0.0/8 x", "!::1 y", "if 10.0.0.0/8", "10.0.0.1/8 x", "10.1 x", "::1", "[::1] x", "[::1 x", "#c"),
            *(
                "if",
                "if x",
                "endif x",
                "!",
                "!!/a/ x",
                "é x",
                ";a;x y",
                '"a" b',
                "iffy",
                "if\x00",
                "\x00",
                "/(a)/ ${1}",
            ),
            *("!/a/ $1", "!/a/ $$1", "0.0.0.0/0 x", "010.0.0.1 x", "1.2.3.4/ x", "1.2.3.4/8/8 x", "::ffff:1.2.3.4 x"),
            *("if /a/ x", "/a/", "/a/imx x", "/a/s x", "if 10.0.0.0/8 x", "! /a/x", "fe80::1%lo x", "1.2.3.4 x"),
            *(
                "!m,x,m OK",
                "[1.2.3.4/32] y",
                "[1.2.3.4]/32 y",
                "1.2.3.4/33 x",
                "1.2.3.4/032 x",
                "::/0 x",
                "1.2.3.4/+8 x",
            ),
        ]
    ),
    max_size=6,
)


@given(RULES, st.sampled_from(["regexp", "pcre", "cidr"]))
def test_the_same_rules_are_wrong_for_the_reader_and_for_the_map(lines: list[str], kind: str) -> None:
    text = "".join(line + "\n" for line in lines)
    told: list[str] = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        open_table(f"{kind}:{file.name}", warn=told.append).close()
    warned = {int(words.partition(", line ")[2].partition(":")[0]) for words in told}
    sink = Sink()
    read_rules(kind, Source("t", text), sink)
    assert {d.span.line for d in sink if d.span} == warned


ANYTHING = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                *(b"a", b"#", b":", b" ", b"\t", b"\n", b"\n", b"\\", b'"', b"(", b"<", b">", b",", b"%1", b"\xff"),
                *(b"From:", b"OK", b"ERROR:", b"TLS_Clt:", b"error:", b"smtp:", b"@", b"10.", b"/24", b"[", b"]", b"|"),
                *(b"x" * 1100, b"y" * 2050, b"\r", b"!", b"/a/", b"if ", b"endif", b"$1", b"::1", b"\xc3\xa9", b"\0"),
                *(b"EXCEPT", b"\\\n"),
            ]
        ),
        max_size=30,
    ).map(b"".join),
)


def assert_in_place(entries: list[Entry], sink: Sink) -> None:
    """Each span lies in the text, entries in its order."""
    at = 0
    for entry in entries:
        size = len(entry.source.text)
        assert 0 <= entry.start <= entry.value_at <= entry.end <= size, entry
        assert at <= entry.start, entry
        at = entry.start
    for diagnostic in sink:
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(diagnostic.span.source.text), diagnostic


@given(ANYTHING, st.sampled_from(sorted(SENDMAIL)))
def test_any_bytes_are_entries_or_diagnostics(data: bytes, role: str) -> None:
    sink = Sink()
    entries = read_sendmail_table(role, Source("t", decode(data)), sink)
    assert_in_place(entries, sink)
    if role not in ("aliases", "hosts"):  # names put together anew, rules that go on behind a newline
        for entry in entries:
            assert entry.key_span.text == entry.key


@given(ANYTHING, st.sampled_from(["regexp", "pcre", "cidr"]))
def test_any_bytes_are_rules_or_diagnostics(data: bytes, kind: str) -> None:
    sink = Sink()
    found = read_rules(kind, Source("t", decode(data)), sink)
    assert_in_place([rule.entry for rule in found], sink)


BY_ROLE = [*roles.CHECKED_BY_SIDES, roles.ACCESS, roles.VIRTUAL, roles.ONE_ADDRESS, roles.ALIASES]


@given(ANYTHING, st.sampled_from(BY_ROLE))
def test_any_bytes_have_a_meaning_or_diagnostics(data: bytes, role: str) -> None:
    sink = Sink()
    entries = roles.read_table(role, Source("t", decode(data)), sink)
    roles.check_table(role, entries, sink)
    assert_in_place(entries, sink)


WORDS = st.lists(
    st.sampled_from(
        [
            *(
                "a",
                "B.c",
                "@",
                "d@e.f",
                "@g",
                ".h",
                "*",
                "%1",
                "%4",
                "|",
                "/",
                ":",
                " ",
                ", ",
                "#",
                "+",
                "+*",
                "-",
                "_",
            ),
            *(
                "OK",
                "reject",
                "RELAY",
                "ERROR:",
                "5.7.1",
                "550",
                "From:",
                "spam:",
                "TLS_Clt:",
                "VERIFY",
                "10.1",
                "[",
                "]",
            ),
            *("smtp:", "relay:", "local:", "error:", "virtual:", "25", "FILTER", "PREPEND", "WARN", "IGNORE", "<", ">"),
            *(".", '"', "é", "1", "255", "IPv6:"),
        ]
    ),
    max_size=5,
).map("".join)
ALL_SIDES = {
    **{role: roles.sides_of(role) for role in roles.CHECKED_BY_SIDES},
    **{f"sendmail {name}": form.sides for name, form in SENDMAIL.items()},
}


@given(WORDS, WORDS, st.sampled_from(sorted(ALL_SIDES)))
def test_what_passes_as_plain_has_no_fault(key: str, value: str, role: str) -> None:
    """With and without the regular expressions that let plain entries pass, the findings are the same."""
    sides = ALL_SIDES[role]
    entry = Entry(key, value, Source("t", f"{key}\t{value}"), 0, len(key) + 1, len(key) + 1 + len(value))
    quick, slow = Sink(), Sink()
    check_sides(sides, [entry], quick)
    check_sides(sides._replace(plain_key=None, plain_value=None), [entry], slow)
    assert list(map(str, quick)) == list(map(str, slow))


def test_a_table_that_is_too_irregular_is_checked_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which bounds the time that any table takes."""
    monkeypatch.setattr(sides_module, "LIMIT", 50)
    text = "".join(f"From:k{n}\tx{n} y\n" for n in range(60))
    _, found = read("access", text)
    assert [code for code, _ in found if code != "TB061"] == ["TB009"]


@pytest.mark.parametrize("value", ["smtp:" + "a, " * 400_000, "smtp:" + "[" * 400_000, "x" * 400_000, '"' * 99_999])
@pytest.mark.parametrize("role", [roles.TRANSPORT, roles.HEADER_CHECKS, roles.VIRTUAL, roles.ACCESS])
def test_a_value_may_be_very_long(role: str, value: str) -> None:
    entry = Entry("k", value, Source("t", f"k {value}"), 0, 2, 2 + len(value))
    with within(50):
        roles.check_table(role, [entry], Sink())


@pytest.mark.parametrize(
    "text", ["[" * 2000 + "\n", "a:" + "[" * 2000 + "\n", "a: b" + ' "(' * 2000 + "\n", "From:" * 200 + "\tx\n"]
)
@pytest.mark.parametrize("role", sorted(SENDMAIL))
def test_lines_that_open_much(role: str, text: str) -> None:
    with within(50):
        read(role, text * 20)

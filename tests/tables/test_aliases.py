from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.source import Source
from mailconf.tables.aliases import (
    AliasKind,
    AliasTarget,
    cut_targets,
    parse_alias,
    parse_alias_by_grammar,
    parse_alias_value,
    read_aliases,
)

HARD = st.text(alphabet=' \t"()[]<>@%!.,;::|\\abc/x\x01\x0bé', max_size=14)


@given(HARD)
@example("a (un: b")
@example("a\\: b: c")
@example('q: "a\\')
def test_the_grammar_reads_what_the_hand_written_reader_reads(text: str) -> None:
    assert parse_alias_by_grammar(text) == parse_alias(text)


NEAR = st.lists(
    st.sampled_from(
        (
            "ann",
            "\\\\bob",
            "\\\\",
            "a@b.c",
            "/f/x",
            ":include:/l",
            '"|/p -a, b"',
            '"',
            '""',
            ",",
            ", ",
            " ",
            "\\t",
            ";",
            "é",
            "%",
        )
    )
).map("".join)


@given(NEAR)
@example('a, "b\\tc"')
@example('"a""b"')
@example("a:b;c")
def test_what_is_read_without_being_cut_up_means_the_same(value: str) -> None:
    assert parse_alias(f"name: {value}") == parse_alias_by_grammar(f"name: {value}")
    assert parse_alias_value(value) == list(cut_targets(value))


def test_targets() -> None:
    assert parse_alias_value('alice, "|/bin/prog -a", /var/mail/x, :include:/etc/list, Bob <bob@example.com>') == [
        AliasTarget(AliasKind.ADDRESS, "alice"),
        AliasTarget(AliasKind.COMMAND, "/bin/prog -a"),
        AliasTarget(AliasKind.FILE, "/var/mail/x"),
        AliasTarget(AliasKind.INCLUDE, "/etc/list"),
        AliasTarget(AliasKind.ADDRESS, "bob@example.com"),
    ]


def test_quotes_keep_an_address_together() -> None:
    assert parse_alias_value('"john doe"@example.com (him) other') == [
        AliasTarget(AliasKind.ADDRESS, "john doe@example.com"),
        AliasTarget(AliasKind.ADDRESS, "other"),
    ]


def test_a_group_is_its_members() -> None:
    assert [target.text for target in parse_alias_value("Friends: a, b@c;, d")] == ["a", "b@c", "d"]


def test_an_entry_knows_its_places() -> None:
    source = Source("aliases", "# c\nteam : alice,\n  # between\n  bob\nx@y: z\nnothing\n  \n")
    sink = Sink()
    (entry,) = read_aliases(source, sink)
    assert (entry.key, entry.value) == ("team", "alice, bob")
    assert (entry.span.line, entry.value_span.first.column, entry.span.last.line) == (2, 8, 4)
    assert [(d.code, d.span and d.span.line) for d in sink] == [("TB031", 5), ("TB030", 6)]


@given(st.binary(max_size=120))
def test_any_bytes_give_entries_or_diagnostics(data: bytes) -> None:
    from mailconf.source import decode

    sink = Sink()
    for entry in read_aliases(Source("x", decode(data)), sink):
        assert entry.span.text

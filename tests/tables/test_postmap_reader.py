"""The postmap(1) format: the bulk path, the grammar, and what real postmap said (tests/vectors/postmap.jsonl)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.source import Source, decode, encode
from mailconf.tables import postmap
from mailconf.tables.reader import parse_postmap, read_postmap

# Text out of the pieces that the format gives a meaning to, in any order.
HARD = st.lists(
    st.sampled_from(
        [
            *("\n", "\n", "\n", " ", "  ", "\t", "\r", "\v", "\f", "#", '"', "\\", ":", "\0", "\x1c"),
            *("key", "VALUE", "a@b", "a b\n", "c d\n", "x:y z\n"),
            *("ä", "\u00a0", "\u0085", "\udcff", "\udcc3", "€", "İ"),
        ]
    ),
    max_size=40,
).map("".join)


def both(text: str, utf8: bool) -> None:
    source = Source("t", text)
    bulk, grammar = Sink(), Sink()
    assert read_postmap(source, bulk, utf8=utf8) == parse_postmap(source, grammar, utf8=utf8)
    assert list(bulk) == list(grammar)


@settings(max_examples=500, deadline=None)
@given(HARD, st.booleans())
def test_bulk_and_grammar_agree(text: str, utf8: bool) -> None:
    both(decode(encode(text)), utf8)


@settings(max_examples=200, deadline=None)
@given(st.lists(HARD, min_size=1, max_size=12), st.integers(8, 64))
def test_blocks_do_not_show(texts: list[str], size: int) -> None:
    """However the data is cut into blocks, entries, places and problems are the same."""
    data = encode("\n".join(texts))
    whole = postmap.read_rows(data, places=True)
    old = postmap._BLOCK
    postmap._BLOCK = size
    try:
        cut = postmap.read_rows(data, places=True)
    finally:
        postmap._BLOCK = old
    assert (cut.keys, cut.values, list(cut.places), list(cut.problems)) == (
        whole.keys,
        whole.values,
        list(whole.places),
        list(whole.problems),
    )


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_entries_or_diagnostics(data: bytes) -> None:
    both(decode(data), True)


@settings(max_examples=300, deadline=None)
@given(HARD)
def test_places_point_at_the_text(text: str) -> None:
    source = Source("t", decode(encode(text)))
    for entry in read_postmap(source, Sink()):
        assert entry.key_span.text.startswith(entry.key[:1])
        assert entry.value_span.text.startswith(entry.value[0])
        assert entry.value_span.text.endswith(entry.value[-1])
        for at, c in enumerate(entry.value):
            assert entry.place(at).text == c

"""The input format of makemap(8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.source import Source, decode, encode
from mailconf.tables.makemap import LEADING_SPACE, NO_VALUE, TOO_LONG, Format, read_easy, read_rows
from mailconf.tables.makemap_reader import read_makemap

PIECES = st.sampled_from(
    [b"a", b"B", b"#", b":", b" ", b"\t", b"\r", b"\v", b"\0", b"\n", b"\n", b"x" * 1022, b"\xc3\xa4"]
)
TEXT = st.lists(PIECES, max_size=40).map(b"".join)
FORMATS = st.builds(Format, st.sampled_from([b"", b":", b" "]), st.sampled_from([b"#", b"", b"a"]), st.booleans())


def entries(data: bytes, form: Format = Format()) -> list[tuple[bytes, bytes]]:  # noqa: B008
    return [(row.key, row.value) for row in read_rows(data, form) if not row.problem]


def problems(data: bytes, form: Format = Format()) -> list[tuple[int, str]]:  # noqa: B008
    return [(row.line, row.problem) for row in read_rows(data, form) if row.problem]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a b\n", [(b"a", b"b")]),
        (b"a b", [(b"a", b"b")]),
        (b"A\t \tB C  D \n", [(b"A", b"B C  D ")]),
        (b"a b\r\n", [(b"a", b"b\r")]),
        (b'"a b" c\n', [(b'"a', b'b" c')]),
        (b"# c\n\na b #d\n", [(b"a", b"b #d")]),
        (b"a\vb\fc\n", [(b"a", b"b\fc")]),
        (b"a b\na c\n", [(b"a", b"b"), (b"a", b"c")]),
        (b"a b\0c", [(b"a", b"b")]),
        (b"", []),
    ],
)
def test_entries(data: bytes, expected: list[tuple[bytes, bytes]]) -> None:
    assert entries(data) == expected
    assert problems(data) == []


def test_delimiter_and_comment() -> None:
    colon = Format(delimiter=b":", comment=b";")
    assert entries(b"a b::c:d \n c:d\n:x\n;no:no\n#e:f\n", colon) == [
        (b"a b", b"c:d "),
        (b" c", b"d"),
        (b"", b"x"),
        (b"#e", b"f"),
    ]
    assert problems(b"a\n::\n", colon) == [(1, NO_VALUE), (2, NO_VALUE)]
    assert entries(b"a\nb \n", Format(empty_values=True)) == [(b"a", b""), (b"b", b"")]


def test_problems() -> None:
    text = b"a\n b c\n \nd \r\n" + b"x" * 1023 + b"\ne\0f g\nh i\n"
    assert problems(text) == [
        (1, NO_VALUE),
        (2, LEADING_SPACE),
        (3, LEADING_SPACE),
        (4, NO_VALUE),
        (5, TOO_LONG),
        (7, TOO_LONG),
    ]
    assert entries(text) == [(b"h", b"i")]


def test_what_follows_the_first_1023_bytes_is_a_line_of_its_own() -> None:
    rows = list(read_rows(b"k " + b"v" * 1021 + b"next line\na b\n"))
    assert [(row.line, row.problem, row.key) for row in rows] == [(1, TOO_LONG, b""), (2, "", b"next"), (3, "", b"a")]


@given(data=TEXT, form=FORMATS)
def test_the_quick_way_gives_the_same_or_nothing(data: bytes, form: Format) -> None:
    easy = read_easy(data, form)
    if easy is not None:
        assert problems(data, form) == []
        assert list(zip(*easy, strict=True)) == entries(data, form)


@given(
    st.lists(
        st.tuples(
            st.from_regex(rb"[a-zA-Z@.]{1,9}", fullmatch=True), st.from_regex(rb"[!-~][ -~]{0,9}", fullmatch=True)
        )
    )
)
def test_the_quick_way_reads_plain_tables(pairs: list[tuple[bytes, bytes]]) -> None:
    text = b"".join(b"%s\t%s\n# between\n" % pair for pair in pairs)
    easy = read_easy(text)
    assert easy is not None
    assert list(zip(*easy, strict=True)) == pairs


def test_entries_know_their_places() -> None:
    source = Source("access", "# c\nJ\u00fcrgen  REJECT it \nb\n x y\n")
    sink = Sink()
    (entry,) = read_makemap(source, sink)
    assert (entry.key, entry.value) == ("J\u00fcrgen", "REJECT it ")
    assert (str(entry.span), entry.key_span.text, entry.value_span.text) == ("access:2", "J\u00fcrgen", "REJECT it ")
    found = [(d.code, d.place.rstrip(": "), d.span.text if d.span else "") for d in sink]
    assert found == [("TB043", "access:3:1", "b"), ("TB042", "access:4:1", " x y")]


@given(data=TEXT, form=FORMATS)
def test_any_text_gives_entries_and_diagnostics(data: bytes, form: Format) -> None:
    text = decode(data)
    sink = Sink()
    found = read_makemap(Source("t", text), sink, form)
    assert [(encode(entry.key), encode(entry.value)) for entry in found] == entries(data, form)
    assert len(sink) == len(problems(data, form))
    for entry in found:
        assert entry.source.text[entry.start : entry.end].endswith(entry.value)

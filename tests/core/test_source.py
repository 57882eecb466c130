from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mailconf.files import Root
from mailconf.source import Origin, Source, decode, encode


@given(st.binary(max_size=200))
def test_every_byte_sequence_survives_the_round_trip(data: bytes) -> None:
    assert encode(decode(data)) == data


@given(st.text(alphabet="a\n\tü", max_size=60))
def test_positions_and_offsets_are_inverse(text: str) -> None:
    source = Source("x", text)
    for offset in range(len(text) + 1):
        line, column = source.position(offset)
        assert source.offset(line, column) == offset
        assert text[:offset].count("\n") == line - 1
        assert source.line(line) == text.split("\n")[line - 1]


def test_a_span_knows_its_text_and_place() -> None:
    source = Source("main.cf", "a = b\nmyhostname = mail\n")
    span = source.span(6, 16)
    assert (span.text, span.first, span.last) == ("myhostname", (2, 1), (2, 11))
    assert str(span) == "main.cf:2"
    assert source.line_span(2).text == "myhostname = mail"


def test_an_origin_chain_leads_back_to_the_first_file() -> None:
    outer = Source("a.mc", "include(b)").span(0, 10)
    inner = Source("b", "FOO").span(0, 3)._replace(origin=Origin("included", outer))
    assert [link.span.source.name for link in Origin("expansion", inner).chain()] == ["b", "a.mc"]


def test_a_file_is_reported_under_the_name_the_user_gave(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\n")
    source = Source.read(Root(), tmp_path / "x", "x")
    assert (source.name, source.text) == ("x", "\udcff\n")

"""Logical lines know where they stand, however many physical lines they are joined from."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.source import Source, decode
from mailconf.tables.entry import without_newlines
from mailconf.tables.lines import LineNumbers, NullLines, logical_lines, null_lines
from mailconf.tables.postmap import read_rows
from mailconf.tables.reader import read_postmap

HARD = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\n", b"\n", b"#", b"\0", b'"', b"\\", b"\xc3\xa4"])).map(b"".join)


@given(HARD)
def test_each_byte_of_the_text_is_where_it_is_said_to_be(data: bytes) -> None:
    for line in logical_lines(data):
        assert line.text == b"".join(data[start:end] for start, end in line.pieces())
        assert (data[line.start], line.end) == (line.text[0], line.offset(len(line.text)))
        for at, byte in enumerate(line.text):
            start, end = line.stretch(at, 3)
            assert line.offset(at) == start and data[start] == byte
            assert data[start:end] == line.text[at : at + end - start] and b"\n" not in data[start:end]


def test_a_line_of_many_pieces() -> None:
    data = b"key\n" + b" w\n#\n" * 10_000 + b"other v\n"
    first, second = logical_lines(data)
    assert first.text == b"key" + b" w" * 10_000
    assert first.offset(len(first.text) - 1) == data.rindex(b"w\n#")
    assert second.text == b"other v"
    assert without_newlines(decode(data[first.start : first.end])) == decode(first.text)


@given(HARD)
def test_an_entry_made_when_it_is_asked_for_is_what_the_bulk_path_read(data: bytes) -> None:
    rows = read_rows(data, utf8=False)
    entries = read_postmap(Source("t", decode(data)), Sink(), utf8=False)
    assert [(entry.key, entry.value) for entry in entries] == [
        (decode(key), decode(value)) for key, value in zip(rows.keys, rows.values, strict=True)
    ]
    assert [entries[n] for n in range(len(entries))] == list(entries) == entries[:]


@given(HARD, st.lists(st.integers(0, 40)))
def test_line_numbers(data: bytes, offsets: list[int]) -> None:
    number_of = LineNumbers(data)
    for offset in offsets:
        assert number_of(offset) == data.count(b"\n", 0, offset) + 1


@given(HARD)
def test_lines_with_nuls(data: bytes) -> None:
    """Of each logical line the numbers of its lines and of those that are skipped after it, where one has a NUL."""
    starts = [line.start for line in logical_lines(data)]
    bounds = [0, *starts[1:], len(data) + 1]
    last = data.count(b"\n") + (not data.endswith(b"\n"))
    expected = []
    for start, (begin, end) in zip(starts, pairwise(bounds), strict=False):
        if b"\0" in data[begin:end]:
            numbers = (data.count(b"\n", 0, start) + 1, data.count(b"\n", 0, end) if end <= len(data) else last)
            expected.append((start, "-".join(map(str, dict.fromkeys(numbers)))))
    if b"\0" in data and not starts:
        expected = [(0, str(last))]
    assert list(null_lines(data)) == expected
    told = NullLines(data)
    assert [(start, told.take(start)) for start in starts or [0] if start in dict(expected)] == expected

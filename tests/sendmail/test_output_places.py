"""The places behind the text of a .cf: what is asked for is made then, and is what a list of all parts would give."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Callable
from itertools import islice
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mailconf.encoding import ENCODING, ERRORS, decode, encode
from mailconf.m4.places import Block, MacroPlace
from mailconf.sendmail.mc.places import OutputPlaces

Answer = tuple[int, int] | None
_NAMED = 2  # a block whose places are in the configuration; those of the others are the library's


class _Origins:
    """Says which byte of which block it was asked about."""

    def of_text(self, place: MacroPlace) -> Answer:
        return (place.block.at, place.offset) if place.block.at >= _NAMED else None

    def of_value(self, place: MacroPlace) -> Answer:
        return (-place.block.at, place.offset) if place.block.at == 1 else None

    def of_output(self, place: MacroPlace) -> Answer:
        return place.block.at, place.offset


class _Parts:
    """The same places by a list of all parts."""

    def __init__(self, pieces: list[tuple[bytes, MacroPlace | None]]) -> None:
        self.parts: list[tuple[int, bytes, MacroPlace, bool]] = []
        decoder = getincrementaldecoder(ENCODING)(ERRORS)
        start = 0
        for data, place in pieces:
            whole = place is not None and place.block.data.startswith(data, place.offset)
            for found in re.finditer(rb"[^\n]*\n|[^\n]+", data):
                if place is not None:
                    at = MacroPlace(place.block, place.offset + found.start()) if whole else place
                    self.parts.append((start, found[0], at, whole))
                start += len(decoder.decode(found[0]))

    def of_line(self, start: int, end: int) -> Answer:
        inside = [place for at, _, place, _ in self.parts if start <= at < end]
        finders: tuple[Callable[[MacroPlace], Answer], ...] = (_Origins().of_text, _Origins().of_value)
        return next((answer for find in finders for place in inside if (answer := find(place)) is not None), None)

    def of_character(self, offset: int) -> Answer:
        before = [part for part in self.parts if part[0] <= offset]
        if not before or offset - before[-1][0] > len(decode(before[-1][1])):
            return None
        start, data, place, whole = before[-1]
        behind = len(encode(decode(data)[: offset - start])) if whole else 0
        return place.block.at, place.offset + behind


_TEXTS = st.binary(max_size=6) | st.sampled_from(
    [b"", b"\n", b"\n\n\n", b"a\nb\n", b"a\n\nb", "ä\nö\n".encode(), b"\xc3", b"\xa4\n", b"a\n\xf0\x9f", b"\x98\x80\na"]
)


@st.composite
def _pieces(draw: st.DrawFn) -> list[tuple[bytes, MacroPlace | None]]:
    """Pieces of a text: of m4's own, such as stand at their places, and such as came of calls there."""
    pieces: list[tuple[bytes, MacroPlace | None]] = []
    for data in draw(st.lists(_TEXTS, max_size=6)):
        kind = draw(st.integers(-1, 3))
        block = Block(b"xy" + data if draw(st.booleans()) else b"xy\xff\xff" + data, None, kind)
        pieces.append((data, None if kind < 0 else MacroPlace(block, 2)))
    return pieces


@given(_pieces())
def test_places_are_those_of_a_list_of_all_parts(pieces: list[tuple[bytes, MacroPlace | None]]) -> None:
    expanded: Any = SimpleNamespace(pieces=pieces)
    origins: Any = _Origins()
    places, parts = OutputPlaces(expanded, origins), _Parts(pieces)
    end = len(decode(b"".join(data for data, _ in pieces))) + 2
    for offset in range(end):
        assert places.of_character(offset) == parts.of_character(offset), offset
        for behind in islice(range(offset, end), 5):
            assert places.of_line(offset, behind) == parts.of_line(offset, behind), (offset, behind)

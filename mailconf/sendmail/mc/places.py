"""The lines of the .cf that a .mc expands to, each with the place in the configuration from which it comes.

A line leads back through the calls that made it. Where its own text was put out by a call in the configuration (a
FEATURE, a LOCAL_CONFIG), that call is its place. Where the library wrote it, which goes on when the whole .mc has been
read, it is the definition that the line takes its value from, if the configuration made it; a line that has neither is
a default.
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left, bisect_right
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from mailconf.encoding import ENCODING, ERRORS, decode, encode
from mailconf.m4 import MacroPlace
from mailconf.sendmail.mc.expansion import Call, Expanded
from mailconf.sendmail.mc.library import START, Library
from mailconf.source import Source, Span

_PART = re.compile(rb"[^\n]*\n|[^\n]+")
_WORD = re.compile(r"\w+")
_CONDITIONS = (b"ifdef", b"ifelse")
_REST = re.compile(r"[^\n]*")


class LineSet:
    """Numbers of lines, of which there may be as many as bytes: a byte for each."""

    def __init__(self) -> None:
        self._has = bytearray()

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and 0 <= number < len(self._has) and self._has[number] != 0

    def add(self, first: int, last: int) -> None:
        """All from the first to the last."""
        self._has.extend(bytes(max(last + 1 - len(self._has), 0)))
        self._has[first : last + 1] = b"\1" * (last + 1 - first)

    def update(self, others: LineSet) -> None:
        """Those of the others, too."""
        self._has.extend(bytes(max(len(others._has) - len(self._has), 0)))
        at = -1
        while (at := others._has.find(1, at + 1)) >= 0:
            self._has[at] = 1


class Origins:
    """Finds the places in the configuration. ``mc``: the path of the .mc, as its places name it."""

    def __init__(self, expanded: Expanded, library: Library, mc: str) -> None:
        self._expanded = expanded
        self._library = library
        self._folder = os.path.dirname(mc)  # noqa: PTH120 - paths are text to m4

    def of_call(self, place: MacroPlace) -> Span | None:
        """The name of the macro where the configuration makes a call, or the one that led to it; None for the
        library's own."""
        return self._home(place, is_call=True)

    def included(self, calls: Iterable[Call], mc: str) -> list[Source]:
        """The configuration's other files that have calls in them, in the order in which they are read."""
        seen: set[int] = set()
        sources = []
        for call in calls:
            text = call.place.file[0]
            if id(text) not in seen:
                seen.add(id(text))
                source = self._expanded.span(call.place).source
                if source.text == text.source.text and source.name != mc and not self._is_library(source.name):
                    sources.append(source)
        return sources

    def put_out(self) -> dict[str, LineSet]:
        """By the name of each of the configuration's files, the numbers of its lines that have text in the .cf."""
        found: dict[int, tuple[str, LineSet]] = {}
        for data, place in self._expanded.pieces:
            if place is None or place.block.text is None:
                continue
            text, start = place.file
            if id(text) not in found:
                source = self._expanded.span(place).source  # for a library's file, that of the call which read it
                found[id(text)] = source.name if source.text == text.source.text else "", LineSet()
            found[id(text)][1].add(text.line(start), text.line(start + max(len(data) - 1, 0)))
        lines: dict[str, LineSet] = {}
        for name, numbers in found.values():
            if name and not self._is_library(name):
                lines.setdefault(name, LineSet()).update(numbers)
        return lines

    def of_text(self, place: MacroPlace) -> Span | None:
        """Where in the configuration this text is: its line, or the name of the macro whose call put it out."""
        return self._home(place, is_call=place.block.text is None)

    def _home(self, place: MacroPlace, *, is_call: bool) -> Span | None:
        if any(name.endswith(START) for name in _files(place)):
            return None
        source, start, _, origin = self._expanded.span(place)
        if self._is_library(source.name):
            return None
        branch = _within_branch(place, source.text, start)
        start = max(start, branch)
        is_call = is_call or self._is_library(decode(place.file[0].name))  # the text of a file that a call included
        match = (_WORD if is_call else _REST).match(source.text, start)
        return Span(source, start, match.end() if match else start, origin)

    def _is_library(self, name: str) -> bool:
        return self._library.holds(name) and os.path.dirname(name) != self._folder  # noqa: PTH120

    def of_output(self, place: MacroPlace) -> Span | None:
        """The place for text that the .cf has from ``place``: where it is, was put out, or has its value from."""
        return self.of_text(place) or self.of_value(place)

    def of_value(self, place: MacroPlace) -> Span | None:
        """Where the configuration defines a macro that this text is the value of."""
        block = place.block
        while True:
            if block.text is None:
                found = self.of_call(block.defined) if block.defined is not None else None
                if found is not None or block.parent is None:
                    return found
                block = block.parent
            elif block.text.included is not None:
                block = block.text.included.block
            else:
                return None


def _within_branch(place: MacroPlace, text: str, start: int) -> int:
    """Where in ``text`` a place in the branch of a condition is that begins at ``start``; -1 when it is in no branch.

    What an ifdef or ifelse expands to is one of its arguments, which is in the text as it is.
    """
    block = place.block
    while block.text is None:
        if block.name not in _CONDITIONS or block.parent is None:
            return -1
        block = block.parent
    if place.block is block:
        return -1
    at = text.find(decode(place.block.data), start)
    return -1 if at < 0 else at + len(decode(place.block.data[: place.offset]))


def _files(place: MacroPlace) -> Iterator[str]:
    """The files that a place leads back through, by inclusion."""
    block = place.block
    while True:
        if block.text is None:
            assert block.parent is not None
            block = block.parent
            continue
        yield decode(block.text.name)
        if block.text.included is None:
            return
        block = block.text.included.block


class OutputPart(NamedTuple):
    """A stretch of a line of the .cf that came from one place: ``start``, its offset in the .cf, counts characters.

    whole  whether the text is at its place as it is; else it is only what came of a call there
    """

    start: int
    data: bytes
    place: MacroPlace
    whole: bool


class OutputPlaces:
    """For the text of the .cf that a .mc expands to: the places in the configuration that are behind it.

    A piece of the text may have as many lines as bytes: its parts are made when someone asks for them.
    """

    def __init__(self, expanded: Expanded, origins: Origins) -> None:
        self._pieces = expanded.pieces
        self._origins = origins
        self._cut: dict[int, bytes] = {}  # of a piece that begins within a character: what came of that before
        self._lines: dict[int, tuple[array[int], array[int]]] = {}
        self._whole: dict[int, bool] = {}

    @cached_property
    def _starts(self) -> array[int]:
        """Where each piece begins, in characters of the .cf."""
        starts = array("Q")
        decoder = getincrementaldecoder(ENCODING)(ERRORS)
        start = 0
        for number, (data, _) in enumerate(self._pieces):
            starts.append(start)
            before = decoder.getstate()[0]
            if before:
                self._cut[number] = before
            start += len(data) if data.isascii() and not before else len(decoder.decode(data))
        return starts

    def _parts(self, number: int, start: int) -> Iterator[OutputPart]:
        """The parts of a piece, one after the other, from the first on that begins at ``start`` or behind it."""
        data, place = self._pieces[number]
        if place is None or not data:
            return
        first = self._starts[number]
        if data.isascii() and number not in self._cut:
            at = 0 if start <= first else data.find(b"\n", start - first - 1) + 1
            while at < len(data) and (at or start <= first):
                end = data.find(b"\n", at) + 1 or len(data)
                yield self._part(number, first + at, at, end)
                at = end
            return
        starts, places = self._line_starts(number)
        for line in range(bisect_left(starts, start), len(starts)):
            end = places[line + 1] if line + 1 < len(places) else len(data)
            yield self._part(number, starts[line], places[line], end)

    def _last_part(self, number: int, offset: int) -> OutputPart | None:
        """The last part of a piece that begins at ``offset`` or before it."""
        data, place = self._pieces[number]
        if place is None or not data:
            return None
        first = self._starts[number]
        if data.isascii() and number not in self._cut:
            at = data.rfind(b"\n", 0, min(offset - first, len(data) - 1)) + 1
            return self._part(number, first + at, at, data.find(b"\n", at) + 1 or len(data))
        starts, places = self._line_starts(number)
        line = bisect_right(starts, offset) - 1
        return self._part(number, starts[line], places[line], places[line + 1] if line + 1 < len(places) else len(data))

    def _line_starts(self, number: int) -> tuple[array[int], array[int]]:
        """Where the parts of a piece begin: in characters of the .cf, and in bytes of the piece."""
        if number not in self._lines:
            starts, places = array("Q"), array("Q")
            decoder = getincrementaldecoder(ENCODING)(ERRORS)
            decoder.setstate((self._cut.get(number, b""), 0))
            start = self._starts[number]
            for found in _PART.finditer(self._pieces[number][0]):
                starts.append(start)
                places.append(found.start())
                start += len(decoder.decode(found[0]))
            self._lines[number] = starts, places
        return self._lines[number]

    def _part(self, number: int, start: int, at: int, end: int) -> OutputPart:
        data, place = self._pieces[number]
        assert place is not None
        whole = self._whole.get(number)
        if whole is None:
            whole = self._whole[number] = place.block.data.startswith(data, place.offset)
        return OutputPart(start, data[at:end], MacroPlace(place.block, place.offset + at) if whole else place, whole)

    def of_line(self, start: int, end: int) -> Span | None:
        """The place of a logical line, which is ``cf[start:end]``; None for a default."""
        return self._of(start, end, self._origins.of_text) or self._of(start, end, self._origins.of_value)

    def _of(self, start: int, end: int, find: Callable[[MacroPlace], Span | None]) -> Span | None:
        starts = self._starts
        for number in range(max(bisect_left(starts, start) - 1, 0), len(starts)):
            if starts[number] >= end:
                break
            for part in self._parts(number, start):
                if part.start >= end:
                    break
                if (span := find(part.place)) is not None:
                    return span
        return None

    def of_character(self, offset: int) -> Span | None:
        """The place of one character of the .cf."""
        for number in range(bisect_right(self._starts, offset) - 1, -1, -1):
            if (part := self._last_part(number, offset)) is not None:
                break
        else:
            return None
        behind = offset - part.start
        text = decode(part.data)
        if behind > len(text):
            return None
        place = part.place
        if part.whole:
            place = MacroPlace(place.block, place.offset + len(encode(text[:behind])))
        return self._origins.of_output(place)

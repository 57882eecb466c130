"""The lines of the .cf that a .mc expands to, each with the place in the configuration that is behind it.

A line leads back through the calls that made it. Where its own text was put out by a call in the configuration (a
FEATURE, a LOCAL_CONFIG), that call is its place. Where the library wrote it, which goes on when the whole .mc has been
read, it is the definition that the line takes its value from, if the configuration made it; a line that has neither is
a default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from mailconf.m4 import Place
from mailconf.sendmail.expansion import Call, Expanded
from mailconf.sendmail.library import START, Library
from mailconf.source import Source, Span, decode

_PART = re.compile(rb"[^\n]*\n|[^\n]+")
_WORD = re.compile(r"\w+")
_CONDITIONS = (b"ifdef", b"ifelse")
_REST = re.compile(r"[^\n]*")
_NAME = re.compile(r"\{([^}]*)\}\s*(.*)|(.)\s*(.*)", re.DOTALL)


class Line:
    """A line of the .cf, with those that continue it: ``letter`` is its first character, ``text`` the rest."""

    def __init__(self, origin: Origins, text: str, places: list[Place]) -> None:
        self.letter, self.text = text[:1], text[1:]
        self._origin = origin
        self._places = places

    def __repr__(self) -> str:
        return f"Line({self.letter + self.text!r})"

    @cached_property
    def span(self) -> Span | None:
        """The place in the configuration; None for a default."""
        return next(filter(None, map(self._origin.of_text, self._places)), None) or next(
            filter(None, map(self._origin.of_value, self._places)), None
        )

    @property
    def named(self) -> tuple[str, str]:
        """The name of a D, C or F line's macro or class, and what follows it."""
        match = _NAME.match(self.text)
        if match is None:
            return "", ""
        return (match[3], match[4]) if match[1] is None else (match[1], match[2])


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

    def of_call(self, place: Place) -> Span | None:
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

    def of_text(self, place: Place) -> Span | None:
        """Where in the configuration this text stands: its line, or the name of the macro whose call put it out."""
        return self._home(place, is_call=place.block.text is None)

    def _home(self, place: Place, *, is_call: bool) -> Span | None:
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

    def of_output(self, place: Place) -> Span | None:
        """The place for text that the .cf has from ``place``: where it stands, was put out, or has its value from."""
        return self.of_text(place) or self.of_value(place)

    def of_value(self, place: Place) -> Span | None:
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


def _within_branch(place: Place, text: str, start: int) -> int:
    """Where in ``text`` a place in the branch of a condition is that begins at ``start``; -1 when it is in none.

    What an ifdef or ifelse expands to is one of its arguments, which stands in the text as it is.
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


def _files(place: Place) -> Iterator[str]:
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


def lines(expanded: Expanded, origins: Origins) -> Iterator[Line]:
    """The lines of the .cf that are neither empty nor comments."""
    text: list[bytes] = []
    places: list[Place] = []
    fresh = True
    for data, place in expanded.pieces:
        whole = place is not None and place.block.data.startswith(data, place.offset)
        for part in _PART.finditer(data):
            if fresh and part[0][:1] not in b" \t" and text:
                yield from _line(origins, text, places)
                text, places = [], []
            text.append(part[0])
            if place is not None:
                places.append(Place(place.block, place.offset + part.start()) if whole else place)
            fresh = part[0].endswith(b"\n")
    yield from _line(origins, text, places)


def _line(origins: Origins, text: list[bytes], places: list[Place]) -> Iterator[Line]:
    line = decode(b"".join(text).rstrip(b"\n"))
    if line[:1] not in ("", "#", "\n", " ", "\t"):
        yield Line(origins, line, places)

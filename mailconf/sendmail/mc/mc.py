"""A .mc as it was carried out: its text, what it called, and the places from which the text of the .cf comes.

The macros are those of cf/README (of the package sendmail-cf); `mailconf.sendmail.site` makes a Site of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from mailconf.diagnostics import Sink
from mailconf.files import Root, Tree, TreePlace
from mailconf.m4 import Budget
from mailconf.sendmail.mc.expansion import BUDGET, Expanded, expand_mc
from mailconf.sendmail.mc.library import START, Library
from mailconf.sendmail.mc.places import LineSet, Origins, OutputPlaces
from mailconf.sendmail.mc.tree import Document, parse
from mailconf.sendmail.mc.vocabulary import SECTIONS, STATEMENTS, VOCABULARY
from mailconf.source import Source, Span

# A .mc that takes more is expanded as a build does it: to keep all calls and places takes hundreds of megabytes.
RECORDED = Budget(steps=60_000, depth=BUDGET.depth, size=4 << 20)
_READ = 1 << 18  # characters of such a .mc: of a longer one the text is not looked at, either
_PARTS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[`'(),#]")
_MOST_PARTS = 60_000  # words and marks of a text that is looked at: the largest .mc files have some thousands
KINDS = ("OSTYPE", "DOMAIN", "FEATURE", "HACK", "MAILER")  # they name a file of the library


class Statement(NamedTuple):
    """A call of the configuration's, or of what it asks for: ``arguments`` as m4 saw them, ``span`` where it is made.

    ``depth``: 0 for a call that is in the .mc itself (`mailconf.sendmail.mc.expansion.Call`).
    """

    name: str
    arguments: tuple[str, ...]
    span: Span
    depth: int

    def argument(self, number: int) -> str:
        """Argument ``number``, from 1, as m4 reads it again: without quotes if it was quoted twice. "" if missing."""
        return unquoted(self.arguments[number - 1]) if number <= len(self.arguments) else ""


def unquoted(text: str) -> str:
    """A text without its outermost pairs of m4's quotes."""
    if "`" not in text:
        return text
    kept, depth = [], 0
    for part in re.split("([`'])", text):
        closes = part == "'" and depth > 0
        depth -= closes
        if depth > 0 or not (closes or part == "`"):
            kept.append(part)
        depth += part == "`"
    return "".join(kept)


@dataclass(slots=True)
class Mc:
    """A .mc that was read.

    path        as reports call it
    document    its text (`mailconf.sendmail.mc.tree`)
    statements  calls of the library's macros, define, undefine and changequote, in m4's order
    places      those from which the text of the .cf comes
    put_out     by the name of each of the configuration's files, the numbers of its lines that are in the .cf as text
    included    other files of the configuration, as m4 read them

    Of one that is not ``recorded``, because it takes too many calls, there are no statements and no places; if it is
    long, the document is empty.
    """

    path: str
    directory: str
    document: Document
    expanded: Expanded
    statements: list[Statement]
    places: OutputPlaces
    included: list[Source]
    put_out: dict[str, LineSet]
    recorded: bool = True

    @property
    def changequote(self) -> Statement | None:
        """A call that gives the text other quotes than the document was read with."""
        return next((s for s in self.named("changequote") if s.span.text == s.name), None)

    def named(self, *names: str) -> Iterator[Statement]:
        return (statement for statement in self.statements if statement.name in names)


def read(
    mc: str | os.PathLike[str],
    library: Library,
    sink: Sink,
    *,
    root: Tree | None = None,
    allow_shell: bool = False,
) -> Mc | None:
    """Expand and read the .mc at ``mc`` (below ``root``); what is wrong with it goes to ``sink``.

    None when there is no such file. ``allow_shell`` as for `mailconf.sendmail.mc.expansion.expand_mc`.
    """
    root = root or Root()
    place = os.path.abspath(root.path(mc))  # noqa: PTH100 - symbolic links stay what they are
    path = str(root.path(root.inside(place)))  # as reports name it
    found = Sink()
    if _is_large(root, TreePlace(place)):
        return _unrecorded(path, library, sink, root, allow_shell)
    expanded = expand_mc(
        mc, library, found, root=root, record=True, track=True, allow_shell=allow_shell, budget=RECORDED
    )
    if expanded is not None and expanded.exhausted:
        return _unrecorded(path, library, sink, root, allow_shell)
    for diagnostic in found:
        sink.add(diagnostic)
    if expanded is None:
        return None
    origins = Origins(expanded, expanded.library, path)
    wanted = STATEMENTS | SECTIONS | {"changequote", "define", "undefine"}
    statements = []
    for call in expanded.calls:
        if call.name in wanted:
            span = origins.of_call(call.place)
            if span is not None:
                statements.append(Statement(call.name, call.arguments, span, call.depth))
    directory = root.inside(os.path.dirname(place))  # noqa: PTH120
    document = _document(Source.read(root, TreePlace(place), path), expanded, statements, sink)
    included = origins.included(expanded.calls, path)
    places = OutputPlaces(expanded, origins)
    return Mc(path, directory, document, expanded, statements, places, included, origins.put_out())


def _is_large(root: Tree, path: TreePlace) -> bool:
    """Whether the text of a .mc has more parts than are kept apart: each takes a hundred bytes and more."""
    try:
        if root.stat(path).st_size <= _MOST_PARTS:
            return False
        text = Source.read(root, path).text
    except OSError:
        return False  # who reads it reports that
    return next(islice(_PARTS.finditer(text), _MOST_PARTS, None), None) is not None


def _unrecorded(path: str, library: Library, sink: Sink, root: Tree, allow_shell: bool) -> Mc | None:
    """What can be known of a .mc that takes many calls, or that comes to no end."""
    expanded = expand_mc(path, library, sink, root=root, allow_shell=allow_shell)
    if expanded is None:
        return None
    places = OutputPlaces(expanded, Origins(expanded, library, path))
    source = Source.read(root, TreePlace(path))
    looked = len(source.text) <= _READ and not _is_large(root, TreePlace(path))
    document = _document(source, expanded, [], sink) if looked else Document((), VOCABULARY)
    directory = root.inside(os.path.dirname(path))  # noqa: PTH120
    return Mc(path, directory, document, expanded, [], places, [], {}, recorded=False)


def _library_read(source: Source, expanded: Expanded) -> int | None:
    """Where in the text the library is read: "#" begins a comment up to there. None where that is not known."""
    if not expanded.includes:
        return 0
    for call in expanded.calls:
        if call.name in ("include", "sinclude") and call.arguments[:1] and call.arguments[0].endswith(START):
            text, offset = call.place.file
            return text.characters(offset) if text.included is None else None
    return None


def _document(source: Source, expanded: Expanded, statements: list[Statement], sink: Sink) -> Document:
    """The text, with the macros known that m4 found in it; what is not closed counts only if m4 reports it, too."""
    defined = {
        s.argument(1) for s in statements if s.name == s.span.text == "define" and s.span.source.name == source.name
    }
    called = {call.name for call in expanded.calls if call.depth == 0}
    found = Sink()
    document = parse(source, found, VOCABULARY | (called - defined), start=_library_read(source, expanded))
    if expanded.failed and "changequote" not in called:
        for diagnostic in found:
            sink.add(diagnostic)
    return document

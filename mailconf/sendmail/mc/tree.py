"""An .mc by its grammar (grammars/mc.lark), as people write it: what a check, the model and an edit work on.

A `Document` gives back every byte of its file. Its `calls` are those that m4 carries out in the file's own text, in
m4's order: a call's arguments first, then the call (a property test holds both to the same calls). What is in
quotes is text until m4 reads it again; `Document.inside` reads it as m4 would then, for the branches of an ifdef.

What a macro expands to counts as if it stood alone, though m4 joins it with what follows. The quotes are m4's own; a
.mc that sets others (changequote) is read as if it had not. "#" begins a comment up to the place where the file
includes the library's m4/cf.m4; after it, or in a file that does not include it because m4 is given it first, "#" is a
character like others.

Which words are macros: those of `mailconf.sendmail.mc.vocabulary`, or the names that the caller knows better (a
library's), and what the text itself defines, from there on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mailconf.diagnostics import Sink, error
from mailconf.sendmail.mc.vocabulary import BLIND, SECTIONS, SWEEPING, VOCABULARY
from mailconf.source import Source, Span

if TYPE_CHECKING:
    from mailconf.grammar import Grammar, ParseFailure, Token, Tree

SM001 = error("SM001", "a call in a .mc whose parenthesis is never closed")
"""Why: m4 takes everything up to the closing parenthesis for arguments, here the rest of the file, and ends with "end
of file in argument list".

Example:
    # sendmail.mc
    FEATURE(`access_db'dnl

Remedy: close the parenthesis.

Source: GNU m4 1.4.19.
"""

SM002 = error("SM002", "a quote in a .mc that is never closed")
"""Why: m4 takes everything up to the closing quote for text, here the rest of the file, and ends with "end of file in
string".

Example:
    # sendmail.mc
    FEATURE(`access_db`)dnl

Remedy: end the quote with ', an apostrophe.

Source: cf/README, "A BRIEF INTRODUCTION TO M4"; GNU m4 1.4.19.
"""

_LIBRARY = re.compile(r"\binclude\(\s*`?[^`'()\n]*\bcf\.m4'?\s*\)")
_DEFINED = re.compile(r"\b(?:define|pushdef)\(\s*`*([A-Za-z_][A-Za-z0-9_]*)'*[,)]")
_FIRST = re.compile(r"\(\s*(?:`([A-Za-z_][A-Za-z0-9_]*)'|([A-Za-z_][A-Za-z0-9_]*))[,)]")
_STATEMENT = re.compile(r"^(?:dnl\b|[A-Z][A-Z_0-9]+\(|(?:define|include|divert|ifdef|ifelse)\()", re.MULTILINE)
_BREAKS = 10  # unclosed calls and quotes that are read past; after them the rest is one broken stretch


_DEPTH = 50  # calls inside one another; deeper ones are text
_OPENING = ("CALL", "SWEEP", "LIBRARY", "LQUOTE")


class Kind(Enum):
    TEXT = "text"
    COMMENT = "comment"  # "#" to the end of the line, where m4 has comments
    DNL = "dnl"  # to the end of the line
    QUOTED = "quoted"
    CALL = "call"
    BROKEN = "broken"  # from an unclosed call or quote on; m4 would read it to the end of the file


@dataclass(frozen=True, slots=True)
class Node:
    kind: Kind
    span: Span

    @property
    def text(self) -> str:
        return self.span.text

    @property
    def content(self) -> str:
        """What is inside the quotes of a quoted text."""
        return self.span.text[1:-1]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: ``span`` from the parenthesis or comma to the next, blanks included."""

    span: Span
    nodes: tuple[Node, ...] = ()

    @property
    def literal(self) -> str | None:
        """What the macro gets; None where that depends on other calls."""
        words = []
        for node in self.nodes:
            if node.kind is Kind.CALL:
                return None
            if node.kind is not Kind.DNL:
                words.append(node.content if node.kind is Kind.QUOTED else node.text)
        if self.nodes and self.nodes[0].kind is Kind.TEXT:
            words[0] = words[0].lstrip(" \t\n\v\f\r")
        return "".join(words)

    @property
    def place(self) -> Span:
        """The argument without the blanks around it."""
        text = self.span.text
        start = self.span.start + len(text) - len(text.lstrip())
        return self.span.source.span(start, max(start, self.span.start + len(text.rstrip())))


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A macro's call. ``arguments`` is None without parentheses; ``behind`` what its expansion drops of its line."""

    name: str = ""
    arguments: tuple[Argument, ...] | None = None
    behind: str = ""

    @property
    def name_span(self) -> Span:
        return Span(self.span.source, self.span.start, self.span.start + len(self.name))

    def literal(self, number: int) -> str | None:
        """Argument ``number``, from 1: "" where it is missing, None where it depends on other calls."""
        if self.arguments is None or number > len(self.arguments):
            return ""
        return self.arguments[number - 1].literal


@dataclass(frozen=True, slots=True)
class Section:
    """Text of the .cf after a LOCAL_CONFIG or a similar macro, up to the next one or a divert."""

    call: Call
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A .mc, or a stretch of one; the nodes in order make up the whole of it.

    ``names``: the macros that were known at its end.
    """

    nodes: tuple[Node, ...]
    names: Set[str] = field(repr=False)

    @property
    def text(self) -> str:
        return "".join(node.text for node in self.nodes)

    def walk(self) -> Iterator[Node]:
        """Every call and dnl in m4's order, those among arguments before the call."""
        for node in self.nodes:
            yield from _walk(node)

    def calls(self) -> Iterator[Call]:
        return (node for node in self.walk() if isinstance(node, Call))

    def sections(self) -> Iterator[Section]:
        call: Call | None = None
        behind: list[Node] = []
        for node in self.nodes:
            if isinstance(node, Call) and (node.name in SECTIONS or node.name == "divert"):
                if call is not None:
                    yield Section(call, tuple(behind))
                call, behind = (node, []) if node.name in SECTIONS else (None, [])
            elif call is not None:
                behind.append(node)
        if call is not None:
            yield Section(call, tuple(behind))

    def inside(self, node: Node) -> Document:
        """What is in the quotes of ``node``, read as m4 reads it when the quotes are gone."""
        return _parse(node.span.source, node.span.start + 1, node.span.end - 1, Sink(), self.names, library=False)


def _walk(node: Node) -> Iterator[Node]:
    if isinstance(node, Call):
        for argument in node.arguments or ():
            for inner in argument.nodes:
                yield from _walk(inner)
        yield node
    elif node.kind is Kind.DNL:
        yield node


def parse(source: Source, sink: Sink, names: Set[str] = VOCABULARY, *, start: int | None = None) -> Document:
    """The document of a file; what is never closed is reported, kept, and read past. ``names``: see the module.

    start   where the library is read, if the caller knows: "#" begins a comment up to there. Otherwise the text shows
    it.
    """
    end = len(source.text)
    if start is None or (start > 0 and _LIBRARY.match(source.text, start)):
        return _parse(source, 0, end, sink, names, library=_LIBRARY.search(source.text) is not None)
    before = _parse(source, 0, start, sink, names, library=True) if start > 0 else Document((), names)
    behind = _parse(source, start, end, sink, before.names, library=False)
    return Document(before.nodes + behind.nodes, behind.names)


def _parse(source: Source, start: int, end: int, sink: Sink, names: Set[str], *, library: bool) -> Document:
    from mailconf.grammar import ParseFailure

    reader = _Reader(source, set(names))
    nodes: list[Node] = []
    rule = "start" if library else "body"
    for _ in range(_BREAKS):
        reader.begin(start, end)
        _reader.set(reader)
        try:
            tree = _grammar().parse(reader.text, rule)
        except ParseFailure as failure:
            unclosed = _unclosed(failure)
            nodes += reader.nodes(unclosed.kept)
            nodes.append(_report(reader, unclosed, sink))
            start = nodes[-1].span.end
            if any(getattr(item, "data", "") == "library" for item in unclosed.kept):
                rule = "body"
            continue
        nodes += reader.nodes(tree.children)
        start = end
        break
    if start < end:
        nodes.append(Node(Kind.BROKEN, source.span(start, end)))
    return Document(tuple(nodes), reader.names)


class _Reader:
    """Gives words their type while the lexer runs, and makes nodes of the tree."""

    def __init__(self, source: Source, names: set[str]) -> None:
        self.source = source
        self.names = names
        self.text = source.text
        self.base = 0

    def begin(self, start: int, end: int) -> None:
        """Read from ``start`` on."""
        self.base = start
        self._defining, self._opened = "", 0  # the call whose parenthesis comes next
        self._open: list[tuple[str, int]] = []  # for each open parenthesis, what it defines and where it is
        whole = start == 0 and end == len(self.source.text)
        self.text = self.source.text if whole else self.source.text[start:end]

    # -- words

    def head(self, token: Token) -> Token:
        """A word with a parenthesis after it."""
        name = str(token)
        if name not in self.names:
            return token
        self._defining = name if name in ("define", "pushdef", "undefine") else ""
        self._opened = token.end_pos
        return token.update(type="SWEEP" if name in SWEEPING else "CALL")

    def word(self, token: Token) -> Token:
        """A word by itself."""
        name = str(token)
        return token.update(type="NAME") if name in self.names and name not in BLIND else token

    def string(self, token: Token) -> Token:
        """What is defined in quotes counts, too: most of it is in branches that are taken."""
        if "(" in token:
            self.names.update(_DEFINED.findall(token))
        return token

    def open(self, token: Token) -> Token:
        self._open.append((self._defining, self._opened))
        self._defining = ""
        return token

    def close(self, token: Token) -> Token:
        """What a call defines is defined when its arguments have been read."""
        defining, at = self._open.pop() if self._open else ("", 0)
        match = _FIRST.match(self.text, at) if defining else None
        # Without quotes, a name that is a macro's has been expanded.
        if match and (match[1] or match[2] not in self.names):
            change = self.names.discard if defining == "undefine" else self.names.add
            change(match[1] or match[2])
        return token

    # -- nodes

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, self.base + start, self.base + end)

    def nodes(self, items: list[Token | Tree], depth: int = 0) -> list[Node]:
        """The nodes of tokens and trees that follow one another; texts that meet become one."""
        nodes: list[Node] = []
        text = -1  # where a run of text begins
        end = 0
        for item in items:
            start, end_of_item = _bounds(item)
            kind = _KINDS.get(getattr(item, "data", None) or item.type)  # type: ignore[union-attr]
            if kind is None or (kind is Kind.CALL and depth > _DEPTH):
                if text < 0:
                    text = start
                end = end_of_item
                continue
            if text >= 0:
                nodes.append(Node(Kind.TEXT, self.span(text, end)))
                text = -1
            span = self.span(start, end_of_item)
            nodes.append(self._call(item, span, depth) if kind is Kind.CALL else Node(kind, span))
        if text >= 0:
            nodes.append(Node(Kind.TEXT, self.span(text, end)))
        return nodes

    def _call(self, item: Token | Tree, span: Span, depth: int) -> Call:
        children = getattr(item, "children", None)
        if children is None:
            return Call(Kind.CALL, span, str(item))
        name, *rest = children
        behind = str(rest.pop()) if rest[-1].type == "REST" else ""
        arguments = []
        at = rest[0].end_pos
        for part, delimiter in zip(rest[1::2], rest[2::2], strict=True):
            inner = _flat(part.children)
            arguments.append(Argument(self.span(at, delimiter.start_pos), tuple(self.nodes(inner, depth + 1))))
            at = delimiter.end_pos
        return Call(Kind.CALL, span, str(name), tuple(arguments), behind)


def _flat(items: list[Token | Tree]) -> list[Token | Tree]:
    """Parentheses that are not a call's taken apart."""
    flat: list[Token | Tree] = []
    left = items[::-1]
    while left:
        item: Any = left.pop()
        if getattr(item, "data", "") == "parentheses":
            left += item.children[::-1]
        else:
            flat.append(item)
    return flat


_KINDS = {
    "COMMENT": Kind.COMMENT,
    "DNL": Kind.DNL,
    "NAME": Kind.CALL,
    "quoted": Kind.QUOTED,
    "call": Kind.CALL,
    "sweep": Kind.CALL,
    "inner": Kind.CALL,
    "inner_sweep": Kind.CALL,
    "library": Kind.CALL,
}


def _bounds(item: Token | Tree) -> tuple[int, int]:
    return item.start_pos, item.end_pos


class _Unclosed(NamedTuple):
    """``kept``: what was read whole before the outermost call or quote that is never closed; ``start``: where that
    begins; ``quote``: where the outermost quote in it does, -1 if it has no quote."""

    kept: list[Token | Tree]
    start: int
    quote: int


def _unclosed(failure: ParseFailure) -> _Unclosed:
    kept: list[Token | Tree] = []
    start = -1
    quotes: list[int] = []
    for value in failure.values:
        for item in _items(value):
            kind = getattr(item, "type", "")
            if start < 0 and kind not in _OPENING:
                kept.append(item)
            elif start < 0:
                start = item.start_pos
            if kind == "LQUOTE":
                quotes.append(item.start_pos)
            elif kind == "RQUOTE":
                quotes.pop()
    return _Unclosed(kept, start, quotes[0] if quotes else -1)


def _items(value: Any) -> Iterator[Any]:
    """What lies on the parser's stack, repetitions that are not finished taken apart."""
    if isinstance(value, list) or getattr(value, "data", "").startswith("_"):
        for item in getattr(value, "children", value):
            yield from _items(item)
    else:
        yield value


def _report(reader: _Reader, unclosed: _Unclosed, sink: Sink) -> Node:
    """Name the mistake; the broken stretch ends where a line looks like a statement."""
    text = reader.text[unclosed.start :]
    code, place = (SM001, unclosed.start) if unclosed.quote < 0 else (SM002, unclosed.quote)
    opening = re.compile(r"[A-Za-z_0-9]+\(|`").match(reader.text, place)
    assert opening is not None
    mistake = _grammar().named(code.name)
    sink.report(code, mistake.message, reader.span(*opening.span()), hint=mistake.hint)
    behind = _STATEMENT.search(text, text.find("\n") + 1) if "\n" in text else None
    return Node(Kind.BROKEN, reader.span(unclosed.start, unclosed.start + (behind.start() if behind else len(text))))


_reader: ContextVar[_Reader] = ContextVar("reader")


def _head(token: Token) -> Token:
    return _reader.get().head(token)


def _word(token: Token) -> Token:
    return _reader.get().word(token)


def _open(token: Token) -> Token:
    return _reader.get().open(token)


def _close(token: Token) -> Token:
    return _reader.get().close(token)


def _string(token: Token) -> Token:
    return _reader.get().string(token)


_CALLBACKS = {"HEAD": _head, "WORD": _word, "STRING": _string, "QTEXT": _string, "OPEN": _open, "CLOSE": _close}


@cache
def _grammar() -> Grammar:
    from mailconf.grammar import Grammar

    return Grammar("mc", _CALLBACKS)

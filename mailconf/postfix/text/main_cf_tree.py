"""main.cf by its grammar (grammars/main_cf.lark), with comments and layout: what an edit and a checker work on.

`mailconf.postfix.text.main_cf` is the reader of the start-up path; a property test holds the two to the same
definitions, places and mistakes. A `Document` gives back every byte of its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mailconf.diagnostics import CODES, Sink
from mailconf.postfix.text.lines import BLANKS
from mailconf.source import Source, Span

if TYPE_CHECKING:
    from mailconf.grammar import Grammar, Token, Tree


@dataclass(frozen=True, slots=True)
class Node:
    """A stretch of the file: lines that count for nothing, or a logical line.

    name, value  of a definition, the value joined and without outer blanks; both None otherwise
    code         of the mistake that the stretch is (PF002, PF003, PF004), "" when it is no mistake
    span         a definition's name and value; else the whole stretch
    """

    text: str
    span: Span
    name: str | None = None
    value: str | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A main.cf; the nodes in order make up the whole file."""

    nodes: tuple[Node, ...]

    @property
    def text(self) -> str:
        return "".join(node.text for node in self.nodes)

    def definitions(self) -> Iterator[Node]:
        return (node for node in self.nodes if node.name is not None)


def parse(source: Source, sink: Sink) -> Document:
    """The document of a file; lines that define nothing are reported and kept."""
    from mailconf.grammar import Token

    added = "" if source.text.endswith("\n") or not source.text else "\n"
    tree = _grammar("main_cf").parse(source.text + added)
    nodes = [
        _junk(item, source, sink) if isinstance(item, Token) else _definition(item, source) for item in tree.children
    ]
    if added and nodes:
        nodes[-1] = _without_newline(nodes[-1])
    return Document(tuple(nodes))


def _definition(tree: Tree, source: Source) -> Node:
    tokens = list(tree.tokens())
    name = tokens[0]
    joined = "".join(token for token in tokens if token.type == "TEXT")
    value = joined.partition("\0")[0].strip(BLANKS)
    text = "".join(tokens)
    start = name.start_pos
    return Node(text, source.span(start, _end(tokens, value, start, text)), str(name), value)


def _end(tokens: list[Token], value: str, start: int, text: str) -> int:
    """The offset after the last character of a value, or after the equals sign of an empty one."""
    left = len(value)
    end = start
    for token in tokens:
        at = token.start_pos
        if token.type == "EQUALS":
            end = at + 1
        elif token.type == "TEXT" and left:
            inside = token if left < len(value) else token.lstrip(BLANKS)
            taken = min(left, len(inside))
            left -= taken
            end = at + len(token) - len(inside) + taken
    return end


def _junk(token: Token, source: Source, sink: Sink) -> Node:
    text = str(token)
    start = token.start_pos
    whole = source.span(start, start + len(text.rstrip("\n")))
    if token.type == "SKIPPED":
        return Node(text, whole)
    code = "PF004"
    message, hint = "this line begins with a blank and continues nothing; it is ignored", "remove the blank"
    if token.type == "JUNK":
        code, message, hint = _mistake(text)
    sink.report(CODES[code], message, whole, hint=hint)
    return Node(text, whole, code=code)


def _mistake(text: str) -> tuple[str, str, str]:
    from mailconf.grammar import ParseFailure

    lines = (line for line in text.split("\n") if line.strip(BLANKS)[:1] not in ("", "#"))
    logical = "".join(lines).partition("\0")[0]
    grammar = _grammar("logical_line")
    try:
        grammar.parse(logical)
    except ParseFailure as failure:
        found = grammar.mistake(failure)
        if found is not None:
            return found.code, found.message, found.hint
    raise AssertionError(f"grammars/main_cf.lark and logical_line.lark disagree about {logical!r}")


def _without_newline(node: Node) -> Node:
    return Node(node.text[:-1], node.span, node.name, node.value, node.code)


@cache
def _grammar(name: str) -> Grammar:
    from mailconf.grammar import Grammar

    return Grammar(name)

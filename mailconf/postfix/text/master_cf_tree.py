"""master.cf by its grammar (grammars/master_cf.lark), with comments and layout; and what is wrong with an entry.

`mailconf.postfix.text.master_cf` is the reader of the start-up path; a property test holds the two to the same entries
and places. A `Document` gives back every byte of its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mailconf.postfix.text.lines import BLANKS
from mailconf.postfix.text.master_cf import ServiceEntry
from mailconf.source import Source, Span

if TYPE_CHECKING:
    from mailconf.grammar import Grammar, Mistake, Tree

SKIPPED, ENTRY, ORPHAN = "skipped", "entry", "orphan"


@dataclass(frozen=True, slots=True)
class Node:
    """A stretch of the file: lines that count for nothing, an entry with its words, or an orphan."""

    kind: str
    text: str
    words: tuple[tuple[str, Span], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A master.cf; the nodes in order make up the whole file."""

    nodes: tuple[Node, ...]

    @property
    def text(self) -> str:
        return "".join(node.text for node in self.nodes)

    def entries(self) -> Iterator[Node]:
        return (node for node in self.nodes if node.kind == ENTRY)


def parse(source: Source) -> Document:
    """The document of a file."""
    from mailconf.grammar import Token

    added = "" if source.text.endswith("\n") or not source.text else "\n"
    tree = _grammar("master_cf").parse(source.text + added)
    nodes = []
    for item in tree.children:
        if isinstance(item, Token):
            nodes.append(Node(SKIPPED if item.type == "SKIPPED" else ORPHAN, str(item)))
        else:
            nodes.append(_entry(item, source))
    if added and nodes:
        last = nodes[-1]
        nodes[-1] = Node(last.kind, last.text[:-1], last.words)
    return Document(tuple(nodes))


def _entry(tree: Tree, source: Source) -> Node:
    text = "".join(tree.tokens())
    words = []
    for word in tree.subtrees("word", "unclosed"):
        joined, end, start = "", 0, -1
        for token in word.tokens():
            piece = _without_lines(token) if token.type in ("GAP", "GLUE") else str(token)
            kept, nul, _ = piece.partition("\0")
            if start < 0 and piece:  # GLUE before a word's first character is no part of it
                start = token.start_pos
            joined += kept
            end = token.start_pos + len(kept) if nul else token.end_pos
            if nul:
                break
        words.append((joined, source.span(start, end)))
    words.sort(key=lambda word: word[1].start)
    return Node(ENTRY, text, tuple(_before_nul(words, text, tree)))


def _before_nul(words: list[tuple[str, Span]], text: str, tree: Tree) -> Iterator[tuple[str, Span]]:
    """The words as far as the engine sees them: a NUL ends the entry."""
    first = next(tree.tokens())
    limit = len(text)
    at = 0
    while (nul := text.find("\0", at)) >= 0:
        start = text.rfind("\n", 0, nul) + 1
        if not start or not text[start:nul].lstrip(BLANKS).startswith("#"):
            limit = nul
            break
        at = text.find("\n", nul)  # it is in a comment, which goes before anybody looks for a NUL
    for joined, span in words:
        if span.start - first.start_pos < limit and joined:
            yield joined, span


def _without_lines(gap: str) -> str:
    """What a gap leaves inside of a word: the blanks of its lines, without newlines and comments."""
    lines = gap.split("\n")
    return "".join(line for number, line in enumerate(lines) if number in (0, len(lines) - 1))


def mistake(entry: ServiceEntry) -> Mistake | None:
    """What the engine would stop at, in words; None when there is nothing."""
    from mailconf.grammar import ParseFailure

    words = [word.text.replace(" ", "_") for word in (*entry.fields, *entry.words)]
    grammar = _grammar("service")
    try:
        grammar.parse(" ".join(words))
    except ParseFailure as failure:
        return grammar.mistake(failure)
    return None


@cache
def _grammar(name: str) -> Grammar:
    from mailconf.grammar import Grammar

    return Grammar(name)

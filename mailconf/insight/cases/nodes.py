"""YAML as a tree whose parts know their places. Nothing is constructed: every scalar is the text that was written.

The tree is built from the parser's events without recursion, within bounds of size, depth and number. Aliases are
allowed, and each use of one counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from mailconf.diagnostics import Sink, error
from mailconf.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

TS001 = error("TS001", "a test file is not YAML that can be read")
"""Why: nothing of the file is run, so that no case of it can pass.

Example:
    # /etc/postfix/mail.test.yaml
    site: .
    cases: [
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: correct the line that the report names. A value that begins with one of @ ` * & ! | > % or that has ": " or " #"
in it has to be in quotes.

Source: YAML 1.2.2; docs/testing.md.
"""

TS009 = error("TS009", "a test file has a key twice in one place")
"""Why: only one of the two values could count, and the other would seem to be tested.

Example:
    # /etc/postfix/mail.test.yaml
    site: .
    cases:
      - {to: info@example.com, reply: 250, reply: 550}
    $ mailconf test /etc/postfix/mail.test.yaml

Remedy: remove one of them, or write two cases.

Source: YAML 1.2.2, 3.2.1.3; docs/testing.md.
"""

MOST_BYTES = 8 << 20
MOST_DEPTH = 16
MOST_NODES = 500_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """A part of the text. ``style`` of a text is the character that begins it, "" for one without quotes."""

    span: Span


@dataclass(slots=True)
class Text(Node):
    value: str = ""
    style: str = ""


@dataclass(slots=True)
class List(Node):
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Map(Node):
    """``items`` by key, in the order of the text; ``keys`` has the place of each."""

    items: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)
    flow: bool = False  # written in braces


def read_yaml(source: Source, sink: Sink) -> Node | None:
    """The one document of a text; None, with diagnostics, where there is none."""
    if len(source.text) > MOST_BYTES:
        sink.report(TS001, f"the file has more than {MOST_BYTES:,} characters", source.span(0), hint="make two of it")
        return None
    bad = next((at for at, c in enumerate(source.text) if "\ud800" <= c <= "\udfff"), None)
    if bad is not None:
        sink.report(TS001, "the file is not UTF-8", source.span(bad, bad + 1), hint="save it as UTF-8")
        return None
    try:
        return _Builder(source, sink).build(yaml.parse(source.text, Loader=_LOADER))
    except yaml.reader.ReaderError as mistake:
        at = source.text.find(mistake.character) if isinstance(mistake.character, str) else mistake.position
        words = f"a character that YAML does not allow: {mistake.reason}"
        sink.report(TS001, words, source.span(max(at, 0)), hint="remove it, or write it in double quotes as \\x07")
    except yaml.MarkedYAMLError as mistake:
        mark = mistake.problem_mark or mistake.context_mark
        words = ", ".join(text for text in (mistake.problem, mistake.context) if text)
        span = source.span(mark.index if mark else 0)
        sink.report(TS001, f"this is not YAML: {words}", span, hint=_hint(source, span))
    except _TooMuch as much:
        sink.report(TS001, much.args[0], much.args[1], hint="see docs/testing.md for what a test file consists of")
    return None


def _hint(source: Source, span: Span) -> str:
    line = source.line(span.line) if source.text else ""
    rest = line[span.first.column - 1 :]
    if rest[:1] and rest[0] in "@`%":
        return f"a value that begins with {rest[0]} has to be in quotes"
    if "\t" in line:
        return "YAML is indented by blanks, not by tabs"
    return "look at the brackets, the indentation and the quotes before this place"


class _TooMuch(Exception):
    """The message, and the place."""


class _Builder:
    def __init__(self, source: Source, sink: Sink) -> None:
        self._source, self._sink = source, sink
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0
        self._open: list[tuple[Node, str | None, int, str | None]] = []  # node, anchor, nodes before, key at hand
        self._root: Node | None = None

    def build(self, events: Iterator[Any]) -> Node | None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _TooMuch("a test file has one document: there is a second one", self._span(event))
            elif isinstance(event, yaml.ScalarEvent):
                style = event.style if event.style and event.style in "'\"|>" else ""
                self._add(Text(self._span(event), event.value, style), event.anchor, 1)
            elif isinstance(event, yaml.AliasEvent):
                known = self._anchors.get(event.anchor or "")
                if known is None:
                    raise _TooMuch(f"there is no anchor &{event.anchor} before", self._span(event))
                self._add(known[0], None, known[1])
            elif isinstance(event, yaml.MappingStartEvent):
                self._begin(Map(self._span(event), flow=bool(event.flow_style)), event)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._begin(List(self._span(event)), event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._end(event)
        return self._root

    def _span(self, event: Any) -> Span:
        return self._source.span(event.start_mark.index, event.end_mark.index)

    def _begin(self, node: Node, event: Any) -> None:
        if len(self._open) >= MOST_DEPTH:
            raise _TooMuch(f"there are more than {MOST_DEPTH} levels", node.span)
        self._open.append((node, event.anchor, self._count, None))
        self._count += 1

    def _end(self, event: Any) -> None:
        node, anchor, before, key = self._open.pop()
        if key is not None:
            raise _TooMuch("a key without a value", node.span)
        node.span = node.span._replace(end=event.end_mark.index)
        self._add(node, anchor, self._count - before, counted=True)

    def _add(self, node: Node, anchor: str | None, count: int, *, counted: bool = False) -> None:
        if not counted:
            self._count += count
        if self._count > MOST_NODES:
            raise _TooMuch(f"there are more than {MOST_NODES:,} values", node.span)
        if anchor:
            self._anchors[anchor] = node, count
        if not self._open:
            self._root = node
            return
        above, name, before, key = self._open[-1]
        if isinstance(above, List):
            above.items.append(node)
        elif isinstance(above, Map):
            if key is None:
                self._open[-1] = above, name, before, self._key(above, node)
            else:
                above.items.setdefault(key, node)
                self._open[-1] = above, name, before, None

    def _key(self, above: Map, node: Node) -> str:
        if not isinstance(node, Text):
            raise _TooMuch("a key is a text, not a list or another mapping", node.span)
        if node.value in above.items:
            self._sink.report(TS009, f"{node.value} is there twice", node.span, hint="remove one of them")
        above.keys.setdefault(node.value, node.span)
        return node.value

"""What our library of macros has recorded of a .mc, read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mailconf.sendmail.emit.own_library import DIVERSIONS, MARK, PART, WORD
from mailconf.sendmail.mc.mc import Mc, Statement
from mailconf.source import Span, decode

_NUMBERED = {str(number): name for name, number in DIVERSIONS.items()}


class Fact(NamedTuple):
    """A call of a macro: its name, its arguments as they are expanded in the end, and where it is."""

    name: str
    arguments: tuple[str, ...]
    span: Span | None

    def argument(self, number: int) -> str:
        """Argument ``number``, from 1; "" if it is missing."""
        return self.arguments[number - 1] if number <= len(self.arguments) else ""


@dataclass(slots=True)
class Facts:
    """head      the text of the diversion 0
    values    the names that are defined at the end of the .mc, with their values
    calls     in their order
    sections  the text by the name of the section; all rulesets are LOCAL_RULESETS
    defined   where each name was defined last
    """

    head: str
    values: Mapping[str, str]
    calls: list[Fact]
    sections: Mapping[str, str]
    defined: Mapping[str, Span] = field(default_factory=dict)

    def named(self, *names: str) -> Iterator[Fact]:
        return (fact for fact in self.calls if fact.name in names)


def facts_of(mc: Mc) -> Facts:
    """The record in what the .mc expanded to with `mailconf.sendmail.emit.own_library`."""
    head, _, rest = decode(mc.expanded.cf).partition(f"{PART}values")
    values, _, rest = rest.partition(f"{PART}facts")
    calls, *sections = rest.split(PART)
    texts = dict(section.split(MARK, 1) for section in sections)
    spans = _Spans(mc)
    return Facts(
        head,
        dict(entry.split(WORD, 1) for entry in values.split(MARK)[1:]),
        [Fact(name, tuple(words), spans.next(name)) for name, *words in map(_words, calls.split(MARK)[1:])],
        {_NUMBERED.get(number, "LOCAL_RULESETS"): text for number, text in texts.items()},
        {s.argument(1): s.span for s in mc.named("define") if s.arguments},
    )


def _words(entry: str) -> list[str]:
    """The name and the arguments, without the new line at the end of each."""
    return [word.removesuffix("\n") for word in entry.split(WORD)]


class _Spans:
    """The places of the calls: those of one name come in the same order in the record and in the .mc."""

    def __init__(self, mc: Mc) -> None:
        self._left: dict[str, list[Statement]] = {}
        for statement in reversed(mc.statements):
            self._left.setdefault(statement.name, []).append(statement)

    def next(self, name: str) -> Span | None:
        left = self._left.get(name)
        return left.pop().span if left else None

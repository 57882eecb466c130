"""The rules of one ruleset: kept as text until they are first looked at, since most configurations use few of theirs.

A `Plan` says which rules can match a workspace at all, by its length, its ends and the literals in it: a number with a
bit for each rule, so that the next rule to try is found at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailconf.sendmail.rules.compile import CompiledRule
    from mailconf.sendmail.rules.matching import Match

MOST_REMEMBERED = 64  # tokens of a workspace whose transitions are remembered
_MOST_TOKENS = 150_000  # of the workspaces that are remembered, twice
MOST_PLANNED = 400  # rules; the numbers of a plan grow with their square


class Ruleset:
    """A sequence of `CompiledRule`.

    compile  makes a rule of the text that was added
    """

    __slots__ = ("_compile", "_plan", "_rules", "_steady", "_texts")

    def __init__(self, compile: Callable[[str], CompiledRule]) -> None:
        self._compile = compile
        self._texts: list[str] = []
        self._rules: list[CompiledRule] | None = []
        self._plan: Plan | None = None
        self._steady = False

    def add(self, text: str) -> None:
        """Add a rule."""
        self._texts.append(text)
        self._rules = self._plan = None

    @property
    def rules(self) -> list[CompiledRule]:
        """The rules, compiled."""
        if self._rules is None:
            self._rules = [self._compile(text) for text in self._texts]
        return self._rules

    @property
    def plan(self) -> Plan | None:
        """The plan; None for a ruleset that has too many rules for one."""
        if self._plan is None and len(self._texts) <= MOST_PLANNED:
            self._plan = Plan(self.rules)
            self._steady = not any(rule.pattern.spells for rule in self.rules)
        return self._plan

    @property
    def steady(self) -> bool:
        """Whether it depends on the workspace and the classes alone which rule matches; known with the plan."""
        return self._steady

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[CompiledRule]:
        return iter(self.rules)


class Transition:
    """What follows for a workspace: the first rule that matches (None without one), its number, what it stands for.

    made  the right side put together, where that is the same each time; None where it is not known yet
    """

    __slots__ = ("at", "made", "match", "rule")

    def __init__(self, at: int, rule: CompiledRule | None, match: Match, made: list[str] | None) -> None:
        self.at, self.rule, self.match, self.made = at, rule, match, made


class Transitions:
    """Transitions by ruleset, rule and workspace; those that were not used for long are forgotten.

    changes  for which state of the classes they hold
    """

    def __init__(self, changes: int) -> None:
        self.changes = changes
        self._young: dict[tuple[int | str, ...], Transition] = {}
        self._old: dict[tuple[int | str, ...], Transition] = {}
        self._tokens = 0

    def get(self, key: tuple[int | str, ...]) -> Transition | None:
        """What is remembered."""
        found = self._young.get(key)
        if found is None and self._old:
            found = self._old.get(key)
            if found is not None:
                self.keep(key, found)
        return found

    def keep(self, key: tuple[int | str, ...], transition: Transition) -> None:
        """Remember a transition."""
        self._tokens += 2 * len(key) + 6  # what it makes is about as long
        if self._tokens > _MOST_TOKENS:
            self._old, self._young, self._tokens = self._young, {}, 0
        self._young[key] = transition


class Plan:
    """Which of some rules a workspace can match: bit n of a number stands for rule n."""

    __slots__ = ("_first", "_key", "_last", "_sized")

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        patterns = [rule.pattern for rule in rules]
        longest = max((pattern.least for pattern in patterns), default=0)
        self._sized = [0] * (longest + 1)  # by the length of a workspace
        self._first: dict[str | None, int] = {None: 0}
        self._last: dict[str | None, int] = {None: 0}
        self._key: dict[str | None, int] = {None: 0}
        counts: dict[str, int] = {}
        for pattern in patterns:
            for literal in pattern.needed:
                counts[literal] = counts.get(literal, 0) + 1
        for number, pattern in enumerate(patterns):
            bit = 1 << number
            for length in range(pattern.least, longest + 1):
                self._sized[length] |= bit
            rarest = min(pattern.needed, key=lambda literal: (counts[literal], literal), default=None)
            for table, token in ((self._first, pattern.first), (self._last, pattern.last), (self._key, rarest)):
                table[token] = table.get(token, 0) | bit
        for table in (self._first, self._last):
            always = table[None]
            for token in table:
                table[token] |= always

    def candidates(self, low: Sequence[str], present: Collection[str]) -> int:
        """The rules that a folded workspace may match; ``present`` are the tokens in it."""
        sized = self._sized
        length = len(low)
        mask = sized[length] if length < len(sized) else sized[-1]
        if length:
            first, last, key = self._first, self._last, self._key
            mask &= first.get(low[0]) or first[None]
            mask &= last.get(low[-1]) or last[None]
            keyed = key[None]
            for token in present:
                if token in key:
                    keyed |= key[token]
            mask &= keyed
        return mask

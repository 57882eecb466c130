"""The rules of one ruleset: kept as text until they are first looked at, since most configurations use few of theirs.

A `Plan` says which rules can match a workspace at all, by its length, its ends and the literals in it: a number with a
bit for each rule, so that the next rule to try is found at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailconf.sendmail.rules.codes import Codes, Expression
    from mailconf.sendmail.rules.compile import CompiledRule
    from mailconf.sendmail.rules.matching import Pattern

_FEW = 4  # left sides that are rather tried than looked through for literals
TRIES_BEFORE = 20  # of a left side until it becomes an expression
MOST_PLANNED = 400  # rules; the numbers of a plan grow with their square


class Ruleset:
    """A sequence of `CompiledRule`.

    compile  makes a rule of the text that was added
    """

    __slots__ = ("_compile", "_plan", "_rules", "_texts")

    def __init__(self, compile: Callable[[str], CompiledRule]) -> None:
        self._compile = compile
        self._texts: list[str] = []
        self._rules: list[CompiledRule] | None = []
        self._plan: Plan | None = None

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
    def planned(self) -> bool:
        """Whether there is a plan: not for a ruleset of too many rules."""
        return len(self._texts) <= MOST_PLANNED

    def plan(self, codes: Codes) -> Plan:
        """The plan for workspaces that are written with these codes."""
        plan = self._plan
        if plan is None or plan.codes is not codes:
            plan = self._plan = Plan(self.rules, codes)
        return plan

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[CompiledRule]:
        return iter(self.rules)


class Plan:
    """Which of some rules a workspace can match: bit n of a number stands for rule n.

    codes  the characters of tokens, with which workspaces are written
    """

    __slots__ = ("_first", "_key", "_keys", "_last", "_sized", "_tries", "codes", "expressions")

    def __init__(self, rules: Sequence[CompiledRule], codes: Codes) -> None:
        self.codes = codes
        patterns = [rule.pattern for rule in rules]
        self.expressions: list[Expression | None] = [None] * len(patterns)
        self._tries = [TRIES_BEFORE] * len(patterns)
        longest = max((pattern.least for pattern in patterns), default=0)
        self._sized = [0] * (longest + 1)  # by the length of a workspace
        self._first: dict[str, int] = {"": 0}  # of "", the rules that begin with no literal
        self._last: dict[str, int] = {"": 0}
        self._key: dict[str, int] = {"": 0}
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
                code = "" if token is None else codes[token]
                table[code] = table.get(code, 0) | bit
        for table in (self._first, self._last):
            always = table[""]
            for code in table:
                table[code] |= always
        literals = "".join(sorted(self._key))
        self._keys = re.compile(f"[{literals}]" if literals else "(?!)").findall

    def candidates(self, text: str, at: int) -> int:
        """The rules from number ``at`` on that a workspace may match, which is written as `Codes.text`.

        Bit 0 stands for that rule.
        """
        sized = self._sized
        length = len(text)
        mask = (sized[length] if length < len(sized) else sized[-1]) >> at
        if length and mask:
            first, last = self._first, self._last
            mask &= (first.get(text[0]) or first[""]) >> at
            mask &= (last.get(text[-1]) or last[""]) >> at
            if mask.bit_count() > _FEW:
                key = self._key
                keyed = key[""]
                for code in self._keys(text):
                    keyed |= key[code]
                mask &= keyed >> at
        return mask

    def tried(self, number: int, pattern: Pattern) -> None:
        """A left side is tried once more; it is compiled to an expression when that has happened often."""
        self._tries[number] -= 1
        if self._tries[number] == 0:
            self.expressions[number] = self.codes.expression(pattern)

"""The left side of a rule: which tokens of a workspace each of its operators stands for.

Shortest match first: an operator that may take more tokens gets as few as possible, and the last of them is extended
when what follows does not match. ``$-``, ``$~x`` and literals never extend. ``$=x`` takes tokens until their joined
text is in the class, and more when that is of no use. ``$&x`` matches tokens that together spell the macro's value,
and stands for no ``$n``.

Most rules do not match most workspaces. Four things that do not change are looked at before: how many tokens there must
be, the literal at either end, and which literals there must be at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from mailconf.sendmail.rules.classes import Classes, folded
from mailconf.sendmail.rules.symbols import (
    EXACTLY_ONE,
    IN_CLASS,
    LATE_MACRO,
    NOT_IN_CLASS,
    NOTHING,
    ONE_OR_MORE,
    ZERO_OR_MORE,
)

LITERAL, ONE, ANY, ZERO, CLASS, NOT_CLASS, EMPTY, SPELLED = range(8)
_OPERATORS = {
    ZERO_OR_MORE: ZERO,
    ONE_OR_MORE: ANY,
    EXACTLY_ONE: ONE,
    IN_CLASS: CLASS,
    NOT_IN_CLASS: NOT_CLASS,
    NOTHING: EMPTY,
    LATE_MACRO: SPELLED,
}
_GROUPS = (ONE, ANY, ZERO, CLASS, NOT_CLASS)
_TAKES_NONE = (ZERO, EMPTY, SPELLED)
_LINE = 2048
_COUNTED = 15  # extensions less than these are not counted
MOST_TRIES = 300_000  # extensions of operators in one match; the original has no limit

Match = Sequence[tuple[int, int]]  # of each operator, its first token and the one after its last
Value = Callable[[str], str | None]  # the value of a macro, at run time


class Endless(Exception):
    """Matching takes longer than anybody should wait."""


class Effort:
    """How many extensions of operators all matches of an engine may take; some of a match may not be counted."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, tries: int) -> None:
        """Count extensions. Raises Endless where too many have been made."""
        self.left -= tries
        if self.left < 0:
            raise Endless


class Pattern:
    """The left side of a rule, compiled.

    operators, arguments, sets   of each token: which operator it is; the folded literal, or the character of a class or
             macro; the words of the class
    groups   how many of them stand for a ``$n``
    spells   whether the values of macros matter
    least, first, last, needed   what a workspace must have to match at all; literals are folded
    """

    def __init__(self, tokens: Sequence[str], classes: Classes, joined: Callable[[Sequence[str], int], str]) -> None:
        self._joined = joined
        operators: list[int] = []
        arguments: list[str] = []
        sets: list[set[str]] = []
        for token in tokens:
            operator = _OPERATORS.get(token[:1], LITERAL)
            operators.append(operator)
            argument = folded(token) if operator == LITERAL else token[1:2]
            arguments.append(argument)
            sets.append(classes.set_of(argument) if operator in (CLASS, NOT_CLASS) else set())
        self.operators, self.arguments, self.sets = operators, arguments, sets
        self._longest = [(0, 0)] * len(sets)  # of each set, how many words it had, and the length of its longest
        literals = [a for o, a in zip(operators, arguments, strict=True) if o == LITERAL]
        self.least = sum(operator not in _TAKES_NONE for operator in operators)
        self.needed = frozenset(literals)
        self.first = arguments[0] if operators[:1] == [LITERAL] else None
        self.last = arguments[-1] if operators[-1:] == [LITERAL] else None
        self.spells = SPELLED in operators  # so that a macro's value matters
        self.groups = sum(operator in _GROUPS for operator in operators)
        self.whole = operators == [ZERO]  # $* alone: it matches everything

    def may_match(self, low: Sequence[str], present: AbstractSet[str]) -> bool:
        """Whether a folded workspace has what the side needs: enough tokens, its ends, its literals."""
        length = len(low)
        return (
            length >= self.least
            and (self.first is None or (length > 0 and low[0] == self.first))
            and (self.last is None or (length > 0 and low[-1] == self.last))
            and self.needed <= present
        )

    def match(
        self, workspace: Sequence[str], low: Sequence[str], value: Value, effort: Effort | None = None
    ) -> Match | None:
        """What the operators stand for; None where the side does not match. ``low`` is the folded workspace.

        Raises Endless.
        """
        if self.whole:
            return [(0, len(workspace))]
        operators, arguments = self.operators, self.arguments
        size, length = len(operators), len(workspace)
        found: list[list[int]] = []  # of each operator that stands for a $n: its place, first token, end
        at = token = tries = 0
        while token < length or at < size:
            if at < size:
                operator = operators[at]
                if token < length:
                    if operator == LITERAL:
                        if low[token] == arguments[at]:
                            at, token = at + 1, token + 1
                            continue
                    elif operator == ZERO:
                        found.append([at, token, token])
                        at += 1
                        continue
                    elif operator in (ONE, ANY) or (operator == NOT_CLASS and low[token] not in self.sets[at]):
                        found.append([at, token, token + 1])
                        at, token = at + 1, token + 1
                        continue
                    elif operator == CLASS:
                        end = self._in_class(at, workspace, token, token + 1)
                        if end:
                            found.append([at, token, end])
                            at, token = at + 1, end
                            continue
                    elif operator == EMPTY:
                        at += 1
                        continue
                    elif operator == SPELLED:
                        end = _spelled(value(arguments[at]), low, token)
                        if end >= 0:
                            at, token = at + 1, end
                            continue
                elif operator == ZERO:
                    found.append([at, token, token])
                    at += 1
                    continue
                elif operator == EMPTY:
                    at += 1
                    continue
            back = self._back(found, workspace, low)
            if back is None:
                return None
            tries += 1
            if not tries & _COUNTED and effort is not None:
                effort.spend(_COUNTED + 1)
            if tries > MOST_TRIES:
                raise Endless
            at, token = back
        return [(first, end) for _, first, end in found]

    def _back(self, found: list[list[int]], workspace: Sequence[str], low: Sequence[str]) -> tuple[int, int] | None:
        """Extend the last operator that can be extended; where to go on in the side and in the workspace."""
        operators, length = self.operators, len(workspace)
        while found:
            last = found[-1]
            at, first, end = last
            if end < length:
                operator = operators[at]
                if operator in (ZERO, ANY):
                    end += 1
                    if at + 1 < len(operators) and operators[at + 1] == LITERAL:
                        # nothing shorter can match than what reaches to the next such literal
                        try:
                            end = low.index(self.arguments[at + 1], end)
                        except ValueError:
                            found.pop()
                            continue
                    last[2] = end
                    return at + 1, end
                if operator == CLASS:
                    end = self._in_class(at, workspace, first, end + 1)
                    if end:
                        last[2] = end
                        return at + 1, end
            found.pop()
        return None

    def _in_class(self, at: int, workspace: Sequence[str], first: int, end: int) -> int:
        """The least end from ``end`` on up to which the joined tokens are in the class; 0 where there is none."""
        members = self.sets[at]
        if not members:
            return 0
        count, longest = self._longest[at]
        if count != len(members):
            longest = max(map(len, members))
            self._longest[at] = len(members), longest
        while end <= len(workspace):
            text = workspace[first] if end == first + 1 else self._joined(workspace[first:end], _LINE)
            if folded(text) in members:
                return end
            if len(text) > longest:
                return 0
            end += 1
        return 0


def _spelled(value: str | None, low: Sequence[str], token: int) -> int:
    """Where the tokens end that spell ``value``; -1 where they do not. Nothing is spelled by no tokens."""
    rest = folded(value) if value else ""
    while rest:
        if token >= len(low) or not rest.startswith(low[token]):
            return -1
        rest = rest[len(low[token]) :]
        token += 1
    return token

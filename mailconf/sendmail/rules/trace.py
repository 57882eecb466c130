"""The evidence of what rules do: one typed step for each thing that -d21 and -d60 of sendmail show.

A `Tracer` is told each step as it happens. Its two levels say which steps it wants at all, so that nothing is put
together for nobody: a ruleset's input and what it returns are always told, others from the level below on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

# The levels from which on steps are told.
LOOPED, MACRO_READ, CALL_SKIPPED, REWRITTEN, RULE_FAILED, RULE_TRIED = 1, 2, 3, 4, 10, 12
MAP_ASKED = 1  # of maps


class Entered(NamedTuple):
    """A ruleset begins to work on a workspace."""

    ruleset: str
    workspace: Sequence[str]


class Left(NamedTuple):
    """A ruleset has ended, with this workspace."""

    ruleset: str
    workspace: Sequence[str]


class Looped(NamedTuple):
    """A rule has matched a hundred times; this is left."""

    workspace: Sequence[str]


class MacroRead(NamedTuple):
    """``$&x`` on a side ("LHS", "RHS") of a rule."""

    side: str
    name: str
    value: str | None


class CallSkipped(NamedTuple):
    """A ruleset without rules is not called."""

    ruleset: str
    number: int


class Rewritten(NamedTuple):
    """What a rule made of the workspace."""

    workspace: Sequence[str]


class RuleFailed(NamedTuple):
    """The left side did not match."""


class RuleTried(NamedTuple):
    """The left side of a rule, and the line at which it ends."""

    side: Sequence[str]
    line: int


class RuleMatched(NamedTuple):
    """The right side of a rule that matched."""

    side: Sequence[str]


class MapAsked(NamedTuple):
    """A map's name and the key; -d60."""

    map: str
    key: str


class MapAnswered(NamedTuple):
    """What came of it.

    value     None where nothing was found
    status    of sysexits.h
    deferred  whether the answer has to wait
    """

    map: str
    key: str
    value: str | None
    status: int
    deferred: bool


RuleStep: TypeAlias = (
    Entered
    | Left
    | Looped
    | MacroRead
    | CallSkipped
    | Rewritten
    | RuleFailed
    | RuleTried
    | RuleMatched
    | MapAsked
    | MapAnswered
)


class Tracer(Protocol):
    """Takes steps.

    rules  the level up to which it wants steps of rules, as in -d21.N
    maps   the same for lookups, as in -d60.N
    """

    rules: int
    maps: int

    def step(self, step: RuleStep) -> None: ...

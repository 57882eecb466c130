"""What rulesets made of workspaces, with all that it depended on, so that it need not be worked out again.

Beside the workspace, a result depends on the values of ``$&x`` and on the answers of maps. Both are kept in the order
in which they were asked for, and a result holds as long as they are the same (`mailconf.sendmail.rules.run` asks the
maps again). What leaves other traces is not kept: messages, failures, maps of kinds that do more than answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mailconf.sendmail.rules.maps import DefinedMap, MapFound
from mailconf.sendmail.rules.trace import Entered, Left

MOST_REMEMBERED = 64  # tokens of a workspace whose results are remembered
LONG = 200  # tokens of a workspace on the way to a result that is not remembered: it may depend on the room there was
MOST_NOTED = 2000  # dependencies and steps of one question, as long as results are kept
_MOST = 400_000  # tokens, dependencies and steps that are remembered, twice
# Maps that do nothing but answer. ``host`` is asked again only where the engine remembers its answer.
PURE = frozenset(("hash", "btree", "cdb", "text", "dequote", "regex", "null", "user", "implicit", "stab", "host"))


class MacroValue(NamedTuple):
    """A macro had a value; None where it had none."""

    character: str
    value: str | None


class MapAnswer(NamedTuple):
    """A map had an answer for a key, which is the first of the arguments; ``found`` is None where it is not usable."""

    map: DefinedMap
    arguments: Sequence[str]
    found: MapFound | None


Dependency = MacroValue | MapAnswer


class Result(NamedTuple):
    """What a ruleset made of a workspace.

    workspace  the tokens
    needs      what it depended on
    told       the steps for a tracer; None where there was none
    steps      how many rules matched
    deep       how deep rulesets called each other within it
    """

    workspace: Sequence[str]
    needs: Sequence[Dependency]
    told: Sequence[Entered | Left] | None
    steps: int
    deep: int


class Memory:
    """Results by ruleset and workspace; those that were not used for long are forgotten.

    changes  for which state of the classes they hold
    """

    def __init__(self, changes: int) -> None:
        self.changes = changes
        self._young: dict[tuple[int | str, ...], Result] = {}
        self._old: dict[tuple[int | str, ...], Result] = {}
        self._size = 0

    def get(self, key: tuple[int | str, ...]) -> Result | None:
        """What is remembered."""
        found = self._young.get(key)
        if found is None and self._old:
            found = self._old.get(key)
            if found is not None:
                self.keep(key, found)
        return found

    def keep(self, key: tuple[int | str, ...], result: Result) -> None:
        """Remember a result."""
        told = 0 if result.told is None else len(result.told)
        self._size += 6 + 2 * len(key) + len(result.needs) + told
        if self._size > _MOST:
            self._old, self._young, self._size = self._young, {}, 0
        self._young[key] = result


class Notes:
    """What one question has depended on and told so far, for all rulesets that are at work.

    reasons  counts what makes the results of all of them unfit to be kept
    """

    __slots__ = ("deepest", "needs", "reasons", "told")

    def __init__(self) -> None:
        self.needs: list[Dependency] = []
        self.told: list[Entered | Left] = []
        self.reasons = 0
        self.deepest = 0

"""An engine for rulesets that remembers what a ruleset has made of a workspace, for as long as cases are run.

What a ruleset makes depends on the workspace, on the macros that it reads while it runs, and on maps, classes and the
outside, which do not change within a test. So what it made is kept with the values of the macros that it has read, and
with those that it has defined; where they have the same values again, it makes the same. Nothing is kept of a ruleset
that has reported something or has asked a map that varies, and nothing while there is a tracer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.problems import EX_OK
from mailconf.sendmail.rules.run import DEPTH, Engine

if TYPE_CHECKING:
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.maps import DefinedMap, MapFound
    from mailconf.sendmail.rules.problems import CfProblem, Problems
    from mailconf.sendmail.rules.world import RulesWorld

MOST = 1 << 16  # workspaces that are remembered
MOST_WAYS = 8  # of one workspace, with other macros
LONGEST = 64  # tokens of a workspace that is remembered
_VARYING = frozenset(("arith", "program", "syslog"))  # types of maps that do something, or can draw lots


class Way(NamedTuple):
    """What came of a workspace where the macros ``read`` have these values; ``wrote`` are those that were defined.

    odd   calls and lookups have come into the workspace from outside of the rules
    deep  how many calls there were within each other
    """

    read: dict[str, str | None]
    wrote: dict[str, str]
    made: list[str]
    status: int
    odd: bool
    deep: int


Known = dict[tuple[int | str, ...], list[Way]]


class _Watched(Macros):
    """Macros whose reading and writing is noted."""

    def __init__(self, below: Macros) -> None:
        self.names = below.names
        self._watched = below
        self.read: dict[str, str | None] = {}
        self.wrote: dict[str, str] = {}
        self.removes = False  # what counts after that depends on what is below

    def get(self, character: str) -> str | None:
        value = self._watched.get(character)
        if character not in self.wrote:
            self.read[character] = value
        return value

    def set(self, character: str, value: str | None) -> None:
        self._watched.set(character, value)
        if value is None:
            self.removes = True
        else:
            self.wrote[character] = value


class RememberingEngine(Engine):
    """See the module. ``known`` is shared by the engines of a run."""

    def __init__(self, known: Known, book: Rulebook, world: RulesWorld, problems: Problems) -> None:
        super().__init__(book, world, problems=problems)
        self._known = known
        self._spoilt = 0  # what was reported, and what cannot be the same twice
        self._deepest = 0

    async def _rewrite(self, workspace: list[str], number: int, depth: int, most: int) -> int:
        if self.tracer is not None or self.problems.status != EX_OK or len(workspace) > LONGEST:
            self._spoilt += 1
            return await super()._rewrite(workspace, number, depth, most)
        key: tuple[int | str, ...] = (number, self._odd, self.deferring, *workspace)
        way = self._way(key, depth)
        if way is None:
            return await self._anew(key, workspace, number, depth, most)
        for character, value in way.wrote.items():
            self.macros.set(character, value)
        workspace[:] = way.made
        self._odd = way.odd
        self._deepest = max(self._deepest, depth + way.deep)
        return way.status

    def _way(self, key: tuple[int | str, ...], depth: int) -> Way | None:
        """What is known to come of a workspace."""
        get = self.macros.get
        for way in self._known.get(key, ()):
            if depth + way.deep <= DEPTH and all(get(character) == value for character, value in way.read.items()):
                return way
        return None

    async def _anew(self, key: tuple[int | str, ...], workspace: list[str], number: int, depth: int, most: int) -> int:
        macros, problems, spoilt, deepest = self.macros, self.problems, self._spoilt, self._deepest
        hear = problems.hear
        watched = self.macros = _Watched(macros)
        self._deepest = depth
        if not depth:
            problems.hear = self._counting(hear)
        try:
            status = await super()._rewrite(workspace, number, depth, most)
        finally:
            self.macros = macros
            problems.hear = hear
        deep = self._deepest - depth
        self._deepest = max(deepest, self._deepest)
        if self._spoilt == spoilt and not watched.removes and problems.status == EX_OK and len(workspace) <= LONGEST:
            self._keep(key, Way(watched.read, watched.wrote, list(workspace), status, self._odd, deep))
        return status

    def _keep(self, key: tuple[int | str, ...], way: Way) -> None:
        if key not in self._known and len(self._known) >= MOST:
            self._known.clear()
        ways = self._known.setdefault(key, [])
        if len(ways) >= MOST_WAYS:
            del ways[0]
        ways.append(way)

    def _counting(self, hear: Callable[[CfProblem], object]) -> Callable[[CfProblem], object]:
        def counted(problem: CfProblem) -> object:
            self._spoilt += 1
            return hear(problem)

        return counted

    async def find(self, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
        if map_.kind.name in _VARYING:
            self._spoilt += 1
        return await super().find(map_, key, arguments)

"""The texts of Postfix's tables, asked in the place of the maps that would be built of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mailconf.diagnostics import Severity, Sink
from mailconf.maps.reference import TableRef

if TYPE_CHECKING:
    from mailconf.build.plan import Target
    from mailconf.files import Tree
    from mailconf.maps.core.table import LookupTable
    from mailconf.tables.check import Known


class SourceTables:
    """Called with ``type:name`` when a table is opened (`mailconf.maps.core.opening.Opening`, instead).

    targets  gives the maps of the configuration; it is called at the first question
    root     where their texts are
    sink     takes the mistakes for which a text makes no map
    """

    def __init__(self, targets: Callable[[], Iterable[Target]], root: Tree, sink: Sink, is_restriction: Known) -> None:
        self._all = targets
        self._root = root
        self._sink = sink
        self._is_restriction = is_restriction
        self._targets: dict[str, Target] | None = None
        self._opened: dict[str, LookupTable | None] = {}  # the same for aliases and for what else asks the table

    def __call__(self, table: str) -> LookupTable | None:
        target = self.target(table)
        return None if target is None else self.opened(target)

    def target(self, table: str) -> Target | None:
        """The map of a table; None where a table has none."""
        if self._targets is None:
            self._targets = {target.table: target for target in self._all()}
        return self._targets.get(table)

    def opened(self, target: Target) -> LookupTable | None:
        """The table that a map would be; None where it cannot be made."""
        if target.table not in self._opened:
            self._opened[target.table] = self._made(target)
        return self._opened[target.table]

    def _made(self, target: Target) -> LookupTable | None:
        from mailconf.build.compile import compile_targets
        from mailconf.maps.core.opening import Opening
        from mailconf.maps.core.table import UnsupportedMap
        from mailconf.maps.simple.memory import MemoryTable
        from mailconf.tables.postmap import fold

        def never(spec: str) -> LookupTable:
            raise UnsupportedMap(spec)

        found = Sink()
        compiled = compile_targets([target], self._root, found, self._is_restriction)
        for diagnostic in found:
            if diagnostic.severity is Severity.ERROR:
                self._sink.add(diagnostic)
        if not compiled:
            return None
        name = TableRef.parse(target.table).name
        return MemoryTable(target.type, name, compiled[0].mapping(), Opening(never, self._root, fold))

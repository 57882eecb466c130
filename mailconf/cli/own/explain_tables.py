"""Tables whose map is missing or old, in `mailconf explain`: it reads the source of the one, and reports both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import Related, Severity, Sink, declare
from mailconf.maps.reference import TableRef

if TYPE_CHECKING:
    from mailconf.build.plan import Target
    from mailconf.cli.own.site import Loaded
    from mailconf.maps.core.table import LookupTable
    from mailconf.tables.check import Known

UNBUILT = " has not been built"  # what such findings say of a table, and their cause
PF231 = declare("PF231", Severity.NOTE, "explain reads a table's source because its map has not been built")
"""Why: explain reads the source of a table whose map is not there, and answers as Postfix would with the map. As
things are, Postfix answers 451.

Example:
    # main.cf
    virtual_alias_domains = example.com
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    ann@example.com ann@mail.example.com
    $ mailconf explain --to ann@example.com /etc/postfix

Remedy: run `mailconf build` with the folder.

Source: docs/build.md.
"""

PF232 = declare("PF232", Severity.NOTE, "explain reads a map that is older than its source")
r"""Why: explain answers from the map, as Postfix does, and the source has other entries by now.

Example:
    # main.cf
    virtual_alias_domains = example.com
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    ann@example.com ann@mail.example.com
    $ mailconf build /etc/postfix
    $ printf 'ann@example.com bob@mail.example.com\n' > /etc/postfix/virtual
    $ mailconf explain --to ann@example.com /etc/postfix

Remedy: run `mailconf build` with the folder.

Source: docs/build.md.
"""


class Unbuilt:
    """Called with ``type:name`` when a table is opened (see `mailconf.maps.core.opening.Opening`, instead)."""

    def __init__(self, loaded: Loaded, sink: Sink, is_restriction: Known) -> None:
        self._loaded = loaded
        self._sink = sink
        self._is_restriction = is_restriction
        self._targets: dict[str, Target] | None = None
        self._reported: set[str] = set()
        self._opened: dict[str, LookupTable | None] = {}  # the same for aliases and for what else asks the table

    def __call__(self, table: str) -> LookupTable | None:
        if self._targets is None:
            self._targets = {target.table: target for target in self._loaded.plan(Sink())}
        target = self._targets.get(table)
        if target is None or not target.reason:
            return None
        if self._loaded.root.exists(target.target):
            self._report(target, stale=True)
            return None
        if table not in self._opened:
            self._opened[table] = self._of_source(target)
        opened = self._opened[table]
        if opened is not None:
            self._report(target, stale=False)
        return opened

    def _of_source(self, target: Target) -> LookupTable | None:
        """The table that the map would be; None where it cannot be made. Mistakes in the source are reported."""
        from mailconf.build.compile import compile_targets
        from mailconf.maps.core.opening import Opening
        from mailconf.maps.core.table import UnsupportedMap
        from mailconf.maps.simple.memory import MemoryTable
        from mailconf.tables.postmap import fold

        def never(spec: str) -> LookupTable:
            raise UnsupportedMap(spec)

        found = Sink()
        compiled = compile_targets([target], self._loaded.root, found, self._is_restriction)
        for diagnostic in found:
            if diagnostic.severity is Severity.ERROR:
                self._sink.add(diagnostic)
        if not compiled:
            return None
        name = TableRef.parse(target.table).name
        return MemoryTable(target.type, name, compiled[0].mapping(), Opening(never, self._loaded.root, fold))

    def _report(self, target: Target, *, stale: bool) -> None:
        if target.table in self._reported:
            return
        self._reported.add(target.table)
        span = target.uses[0].span
        place = str(target.source)
        hint = f"run mailconf build {self._loaded.site.directory}"
        if stale:
            message = f"the map of {target.table} does not have the content of its source: the answers are the map's"
            self._sink.report(PF232, message, span, hint=hint, file=place, tree=self._loaded.root)
        else:
            message = f"{target.table}{UNBUILT}: its source was read instead, and Postfix answers 451"
            self._sink.report(PF231, message, span, hint=hint, file=place, tree=self._loaded.root, cause=UNBUILT)


def in_one(sink: Sink) -> Sink:
    """The findings, where those about maps that have not been built are one: they have one cause, and one remedy."""
    unbuilt = [found for found in sink if found.cause == UNBUILT]
    if len(unbuilt) < 2:
        return sink
    tables = tuple(Related(found.message.partition(UNBUILT)[0], found.span) for found in unbuilt if found.span)
    message = f"{len(unbuilt)} maps have not been built: their sources were read instead, and the server asks the maps"
    merged = Sink()
    for found in sink:
        if found.cause != UNBUILT:
            merged.add(found)
        elif found is unbuilt[0]:
            merged.add(found._replace(message=message, related=tables))
    return merged

"""Tables whose map is missing or old, in `mailconf explain`: it reads the source of the one, and reports both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import Related, Severity, Sink, declare
from mailconf.insight.source_tables import SourceTables

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


class Unbuilt(SourceTables):
    """Opens a table whose map has not been built; a map that is older than its text is asked itself."""

    def __init__(self, loaded: Loaded, sink: Sink, is_restriction: Known) -> None:
        super().__init__(lambda: loaded.plan(Sink()), loaded.root, sink, is_restriction)
        self._directory = loaded.site.directory
        self._reported: set[str] = set()

    def __call__(self, table: str) -> LookupTable | None:
        target = self.target(table)
        if target is None or not target.reason:
            return None
        if self._root.exists(target.target):
            self._report(target, stale=True)
            return None
        opened = self.opened(target)
        if opened is not None:
            self._report(target, stale=False)
        return opened

    def _report(self, target: Target, *, stale: bool) -> None:
        if target.table in self._reported:
            return
        self._reported.add(target.table)
        span = target.uses[0].span
        place = str(target.source)
        hint = f"run mailconf build {self._directory}"
        if stale:
            message = f"the map of {target.table} does not have the content of its source: the answers are the map's"
            self._sink.report(PF232, message, span, hint=hint, file=place, tree=self._root)
        else:
            message = f"{target.table}{UNBUILT}: its source was read instead, and Postfix answers 451"
            self._sink.report(PF231, message, span, hint=hint, file=place, tree=self._root, cause=UNBUILT)


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

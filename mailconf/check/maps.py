"""The built maps: is each there, newer than its source, and whole?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mailconf.build.plan import Target
from mailconf.diagnostics import Sink, error, warning
from mailconf.files import Tree
from mailconf.maps.core.table import SequenceTable, TemporaryFailure
from mailconf.maps.registry import open_table

if TYPE_CHECKING:
    from mailconf.check.subject import Subject

CK010 = warning("CK010", "a map is missing or older than its source")
CK011 = error("CK011", "a map is damaged")

_REASONS = {
    "no map yet": "has not been built yet",
    "the source is newer": "is older than its source",
    "it is no file": "is no file",
}
_CHANGED = "is not what its source says now"  # whatever else makes a map stale


def freshness(subject: Subject, sink: Sink) -> None:
    """Report maps that the servers would read stale, not find, or fail to read."""
    check_maps(subject.targets, subject.root, subject.site.directory, sink)


def check_maps(targets: Iterable[Target], root: Tree, directory: str, sink: Sink) -> None:
    """The same for the maps ``targets`` of the configuration in ``directory``."""
    for target in targets:
        span = target.uses[0].span
        place = str(target.source)
        if target.reason:
            message = f"the map of {target.table} {_REASONS.get(target.reason, _CHANGED)}"
            sink.report(CK010, message, span, hint=f"run mailconf build {directory}", file=place, tree=root)
        if not root.is_file(target.target):  # a pipe would be waited for
            continue
        try:
            table = open_table(target.table, root)
            try:
                if isinstance(table, SequenceTable):
                    for _ in table.entries():
                        pass
            finally:
                table.close()
        except TemporaryFailure as damage:
            hint = f"run mailconf build --force {directory}"
            sink.report(
                CK011, f"the map of {target.table} cannot be read: {damage}", span, hint=hint, file=place, tree=root
            )

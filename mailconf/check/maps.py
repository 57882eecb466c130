"""The built maps: is each there, newer than its source, and whole?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mailconf.build.plan import Target
from mailconf.diagnostics import Sink, error, warning
from mailconf.files import Root
from mailconf.maps.core.table import SequenceTable, TemporaryFailure
from mailconf.maps.registry import open_table

if TYPE_CHECKING:
    from mailconf.check.subject import Subject

CK010 = warning("CK010", "a map is missing or older than its source")
"""Why: the servers read the map, not its source. A change of the source has no effect until the map is built again;
where there is no map, each lookup fails.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com

Remedy: run `mailconf build` with the folder, or postmap(1), makemap(8), newaliases(1).

Source: postmap(1); DATABASE_README, "Maintaining Postfix lookup table files".
"""

CK011 = error("CK011", "a map is damaged")
"""Why: the file is no database of its type, or a part of it is damaged: lookups fail or, worse, find some of the
entries only.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com
    # /etc/postfix/virtual.db
    not a database

Remedy: build the map again with `mailconf build --force`; look for the reason (a full disk, a copy that was
interrupted).

Source: the formats of Berkeley DB, cdb and LMDB, which mailconf reads itself (docs/maps.md).
"""

_REASONS = {
    "no map yet": "has not been built yet",
    "the source is newer": "is older than its source",
    "it is no file": "is no file",
}
_CHANGED = "does not have the content that its source has now"  # any other reason for which a map is stale


def freshness(subject: Subject, sink: Sink) -> None:
    """Report maps that the servers would read stale, not find, or fail to read."""
    check_maps(subject.targets, subject.root, subject.site.directory, sink)


def check_maps(targets: Iterable[Target], root: Root, directory: str, sink: Sink) -> None:
    """The same for the maps ``targets`` of the configuration in ``directory``."""
    for target in targets:
        span = target.uses[0].span
        place = str(target.source)
        if target.reason:
            message = f"the map of {target.table} {_REASONS.get(target.reason, _CHANGED)}"
            sink.report(CK010, message, span, hint=f"run mailconf build {directory}", file=place)
        if not target.target.is_file():  # a pipe would be waited for
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
            sink.report(CK011, f"the map of {target.table} cannot be read: {damage}", span, hint=hint, file=place)

"""The built maps: is each there, newer than its source, and whole?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mailconf.build.plan import Target
from mailconf.diagnostics import Related, Severity, Sink, declare, error, warning
from mailconf.files import NoDisk, Tree
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
    $ mailconf build /etc/postfix
    $ echo 'ann@example.com ann' >> /etc/postfix/virtual
    $ mailconf check /etc/postfix

Remedy: run `mailconf build` with the folder, or postmap(1), makemap(8), newaliases(1).

Source: postmap(1); DATABASE_README, "Maintaining Postfix lookup table files".
"""

CK013 = declare("CK013", Severity.NOTE, "nothing has been built yet")
"""Why: the servers read maps, not their sources. There are none yet, as in a repository, or before the first build.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com

Remedy: run `mailconf build` with the folder where the servers are to read them.

Source: postmap(1).
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
CK012 = declare("CK012", Severity.NOTE, "a map that is not looked into, for it is not on the disk")
"""Why: a map is locked while it is read, and its library opens it by its name. One that is kept in a git repository, or
is an editor's text, cannot be looked into: whether it is whole is not known. That it is as old as its source means
nothing there either, for all files of a revision have one time.

Example:
    A revision of a git repository in which /etc/postfix/virtual and /etc/postfix/virtual.db were committed.

Remedy: keep the sources of maps in the repository and build the maps from them; to have a map checked, check the
folder on the disk.

Source: mailconf/files/tree.py; DATABASE_README of Postfix on locks.
"""

_REASONS = {
    "no map yet": "has not been built yet",
    "the source is newer": "is older than its source",
    "it is no file": "is no file",
}
_CHANGED = "does not have the content that its source has now"  # any other reason for which a map is stale


def freshness(subject: Subject, sink: Sink) -> None:
    """Report maps that the servers would read stale, not find, or fail to read."""
    targets, directory = subject.targets, subject.site.directory
    if not unbuilt(targets, subject.root, directory, sink):
        check_maps(targets, subject.root, directory, sink)


def unbuilt(targets: Sequence[Target], root: Tree, directory: str, sink: Sink) -> bool:
    """Whether nothing of all that is built is there yet; that is one note."""
    if not targets or any(root.exists(target.target) for target in targets):
        return False
    first, *others = targets
    places = [(target, target.uses[0].span) for target in others if target.uses]
    related = tuple(Related(str(target.table), span) for target, span in places if span is not None)
    message = "nothing has been built yet" if others else f"{first.target.name} has not been built yet"
    span = first.uses[0].span if first.uses else None
    hint = f"run mailconf build {directory}"
    sink.report(CK013, message, span, hint=hint, related=related, file=str(first.source), tree=root)
    return True


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
            root.real(target.target)
        except NoDisk:
            message = f"the map of {target.table} is not looked into: it is not on the disk"
            sink.report(CK012, message, span, file=place, tree=root)
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

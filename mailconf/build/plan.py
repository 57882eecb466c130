"""Which maps a site needs, and which of them are stale.

A map is stale as make(1) sees it: it is missing, or its source is newer (postmap(1) itself always builds). It is also
stale when its source does not hold what it was built from, at any time (`mailconf.build.state`). That holds
for maps that mailconf built; of a map that somebody else has changed since, only the times are known. A table that is
named several times is built once.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mailconf.build.state import FOLDER, BuildState, Record
from mailconf.diagnostics import Sink, error, warning
from mailconf.files import Tree
from mailconf.maps.reference import TableRef
from mailconf.maps.types import EXTENSIONS
from mailconf.model.site import Site, TableUse
from mailconf.source import Span

BD001 = error("BD001", "a map's source file does not exist")
"""Why: the map cannot be built. Where no old one exists, lookups fail: smtpd answers 451, other programs defer the
mail.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual

Remedy: create the file, or take the table out of the parameter.

Source: postmap(1); DATABASE_README.
"""

BD004 = warning("BD004", "a map is built as another type than the configuration names")
"""Why: --map-type builds a map of another type than the configuration names. The servers look for the named one and do
not find the new one.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com
    $ mailconf build --map-type lmdb /etc/postfix

Remedy: write the type into the configuration as well.

Source: docs/build.md; postconf(5) default_database_type.
"""

BD014 = error("BD014", "nothing of that name is built")
"""Why: what was named on the command line is built from nothing in the configuration, so that nothing was done.

Example:
    $ mailconf build /etc/postfix transport

Remedy: name a map or its source that the configuration has; the hint lists them.

Source: docs/build.md.
"""

BD005 = error("BD005", "two tables of different types have the same map file")
"""Why: hash and btree have the same file, NAME.db. Whichever is built last, lookups in the other one fail.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    virtual_mailbox_maps = btree:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com

Remedy: name the table with one type everywhere.

Source: DATABASE_README, "Postfix lookup table types".
"""

BD020 = error("BD020", "a map cannot be built because a Python package is missing")
"""Why: maps of the types lmdb and cdb are written by Python packages, and the one for this type cannot be imported.

Example:
    `mailconf build` of an lmdb: table, by a Python without the package lmdb.

Remedy: install the package for the Python that runs mailconf, or use the type hash.

Source: docs/dependencies.md.
"""

BD017 = error("BD017", "a folder, pipe or device is in the place of a map or a .cf")
"""Why: a folder, a pipe or a device is where the map or the .cf is to be. No server reads that, and mailconf does
not replace it.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com
    $ mkdir /etc/postfix/virtual.db
    $ mailconf build /etc/postfix

Remedy: remove it.

Source: docs/build.md.
"""


class Target(NamedTuple):
    """One map to have: ``uses`` are the places that name it; ``reason`` is why it is stale, "" when it is fresh."""

    table: str  # "hash:/etc/postfix/access", as the configuration names it
    type: str
    source: Path
    target: Path
    uses: tuple[TableUse, ...]
    reason: str
    foreign: bool = False  # mailconf built it, and another program has changed it since
    nul: bool | None = None  # whether keys and values end with a NUL; None: as the type usually has it

    @property
    def source_name(self) -> str:
        """What the configuration calls the source of a map."""
        return TableRef.parse(self.table).name

    @property
    def target_name(self) -> str:
        """What the configuration calls the file that is built."""
        return f"{self.source_name}{EXTENSIONS[self.type]}" if self.type in EXTENSIONS else self.table

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(use.role for use in self.uses))

    def is_called(self, name: str) -> bool:
        """Whether ``name`` means this target: its file or its source, with or without their folder."""
        return is_called(name, self.source, self.target)

    def also(self, use: TableUse) -> Target:
        """The same, used in one more place."""
        return self._replace(uses=(*self.uses, use))


def plan(
    site: Site, root: Tree, sink: Sink, *, force: bool = False, map_type: str = "", names: Sequence[str] = ()
) -> list[Target]:
    """Every map that ``site`` names and that is built from a text, in the order of the configuration.

    map_type  build every map as this type; a warning at each place of the configuration that names another
    names     what the caller will choose of it: only of that is reported what is wrong; all, where there are no names
    """
    by_table: dict[tuple[str, str], list[TableUse]] = {}
    for use in site.tables:
        kind = use.table.type
        if use.source and kind in EXTENSIONS:
            by_table.setdefault((map_type or kind, use.source), []).append(use)
    state = BuildState.load(root.path(site.directory) / FOLDER, root)
    main_cf = str(root.path(site.directory) / "main.cf")
    targets: dict[Path, Target] = {}
    asked: set[str] = set()
    for (kind, name), uses in by_table.items():
        table = f"{kind}:{name}"
        source = root.path(name)
        target = source.with_name(source.name + EXTENSIONS[kind])
        first = uses[0].span
        told = sink if is_wanted(names, source, target) else Sink()
        if not root.covers(source):
            continue
        if _is_missing(root, source):
            told.report(
                BD001,
                f"{name}, the source of {uses[0].table}, does not exist",
                first,
                hint=f"create {name}, or take {uses[0].table} out of {uses[0].role}",
                file=main_cf,
                tree=root,
            )
            continue
        if target in targets and targets[target].type != kind:
            told.report(
                BD005,
                f"{table} and {targets[target].table} would both be {root.inside(target)}",
                first,
                hint="name the table with one type everywhere",
                file=main_cf,
                tree=root,
            )
            continue
        if map_type:
            _report_other_types(uses, map_type, root, main_cf, told)
        report_no_file(root, target, first, told)
        reason, foreign = map_staleness(root, source, target, kind, state.maps.get(root.inside(target)))
        reason = "forced" if force else reason
        targets[target] = Target(table, kind, source, target, tuple(uses), reason, foreign)
        if reason and kind not in asked:
            from mailconf.maps.build.write import missing_package  # most plans write nothing

            asked.add(kind)  # one finding is enough
            if package := missing_package(kind):
                message = f"maps of type {kind} cannot be written: the Python package {package} cannot be imported"
                hint = f"install {package} for the Python that runs mailconf (docs/dependencies.md), or build as hash"
                told.report(BD020, message, first, hint=hint, file=main_cf, tree=root)
    return list(targets.values())


def choose(targets: Sequence[Target], names: Sequence[str], sink: Sink) -> list[Target]:
    """Those of ``targets`` that ``names`` mean, all of them where there are no names."""
    missing = any(found.code == BD001.name for found in sink)  # what was asked for would be built, had it a source
    for name in names:
        if not missing and not any(target.is_called(name) for target in targets):
            known = ", ".join(target.target.name for target in targets)
            sink.report(BD014, f"nothing that is built is called {name}", hint=f"what is built: {known}")
    return [target for target in targets if not names or any(target.is_called(name) for name in names)]


def is_called(name: str, source: Path, target: Path) -> bool:
    """Whether ``name`` means what is built from ``source`` into ``target``: `Target.is_called`."""
    names = (str(target), str(source))
    return name in names or any(path.endswith(f"/{name.lstrip('/')}") for path in names)


def is_wanted(names: Sequence[str], source: Path, target: Path) -> bool:
    """Whether one of ``names`` means it; without names, everything is wanted."""
    return not names or any(is_called(name, source, target) for name in names)


def report_no_file(root: Tree, target: Path, span: Span | None, sink: Sink) -> None:
    """Report a folder, a pipe or a device at a target's place: nothing can be built there, and no server reads it."""
    kind = _kind(root, target)
    if kind:
        sink.report(
            BD017,
            f"{root.inside(target)} is {kind}",
            span,
            hint="remove it: a file is to be built in its place",
            file=str(target),
            tree=root,
        )


def _kind(root: Tree, path: Path) -> str:
    """What is at ``path``, in words; "" for a file, and where there is nothing or nothing can be known."""
    try:
        mode = root.stat(path).st_mode
    except OSError:
        return ""
    kinds = {stat.S_IFREG: "", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _is_missing(root: Tree, source: Path) -> bool:
    try:
        return not root.is_file(source)
    except OSError:
        return False  # it may be there: reading it reports the fault


def _report_other_types(uses: list[TableUse], map_type: str, root: Tree, main_cf: str, sink: Sink) -> None:
    for use in dict.fromkeys(uses):
        if use.table.type != map_type:
            sink.report(
                BD004,
                f"{use.role} names {use.table}; the map is built as {map_type}",
                use.span,
                hint=f"write {map_type}:{use.source} for the servers to read it",
                file=main_cf,
                tree=root,
            )


def map_staleness(root: Tree, source: Path, target: Path, kind: str, record: Record | None) -> tuple[str, bool]:
    """Why the map is stale, and whether it is one of ours that another program has changed."""
    try:
        if not root.exists(target):
            return "no map yet", False
        if _kind(root, target):
            return "it is no file", False
        foreign = record is not None and not record.is_at(target, root)
        if root.stat(source).st_mtime_ns > root.stat(target).st_mtime_ns:
            return "the source is newer", foreign
        if record is None or foreign:
            return "", foreign
        if record.type != kind:
            return f"the map's type was {record.type}", False
        return ("" if record.is_from(source, root) else "the source has changed"), False
    except OSError:
        return "it cannot be read", False  # the build reports the fault

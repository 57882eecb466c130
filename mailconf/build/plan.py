"""Which maps a site needs, and which of them are stale.

A map is stale as make(1) sees it: it is missing, or its source is newer (postmap(1) itself always builds). A table that
is named several times is built once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailconf.diagnostics import Sink, error
from mailconf.files import Root
from mailconf.maps.write import EXTENSIONS
from mailconf.model.site import Site, TableUse

BD001 = error("BD001", "a map's source file does not exist")


@dataclass(frozen=True, slots=True)
class Target:
    """One map to have: ``uses`` are the places that name it; ``reason`` says why it is stale, "" when it is fresh."""

    table: str  # "hash:/etc/postfix/access", as the configuration names it
    type: str
    source: Path
    target: Path
    uses: tuple[TableUse, ...]
    reason: str

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(use.role for use in self.uses))


def plan(site: Site, root: Root, sink: Sink, *, force: bool = False) -> list[Target]:
    """Every map that ``site`` names and that is built from a text, in the order of the configuration."""
    by_table: dict[str, list[TableUse]] = {}
    for use in site.tables:
        if use.source is not None:
            by_table.setdefault(use.table, []).append(use)
    targets = []
    for table, uses in by_table.items():
        kind = table.partition(":")[0]
        if kind not in EXTENSIONS:
            continue
        name = uses[0].source or ""
        source = root.path(name)
        target = source.with_name(source.name + EXTENSIONS[kind])
        if not source.is_file():
            sink.report(
                BD001,
                f"{name}, the source of {table}, does not exist",
                uses[0].span,
                hint=f"create {name}, or take {table} out of {uses[0].role}",
                file="" if uses[0].span else str(root.path(site.directory) / "main.cf"),
            )
            continue
        reason = "forced" if force else _staleness(source, target)
        targets.append(Target(table, kind, source, target, tuple(uses), reason))
    return targets


def _staleness(source: Path, target: Path) -> str:
    if not target.exists():
        return "no map yet"
    if source.stat().st_mtime_ns > target.stat().st_mtime_ns:
        return "the source is newer"
    return ""

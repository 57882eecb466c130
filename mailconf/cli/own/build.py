"""``mailconf build DIR``: every map that a configuration names, and each .cf, from its source; all or nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailconf.cli.own.site import (
    LoadedEtcMail,
    SiteOptions,
    directory_option,
    format_option,
    library_option,
    load,
    own_cf_option,
    root_option,
    shell_option,
    version_option,
)
from mailconf.cli.shared.report import show
from mailconf.diagnostics import Severity, Sink, declare
from mailconf.files import Root, Tree, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailconf.build.compile import Built
    from mailconf.build.generation import Store
    from mailconf.build.plan import Target
    from mailconf.cli.own.site import Loaded
    from mailconf.maps.core.opening import Progress

# Faults with which it is not known what is to be built: there is no main.cf, or it cannot be read as name = value. All
# of Postfix's tools stop at them, postmap(1) included.
_STOP = frozenset({"FS001", "PF001", "PF002", "PF003"})
BD011 = declare("BD011", Severity.NOTE, "another program has changed a map since mailconf built it")
"""Why: postmap or another program has changed the map since mailconf built it. The build replaces it by what the
source has; what was changed by hand is lost.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com
    $ mailconf build /etc/postfix
    $ printf 'another map' > /etc/postfix/virtual.db
    $ mailconf build /etc/postfix

Remedy: nothing; change the source, not the map.

Source: docs/build.md.
"""


@click.command()
@directory_option
@click.argument("names", metavar="[FILE]...", nargs=-1)
@root_option
@format_option
@library_option
@shell_option
@own_cf_option
@version_option
@click.option("--force", is_flag=True, help="Build maps that are not stale, too.")
@click.option("-n", "--dry-run", is_flag=True, help="Print what would be built, and change nothing.")
@click.option("--exit-code", is_flag=True, help="With --dry-run: exit 1 where something would change.")
@click.option("--rollback", is_flag=True, help="Put the maps back that the last build replaced.")
@click.option("--watch", is_flag=True, help="Build again whenever a source changes, until interrupted.")
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0.05),
    default=1.0,
    show_default=True,
    help="How often --watch looks.",
)
@click.option(
    "--map-type",
    metavar="TYPE",
    type=click.Choice(["btree", "cdb", "hash", "lmdb"]),
    help="Build every map as btree, cdb, hash or lmdb, in place of the type that the configuration names.",
)
def command(
    directory: str,
    names: tuple[str, ...],
    root: str,
    style: str,
    cf_library: str,
    allow_shell: bool,
    own_cf: bool,
    postfix_version: str | None,
    force: bool,
    dry_run: bool,
    exit_code: bool,
    rollback: bool,
    watch: bool,
    interval: float,
    map_type: str | None,
) -> None:
    """Read the configuration in DIR (an /etc/postfix, an /etc/mail) and build what it needs, as one generation.

    With FILEs only those are built: access, access.db, sendmail.cf, ... A mistake in a source leaves every old file as
    it is; one that changes no file's content is shown as a warning.

    Exit status: 0 built (or nothing to do), 1 mistakes found or, with --exit-code, something would change; 2 misuse, or
    there is no configuration in DIR.
    """
    if exit_code and not dry_run:
        raise click.UsageError("--exit-code tells what --dry-run found: it goes with --dry-run only.")
    if rollback and (force or map_type or names or watch):
        raise click.UsageError("--rollback builds nothing: it goes with --dry-run only.")
    if watch and (dry_run or force):
        raise click.UsageError("--watch builds what is stale: it does not go with --dry-run or --force.")
    options = SiteOptions(cf_library, allow_shell, postfix_version, own_cf)
    build = _Build(directory, Root(root), Sink(), names, force, dry_run, map_type or "")
    if rollback:
        sys.exit(_show(build, build.rollback(), style))

    def once() -> tuple[int, Callable[[], list[Path]]]:
        build.sink, found = Sink(), Sink()
        loaded = load(directory, build.root, found, options)
        build.show_beside(found)
        if isinstance(loaded, LoadedEtcMail) and map_type == "lmdb":
            raise click.UsageError("sendmail has no maps of type lmdb.")
        status = _show(build, build.run(loaded), style, files=isinstance(loaded, LoadedEtcMail))
        if loaded is None:
            status = 2
        elif exit_code and build.changed:
            status = 1
        return status, lambda: build.sources(loaded)

    if watch:
        from mailconf.cli.own.watch import watch as again

        again(lambda: once()[1], interval)
    sys.exit(once()[0])


def _show(build: _Build, lines: list[str], style: str, *, files: bool = False) -> int:
    """Print the results of a build; the exit status."""
    sink = build.sink
    if style == "json":
        click.echo(build.as_json())
        return 1 if sink.failed else 0
    if not sink.failed:
        click.echo("\n".join(lines))
    show(sink)
    if sink.failed:
        what = "restored" if build.restores else "built"
        old = "files" if files else "maps"
        click.echo(f"{build.directory}: nothing was {what}; the old {old} are as they were", err=True)
    return 1 if sink.failed else 0


@dataclass
class _Build:
    directory: str
    root: Tree
    sink: Sink
    names: tuple[str, ...]
    force: bool
    dry_run: bool
    map_type: str
    restores: bool = False
    planned: Sequence[Target] = ()
    compiled: Sequence[Built] = ()
    changed: Sequence[str] = ()  # the files that were, or would be, written

    def as_json(self) -> str:
        """The object that ``--format json`` prints; its schema is docs/build.schema.json."""
        import json

        from mailconf.check.results import Results
        from mailconf.cli.shared.formats import VERSION

        results = Results(self.sink.sorted())
        done = not self.sink.failed
        built = [
            {"table": str(b.target.table), "file": str(b.target.target), "amount": b.amount, "reason": b.target.reason}
            for b in self.compiled
        ]
        document = {
            "version": VERSION,
            "dry_run": self.dry_run,
            "built": built if done else [],
            "restored": list(self.changed) if done and self.restores else [],
            "up_to_date": len(self.planned) - len(self.compiled) if done else 0,
            "summary": results.summary(),
            "findings": [diagnostic.as_json() for diagnostic in results.findings],
        }
        return json.dumps(document, indent=2)

    def sources(self, loaded: Loaded | LoadedEtcMail | None) -> list[Path]:
        """The files whose change asks for another build."""
        if loaded is None:
            return [self.root.path(self.directory)]
        return [*loaded.inputs(), *(target.source for target in self.planned)]

    def run(self, loaded: Loaded | LoadedEtcMail | None) -> list[str]:
        """Build what is stale; the results to print."""
        if loaded is None:
            return []
        store = self._store()
        found = Sink()
        targets = self._plan(loaded, found)
        if not self.dry_run:
            for target in targets:
                remove_leftovers(target.target)
        # With nothing to do, nothing is written, and neither the tables' grammars nor the policy are needed.
        if not store.is_unfinished and (found.failed or not any(target.reason for target in targets)):
            self._merge(found)
            if found.failed:  # the other mistakes are reported, too
                self._compile(loaded, targets)
            return self._summary(targets, [])
        from mailconf.build.apply import apply, diagnosed, recover

        compiled: Sequence[Built] = ()
        with diagnosed(store, self.sink), ExitStack() as held:
            held.enter_context(store.locked(create=not self.dry_run))
            progress = held.enter_context(_progress())
            recover(store, self.sink, dry_run=self.dry_run)
            targets = self._plan(loaded, self.sink)
            compiled = self._compile(loaded, targets, progress)
            if not self.sink.failed and not self.dry_run:
                apply(compiled, store, self.sink, progress)
            for each in compiled if self.dry_run else ():
                each.report(self.sink)
        return self._summary(targets, compiled)

    def rollback(self) -> list[str]:
        """Put the previous generation back; the results to print."""
        from mailconf.build.apply import diagnosed, recover

        self.restores = True
        store = self._store()
        lines: list[str] = []
        with diagnosed(store, self.sink), store.locked(create=self.root.exists(store.folder) and not self.dry_run):
            recover(store, self.sink, dry_run=self.dry_run)
            moves = store.previous()[0]
            if not self.dry_run:
                store.rollback()
            would = "would be " if self.dry_run else ""
            self.changed = [str(m.target) for m in moves]
            lines = [f"{m.target} {would}{'restored' if m.backup else 'removed: it did not exist'}" for m in moves]
            lines.append(f"{_count([m.target for m in moves])} {would}as in the generation before")
        return lines

    def _store(self) -> Store:
        from mailconf.build.generation import Store

        folder = Path(self.root.path(self.directory))
        return Store(self.root.inside(folder.absolute()), self.root)

    def _plan(self, loaded: Loaded | LoadedEtcMail, sink: Sink) -> list[Target]:
        targets = loaded.plan(sink, force=self.force, map_type=self.map_type, names=self.names)
        self.planned = targets
        for target in targets:
            if target.foreign:
                what = "file" if target.target.suffix == ".cf" else "map"
                text = f"another program has changed this {what} since it was built"
                sink.report(BD011, text, file=str(target.target), tree=self.root)
        return targets

    def _compile(
        self,
        loaded: Loaded | LoadedEtcMail,
        targets: list[Target],
        progress: Callable[[str], Callable[..., None]] | None = None,
    ) -> Sequence[Built]:
        stale = [target for target in targets if target.reason]
        if not stale:
            return ()
        beside = Sink()
        compiled = loaded.compile(stale, self.sink, beside, progress)
        self.show_beside(beside)
        return compiled

    def show_beside(self, found: Sink) -> None:
        """Take over what is wrong with the configuration: where no map's content depends on it, it stops nothing."""
        for diagnostic in found:
            if diagnostic.severity is Severity.ERROR and diagnostic.code not in _STOP:
                diagnostic = diagnostic._replace(severity=Severity.WARNING)
            self.sink.add(diagnostic)

    def _merge(self, found: Sink) -> None:
        for diagnostic in found:
            self.sink.add(diagnostic)

    def _summary(self, targets: list[Target], compiled: Sequence[Built]) -> list[str]:
        verb = "would build" if self.dry_run else "built"
        self.compiled = compiled
        self.changed = [str(each.target.target) for each in compiled]
        lines = [f"{verb} {c.target.table}: {c.amount} ({c.target.reason})" for c in compiled]
        names, all_names = [[str(target.target) for target in some] for some in ([c.target for c in compiled], targets)]
        lines.append(f"{_count(names, all_names)} {verb}, {len(targets) - len(compiled)} up to date")
        return lines


@contextmanager
def _progress() -> Iterator[Callable[[str], Progress] | None]:
    """On a terminal, a bar while the block runs; what makes a progress function for a map's name."""
    if not sys.stderr.isatty():
        yield None
        return
    from mailconf.cli.shared.progress import work

    with work("reading the tables") as bar:
        yield bar.part


def _count(names: Sequence[str], among: Sequence[str] = ()) -> str:
    """How many there are; "maps" where all of them, and all ``among`` which they are, are maps."""
    noun = "file" if any(name.endswith(".cf") for name in (*names, *among)) else "map"
    return f"1 {noun}" if len(names) == 1 else f"{len(names)} {noun}s"

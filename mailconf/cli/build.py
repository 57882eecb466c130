"""``mailconf build DIR``: every map that a configuration names, from its source, whole or not at all."""

from __future__ import annotations

import sys

import click

from mailconf.cli.report import show
from mailconf.cli.site import directory_option, format_option, load_site, root_option
from mailconf.diagnostics import Sink


@click.command()
@directory_option
@root_option
@format_option
@click.option("--force", is_flag=True, help="Build maps that are not stale, too.")
@click.option("-n", "--dry-run", is_flag=True, help="Print what would be built, and change nothing.")
def command(directory: str, root: str, style: str, force: bool, dry_run: bool) -> None:
    """Read the configuration in DIR and build the maps that it names.

    A mistake anywhere leaves every old map as it is. Exit status: 0 built (or nothing to do), 1 mistakes found.
    """
    from mailconf.build.apply import apply
    from mailconf.build.compile import compile_targets
    from mailconf.build.plan import plan
    from mailconf.postfix.policy import compile_policy

    sink = Sink()
    loaded = load_site(directory, root, sink)
    lines: list[str] = []
    if loaded is not None:
        targets = plan(loaded.site, loaded.root, sink, force=force)
        policy = compile_policy(loaded.configuration, sink)
        stale = [target for target in targets if target.reason]
        compiled = compile_targets(stale, sink, policy.smtpd.knows_restriction)
        if not sink.failed and not dry_run:
            apply(compiled, sink)
        verb = "would build" if dry_run else "built"
        lines = [f"{verb} {c.target.table}: {_entries(len(c))} ({c.target.reason})" for c in compiled]
        fresh = len(targets) - len(compiled)
        lines.append(f"{_maps(len(compiled))} {verb}, {fresh} up to date")
    if style == "text" and not sink.failed:
        click.echo("\n".join(lines))
    show(sink, style=style)
    if sink.failed and style == "text":
        click.echo(f"{directory}: nothing was built; the old maps are as they were", err=True)
    sys.exit(1 if sink.failed else 0)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _maps(count: int) -> str:
    return "1 map" if count == 1 else f"{count} maps"

"""``mailconf check DIR``: what is wrong with a configuration, without changing anything."""

from __future__ import annotations

import sys

import click

from mailconf.cli.report import show
from mailconf.cli.site import directory_option, format_option, load_site, root_option
from mailconf.diagnostics import Severity, Sink


@click.command()
@directory_option
@root_option
@format_option
def command(directory: str, root: str, style: str) -> None:
    """Report every mistake in the configuration in DIR and in its tables.

    Exit status: 0 no errors (warnings do not count), 1 errors.
    """
    from mailconf.check.rules import check

    sink = Sink()
    loaded = load_site(directory, root, sink)
    if loaded is not None:
        check(loaded.configuration, loaded.site, loaded.root, sink)
    show(sink, style=style)
    if style == "text":
        errors = sum(d.severity is Severity.ERROR for d in sink)
        warnings = sum(d.severity is Severity.WARNING for d in sink)
        click.echo(f"{directory}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    sys.exit(1 if sink.failed else 0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

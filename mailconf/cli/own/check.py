"""``mailconf check DIR``: what is wrong with a configuration, without changing anything."""

from __future__ import annotations

import sys

import click

from mailconf.cli.own.site import (
    Loaded,
    LoadedEtcMail,
    SiteOptions,
    directory_option,
    format_option,
    library_option,
    load,
    root_option,
    shell_option,
    version_option,
)
from mailconf.cli.shared.report import show
from mailconf.diagnostics import Severity, Sink
from mailconf.files import Root


@click.command()
@directory_option
@root_option
@format_option
@library_option
@shell_option
@version_option
def command(
    directory: str, root: str, style: str, cf_library: str, allow_shell: bool, postfix_version: str | None
) -> None:
    """Report every mistake in the configuration in DIR (an /etc/postfix, an /etc/mail) and in its tables.

    Exit status: 0 no errors (warnings do not count), 1 errors.
    """
    sink = Sink()
    loaded = load(directory, Root(root), sink, SiteOptions(cf_library, allow_shell, postfix_version))
    if isinstance(loaded, LoadedEtcMail):
        from mailconf.check.sendmail.etc_mail import check_etc_mail

        check_etc_mail(loaded.etc_mail, sink)
    elif isinstance(loaded, Loaded):
        from mailconf.check.rules import check

        check(loaded.configuration, loaded.site, loaded.root, sink)
    show(sink, style=style)
    if style == "text":
        errors = sum(d.stands_for for d in sink if d.severity is Severity.ERROR)
        warnings = sum(d.stands_for for d in sink if d.severity is Severity.WARNING)
        click.echo(f"{directory}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    sys.exit(1 if sink.failed else 0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

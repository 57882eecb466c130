"""``mailconf makefile DIR``: a Makefile for people who build their maps with make."""

from __future__ import annotations

import sys

import click

from mailconf.cli.report import show
from mailconf.cli.site import directory_option, load_site, root_option
from mailconf.diagnostics import Sink


@click.command()
@directory_option
@root_option
def command(directory: str, root: str) -> None:
    """Print a Makefile with a target for each map of the configuration in DIR: all, check, clean, reload, force.

    Exit status: 0 printed, 1 there is no configuration or a map's source is missing.
    """
    import jinja2

    from mailconf.build.plan import plan
    from mailconf.resources import resource

    sink = Sink()
    loaded = load_site(directory, root, sink)
    targets = plan(loaded.site, loaded.root, sink) if loaded else []
    if loaded is None or sink.failed:
        show(sink)
        sys.exit(1)
    template = resource("templates", "postfix.mk.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    text = environment.from_string(template).render(
        directory=_quoted(directory),
        options="" if loaded.root.is_real else f" --root {_quoted(root)}",
        targets=[{"map": _quoted(str(t.target)), "source": _quoted(str(t.source))} for t in targets],
    )
    click.echo(text, nl=False)


def _quoted(name: str) -> str:
    """A file's name as make reads it."""
    for character in ("\\", "#", " ", ":"):
        name = name.replace(character, "\\" + character)
    return name.replace("$", "$$")

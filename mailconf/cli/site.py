"""What the commands that take a configuration folder share: their options, and how the folder is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mailconf.diagnostics import Sink, error
from mailconf.files import Root

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailconf.model.site import Site
    from mailconf.postfix.configuration import Configuration

    Command = TypeVar("Command", bound=Callable[..., object])

FS001 = error("FS001", "the folder holds no configuration that mailconf knows")


def directory_option(function: Command) -> Command:
    return click.argument("directory", metavar="DIR", type=click.Path())(function)


def root_option(function: Command) -> Command:
    return click.option(
        "--root",
        default="/",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False),
        help="Read and write every absolute path, DIR included, below this folder.",
    )(function)


def format_option(function: Command) -> Command:
    return click.option(
        "--format",
        "style",
        default="text",
        type=click.Choice(["text", "json"]),
        help="How findings are printed.",
    )(function)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that was read: as written, and in the terms of the model."""

    configuration: Configuration
    site: Site
    root: Root


def load_site(directory: str, root_name: str, sink: Sink) -> Loaded | None:
    """The site in ``directory``; None, with a diagnostic, when there is none."""
    root = Root(root_name)
    folder = root.path(directory)
    if not (folder / "main.cf").is_file():
        known = "there is no folder of that name" if not folder.is_dir() else "it has no main.cf"
        sink.report(FS001, f"no Postfix configuration in {directory}: {known}", file=directory, hint="name the folder")
        return None
    from mailconf.postfix.configuration import Configuration
    from mailconf.postfix.site import site_of

    configuration = Configuration.load(root.inside(Path(folder).absolute()), sink, root)
    return Loaded(configuration, site_of(configuration), root)

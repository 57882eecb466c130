"""What the commands that take a configuration folder share: their options, and how the folder is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from mailconf.diagnostics import Sink, error
from mailconf.files import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailconf.build.compile import Built
    from mailconf.build.etc_mail import EtcMail
    from mailconf.build.plan import Target
    from mailconf.model.site import Site
    from mailconf.postfix.settings.configuration import Configuration

    Command = TypeVar("Command", bound=Callable[..., object])

FS001 = error("FS001", "the folder holds no configuration that mailconf knows")
"""Why: mailconf recognizes the folder of a configuration by main.cf, sendmail.cf or a .mc. These are missing, so that
nothing was read.

Example:
    $ mailconf check /etc/exim4

Remedy: name the folder with main.cf or sendmail.mc, below --root where that is given.

Source: docs/flow.md.
"""


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


def version_option(function: Command) -> Command:
    return click.option(
        "--postfix-version",
        metavar="V",
        help="The Postfix whose defaults and words are meant (3.10): without, MAILCONF_POSTFIX_VERSION, the installed "
        "one, or 3.7.",
    )(function)


def library_option(function: Command) -> Command:
    return click.option(
        "--cf-library",
        default="",
        metavar="DIR",
        help="Where sendmail's m4 macros are (the package sendmail-cf), whichever m4/cf.m4 a .mc includes, if not at a "
        "usual place or the one that the .mc names. MAILCONF_CF_LIBRARY.",
    )(function)


def own_cf_option(function: Command) -> Command:
    return click.option(
        "--own-cf",
        is_flag=True,
        help="Write each .cf with mailconf's own rulesets, even where sendmail's m4 macros are installed.",
    )(function)


def shell_option(function: Command) -> Command:
    return click.option(
        "--allow-shell",
        is_flag=True,
        help="Let a .mc run commands, read any file and write files, as m4 does.",
    )(function)


class SiteOptions(NamedTuple):
    """How a .mc is to be expanded: --cf-library, --allow-shell, --own-cf; and --postfix-version."""

    cf_library: str = ""
    allow_shell: bool = False
    postfix_version: str | None = None
    own_cf: bool = False


PLAIN = SiteOptions()


class Loaded(NamedTuple):
    """A Postfix configuration that was read: as written, and in the terms of the model."""

    configuration: Configuration
    site: Site
    root: Tree

    def plan(self, sink: Sink, *, force: bool = False, map_type: str = "", names: Sequence[str] = ()) -> list[Target]:
        """What is built, or of it what ``names`` mean."""
        from mailconf.build.plan import choose, plan

        return choose(plan(self.site, self.root, sink, force=force, map_type=map_type, names=names), names, sink)

    def compile(
        self,
        targets: Sequence[Target],
        sink: Sink,
        beside: Sink,
        progress: Callable[[str], Callable[..., None]] | None = None,
    ) -> Sequence[Built]:
        """What ``targets`` are to hold; mistakes in their sources go to ``sink``, the configuration's to ``beside``."""
        from mailconf.build.compile import compile_targets
        from mailconf.postfix.policy.policy import compile_policy

        policy = compile_policy(self.configuration, beside, site=self.site)
        return compile_targets(targets, self.root, sink, policy.smtpd.knows_restriction, progress)

    def inputs(self) -> list[Path]:
        """The files that decide what is built, except for the sources of what was planned."""
        folder = self.root.path(self.site.directory)
        tables = [self.root.path(use.source) for use in self.site.tables if use.source is not None]
        return [folder / "main.cf", folder / "master.cf", *tables]


class LoadedEtcMail(NamedTuple):
    """An /etc/mail: the .mc files, what they become, and the tables."""

    etc_mail: EtcMail
    root: Tree

    def plan(self, sink: Sink, *, force: bool = False, map_type: str = "", names: Sequence[str] = ()) -> list[Target]:
        from mailconf.build.plan import choose

        return choose(self.etc_mail.plan(sink, force=force, map_type=map_type, names=names), names, sink)

    def compile(
        self,
        targets: Sequence[Target],
        sink: Sink,
        beside: Sink,
        progress: Callable[[str], Callable[..., None]] | None = None,
    ) -> Sequence[Built]:
        """As `Loaded.compile`; of an /etc/mail all that is wrong is a fault of a source."""
        from mailconf.build.compile_etc_mail import compile_etc_mail

        return compile_etc_mail(self.etc_mail, targets, sink)

    def inputs(self) -> list[Path]:
        return self.etc_mail.inputs()


def load(directory: str, root: Tree, sink: Sink, options: SiteOptions = PLAIN) -> Loaded | LoadedEtcMail | None:
    """The configuration in ``directory``, Postfix's or sendmail's; None, with a diagnostic, where it is missing."""
    folder = root.path(directory)
    if is_etc_mail(folder, root) and not root.is_file(folder / "main.cf"):
        return load_etc_mail(directory, root, options)
    return load_site(directory, root, sink, "sendmail or Postfix", options.postfix_version)


def is_etc_mail(folder: Path, root: Tree) -> bool:
    """Whether sendmail is configured there: by a .mc, or by a sendmail.cf alone."""
    try:
        names = root.list(folder)
    except OSError:
        return False
    return any(name == "sendmail.cf" or name.endswith(".mc") for name in names)


def load_etc_mail(directory: str, root: Tree, options: SiteOptions) -> LoadedEtcMail:
    from mailconf.build.etc_mail import EtcMail
    from mailconf.sendmail.mc.library import SETTING, find_library

    inside = root.inside(root.path(directory).absolute())
    library = find_library(root, options.cf_library)
    only = library is None and bool(options.cf_library or os.environ.get(SETTING))
    return LoadedEtcMail(EtcMail(inside, root, library, options.allow_shell, only, options.own_cf), root)


def load_site(
    directory: str, root: Tree, sink: Sink, kind: str = "Postfix", version: str | None = None
) -> Loaded | None:
    """The Postfix configuration in ``directory``; None, with a diagnostic, where it is missing.

    kind     what was looked for there
    version  of Postfix, where one is named
    """
    folder = root.path(directory)
    if not root.is_file(folder / "main.cf"):
        files = "main.cf" if kind == "Postfix" else "main.cf, sendmail.mc or sendmail.cf"
        known = "there is no folder of that name" if not root.is_folder(folder) else f"it has no {files}"
        message = f"no {kind} configuration in {directory}: {known}"
        sink.report(FS001, message, file=str(folder), tree=root, hint="name the folder")
        return None
    from mailconf.postfix.parameters.catalogue import parameter_set
    from mailconf.postfix.settings.configuration import Configuration
    from mailconf.postfix.settings.site import site_of

    try:
        postfix = None if version is None else parameter_set(version)
        configuration = Configuration.load(root.inside(Path(folder).absolute()), sink, root, postfix=postfix)
    except ValueError as mistake:
        raise click.UsageError(str(mistake)) from mistake
    return Loaded(configuration, site_of(configuration), root)

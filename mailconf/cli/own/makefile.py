"""``mailconf makefile DIR``: a Makefile for people who build with make: their maps, or an /etc/mail.

That of an /etc/mail has the targets that the Makefiles of distributions have, under the same names (Debian's is the
one that tests compare): all, one for each map and .cf, which builds it in any case, clean, those that the service's
script gets, and what keeps the Makefile itself current.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from mailconf.cli.own.site import Loaded, SiteOptions, directory_option, library_option, load, root_option
from mailconf.cli.shared.report import show
from mailconf.diagnostics import Sink
from mailconf.files import Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.build.plan import Target

# Other names of targets, by the role of their table (`mailconf.sendmail.tables.ROLES`): those of the features, and of
# the program that rebuilds aliases.
_CALLED = {
    "access_db": ["access_db"],
    "aliases": ["newaliases", "ALIAS_FILE"],
    "userdb": ["confUSERDB_SPEC"],
}


@click.command()
@directory_option
@root_option
@library_option
def command(directory: str, root: str, cf_library: str) -> None:
    """Print a Makefile with a target for each file that is built from the configuration in DIR.

    Exit status: 0 printed, 1 a mistake in the configuration, 2 misuse, or there is no configuration.
    """
    import jinja2

    from mailconf.resources import resource

    root = os.path.abspath(Root(root).top)  # noqa: PTH100 - the Makefile is used from other folders
    directory = Root(root).inside(Path(Root(root).path(directory)))
    sink = Sink()
    loaded = load(directory, Root(root), sink, SiteOptions(cf_library))
    targets = loaded.plan(sink) if loaded else []
    if loaded is None or sink.failed:
        show(sink)
        sys.exit(2 if loaded is None else 1)
    name = "postfix.mk.j2" if isinstance(loaded, Loaded) else "mail.mk.j2"
    template = resource("templates", name).decode()
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    options = "" if loaded.root.is_real else f" --root {_word(root)}"
    if cf_library:
        options += f" --cf-library {_word(os.path.abspath(cf_library))}"  # noqa: PTH100
    text = environment.from_string(template).render(
        directory=_word(directory),
        makefile=_word(str(Path(Root(root).path(directory)) / "Makefile")),
        options=options,
        targets=[_described(target) for target in targets],
    )
    click.echo(text, nl=False)


def _described(target: Target) -> dict[str, object]:
    """A target for the templates; ``names`` are what people call it at the command line of make."""
    file = target.target.name
    names = [file] if file.endswith(".cf") else [file, target.source.name]
    names += [name for role in target.roles for name in _CALLED.get(role, ())]
    return {
        "map": _quoted(str(target.target)),
        "word": _word(str(target.target)),
        "is_map": not file.endswith(".cf"),
        "source": _quoted(str(target.source)),
        "file": _word(file),
        "names": [_quoted(name) for name in dict.fromkeys(names)],
    }


def _word(name: str) -> str:
    """A word of a recipe: quoted for the shell, and then for make."""
    return shlex.quote(name).replace("$", "$$")


def _quoted(name: str) -> str:
    """A file's name as make reads it."""
    for character in ("\\", "#", " ", ":"):
        name = name.replace(character, "\\" + character)
    return name.replace("$", "$$")

"""``mailconf COMMAND``: the click group, which imports a command's module when it is used."""

from __future__ import annotations

from importlib import import_module

import click

from mailconf import __version__
from mailconf.cli import COMMANDS, TOOLS


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Tools, with the originals' options (also through a link of that name)"):
            formatter.write_text(", ".join(sorted(TOOLS)))


@click.command(cls=_Commands, name="mailconf", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mailconf")
def mailconf() -> None:
    """Compile, check, explain and run mail server configurations."""


def run(arguments: list[str]) -> int:
    """Run ``arguments`` as a mailconf command line; the exit status: 0 well, 1 errors found, 2 misuse."""
    try:
        status = mailconf.main(args=arguments, prog_name="mailconf", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as misuse:
        misuse.show()
        return 2
    except click.ClickException as misuse:
        misuse.show()
        return misuse.exit_code
    except click.Abort:
        return 130
    return status if isinstance(status, int) else 0

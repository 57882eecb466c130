"""``mailconf COMMAND``: the click group, which imports a command's module when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from mailconf import __version__
from mailconf.cli.names import COMMANDS, LATER, TOOLS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class _ReaderGone(Exception):
    """Who read standard output does not read any more."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if ctx.resilient_parsing and cmd_name in TOOLS:  # a shell completes the tool's command line
            from mailconf.cli.shared.completion import command as completed

            return completed(cmd_name)
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # of which click would make "errors found"
            raise _ReaderGone from None

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError:  # --help
            raise _ReaderGone from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in LATER:
            raise click.UsageError(f"{args[0]} is not there yet.", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        tools = [
            CompletionItem(name, help=f"as {name} itself") for name in sorted(TOOLS) if name.startswith(incomplete)
        ]
        return super().shell_complete(ctx, incomplete) + tools

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, each with the whole first sentence of its help."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            rows.append((name, command.get_short_help_str(1000) if command else ""))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Tools, with the originals' options (also through a link of that name)"):
            formatter.write_text(", ".join(sorted(TOOLS)))


@click.command(cls=_Commands, name="mailconf", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mailconf")
def mailconf() -> None:
    """Compile, check, explain and run mail server configurations."""


def run(arguments: list[str]) -> int:
    """Run ``arguments`` as a mailconf command line; the exit status: 0 success, 1 errors found, 2 usage error.

    Raises BrokenPipeError when the reader of standard output has gone away.
    """
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
    except _ReaderGone:
        raise BrokenPipeError from None
    except SystemExit as end:  # a command's own exit status; what it printed is still to be flushed
        return end.code if isinstance(end.code, int) else 1
    return status if isinstance(status, int) else 0

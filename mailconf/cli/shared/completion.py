"""What a shell completes after a tool of others: its options, as ``mailconf TOOL --help`` has them, and files.

The tools read their command lines themselves (getopt); click is given a command of the same options for the completion
alone. After ``mailconf`` click asks for it; a link named as a tool is asked with ``_TOOL_COMPLETE`` in the
environment, as click asks its own programs: ``_POSTCONF_COMPLETE=bash_source postconf`` prints what bash is to
evaluate.
"""

from __future__ import annotations

import re

import click
from click.shell_completion import shell_complete

from mailconf.cli.shared import tool_help

# A row of m4's help: "  -D, --define=NAME[=TEXT]     define a macro"; an optional value, [=X], is no word of its own.
_ROW = re.compile(r"  +((?:[ ,]*--?[\w-]+(?:=[\w\[\]=]+|\[=\w+\])?)+) +(.*)")
_NAME = re.compile(r"(--?[\w#-]+)(?:=(\w+))?")
_FOLDERS, _FILES = ("DIR",), ("FILE",)


def options(tool: str) -> list[tuple[str, str, str]]:
    """(name, what its value is, what it does) of each option, the original's and ours; "" for one without a value."""
    if tool not in tool_help.TOOLS:
        from mailconf.cli.shared.m4_help import HELP

        rows = [(row[1], row[2]) for row in map(_ROW.fullmatch, HELP.splitlines()) if row]
        return [(name[1], name[2] or "", what) for names, what in rows for name in _NAME.finditer(names)]
    found = []
    for names, what in (*tool_help.TOOLS[tool][2], *tool_help.ours(tool), tool_help.HELP):
        each = [name for name in names.split(", ") if name.startswith("-")]
        told = what.split("; ")
        for at, name in enumerate(each):
            flag, _, value = name.partition(" ")
            found.append((flag, value, told[at] if len(told) == len(each) else what))
    return found


def command(tool: str) -> click.Command:
    """A command that only knows how the tool's command line is completed."""
    parameters: list[click.Parameter] = []
    for name, value, what in options(tool):
        kind = click.Path(file_okay=value not in _FOLDERS) if value in _FOLDERS + _FILES else None
        own = f"o{len(parameters)}"  # click cannot make a name of "-#"
        valued = bool(value)  # such an option may be given again
        parameters.append(click.Option([own, name], help=what, is_flag=not valued, multiple=valued, type=kind))
    parameters.append(click.Argument(["words"], nargs=-1, type=click.Path()))
    return click.Command(
        tool, params=parameters, add_help_option=False, context_settings={"ignore_unknown_options": True}
    )


def complete(tool: str, instruction: str) -> int:
    """Print what the shell asks for of the tool that it calls by a link; the exit status."""
    return shell_complete(command(tool), {}, tool, variable(tool), instruction)


def variable(tool: str) -> str:
    """The name in the environment by which a shell asks."""
    return f"_{tool.upper()}_COMPLETE"

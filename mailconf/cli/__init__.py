"""The command line, one module a command.

Two kinds of command, and start-up time is a feature of both: `main` imports only the module of the command that is run.

- Tools of others (postconf, postmap, ...) parse their options as getopt does and speak the originals' words. A module
  of theirs has ``run(name, arguments) -> int``: ``name`` is what the tool was called as, for its messages. Being
  called through a link of a tool's name makes the program that tool.
- Our own commands (build, check, explain, serve, ...) are click commands; a module of theirs has ``command``.
"""

from __future__ import annotations

import os
import sys

from mailconf.cli.streams import drop_output, open_standard_streams

TOOLS = {
    "editmap": "mailconf.cli.editmap",
    "m4": "mailconf.cli.m4",
    "makemap": "mailconf.cli.makemap",
    "newaliases": "mailconf.cli.newaliases",
    "postalias": "mailconf.cli.postalias",
    "postconf": "mailconf.cli.postconf",
    "postmap": "mailconf.cli.postmap",
    "praliases": "mailconf.cli.praliases",
}

COMMANDS = {
    "build": "mailconf.cli.build",
    "check": "mailconf.cli.check",
    "explain": "mailconf.cli.explain",
    "makefile": "mailconf.cli.makefile",
    "serve": "mailconf.cli.serve",
}


def main(argv: list[str] | None = None) -> int:
    """Run the program as ``argv`` says (default: sys.argv) and return its exit status."""
    argv = sys.argv if argv is None else argv
    called = os.path.basename(argv[0])  # noqa: PTH119 - pathlib would cost every start a few milliseconds
    arguments = argv[1:]
    if called not in TOOLS:
        called = arguments.pop(0) if arguments and arguments[0] in TOOLS else "mailconf"
    open_standard_streams(called)
    try:
        status = _run(called, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`postconf | head`); what the original does is to die of SIGPIPE.
        drop_output()
        return 141
    except OSError as failure:
        if failure.filename is not None:
            raise
        drop_output()
        sys.stderr.write(f"{called}: {failure.strerror}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _run(name: str, arguments: list[str]) -> int:
    if name in TOOLS:
        return _tool(name, arguments)
    from mailconf.cli.commands import run

    return run(arguments)


def _tool(name: str, arguments: list[str]) -> int:
    from importlib import import_module

    status: int = import_module(TOOLS[name]).run(name, arguments)
    return status

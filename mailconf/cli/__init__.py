"""The command line, one module a command.

Two kinds of command, and start-up time is a feature of both: `main` imports only the module of the command that is run.

- Tools of others (postconf, postmap, ...) parse their options as getopt does and speak the originals' words. A module
  of theirs has ``run(name, arguments) -> int``: ``name`` is what the tool was called as, with its folder, and each tool
  makes of it what its original does (postconf and m4 begin messages with all of it, postmap with the last part). Being
  called through a link of a tool's name makes the program that tool.
- Our own commands (build, check, explain, serve, ...) are click commands; a module of theirs has ``command``.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

from mailconf.cli.names import LATER, TOOLS
from mailconf.cli.shared.streams import drop_output, open_standard_streams

EX_UNAVAILABLE = 69  # sysexits.h
_OBJECTS = 50_000  # made before the garbage collector looks at them


def main(argv: list[str] | None = None) -> int:
    """Run the program with the command line ``argv`` (default: sys.argv) and return its exit status."""
    # What is imported and read stays to the end: looking through it after each 700 objects takes a tenth of a start.
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)  # nor is it looked through at the end
    argv = sys.argv if argv is None else argv
    called = os.path.basename(argv[0])  # noqa: PTH119 - pathlib would cost every start a few milliseconds
    arguments = argv[1:]
    linked = called in TOOLS
    if called in LATER:
        open_standard_streams(called)
        has = ", ".join(sorted(TOOLS))
        sys.stderr.write(f"{called}: mailconf has no {called} yet; of the originals' tools it has {has}\n")
        return EX_UNAVAILABLE
    if linked and f"_{called.upper()}_COMPLETE" in os.environ:
        from mailconf.cli.shared.completion import complete

        return complete(called, os.environ[f"_{called.upper()}_COMPLETE"])
    if linked:
        typed = _typed(argv[0], called)
    else:
        called = arguments.pop(0) if arguments and arguments[0] in TOOLS else "mailconf"
        typed = called
    open_standard_streams(called)
    try:
        status = _run(called, typed, arguments, helps=not linked)
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


def _typed(path: str, name: str) -> str:
    """A tool's name as its caller wrote it, where the system has passed on ``path``.

    Of a script the system keeps no argv[0]: a shell that has found ``postconf`` along PATH looks like one that was
    given the whole path. Where PATH leads to that path, it is taken for the bare name.
    """
    if not path.startswith("/"):
        return path
    for folder in os.environ.get("PATH", os.defpath).split(":"):
        found = f"{folder.rstrip('/')}/{name}"
        if folder.startswith("/") and os.access(found, os.X_OK):
            return name if found == path else path
    return path


def _run(name: str, typed: str, arguments: list[str], *, helps: bool) -> int:
    if helps and name in TOOLS and "--help" in arguments:
        from mailconf.cli.shared import tool_help

        if tool_help.is_asked(name, arguments):
            sys.stdout.write(tool_help.text(name))
            return 0
    if name in TOOLS:
        return _tool(name, typed, arguments)
    from mailconf.cli.commands import run

    return run(arguments)


def _tool(name: str, typed: str, arguments: list[str]) -> int:
    from importlib import import_module

    status: int = import_module(TOOLS[name]).run(typed, arguments)
    return status

"""``postmap``: builds, changes and queries lookup tables, as postmap(1) of Postfix 3.7 does.

``-j`` is that of 3.11: what -q and -s find is printed as one JSON object a line.

Options, messages and exit status are the original's, in the words of the version that ``--postfix-version V`` names
or that is installed; ``--root DIR`` reads and writes every absolute path below DIR. Both options are ours. Departures:

- A map is replaced whole (`mailconf.maps.build.write`), never changed in place: a crash leaves the old map or the new
  one.
- A folder as source is an error; the original reads it as an empty file and empties the map.
- ``-v`` is accepted and has no effect: the original logs its own internal steps.
- ``-d`` on a proxy: table works on the table itself.
- Output that cannot be written is an error; the original does not look.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from mailconf.cli.postfix.postfix_tool import (
    Messages,
    Tool,
    ToolFatal,
    getopt,
    read_settings,
    take_settings,
)
from mailconf.cli.postfix.postmap_options import TableOptions
from mailconf.cli.shared.streams import drop_output
from mailconf.maps.core.table import NotBuilt, TemporaryFailure, UnknownType, UnsupportedMap
from mailconf.maps.reference import TableRef

TOOL = Tool(
    flags="bfFhijmnNoprsuUvw",
    usage="[-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
)
LIMITS = (
    ("header_limit", "header_size_limit", 1),
    ("boundary_limit", "mime_boundary_length_limit", 1),
    ("nesting_limit", "mime_nesting_limit", 1),
)


def run(name: str, arguments: list[str]) -> int:
    """Run ``postmap arguments``; ``name`` is what the program was called as. The exit status."""
    return run_tool(TOOL, name, arguments)


def run_tool(tool: Tool, name: str, arguments: list[str]) -> int:
    """Run postmap or its like. Of ``name``, messages have the last part only, as with the originals."""
    name = name.rpartition("/")[2]
    messages = Messages(name)
    arguments = list(arguments)
    options = TableOptions(tool)
    try:
        options.root = take_settings(arguments, "cdq", messages)
        messages.check_version()
        _parse(name, arguments, options)
        settings = read_settings(options.directory, options.root, messages)
        # Messages are what they are; -U insists on UTF-8 all the same.
        unchecked = "u" in options.flags or (options.flags & set("bh") and "U" not in options.flags)
        options.utf8 = settings.utf8 and not unchecked
        options.value = settings.value
        options.default_type = settings.default_type
        if tool.aliases:
            options.hostname = settings.value("myhostname")
        if options.flags & set("bh"):
            options.limits = {name: settings.number(parameter, least) for name, parameter, least in LIMITS}
        status = _run(arguments, options, messages)
        sys.stdout.flush()
        return status
    except (ToolFatal, UnsupportedMap, TemporaryFailure) as failure:
        with suppress(OSError):
            sys.stdout.flush()
        messages.fatal(_words(failure, messages))
    except BrokenPipeError:
        raise
    except OSError as failure:  # standard input or output
        messages.fatal(failure.strerror or str(failure))
        drop_output()
    return 1


def _words(failure: Exception, messages: Messages) -> str:
    """What ends the tool; a warning comes first where the version at hand warns of an unknown type."""
    from mailconf.postfix.parameters.releases import UNKNOWN_TYPES_WARNED

    if not isinstance(failure, UnknownType | NotBuilt) or messages.version < UNKNOWN_TYPES_WARNED:
        return str(failure)
    if isinstance(failure, NotBuilt) and failure.known:
        return f"no 'map create' support for this type: {failure.type}"
    messages.warn(str(NotBuilt(failure.type, known=False)))
    return f"unsupported map type: {failure.type}" if isinstance(failure, NotBuilt) else str(failure)


def _parse(name: str, arguments: list[str], options: TableOptions) -> None:
    for letter, value in getopt(name, arguments, options.tool.flags, "cdq"):
        if letter == "?":
            raise ToolFatal(f"usage: {name} {options.tool.usage}")
        if letter == "c":
            options.directory = value
        elif letter in "dqs":
            if options.delete is not None or options.query is not None or "s" in options.flags:
                raise ToolFatal(
                    "specify only one of -s or -q or -d" if letter == "s" else "specify only one of -s -q or -d"
                )
            if letter == "d":
                options.delete = value
            elif letter == "q":
                options.query = value
            else:
                options.flags.add("s")
        else:
            options.flags.add(letter)
            if letter in "nN":
                options.nul = letter == "N"
            elif letter in "rw":
                options.repeated = "last" if letter == "r" else "first"
    if "j" in options.flags and options.query is None and "s" not in options.flags:
        raise ToolFatal("option -j requires -q or -s")


def _run(arguments: list[str], options: TableOptions, messages: Messages) -> int:
    from mailconf.cli.postfix.postmap_query import delete, list_entries, query

    if options.flags & set("bhm") and options.query != "-":
        raise ToolFatal('specify -b -h or -m only with "-q -"')
    if "m" in options.flags and not options.flags & set("bh"):
        messages.warn("ignoring -m option without -b or -h")
    if "s" in options.flags:
        # Only the first table is listed, as with the original.
        return list_entries(*_spec(arguments[0], options), options, messages) if arguments else 1
    if not arguments:
        raise ToolFatal(f"usage: {messages.program} {options.tool.usage}")
    tables = [_spec(argument, options) for argument in arguments]
    if options.query is not None:
        return query(tables, options, messages)
    if options.delete is not None:
        return delete(tables, options, messages)
    from mailconf.cli.postfix.postmap_build import build

    for kind, name in tables:
        build(kind, name, options, messages)
    return 0


def _spec(argument: str, options: TableOptions) -> tuple[str, str]:
    """The type and the name of a table."""
    return TableRef.parse(argument, options.default_type)

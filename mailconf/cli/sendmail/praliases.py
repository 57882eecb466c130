"""``praliases``: prints sendmail's aliases, as praliases(8) of sendmail 8.17 does.

Options, messages and exit status are the original's; ``--root DIR`` (ours) reads every absolute
path below DIR. Without ``-f`` the AliasFile options of sendmail.cf name the maps. Departure: of an alias map that is
damaged, it reports this after the aliases that could be read; the original ends without a message.
"""

from __future__ import annotations

import os
import re
import sys

from mailconf.cli.sendmail.sendmail_tool import DEFAULT_CF, EX_OK, EX_USAGE, Stop, getopt, read_tool_cf, say, valued
from mailconf.cli.shared.own_options import take_root
from mailconf.maps.reference import TableRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.files import Tree

LETTERS = "C:f:"
USAGE = "usage: praliases [-C cffile] [-f aliasfile] [key ...]"
_PREFIX = "praliases"  # of messages, except for getopt's, which name the program as it was called
_FLAGS = re.compile(r"\A(?:\s*-\S*)*\s*")
_TYPES = ("hash", "btree")


def run(name: str, arguments: list[str]) -> int:
    """Run ``praliases arguments``; ``name`` is what the program was called as. The exit status."""
    arguments = list(arguments)
    root = take_root(arguments, valued(LETTERS))
    cf_name = DEFAULT_CF
    specs: list[str] | None = None
    try:
        for letter, value in getopt(name, arguments, LETTERS):
            if letter == "?":
                raise Stop(EX_USAGE, USAGE)
            if letter == "C":
                cf_name = value
            else:
                specs = [value]
        if specs is None:
            specs = read_tool_cf(_PREFIX, cf_name, root).alias_specs()
    except Stop as stop:
        say(str(stop))
        return stop.status
    for spec in specs:
        _print(spec, [os.fsencode(key) for key in arguments], root)
    return EX_OK


def _print(spec: str, keys: list[bytes], root: Tree) -> None:
    """Print one alias file: ``[type:][flags] name``."""
    from mailconf.cli.sendmail.sendmail_map import DAMAGED, find_map
    from mailconf.maps.core.table import TemporaryFailure
    from mailconf.sendmail.safefile import Refused, Safety

    colon = ":" in spec
    kind, name = TableRef.parse(spec, "implicit")
    name = _FLAGS.sub("", name, count=1)
    if kind and colon and kind not in _TYPES:
        return say(f"{_PREFIX}: Skipping non-file based alias type {kind}")
    if not name or not kind:
        return say(f"{_PREFIX}: illegal alias specification: {spec}")
    safety = Safety(root, None, links=True, special=True, warn=say)
    try:
        found = find_map(kind, name, safety, root, write=False, create=False, new=False)
        database = found.open()
    except Refused as reason:
        return say(f"{_PREFIX}: {name}: open: {reason}")
    except (OSError, TemporaryFailure):
        unknown = "Invalid argument" if colon else "Unknown database type"
        return say(f"{_PREFIX}: {name}: open: {unknown}")
    out = sys.stdout.buffer
    try:
        if not keys:
            for key, value in database.items():
                out.write(_c_string(key) + b":" + _c_string(value) + b"\n")
        for key in keys:
            stored = database.get(key)
            if stored is None:
                stored = database.get(key + b"\0")
            out.write(key + b": No such key\n" if stored is None else key + b":" + _c_string(stored) + b"\n")
    except TemporaryFailure:
        say(f"{_PREFIX}: {name}: get value at cursor: {DAMAGED}")
    finally:
        database.close()
    return None


def _c_string(data: bytes) -> bytes:
    return data.partition(b"\0")[0]

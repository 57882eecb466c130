"""Writes the pages of docs/ that are made from data; ``--check`` only says which of them are out of date.

Run as ``python docs/generate.py``. tests/test_docs.py runs the check.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import mailconf
from mailconf.diagnostics import CODES
from mailconf.maps.registry import known_types, opener_of
from mailconf.maps.write import EXTENSIONS

DOCS = Path(__file__).resolve().parent
NOTE = "<!-- Made by docs/generate.py from the program's own data; not to be edited by hand. -->\n"


def diagnostics() -> str:
    """Every declared code; a code is declared where its module is imported, so all of them are."""
    for module in pkgutil.walk_packages(mailconf.__path__, "mailconf."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    rows = [f"| {code.name} | {code.severity.value} | {code.title} |" for _, code in sorted(CODES.items())]
    return "\n".join(
        [
            "# Diagnostics",
            "",
            NOTE,
            "Each finding has one of these codes. An error makes the command exit 1; a warning does not.",
            "",
            "| code | severity | what it is about |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def maps() -> str:
    """Every lookup type, with what its table class can do."""
    return "\n".join(
        [
            "# Lookup tables",
            "",
            NOTE,
            "*Built* is what `postmap`, `makemap` and `mailconf build` write, with the ending of the map's name.",
            "*Listed* is `postmap -s`; *in bulk*, `postmap -q -` looks many keys up together. Where a type differs",
            "from the original on purpose stands in [departures.md](departures.md).",
            "",
            "| type | built | listed | in bulk | what it is |",
            "|---|---|---|---|---|",
            *(_map_row(kind) for kind in known_types()),
            "",
        ]
    )


def _map_row(kind: str) -> str:
    if kind == "proxy":
        return "| proxy | - | as TYPE | as TYPE | ``proxy:TYPE:NAME`` is the same as ``TYPE:NAME`` |"
    opener = opener_of(kind)
    table = opener if isinstance(opener, type) else get_type_hints(opener)["return"]
    what = (import_module(opener.__module__).__doc__ or "").split("\n")[0].rstrip(".")
    abilities = ["yes" if hasattr(table, method) else "-" for method in ("entries", "lookup_all")]
    return f"| {kind} | {EXTENSIONS.get(kind, '-')} | {' | '.join(abilities)} | {what.replace('|', '&#124;')} |"


PAGES: dict[str, Callable[[], str]] = {"diagnostics.md": diagnostics, "maps.md": maps}


def main() -> int:
    stale = [name for name, make in PAGES.items() if not is_current(name, make())]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is out of date; run docs/generate.py")
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"docs/{name} written")
    return 0


def is_current(name: str, text: str) -> bool:
    path = DOCS / name
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())

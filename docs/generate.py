"""Writes the pages of docs/ that are made from data; ``--check`` only says which of them are out of date.

Run as ``python docs/generate.py``. tests/test_docs.py runs the check.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import mailconf
from mailconf.diagnostics import CODES

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


PAGES: dict[str, Callable[[], str]] = {"diagnostics.md": diagnostics}


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

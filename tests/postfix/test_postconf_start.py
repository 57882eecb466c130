"""A person types postconf all day: what it imports is counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
before = set(sys.modules)
from mailconf.cli import main
main(["mailconf", "postconf", "-c", sys.argv[1], *sys.argv[2:]])
print(*sorted(set(sys.modules) - before), sep="\\n", file=sys.stderr)
"""
HEAVY = {"lark", "click", "rich", "yaml", "dataclasses", "pathlib", "sqlite3", "asyncio", "inspect", "socket", "ctypes"}
HEAVY |= {"typing", "re"}
OUR_OWN = 29  # the rooms themselves among them
ALL = 55


def imported(*arguments: str) -> set[str]:
    command = [sys.executable, "-S", "-c", PROGRAM, str(ROOT / "examples/postfix/etc/postfix"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stderr.split())


def test_modules_imported_to_show_a_value() -> None:
    for arguments in (("-h", "myhostname"), ("-n",), ("-nx",), ("-Mf",)):
        found = imported(*arguments)
        assert not HEAVY & found
        assert len({name for name in found if name.startswith("mailconf")}) <= OUR_OWN
        assert len(found) <= ALL

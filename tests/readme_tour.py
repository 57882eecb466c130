"""The console blocks of the README, run: each command prints what the README says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent


def steps(heading: str) -> list[tuple[str, str]]:
    """The commands below a heading of the second level and what they print, standard error included, in order."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def walk(heading: str, folder: Path, **environment: str) -> None:
    """Run the commands of a section in ``folder``."""
    program = folder / "bin/mailconf"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mailconf "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    told = steps(heading)
    assert len(told) > 6
    for command, expected in told:
        done = subprocess.run(
            ["sh", "-c", f"{{ {command}; }} 2>&1"],
            cwd=folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(TOP), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == expected, command

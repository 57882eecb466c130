"""docs/testing.md is true: its files are written, its commands run, and they print what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks() -> list[tuple[str, str]]:
    text = (TOP / "docs/testing.md").read_text(encoding="utf-8")
    return [(found[1], found[2]) for found in _BLOCK.finditer(text)]


def test_the_tutorial_prints_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(TOP / "examples")
    program = tmp_path / "bin/mailconf"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={TOP} exec {sys.executable} -m mailconf "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:/usr/local/bin:/usr/bin:/bin"
    ran = 0
    for kind, text in blocks():
        if kind == "yaml":
            name = re.match(r"# (\S+)\n", text)
            assert name is not None, text
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            shell = f"{{ {command}; }} 2>&1"
            environment = {"PATH": path, "HOME": str(tmp_path)}
            done = subprocess.run(
                ["sh", "-c", shell], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.stdout == expected, command
            ran += 1
    assert ran >= 9

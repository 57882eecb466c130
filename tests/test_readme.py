"""The README's tour, run: each command prints what the README says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent


def tour() -> list[tuple[str, str]]:
    """The commands of the console blocks and what they print, standard error included, in order."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    steps = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            steps.append((command, output))
    return steps


def test_the_tour_is_true(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(TOP / "examples/etc-postfix", site / "etc/postfix")
    (site / "etc/postfix/aliases").rename(site / "etc/aliases")
    (site / "etc/passwd").write_text("alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n")
    program = tmp_path / "bin/mailconf"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mailconf "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(TOP)}
    steps = tour()
    assert len(steps) > 10
    for command, expected in steps:
        done = subprocess.run(
            ["sh", "-c", f"{{ {command}; }} 2>&1"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == expected, command

"""A root with the example site in it, and mailconf run as a program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
EXAMPLE = TOP / "examples/postfix/etc/postfix"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TOP)}


def lay_out(root: Path) -> Path:
    """The example site below ``root``, whose user is the one who runs the tests; returns its main.cf."""
    shutil.copytree(TOP / "examples/postfix", root, dirs_exist_ok=True)
    (root / "var/mail").mkdir(parents=True)
    users = (f"{user}:x:{os.getuid()}:{os.getgid()}::/home/{user}:/bin/sh\n" for user in ("alice", "bob"))
    (root / "etc/passwd").write_text("".join(users))
    return root / "etc/postfix/main.cf"


def mailconf(*arguments: str, status: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run mailconf; AssertionError when it does not exit with ``status`` or shows a traceback."""
    command = [sys.executable, "-m", "mailconf", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=cwd, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == status, done.stderr or done.stdout
    return done

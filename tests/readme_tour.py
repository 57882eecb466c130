"""What the README says is done as it says, and prints what it says.

Each section is run by one shell in a copy of the checkout, with an empty home: commands of console blocks (behind
``$``) and of indented blocks, in order.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).parent.parent
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "live", "vectors")
_BLOCK = re.compile(r"^```console\n(.*?)^```|((?:^    [^\s-][^\n]*\n)+)", re.DOTALL | re.MULTILINE)


def steps(heading: str, level: int = 2) -> list[tuple[str, str | None]]:
    """The commands below a heading and what they print, standard error included, in order; None: it is not said."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    marks = "#" * level
    (section,) = re.findall(rf"^{marks} {heading}\n(.*?)(?=^#{{2,{level}}} |\Z)", text, re.DOTALL | re.MULTILINE)
    found: list[tuple[str, str | None]] = []
    for block in _BLOCK.finditer(section):
        if block[2]:
            found += [(line.partition("  #")[0].strip(), None) for line in block[2].splitlines()]
            continue
        for part in re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


class Reader:
    """Somebody who has the README, this checkout in ``folder``, and an empty home. ``before``: folders before PATH."""

    def __init__(self, folder: Path, *before: Path, **environment: str) -> None:
        self.checkout = folder / "mailconf"
        shutil.copytree(TOP, self.checkout, ignore=_LEFT_OUT)
        home = folder / "home"
        home.mkdir()
        path = ":".join(map(str, (home / ".local/bin", *before, os.environ["PATH"])))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        self.environment = {**kept, "HOME": str(home), "PATH": path, **environment}

    def follow(self, heading: str, level: int = 2, *, same: Callable[[str], str] = str) -> None:
        """Do what a section says; AssertionError where something else is printed.

        ``same`` takes out of what is shown and of what is printed what need not be the same.
        """
        told = steps(heading, level)
        assert told
        for command, expected in told:
            done = subprocess.run(
                ["sh", "-c", f"{{ {command}; }} 2>&1"],
                cwd=self.checkout,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert expected is None or same(done.stdout) == same(expected), command
            if expected is None:
                assert done.returncode == 0, done.stdout


def offline(folder: Path) -> Path:
    """A folder with a ``python3`` whose environments get, for ``pip install .``, what this Python has installed.

    For tests without the network: what pip itself does is seen in tests/live.
    """
    folder.mkdir()
    program = folder / "python3"
    program.write_text(
        f"""#!{sys.executable}
import os, sys
assert sys.argv[1:3] == ["-m", "venv"], sys.argv
bin = sys.argv[3] + "/bin"
os.makedirs(bin)
with open(bin + "/pip", "w") as pip:
    pip.write('''#!/bin/sh
[ "$*" = "install --quiet ." ] || exit 2
cat >"$(dirname "$0")/mailconf" <<END
#!{sys.executable}
import sys
sys.path.insert(0, "$PWD")
from mailconf.cli import main
sys.exit(main())
END
chmod +x "$(dirname "$0")/mailconf"
''')
os.chmod(bin + "/pip", 0o755)
"""
    )
    program.chmod(0o755)
    return folder

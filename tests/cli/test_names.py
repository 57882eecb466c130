"""A link with a tool's name makes the program that tool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, EXAMPLE, mailconf

from mailconf.cli.names import COMMANDS, TOOLS

# For sh and for Python: the path of the interpreter may have a blank, which a #! line cannot.
PROGRAM = f"""#!/bin/sh
'''exec' "{sys.executable}" "$0" "$@"
' '''
import sys
from mailconf.cli import main
sys.exit(main())
"""


def link(folder: Path, name: str) -> Path:
    """A link called ``name`` to the program as pip installs it."""
    program = folder / "mailconf"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (folder / name).symlink_to(program)
    return folder / name


def call(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, check=False)


def test_postconf_through_a_link(tmp_path: Path) -> None:
    postconf = link(tmp_path, "postconf")
    done = call(postconf, "-c", EXAMPLE, "-h", "myhostname")
    assert (done.stdout, done.returncode) == ("mail.example.com\n", 0)
    assert call(postconf, "-c", EXAMPLE, "no_such").stderr == f"{postconf}: warning: no_such: unknown parameter\n"


def test_postmap_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("Key  value\n")
    postmap = link(tmp_path, "postmap")
    assert call(postmap, "-c", EXAMPLE, f"hash:{tmp_path}/table").returncode == 0
    done = call(postmap, "-c", EXAMPLE, "-q", "KEY", f"hash:{tmp_path}/table")
    assert (done.stdout, done.stderr, done.returncode) == ("value\n", "", 0)
    assert call(postmap, "-c", EXAMPLE, "-q", "other", f"hash:{tmp_path}/table").returncode == 1


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    assert mailconf(name, "--help").stdout.startswith(f"Usage: mailconf {name}")


def test_every_tool_is_there() -> None:
    from importlib import import_module

    for module in TOOLS.values():
        assert callable(import_module(module).run)


def test_the_program_says_what_it_has() -> None:
    words = mailconf("--help").stdout
    assert all(name in words for name in (*COMMANDS, *TOOLS))
    assert "mailconf" in mailconf("--version").stdout
    assert mailconf(status=2).stderr.startswith("Usage: mailconf")
    assert "No such command" in mailconf("nonsense", status=2).stderr

"""The README with the network: it is installed as it says, by venv and by pipx, and its demo and tours run.

The part on /etc/mail uses the macros of the package sendmail-cf.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from readme_tour import TOP, Reader

SENDMAIL = TOP / ".live/sendmail"
LIBRARY = str(SENDMAIL / "usr/share/sendmail/cf")
SHOWN = "8.17."  # the release of the macros whose output the README shows; those of others have more lines or fewer
_NUMBER = re.compile(r"(?<=Python )[0-9.]+")
QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.mark.live
def test_from_the_installation_to_the_last_line(tmp_path: Path) -> None:
    reader = Reader(tmp_path, MAILCONF_CF_LIBRARY=LIBRARY, **QUIET)
    reader.follow("Install it", 3)
    reader.follow("A tour")
    shown = any(SENDMAIL.glob(f"packages/sendmail-cf_{SHOWN}*.deb"))
    reader.follow("An /etc/mail", same=str if shown else _without_lengths)


def _without_lengths(text: str) -> str:
    return re.sub(r"\b\d+ lines\b", "... lines", text)


@pytest.mark.live
def test_pipx_installs_it_as_shown(tmp_path: Path) -> None:
    reader = Reader(tmp_path, **QUIET)
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([environment / "bin/pip", "install", "--quiet", "pipx"], check=True)
    pipx = [environment / "bin/pipx", "install", "."]
    run = subprocess.run(pipx, cwd=reader.checkout, env=reader.environment, capture_output=True, text=True, check=True)
    shown = re.search(r"^```\n(  installed package.*?)^```", (TOP / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert shown is not None
    for line in shown[1].splitlines():
        assert _NUMBER.sub("", line) in _NUMBER.sub("", run.stdout)
    said = subprocess.run(["mailconf", "--version"], env=reader.environment, capture_output=True, text=True, check=True)
    assert said.stdout == "mailconf, version 0.1.0\n"


@pytest.mark.live
def test_the_demo_runs(tmp_path: Path) -> None:
    Reader(tmp_path, **QUIET).follow("Try it")

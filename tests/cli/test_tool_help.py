"""Our own options of the tools of others, and what the program says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, mailconf
from test_names import call, link

from mailconf.cli import LATER, TOOLS
from mailconf.cli.own_options import Missing, take_own


@pytest.mark.parametrize("tool", sorted(set(TOOLS) - {"m4"}))
def test_help_has_theirs_and_ours(tool: str) -> None:
    text = mailconf(tool, "--help").stdout
    assert text.startswith(f"Usage: mailconf {tool} ")
    assert "--root DIR" in text and ("  -c DIR" in text or "  -C " in text)
    assert all(option in text for option in ("--postfix-version", "--explain")) or tool != "postconf"


def test_ours_may_stand_anywhere(root: Path) -> None:
    words = ["-c", "/etc/postfix", "-h", "myhostname"]
    for at in (0, 2, 3, 4):
        said = mailconf("postconf", *words[:at], "--root", str(root), *words[at:]).stdout
        assert said == "mail.example.com\n"
    mailconf("postmap", "-c", "/etc/postfix", "hash:/etc/postfix/virtual", f"--root={root}")
    assert (root / "etc/postfix/virtual.db").exists()


def test_the_value_of_an_option_is_none_of_ours() -> None:
    words = ["-q", "--root", "-fc", "--root=x", "a", "--root", "DIR", "-qx", "b", "--", "--root", "y"]
    assert take_own(words, {"--root": True}, "cq") == {"--root": "DIR"}
    assert words == ["-q", "--root", "-fc", "--root=x", "a", "-qx", "b", "--", "--root", "y"]
    with pytest.raises(Missing):
        take_own(["a", "--root"], {"--root": True}, "")


@pytest.mark.parametrize("name", sorted(LATER))
def test_a_tool_that_is_not_there_yet(tmp_path: Path, name: str) -> None:
    done = call(link(tmp_path, name), "-bp")
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.startswith(f"{name}: mailconf has no {name} yet; ")


@pytest.mark.parametrize("words", [["--help"], ["makefile"], ["explain", "--to", "info@example.org"]])
def test_a_reader_that_goes_away(root: Path, words: list[str]) -> None:
    program = [sys.executable, "-m", "mailconf", *words]
    if len(words) > 1 or words[0] == "makefile":
        program += ["--root", str(root), "/etc/postfix"]
    run = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert run.stdout is not None
    run.stdout.close()
    assert run.wait(60) == 141
    run.communicate()


def test_completion_offers_the_tools() -> None:
    asked = {"_MAILCONF_COMPLETE": "bash_complete", "COMP_WORDS": "mailconf post", "COMP_CWORD": "1"}
    program = [sys.executable, "-m", "mailconf"]
    said = subprocess.run(program, capture_output=True, text=True, env={**ENVIRONMENT, **asked}, check=False).stdout
    assert {line.partition(",")[2] for line in said.split()} == {"postalias", "postconf", "postmap"}


def test_lines_of_help_are_whole() -> None:
    assert "..." not in mailconf("--help").stdout.partition("Commands:")[2]

"""Our own options of the tools of others, and what the program says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, mailconf
from test_names import call, link

from mailconf.cli.names import LATER, TOOLS
from mailconf.cli.postfix import postalias, postconf, postmap
from mailconf.cli.sendmail import editmap, m4, makemap, praliases
from mailconf.cli.sendmail.sendmail_tool import valued
from mailconf.cli.shared.completion import options, variable
from mailconf.cli.shared.own_options import Missing, take_own

# makemap takes -L and -x, for debugging, without a word about them.
NOT_IN_MANUALS = {"makemap": {"L", "x"}}


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


def completed(words: str, program: Path | None = None) -> set[str]:
    """What a shell offers for the last of ``words``: "plain,WORD", or that it is a file or folder."""
    name = words.partition(" ")[0]
    asked = {f"_{name.upper()}_COMPLETE": "bash_complete", "COMP_WORDS": words}
    asked["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    command = [program] if program else [sys.executable, "-m", "mailconf"]
    done = subprocess.run(command, capture_output=True, text=True, env={**ENVIRONMENT, **asked}, check=False)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_completion_offers_the_tools() -> None:
    tools = ("postalias", "postcat", "postconf", "postfix", "postmap", "postqueue", "postsuper")
    assert completed("mailconf post") == {f"plain,{tool}" for tool in tools}


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_completion_offers_a_tools_options(tmp_path: Path, tool: str) -> None:
    names = {f"plain,{name}" for name, _, _ in options(tool)}
    assert len(names) >= 3
    program = link(tmp_path, tool)
    for words, called in ((f"mailconf {tool}", None), (tool, program)):
        assert completed(f"{words} -", called) == names
        assert completed(f"{words} --he", called) == {"plain,--help"}
        assert completed(f"{words} x", called) == {"file,x"}
        if tool != "m4":
            assert completed(f"{words} --root ", called) == {"dir,"}
            assert completed(f"{words} --root x --roo", called) == {"plain,--root"}
    source = subprocess.run(
        [program], capture_output=True, text=True, env={**ENVIRONMENT, variable(tool): "bash_source"}, check=False
    )
    assert f"complete -o nosort -F _{tool}_completion {tool}" in source.stdout


def test_completion_of_values() -> None:
    assert completed("mailconf postconf -c ") == completed("mailconf postconf -c /etc -n --root ") == {"dir,"}
    assert completed("mailconf makemap -C ") == {"file,"}
    assert completed("mailconf postconf --postfix-version ") == set()
    assert completed("mailconf m4 --exp") == {"plain,--explain"}


LETTERS = {
    "postconf": (postconf.FLAGS, postconf.VALUED),
    "postmap": (postmap.TOOL.flags, "cdq"),
    "postalias": (postalias.TOOL.flags, "cdq"),
    **{
        tool.__name__.rpartition(".")[2]: (tool.LETTERS, valued(tool.LETTERS)) for tool in (makemap, editmap, praliases)
    },
}


@pytest.mark.parametrize("tool", LETTERS)
def test_help_has_every_option_that_is_read(tool: str) -> None:
    flags, values = LETTERS[tool]
    theirs = {name[1]: value for name, value, _ in options(tool) if not name.startswith("--")}
    assert set(theirs) == set((flags + values).replace(":", "")) - NOT_IN_MANUALS.get(tool, set())
    assert {letter for letter, value in theirs.items() if value} == set(values)


def test_help_of_m4_has_every_option_that_is_read() -> None:
    names = {name.lstrip("-") for name, _, _ in options("m4")}
    assert names == set(m4.LONG) - {"diversions"} | set(m4.SHORT) - set("BeNST")  # obsolete: tests/live


def test_lines_of_help_are_whole() -> None:
    assert "..." not in mailconf("--help").stdout.partition("Commands:")[2]

"""Messages begin with a tool's name as it was called: what Postfix 3.7.11, sendmail 8.17.1 and m4 1.4.19 print."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, EXAMPLE
from test_names import link

MAKEMAP_USAGE = "Usage: makemap [-C cffile] [-N] [-c cachesize] [-D commentchar]"


def said(called: str | Path, *words: str | Path, **environment: str) -> list[str]:
    """The lines that a program prints on standard error."""
    command = [str(word) for word in (called, *words)]
    folder = Path(environment.pop("folder", "/"))
    settings = {**ENVIRONMENT, **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=settings, cwd=folder, check=False)
    return done.stderr.splitlines()


@pytest.mark.parametrize("form", ["absolute", "here", "above"])
@pytest.mark.parametrize(
    ("tool", "words", "whole", "base"),
    [
        ("postconf", ["-c", EXAMPLE, "no_such"], "{}: warning: no_such: unknown parameter", ""),
        ("postmap", ["-Z"], "{}: invalid option -- 'Z'", "short"),
        ("postalias", ["-c", EXAMPLE, "-Z"], "{}: invalid option -- 'Z'", "short"),
        ("makemap", ["-Z"], "{}: invalid option -- 'Z'", ""),
        ("editmap", ["-Z"], "{}: invalid option -- 'Z'", ""),
        ("praliases", ["-Z"], "{}: invalid option -- 'Z'", ""),
        ("praliases", ["-C", "/nonexistent/cf"], "{}: /nonexistent/cf: No such file or directory", "short"),
        ("newaliases", ["-C", "/nonexistent/cf", "-Z"], "{}: illegal option -- Z", ""),
        ("newaliases", ["-C", EXAMPLE, "-Z"], "{}: invalid option -- 'Z'", "short"),
        ("m4", ["--zz"], "{}: unrecognized option '--zz'", ""),
    ],
)
def test_through_a_link(tmp_path: Path, tool: str, words: list[str | Path], whole: str, base: str, form: str) -> None:
    link(tmp_path, tool)
    (tmp_path / "below").mkdir()
    folder = tmp_path / "below" if form == "above" else tmp_path
    called = {"absolute": f"{tmp_path}/{tool}", "here": f"./{tool}", "above": f"../{tool}"}[form]
    assert said(called, *words, folder=str(folder))[0] == whole.format(tool if base else called)


def test_the_usage_has_the_name_too(tmp_path: Path) -> None:
    for tool in ("postconf", "postmap", "makemap"):
        (tmp_path / tool).mkdir()
        link(tmp_path / tool, tool)
    assert said("./postconf", "-Z", folder=f"{tmp_path}/postconf")[1].startswith(
        "./postconf: fatal: usage: ./postconf "
    )
    assert said("./postmap", "-Z", folder=f"{tmp_path}/postmap")[1].startswith("postmap: fatal: usage: postmap ")
    assert said("./makemap", "-Z", folder=f"{tmp_path}/makemap")[1] == MAKEMAP_USAGE


def test_newaliases_of_postfix_reads_its_options_twice(tmp_path: Path) -> None:
    link(tmp_path, "newaliases")
    assert said(tmp_path / "newaliases", "-C", EXAMPLE, "-ZY") == [
        "newaliases: invalid option -- 'Z'",
        "newaliases: invalid option -- 'Y'",
        "newaliases: invalid option -- 'Z'",
        "newaliases: fatal: usage: newaliases [options]",
    ]


def test_found_along_the_path(tmp_path: Path) -> None:
    """The system does not pass on what the caller of a script wrote: found in PATH, it is the bare name."""
    link(tmp_path, "postconf")
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert said("sh", "-c", "postconf -Z", PATH=path)[0] == "postconf: invalid option -- 'Z'"
    (tmp_path / "other").mkdir()
    other = link(tmp_path / "other", "postconf")
    assert said(other, "-Z", PATH=path)[0] == f"{other}: invalid option -- 'Z'"


def test_as_a_command_of_mailconf(tmp_path: Path) -> None:
    program = link(tmp_path, "postconf").parent / "mailconf"
    for tool in ("postconf", "postmap", "makemap", "m4"):
        assert said(program, tool, "-Z")[0] == f"{tool}: invalid option -- 'Z'"

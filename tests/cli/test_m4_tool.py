"""``mailconf m4`` and a link named m4: options, exit status, frozen files, --explain."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TOP), "LC_ALL": "C"}


def m4(*arguments: str, text: str = "", folder: Path | None = None) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "mailconf", "m4", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder, env=ENVIRONMENT, check=False)
    return done.returncode, done.stdout, done.stderr


def test_files_and_definitions_in_order(tmp_path: Path) -> None:
    (tmp_path / "foo").write_text("bar\n")
    assert m4("-Dbar=hello", "foo", "-D", "bar=world", "foo", folder=tmp_path) == (0, "hello\nworld\n", "")
    assert m4("-D", "bar=x", "foo", "-Ubar", "-", text="bar", folder=tmp_path) == (0, "x\nbar", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--foo"], "unrecognized option '--foo'"),
        (["--define"], "option '--define' requires an argument"),
        (["-z"], "invalid option -- 'z'"),
        (["-W", "x"], "invalid option -- 'W'"),
        (["-D"], "option requires an argument -- 'D'"),
        (["--gnu=1"], "option '--gnu' doesn't allow an argument"),
        (["--de"], "option '--de' is ambiguous; possibilities: '--debug' '--debugfile' '--define'"),
    ],
)
def test_mistakes_on_the_command_line(arguments: list[str], message: str) -> None:
    assert m4(*arguments) == (1, "", f"m4: {message}\nTry `m4 --help' for more information.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-e"], "warning: `m4 -e' is deprecated, use `-i' instead"),
        (["-B", "5"], "warning: `m4 -B' may be removed in a future release"),
        (["-S5"], "warning: `m4 -S' may be removed in a future release"),
        (["--diversions=3"], "warning: `m4 --diversions' is deprecated"),
        (["-dz"], "bad debug flags: `z'"),
        (["-o", "/no/such"], "cannot set debug file `/no/such': No such file or directory"),
        (["-H7", "-L0", "-l0", "-g"], None),
    ],
)
def test_options_that_are_accepted_with_a_word(arguments: list[str], message: str | None) -> None:
    assert m4(*arguments, text="a\n") == (0, "a\n", f"m4: {message}\n" if message else "")


def test_a_missing_file_is_status_1_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "foo").write_text("bar\n")
    expected = (1, "bar\n", "m4: cannot open `none': No such file or directory\n")
    assert m4("none", "foo", folder=tmp_path) == expected


def test_the_include_path_and_its_environment_variable(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"in{name}").write_text(name + "\n")
    text = "include(`inone')include(`intwo')__file__\n"
    found = m4("-I", "one", "-I", "two", text=text, folder=tmp_path)
    assert found == (0, "one\ntwo\nstdin\n", "")
    assert m4("-dp", "-Itwo", text="include(`intwo')", folder=tmp_path)[2] == (
        "m4debug: path search for `intwo' found `two/intwo'\n"
    )


def test_a_frozen_state_is_loaded_again(tmp_path: Path) -> None:
    text = "pushdef(`x', `old')pushdef(`x', `new')changequote(`[', `]')divert([2])kept\ndivert(3)"
    assert m4("-F", "state", text=text, folder=tmp_path) == (0, "", "")
    frozen = (tmp_path / "state").read_bytes()
    assert b"\nV1\nQ1,1\n[]\n" in frozen and b"\nT1,3\nxold\nT1,3\nxnew\n" in frozen
    again = m4("-R", "state", text="x popdef([x])x [quoted] len(abc)\n", folder=tmp_path)
    assert again == (0, "kept\nnew old quoted 3\n", "")
    (tmp_path / "state").write_bytes(b"V2\n")
    assert m4("-R", "state", folder=tmp_path)[0] == 63
    (tmp_path / "state").write_bytes(b"nonsense\n")
    assert m4("-R", "state", folder=tmp_path) == (1, "", "m4: state:1: ill-formed frozen file\n")


def test_exit_status_and_fatal_warnings() -> None:
    assert m4(text="m4exit(`7')rest")[:2] == (7, "")
    assert m4("-E", text="len(1, 2)rest")[:2] == (1, "1rest")
    assert m4("-EE", text="len(1, 2)rest")[:2] == (1, "")
    assert m4("-E", text="len(1, 2)m4exit(0)")[0] == 1


def test_what_is_written_comes_in_order(tmp_path: Path) -> None:
    both = subprocess.run(
        [sys.executable, "-m", "mailconf", "m4"],
        input="one\nerrprint(`two\n')syscmd(`echo three')four\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert both.stdout == "one\ntwo\nthree\nfour\n"


def test_a_command_reads_on_where_m4_stopped(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("one\nsyscmd(`cat')dnl\ntwo\nthree\n")
    with (tmp_path / "in").open() as file:
        done = subprocess.run(
            [sys.executable, "-m", "mailconf", "m4"], stdin=file, capture_output=True, text=True, env=ENVIRONMENT
        )
    assert done.stdout == "one\ndnl\ntwo\nthree\n"


def test_a_full_device_is_reported() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mailconf", "m4"],
            input=b"text",
            stdout=full,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"m4: write error: No space left on device\n")


def test_help_and_version() -> None:
    assert m4("--help")[1].startswith("Usage: m4 [OPTION]... [FILE]...\n")
    assert m4("--version")[1].startswith("m4 (GNU M4) 1.4.19\n")


def test_explain_shows_the_chain_of_a_line(tmp_path: Path) -> None:
    (tmp_path / "lib.m4").write_text("define(`GREET', `hello $1')dnl\n")
    (tmp_path / "x.mc").write_text("include(`lib.m4')dnl\ntop\n  GREET(`world'), bye\n")
    status, output, _ = m4("--explain", "2", "x.mc", folder=tmp_path)
    assert status == 0
    assert output == (
        "2:   hello world, bye\n"
        "  '  '\n"
        "    in x.mc:3:1\n"
        "  'hello '\n"
        "    expansion of `GREET' (defined at lib.m4:1) at x.mc:3:3\n"
        "  'world'\n"
        "    (the same)\n"
        "  ', bye\\n'\n"
        "    in x.mc:3:17\n"
    )
    assert m4("--explain=9", "x.mc", folder=tmp_path)[0] == 1
    assert m4("--explain", "x")[0] == 1


def test_an_endless_nesting_ends() -> None:
    assert m4(text="define(`a', `a(a)')a") == (1, "", "m4: stack overflow\n")

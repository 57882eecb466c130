"""A .mc that would never end, or fill the memory: check stops it at its line, in the time and memory of a build."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mailconf.build.etc_mail import EtcMail
from mailconf.check.sendmail.etc_mail import check_etc_mail
from mailconf.diagnostics import Sink
from mailconf.files import Root
from tests.limits import unit
from tests.sendmail.small_library import MC, write_library

RUNAWAYS = {
    "itself": ("define(`a', `some text that is put out\na')a", "more than 300000 macro calls"),
    "in its argument": ("define(`a', `a(a)')a", "more than 1000 calls inside one another"),
    "doubling": ("define(`d', `define(`x', x`'x)d')define(`x', `yyyyyyyy')d", "more than 16777216 bytes of text"),
    "both ways": ("define(`d', `d`'d')d", "more than 300000 macro calls"),
    "format": ("builtin(`format', `%100000000d', 1)", "more than 16777216 bytes of text"),
    "wrapped": ("m4wrap(`define(`a', `a')a ')", "more than 300000 macro calls"),
    "definitions": ("define(`a', `define(`n'$1, `v')a(incr($1))')a(1)", "more than 300000 macro calls"),
    "diversions": ("define(`a', `divert(incr($1))x a(incr($1))')a(1)", "more than 300000 macro calls"),
    "includes": ("define(`r', `include(`leaf.m4')r')r", "more than 300000 macro calls"),
    "much text": ("define(`r', `include(`big.m4')r')r", "more than 16777216 bytes of text"),
    "features": ("define(`a', `FEATURE(`access_db')a')a", "more than 300000 macro calls"),
}
UNITS, MEGABYTES = 160, 100
MEASURED = r"""
import json, re, sys, time
from mailconf.cli import main
from tests.limits import unit
try:
    sys.exit(main())
finally:
    memory = re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]
    print(json.dumps([time.process_time(), int(memory) >> 10]), file=sys.stderr)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_library(tmp_path / "library")
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "leaf.m4").write_text("leaf\n")
    (folder / "big.m4").write_text("big text here\n" * 7_000)
    return folder


@pytest.mark.parametrize("whole", [True, False], ids=["with the library", "without"])
@pytest.mark.parametrize("name", RUNAWAYS)
def test_a_runaway_stops_at_its_line(folder: Path, name: str, whole: bool) -> None:
    text, words = RUNAWAYS[name]
    (folder / "sendmail.mc").write_text(f"{MC if whole else MC.partition(chr(10))[2]}\n{text}\n")
    argv = ["mailconf", "check", "--cf-library", str(folder.parent / "library"), "--format", "json", str(folder)]
    program = f"import sys; sys.argv = {argv!r}\n{MEASURED}"
    before = unit()
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    found = json.loads(run.stdout)["findings"]
    (stopped,) = [each for each in found if each["code"] == "M4004"]
    assert words in stopped["message"]
    assert Path(stopped["file"]).name == "sendmail.mc"
    assert stopped["line"] in (6 + whole, 7 + whole)
    assert {each["code"] for each in found} <= {"M4004", "BD001", "CK013", "SM011"}
    seconds, megabytes = json.loads(run.stderr.splitlines()[-1])
    assert seconds < UNITS * max(before, unit()) and megabytes < MEGABYTES, (seconds, megabytes)


def checked(folder: Path) -> Sink:
    sink = Sink()
    library = write_library(folder.parent / "library")
    check_etc_mail(EtcMail(str(folder), Root(), library), sink)
    return sink


def test_a_large_one_that_ends_is_checked_as_far_as_its_text(folder: Path) -> None:
    """It takes more calls than anybody keeps: what it becomes is known, though not where each line comes from."""
    many = "define(`a', `ifelse(`$1', `0', `', `a(decr(`$1'))')')a(25000)dnl\n"
    (folder / "sendmail.mc").write_text(f"{MC}{many}FEATURE (`access_db')dnl\n")
    (folder / "access").write_text("example.com REJECT\n")
    found = {d.code: d for d in checked(folder)}
    assert set(found) == {"SM022", "SM004", "BD001", "CK013"}
    assert "only the text is checked" in found["SM022"].message
    (folder / "sendmail.mc").write_text(MC + many + "dnl a comment\n" * 20_000)
    (note,) = [d for d in checked(folder) if d.code == "SM022"]
    assert "its content is not checked" in note.message


def test_what_check_has_expanded_is_not_expanded_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailconf.sendmail.mc import expansion

    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("the plan expands it again")

    monkeypatch.setattr(expansion, "expand_mc", never)  # mailconf.sendmail.mc has it by its name
    (folder / "sendmail.mc").write_text(MC)
    etc_mail = EtcMail(str(folder), Root(), write_library(folder.parent / "library"))
    check_etc_mail(etc_mail, Sink())
    known, _ = etc_mail.expanded["sendmail.mc"]
    assert b"Kaccess" in known.cf and not known.calls

"""Whatever main.cf and master.cf hold, postconf answers or refuses, soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.cli.postfix.postconf import run
from mailconf.postfix.text.lines import MAX_FILE, MAX_MASTER
from tests.limits import within

TEXTS = {
    "too large": "a = b\n" * (MAX_FILE // 6 + 1),
    "many lines": "a=b\n" * (MAX_FILE // 4),
    "many names": "".join(f"name{i} = $name{i + 1}\n" for i in range(40_000)),
    "one long line": "mydestination = " + "a,\n  " * (MAX_FILE // 6),
    "open braces": "mydestination = " + "{" * (MAX_FILE - 30),
    "deep braces": "mydestination = " + "{a " * 100_000 + "}" * 100_000,
    "deep expressions": "mydestination = " + "${x?" * 10_000 + "}" * 10_000,
    "a cycle of a thousand": "".join(f"n{i} = $n{i + 1}\n" for i in range(1000)) + "n1000 = $n0\nmyorigin = $n0\n",
    "many references": "myorigin = " + "$a" * 500_000 + "\na = b\n",
    "NUL": "\0" * 1_000_000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_main_cf(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.cf").write_text(TEXTS[name], encoding="utf-8")
    (tmp_path / "master.cf").write_text("")
    for options in ("-n", "-nx"):
        with within(40):
            status = run("postconf", [options, "-c", str(tmp_path)])
        said = capfd.readouterr()
        assert status == 0 or "postconf: fatal: " in said.err


SERVICES = {
    "too large": "x unix - - - - - y\n" * (MAX_MASTER // 19 + 1),
    "settings": "x unix - - - - - smtpd " + "-o a=b " * (MAX_MASTER // 8),
    "different settings": "x unix - - - - - smtpd " + "".join(f"-o a{i}=$a{i + 1} " for i in range(14_000)),
    "braces": "x unix - - - - - smtpd " + "{" * (MAX_MASTER - 30),
    "services": "".join(f"x{i} unix - - - - - smtp\n" for i in range(10_000)),
    "services with settings": "".join(f"x{i} unix - - - - - smtp -o a=$b -o b=$c\n" for i in range(6_000)),
}


@pytest.mark.parametrize("name", SERVICES)
def test_hostile_master_cf(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.cf").write_text("")
    (tmp_path / "master.cf").write_text(SERVICES[name])
    refused = name == "too large"
    for options in ("-Mf", "-n"):
        with within(40):
            assert run("postconf", [options, "-c", str(tmp_path)]) == (refused and options == "-Mf")
        assert ("File too large" in capfd.readouterr().err) == refused

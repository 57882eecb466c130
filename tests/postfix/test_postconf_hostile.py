"""Whatever main.cf and master.cf hold, postconf answers or refuses, soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailconf.cli.postconf import run
from mailconf.postfix.lines import MAX_FILE

TEXTS = {
    "too large": "a = b\n" * (MAX_FILE // 6 + 1),
    "many lines": "a=b\n" * (MAX_FILE // 4),
    "many names": "".join(f"name{i} = $name{i + 1}\n" for i in range(90_000)),
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
        began = time.monotonic()
        status = run("postconf", [options, "-c", str(tmp_path)])
        assert time.monotonic() - began < 6  # a second on a machine that does nothing else
        said = capfd.readouterr()
        assert status == 0 or "postconf: fatal: " in said.err


@pytest.mark.parametrize(
    "text",
    [
        "x unix - - - - - smtpd " + "-o a=b " * 100_000,
        "x unix - - - - - smtpd " + "{" * 500_000,
        "x unix - - - - - y\n" * 20_000,
    ],
    ids=["settings", "braces", "services"],
)
def test_hostile_master_cf(text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.cf").write_text("")
    (tmp_path / "master.cf").write_text(text)
    for options in ("-Mf", "-n"):
        began = time.monotonic()
        assert run("postconf", [options, "-c", str(tmp_path)]) == 0
        assert time.monotonic() - began < 6
    capfd.readouterr()

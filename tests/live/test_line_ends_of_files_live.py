"""Line ends of main.cf, master.cf and tables: the real postconf and postmap take them as PF222 says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.live


def run(*arguments: str) -> str:
    return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=30).stdout


def site(top: Path, main: bytes, master: bytes = b"smtp inet n - n - - smtpd\n") -> str:
    (top / "main.cf").write_bytes(b"compatibility_level = 3.6\n" + main)
    (top / "master.cf").write_bytes(master)
    return str(top)


def test_cr_lf_is_a_line_end_with_a_blank(tmp_path: Path) -> None:
    folder = site(
        tmp_path, b"mydestination = a,\r\n b\r\n\r\n# c\r\nbiff = no\r\n", b"x inet n - n - - smtpd\r\n -o biff=no\r\n"
    )
    values = run("postconf", "-c", folder, "-h", "biff").split("\n")
    assert values == ["no", ""]
    assert run("postconf", "-c", folder, "-h", "mydestination").split() == ["a,", "b"]
    assert run("postconf", "-c", folder, "-M").rstrip("\n").endswith("-o biff=no")
    (tmp_path / "table").write_bytes(b"a@b c\r\n\r\n# d\r\ne@f g\r\n")
    run("postmap", f"hash:{tmp_path}/table")
    assert run("postmap", "-s", f"hash:{tmp_path}/table").split("\n")[:-1] == ["a@b\tc", "e@f\tg"]


def test_cr_alone_ends_no_line(tmp_path: Path) -> None:
    folder = site(tmp_path, b"# a comment\rbiff = no\nmail_name = x\rmydomain = lost.example\n")
    assert run("postconf", "-c", folder, "-h", "biff") == "yes\n"  # the default
    assert "mydomain = lost.example" in run("postconf", "-c", folder, "-h", "mail_name").replace("\r", " ")
    (tmp_path / "table").write_bytes(b"a@b c\rd@e f\n")
    run("postmap", f"hash:{tmp_path}/table")
    with pytest.raises(subprocess.CalledProcessError):
        run("postmap", "-q", "d@e", f"hash:{tmp_path}/table")

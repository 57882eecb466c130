from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from site_fixture import ENVIRONMENT, mailconf


def make(root: Path, *targets: str) -> str:
    makefile = root / "Makefile"
    makefile.write_text(mailconf("makefile", "--root", str(root), "/etc/postfix").stdout)
    command = ["make", "-f", str(makefile), f"MAILCONF={shlex.quote(sys.executable)} -m mailconf", *targets]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout


def test_make_builds_what_is_stale(root: Path) -> None:
    assert "8 maps built" in make(root)
    assert "Nothing to be done" in make(root)
    virtual = root / "etc/postfix/virtual"
    later = (root / "etc/postfix/virtual.db").stat().st_mtime + 3600
    os.utime(virtual, (later, later))
    assert "1 map built, 7 up to date" in make(root)


def test_check_force_and_clean(root: Path) -> None:
    assert "8 maps built" in make(root, "force")
    assert "0 errors" in make(root, "check")
    make(root, "clean")
    assert not list(root.rglob("*.db"))


def test_the_service_where_there_is_no_script(tmp_path: Path) -> None:
    mail = tmp_path / "etc/mail"
    mail.mkdir(parents=True)
    (mail / "sendmail.cf").write_text("V10/Berkeley\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("systemctl", "mailq", "mailstats", "hoststat", "sendmail"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (programs / name).chmod(0o755)
    makefile = tmp_path / "Makefile"
    makefile.write_text(mailconf("makefile", "--root", str(tmp_path), "/etc/mail").stdout)
    said = {
        "start": "systemctl start sendmail",
        "reload": "systemctl reload sendmail",
        "restart-if-running": "systemctl try-restart sendmail",
        "reload-if-running": "systemctl try-reload-or-restart sendmail",
        "mailq": "mailq",
        "mailstats": "mailstats",
        "runq": "sendmail -q",
    }
    environment = {**ENVIRONMENT, "PATH": f"{programs}:{os.environ['PATH']}"}
    for target, line in said.items():
        command = ["make", "--no-print-directory", "-f", str(makefile), "SERVICE=/nonexistent", target]
        assert subprocess.run(command, capture_output=True, text=True, env=environment).stdout == line + "\n"


def test_without_a_configuration_there_is_no_makefile(tmp_path: Path) -> None:
    assert mailconf("makefile", str(tmp_path), status=2).stdout == ""


def test_it_works_from_anywhere(root: Path, tmp_path: Path) -> None:
    """A relative --root or DIR means the folder in which the Makefile was made; ``..`` is a root as any other."""
    below = root / "below"
    below.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for folder, given in ((root.parent, root.name), (below, "..")):
        words = [sys.executable, "-m", "mailconf", "makefile", "--root", given, "/etc/postfix"]
        text = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, check=True).stdout
        (elsewhere / "Makefile").write_text(text)
        command = ["make", f"MAILCONF={sys.executable} -m mailconf"]
        for target, maps in (("all", 8), ("clean", 0)):
            subprocess.run([*command, target], cwd=elsewhere, check=True, capture_output=True, env=ENVIRONMENT)
            assert len(list(root.rglob("*.db"))) == maps


@pytest.mark.parametrize("tables", ["Kaccess hash /etc/mail/access\n", ""], ids=["named", "only there"])
def test_clean_keeps_the_cf_files(tmp_path: Path, tables: str) -> None:
    mail = tmp_path / "a 'site'/etc/mail"
    mail.mkdir(parents=True)
    (mail / "sendmail.cf").write_text(f"V10/Berkeley\n{tables}")
    (mail / "access").write_text("a.example OK\n")
    (mail / "access.db").write_text("")
    makefile = tmp_path / "Makefile"
    text = mailconf("makefile", "--root", str(mail.parents[1]), "/etc/mail").stdout
    assert "access.db access access_db: FORCE" in text  # as sendmail's own Makefile calls it
    makefile.write_text(text)
    subprocess.run(["make", "-f", str(makefile), "clean"], check=True, capture_output=True, env=ENVIRONMENT)
    assert sorted(file.name for file in mail.iterdir()) == ["access", "sendmail.cf"]

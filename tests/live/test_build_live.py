"""What stops the originals where a map or a .cf is built, and what stops ours: postmap(1) 3.7.11, m4 1.4.19."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.sendmail_world import LIBRARY

pytestmark = pytest.mark.live
TOP = Path(__file__).parents[2]
HEADER = re.compile(rb"^##### (?:built by|in|using) .*$", re.MULTILINE)
MAIN_CF = "compatibility_level = 3.6\nalias_maps =\nalias_database =\nvirtual_alias_maps = hash:/etc/postfix/virtual\n"
# Whether postmap builds, and whether ours does.
FAULTS = {
    "mynetworks = 192.0.2.77/24": (True, True),
    "smtpd_relay_restrictions =": (True, True),
    "smtpd_recipient_restrictions = nonsense, reject": (True, True),
    "message_size_limit = abc": (False, True),
    "myorigin = /nonexistent": (False, True),
    "no equals sign": (False, False),
}


def build(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mailconf", "build", "--root", str(root), *words]
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_of_main_cf(tmp_path: Path, line: str) -> None:
    folder = tmp_path / "etc/postfix"
    folder.mkdir(parents=True)
    (folder / "main.cf").write_text(f"{MAIN_CF}{line}\n")
    (folder / "virtual").write_text("info@example.org bob\n")
    done = subprocess.run(
        ["/usr/sbin/postmap", "-c", folder, f"hash:{folder}/virtual"], capture_output=True, check=False
    )
    built = folder / "virtual.db"
    assert (done.returncode == 0, built.exists()) == (FAULTS[line][0],) * 2
    built.unlink(missing_ok=True)
    ours = build(tmp_path, "/etc/postfix")
    assert (ours.returncode == 0, built.exists()) == (FAULTS[line][1],) * 2
    assert ours.stderr


@pytest.mark.parametrize("text", ["define(`x', `m4wrap(`x')')x", "m4exit", "undefine(`include')dnl"])
def test_m4_is_silent_where_the_rules_are_missing(tmp_path: Path, text: str) -> None:
    mail = tmp_path / "etc/mail"
    mail.mkdir(parents=True)
    mc = mail / "sendmail.mc"
    mc.write_text(f"include(`{LIBRARY}/m4/cf.m4')dnl\nOSTYPE(`linux')dnl\nMAILER(`local')dnl\n{text}\n")
    done = subprocess.run(["m4", mc], capture_output=True, check=True)
    assert done.stderr == b"" and b"check_rcpt" not in done.stdout
    ours = build(tmp_path, "--cf-library", str(LIBRARY), "/etc/mail")
    assert ours.returncode == 1 and "[SM030]" in ours.stderr
    assert not mc.with_suffix(".cf").exists()


@pytest.mark.parametrize("name", ["generic-linux", "submit"])
def test_a_tree_of_sendmails_sources(tmp_path: Path, name: str) -> None:
    """In the folder of its examples, and for a .mc elsewhere that names it."""
    tree = tmp_path / "usr/local/src/sendmail/cf"
    shutil.copytree(LIBRARY, tree)
    done = subprocess.run(["m4", "../m4/cf.m4", f"{name}.mc"], cwd=tree / "cf", capture_output=True, check=True)
    expected = HEADER.sub(b"", done.stdout)
    ours = build(tmp_path, "/usr/local/src/sendmail/cf/cf", f"{name}.cf")
    assert ours.returncode == 0, ours.stderr
    assert HEADER.sub(b"", (tree / f"cf/{name}.cf").read_bytes()) == expected
    mail = tmp_path / "etc/mail"
    mail.mkdir(parents=True)
    text = (tree / f"cf/{name}.mc").read_text()
    (mail / "sendmail.mc").write_text(f"include(`/usr/local/src/sendmail/cf/m4/cf.m4')dnl\n{text}")
    assert build(tmp_path, "/etc/mail", "sendmail.cf").returncode == 0
    found = HEADER.sub(b"", (mail / "sendmail.cf").read_bytes())
    assert [line for line in found.split(b"\n") if line] == [line for line in expected.split(b"\n") if line]

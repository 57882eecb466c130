"""Reading users' files: regular ones only, never waiting, within bounds, with the user's rights."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailconf import personal
from mailconf.personal import look

ROOT = os.geteuid() == 0
NOBODY = (65534, 65534)
needs_root = pytest.mark.skipif(not ROOT, reason="to become another user needs root")


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder that other users reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_file(top: Path) -> None:
    (top / "f").write_text("text\n")
    found = look(str(top / "f"), (os.geteuid(), os.getegid()))
    assert (found.text, found.reason, found.owner, found.regular) == (b"text\n", "", os.geteuid(), True)


def test_nothing(top: Path) -> None:
    for user in (None, NOBODY):
        found = look(str(top / "f"), user)
        assert (found.exists, found.text, found.reason) == (False, None, "No such file or directory")
    assert not look(f"{top}/a\0b").exists


def test_links(top: Path) -> None:
    (top / "f").write_text("text\n")
    (top / "link").symlink_to("f")
    assert look(str(top / "link"), follow=True).text == b"text\n"
    found = look(str(top / "link"), follow=False)
    assert (found.regular, found.text, stat.S_ISLNK(found.mode)) == (False, None, True)


@pytest.mark.parametrize("user", [None, NOBODY])
def test_a_pipe_stops_nobody(top: Path, user: tuple[int, int] | None) -> None:
    os.mkfifo(top / "pipe")
    (top / "pipe").chmod(0o666)
    found = look(str(top / "pipe"), user)
    assert (found.exists, found.regular, found.text) == (True, False, None)


def test_devices_and_folders_are_not_read(top: Path) -> None:
    for path in ("/dev/zero", str(top)):
        found = look(path)
        assert (found.exists, found.regular, found.text) == (True, False, None)


def test_the_size_has_a_bound(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal, "LIMIT", 10)
    mine = (os.geteuid(), os.getegid())
    for size, reason in ((9, ""), (10, ""), (11, "File too large")):
        (top / "f").write_bytes(b"x" * size)
        found = look(str(top / "f"), mine)
        assert (found.text is not None, found.reason) == (not reason, reason)


@needs_root
def test_root_reads_with_the_users_rights(top: Path) -> None:
    (top / "f").write_text("secret\n")
    (top / "f").chmod(0o600)
    assert look(str(top / "f")).text == b"secret\n"
    found = look(str(top / "f"), NOBODY)
    assert (found.text, found.reason, found.owner) == (None, "Permission denied", 0)
    (top / "f").chmod(0o644)
    assert look(str(top / "f"), NOBODY).text == b"secret\n"


@needs_root
@pytest.mark.parametrize("by", ["link", "folder", "link to a link", "file"])
def test_root_does_not_lend_its_rights_to_who_leads_it(top: Path, by: str) -> None:
    (top / "secret").write_text("secret\n")
    (top / "secret").chmod(0o600)
    path = top / "list"
    if by == "link":
        path.symlink_to("secret")
        os.lchown(path, *NOBODY)
    elif by == "folder":
        (top / "theirs").mkdir()
        os.chown(top / "theirs", *NOBODY)
        path = top / "theirs/list"
        path.symlink_to("../secret")
    elif by == "link to a link":
        path.symlink_to("other")
        (top / "other").symlink_to("secret")
        os.lchown(top / "other", *NOBODY)
    else:
        path.write_text("theirs\n")
        path.chmod(0)
        os.chown(path, *NOBODY)
    found = look(str(path))
    assert (found.text, found.reason) == (None, "Permission denied")


@pytest.mark.skipif(ROOT, reason="root becomes the user")
def test_others_files_are_read_only_where_their_user_may(top: Path) -> None:
    (top / "f").write_text("mine\n")
    (top / "f").chmod(0o600)
    assert look(str(top / "f"), (1, 1)).reason == "Permission denied"
    (top / "f").chmod(0o604)
    assert look(str(top / "f"), (1, 1)).text == b"mine\n"
    top.chmod(0o700)
    assert look(str(top / "f"), (1, 1)).reason == "Permission denied"


def test_no_path_leads_out_of_another_root(top: Path) -> None:
    tree, outside = top / "tree", top / "outside"
    (tree / "home").mkdir(parents=True)
    outside.write_text("secret\n")
    (tree / "home/list").write_text("list\n")
    (tree / "home/out").symlink_to("../../outside")
    (tree / "home/in").symlink_to("list")
    (tree / "up").symlink_to("..")
    below = str(tree)
    assert look(f"{tree}/home/list", below=below).text == b"list\n"
    assert look(f"{tree}/home/in", below=below).text == b"list\n"
    for path in ("home/out", "up/outside", "home/../../outside"):
        for follow in (True, False):
            found = look(f"{tree}/{path}", follow=follow, below=below)
            assert found.text is None

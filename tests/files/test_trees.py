"""What all kinds of trees have in common."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tree_kinds import KINDS, disk, memory, overlay

from mailconf.files import File, Link, Memory, NoDisk, Overlay, Root, Tree, TreePlace, lock_folder, read_here


@pytest.fixture(params=KINDS)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    folder = tmp_path / "etc/postfix"
    folder.mkdir(parents=True)
    (folder / "main.cf").write_bytes(b"myhostname = a.example\n")
    (folder / "empty").write_bytes(b"")
    (folder / "run").write_bytes(b"#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "relative").symlink_to("main.cf")
    (folder / "up").symlink_to("../postfix/main.cf")
    (folder / "dangling").symlink_to("nothing")
    (folder / "loop").symlink_to("loop")
    (tmp_path / "etc/folder").symlink_to("postfix")
    (tmp_path / "etc/chain").symlink_to("folder/relative")
    return KINDS[request.param](tmp_path)


TEXT = b"myhostname = a.example\n"
NAMES = ["main.cf", "relative", "up", "./main.cf", "../postfix/main.cf", "../folder/main.cf", "../chain"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_by_each_of_its_names(tree: Tree, name: str) -> None:
    name = f"/etc/postfix/{name}"
    data, status = tree.load(name)
    assert data == tree.read(name) == tree.read(tree.path(name)) == TEXT
    assert stat.S_ISREG(status.st_mode)
    assert status.st_size == tree.stat(name).st_size == len(TEXT)
    assert tree.head(name, 10)[0] == TEXT[:10]
    assert tree.exists(name)
    assert tree.is_file(name)
    assert not tree.is_folder(name)
    assert tree.resolve(name) == os.path.realpath(tree.top / "etc/postfix/main.cf")


def test_a_bound_is_the_last_size_that_is_read(tree: Tree) -> None:
    assert tree.read("/etc/postfix/main.cf", len(TEXT)) == TEXT
    with pytest.raises(OSError, match="large") as failure:
        tree.read("/etc/postfix/main.cf", len(TEXT) - 1)
    assert failure.value.errno == errno.EFBIG
    assert tree.read("/etc/postfix/empty", 0) == b""


def test_a_digest_is_that_of_the_content(tree: Tree) -> None:
    assert tree.digest("/etc/chain") == hashlib.sha256(TEXT).hexdigest()
    with pytest.raises(IsADirectoryError):
        tree.digest("/etc")


def test_a_place_is_not_moved_below_the_top(tmp_path: Path) -> None:
    (tmp_path / "top/etc").mkdir(parents=True)
    (tmp_path / "elsewhere").write_bytes(b"elsewhere")
    (tmp_path / "top/etc/link").symlink_to(tmp_path / "elsewhere")
    outside = str(tmp_path / "elsewhere")
    for tree in (Root(tmp_path / "top"), Overlay(Root(tmp_path / "top"), {})):
        assert tree.read(tree.resolve("/etc/link")) == tree.read(TreePlace(outside)) == b"elsewhere"
        assert not tree.exists(outside)
    memory = Memory({"/a": b"a"}, tmp_path / "top")
    assert memory.read(memory.resolve("/a")) == b"a"
    assert not memory.exists(TreePlace("/a"))


def test_what_a_tool_reads_at_its_start(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_bytes(b"1234")
    assert read_here(str(tmp_path / "main.cf"), 4) == b"1234"
    with pytest.raises(OSError, match="large") as failure:
        read_here(str(tmp_path / "main.cf"), 3)
    assert failure.value.errno == errno.EFBIG
    with pytest.raises(IsADirectoryError):
        read_here(str(tmp_path), 3)


def test_a_folder_has_one_holder_of_its_lock(tmp_path: Path) -> None:
    first = lock_folder(tmp_path)
    other = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(first)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
    with pytest.raises(NotADirectoryError):
        lock_folder(Path(__file__))


MISSING = {
    "/etc/postfix/dangling": errno.ENOENT,
    "/etc/postfix/other": errno.ENOENT,
    "/etc/other/main.cf": errno.ENOENT,
    "/etc/postfix/loop": errno.ELOOP,
    "/etc/postfix/main.cf/x": errno.ENOTDIR,
    "/etc/postfix/relative/x": errno.ENOTDIR,
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there(tree: Tree, name: str) -> None:
    for question in (tree.read, tree.stat, tree.load, lambda name: tree.head(name, 1)):
        with pytest.raises(OSError, match=r"\w") as failure:
            question(name)
        assert failure.value.errno == MISSING[name]
        assert failure.value.strerror == os.strerror(MISSING[name])
    assert not tree.exists(name)
    assert not tree.is_file(name)
    assert not tree.is_folder(name)


def test_a_folder_is_listed_and_not_read(tree: Tree) -> None:
    names = ["dangling", "empty", "loop", "main.cf", "relative", "run", "up"]
    assert list(tree.list("/etc/postfix")) == list(tree.list("/etc/folder")) == names
    assert list(tree.list("/etc")) == ["chain", "folder", "postfix"]
    assert tree.is_folder("/etc/folder")
    assert not tree.is_file("/etc/postfix")
    assert stat.S_ISDIR(tree.stat("/etc").st_mode)
    with pytest.raises(IsADirectoryError):
        tree.read("/etc/postfix")
    with pytest.raises(NotADirectoryError):
        tree.list("/etc/postfix/main.cf")
    with pytest.raises(FileNotFoundError):
        tree.list("/etc/none")


def test_a_link_is_looked_at_itself(tree: Tree) -> None:
    assert tree.link("/etc/postfix/up") == "../postfix/main.cf"
    assert tree.is_link("/etc/postfix/dangling")
    assert stat.S_ISLNK(tree.stat("/etc/postfix/up", follow=False).st_mode)
    assert stat.S_ISREG(tree.stat("/etc/folder/main.cf", follow=False).st_mode)
    assert not tree.is_link("/etc/postfix/main.cf")
    with pytest.raises(OSError, match="Invalid argument"):
        tree.link("/etc/postfix/main.cf")
    assert tree.resolve("/etc/postfix/dangling") == str(tree.top / "etc/postfix/nothing")


def test_modes_and_owners(tree: Tree) -> None:
    assert tree.stat("/etc/postfix/run").st_mode & 0o111
    assert not tree.stat("/etc/postfix/main.cf").st_mode & 0o111
    assert tree.stat("/etc/postfix/main.cf").st_uid == os.geteuid()
    assert tree.stat("/etc/postfix/main.cf").st_nlink == 1
    one, other = tree.stat("/etc/postfix/main.cf"), tree.stat("/etc/postfix/run")
    assert (one.st_dev, one.st_ino) != (other.st_dev, other.st_ino)
    assert one.st_mtime_ns <= time.time_ns()


def test_a_nul_is_in_no_name(tree: Tree) -> None:
    assert not tree.exists("/etc/a\0b")
    with pytest.raises(ValueError, match="null"):
        tree.read("/etc/a\0b")


def test_no_path_is_longer_than_the_system_allows(tree: Tree) -> None:
    for name in ("/x" * 2100, "/x" * 1_000_000):
        with pytest.raises(OSError, match="name too long"):
            tree.read(name)


def test_only_the_disk_has_files_of_the_disk(tree: Tree) -> None:
    if isinstance(tree, Root):
        assert tree.real("/etc/postfix/main.cf") == tree.top / "etc/postfix/main.cf"
        return
    with pytest.raises(NoDisk):
        tree.real("/etc/postfix/main.cf")
    with pytest.raises(FileNotFoundError):
        tree.real("/etc/postfix/main.db")
    with pytest.raises(FileNotFoundError):
        tree.own("/etc/postfix/main.cf", 100)


def test_files_of_users(tree: Tree) -> None:
    found = tree.personal("/etc/postfix/relative", None, follow=True)
    assert found.regular
    assert found.text == TEXT
    linked = tree.personal("/etc/postfix/relative", None, follow=False)
    assert linked.exists
    assert not linked.regular
    assert linked.text is None
    assert not tree.personal("/etc/postfix/none", None, follow=True).exists
    assert tree.personal("/etc/postfix", None, follow=True).text is None


@pytest.mark.parametrize("kind", [disk, memory])
def test_a_pipe_is_never_waited_for(tmp_path: Path, kind: Callable[[Path], Tree]) -> None:
    os.mkfifo(tmp_path / "pipe")
    tree = kind(tmp_path)
    for question in (tree.read, lambda name: tree.head(name, 1)):
        with pytest.raises(OSError, match="it is no regular file"):
            question("/pipe")
    assert tree.exists("/pipe")
    assert not tree.is_file("/pipe")
    assert tree.personal("/pipe", None, follow=True).text is None


def test_a_device_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="it is no regular file"):
        Root().read("/dev/zero")
    with pytest.raises(OSError, match="large"):
        Root(waits=True).read("/dev/zero", 1000)
    assert Root(waits=True).read("/dev/null") == b""


def test_a_pipe_that_the_user_has_named_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Timer(0.2, (tmp_path / "pipe").write_bytes, [b"text"])
    writer.start()
    assert Root(waits=True).read(tmp_path / "pipe") == b"text"
    writer.join()


def test_a_file_that_grows_while_it_is_read_stays_within_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_bytes(b"x" * 100)
    original = os.fstat

    def before(descriptor: int) -> os.stat_result:
        status = original(descriptor)
        with (tmp_path / "log").open("ab") as file:
            file.write(b"x" * 100)
        return status

    monkeypatch.setattr(os, "fstat", before)
    assert len(Root().read(tmp_path / "log", 200)) == 200
    with pytest.raises(OSError, match="large"):
        Root().read(tmp_path / "log", 299)


def test_of_a_large_file_nothing_is_read(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    for tree in (Root(), Root(waits=True)):
        with pytest.raises(OSError, match="large"):
            tree.read(tmp_path / "large")


def test_absolute_links_stay_below_the_top_where_there_is_no_disk() -> None:
    tree = Memory({"/etc/aliases": Link("/etc/mail/aliases"), "/etc/mail/aliases": b"here"}, "/srv/tree")
    assert tree.read("/etc/aliases") == b"here"
    assert tree.resolve("/etc/aliases") == "/srv/tree/etc/mail/aliases"


def test_links_out_of_a_tree_lead_to_nothing() -> None:
    tree = Memory({"/a/out": Link("../../../../etc/passwd"), "/a/root": Link("/"), "/a/b": b"b"}, "/srv/tree")
    assert not tree.exists("/a/out")
    assert not tree.exists("/../../etc/passwd")
    assert tree.read("/a/root/a/b") == b"b"


def test_links_have_a_bound() -> None:
    links: dict[str, bytes | str | File | Link] = {f"/l{n}": Link(f"l{n + 1}") for n in range(41)}
    links["/l41"] = b"end"
    tree = Memory(links)
    assert tree.read("/l1") == b"end"  # 40 of them
    with pytest.raises(OSError, match="levels"):
        tree.read("/l0")
    with pytest.raises(OSError, match="name too long"):
        Memory({"/l": Link("x" * 4097)}).read("/l")


def test_what_a_memory_is_told_of_a_file() -> None:
    tree = Memory({"/var/spool/x": File(b"x", 0o600, 12, 13, 1_500_000_000), "/var/spool/deep/er/": b""})
    status = tree.stat("/var/spool/x")
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o600, 12, 13)
    assert (status.st_mtime_ns, status.st_mtime) == (1_500_000_000, 1.5)
    assert list(tree.list("/var/spool")) == ["deep", "x"]
    assert list(tree.list("/var/spool/deep/er")) == []
    assert not tree.is_real


# -- overlays


def test_a_text_takes_the_place_of_its_file_however_that_is_reached(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/main.cf").write_bytes(b"old")
    (tmp_path / "etc/main.cf").chmod(0o640)
    (tmp_path / "etc/link").symlink_to("main.cf")
    for named in ("/etc/main.cf", "/etc/link"):
        tree = Overlay(Root(tmp_path), {named: b"newer"})
        for name in ("/etc/main.cf", "/etc/link", str(tmp_path / "etc/main.cf")):
            assert tree.read(name) == b"newer"
            assert tree.head(name, 3)[0] == b"new"
            assert tree.stat(name).st_size == 5
            assert stat.S_IMODE(tree.stat(name).st_mode) == 0o640
            assert tree.stat(name).st_mtime_ns > (tmp_path / "etc/main.cf").stat().st_mtime_ns
            assert tree.personal(name, None, follow=True).text == b"newer"
            with pytest.raises(OSError, match="large"):
                tree.read(name, 4)
            with pytest.raises(NoDisk):
                tree.real(name)
        assert tree.is_link("/etc/link")
    assert (tmp_path / "etc/main.cf").read_bytes() == b"old"


def test_a_text_that_says_what_the_file_says_is_not_newer(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"text")
    os.utime(tmp_path / "x", ns=(5, 5))
    assert Overlay(Root(tmp_path), {"/x": b"text"}).stat("/x").st_mtime_ns == 5
    assert Overlay(Root(tmp_path), {"/x": b"TEXT"}).stat("/x").st_mtime_ns > 5


def test_a_text_without_a_file_makes_one_and_its_folders(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/a").write_bytes(b"")
    tree = Overlay(Root(tmp_path), {"/etc/mail/new": b"new", "/etc/b": b"b"})
    assert list(tree.list("/etc")) == ["a", "b", "mail"]
    assert list(tree.list("/etc/mail")) == ["new"]
    assert tree.is_folder("/etc/mail")
    assert tree.is_file("/etc/mail/new")
    assert tree.stat("/etc/mail/new").st_uid == os.geteuid()
    assert tree.read("/etc/mail/new") == b"new"
    assert tree.personal("/etc/mail/new", None, follow=True).text == b"new"
    assert tree.real("/etc/a") == tmp_path / "etc/a"
    assert not tree.exists("/etc/mail/other")


def test_a_text_does_not_wait_for_the_pipe_in_its_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    tree = Overlay(Root(tmp_path), {"/pipe": b""})
    assert tree.is_file("/pipe")
    assert tree.read("/pipe") == b""


def test_an_overlay_is_as_real_as_what_is_beneath(tmp_path: Path) -> None:
    assert Overlay(Root(), {}).is_real
    assert not Overlay(Root(tmp_path), {}).is_real
    assert not overlay(tmp_path).is_real

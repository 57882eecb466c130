"""Revisions of git repositories, friendly and hostile ones."""

from __future__ import annotations

import os
import stat
import subprocess
import time
import zlib
from hashlib import sha1
from pathlib import Path

import pytest
from tree_kinds import HAS_GIT, commit, git

from mailconf.files import NoRevision, Revision
from mailconf.files import git as git_module
from mailconf.files import revision as revision_module

pytestmark = pytest.mark.skipif(not HAS_GIT, reason="there is no git")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "etc/postfix").mkdir(parents=True)
    (tmp_path / "etc/postfix/main.cf").write_text("one\n")
    commit(tmp_path)
    return tmp_path


def test_a_revision_is_what_was_recorded(site: Path) -> None:
    (site / "etc/postfix/main.cf").write_text("two\n")
    (site / "etc/postfix/access").write_text("more\n")
    first = Revision("/etc/postfix", "HEAD", site)
    name = commit(site)
    (site / "etc/postfix/main.cf").write_text("three\n")
    assert first.read("/etc/postfix/main.cf") == b"one\n"  # what HEAD was then
    assert list(first.list("/etc/postfix")) == ["main.cf"]
    for called in ("HEAD", name, name[:10], "HEAD~0", "@"):
        tree = Revision("/etc/postfix", called, site)
        assert tree.read("/etc/postfix/main.cf") == b"two\n"
        assert list(tree.list("/etc/postfix")) == ["access", "main.cf"]
    assert Revision("/etc/postfix", "HEAD~1", site).read("/etc/postfix/main.cf") == b"one\n"


def test_all_is_as_old_as_the_commit(site: Path) -> None:
    tree = Revision("/", "HEAD", site)
    seconds = int(git(site, "show", "-s", "--format=%ct", "HEAD"))
    assert tree.stat("/etc/postfix/main.cf").st_mtime_ns == tree.stat("/etc").st_mtime_ns == seconds * 10**9
    assert not tree.is_real


def test_a_repository_in_the_middle_of_the_tree(tmp_path: Path) -> None:
    """As etckeeper has it: the repository is /etc; what lies elsewhere is in no revision."""
    (tmp_path / "etc/mail").mkdir(parents=True)
    (tmp_path / "usr").mkdir()
    (tmp_path / "etc/mail/access").write_text("x OK\n")
    (tmp_path / "usr/file").write_text("")
    commit(tmp_path / "etc")
    tree = Revision("/etc/mail", "HEAD", tmp_path)
    assert tree.read("/etc/mail/access") == b"x OK\n"
    assert list(tree.list("/")) == ["etc"]
    assert list(tree.list("/etc")) == ["mail"]
    assert not tree.exists("/usr/file")


def test_a_folder_that_is_gone_from_the_work_tree(site: Path) -> None:
    (site / "etc/postfix/main.cf").unlink()
    (site / "etc/postfix").rmdir()
    assert Revision("/etc/postfix", "HEAD", site).read("/etc/postfix/main.cf") == b"one\n"


def test_a_work_tree_that_is_reached_through_a_link(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "link").symlink_to(site)
    tree = Revision("/etc/postfix", "HEAD", other / "link")
    assert tree.read("/etc/postfix/main.cf") == b"one\n"
    assert tree.path("/etc/postfix/main.cf") == other / "link/etc/postfix/main.cf"


def test_a_folder_that_is_a_link_into_the_work_tree(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "conf").symlink_to(site / "etc/postfix")
    tree = Revision("/conf", "HEAD", other)
    assert tree.read("/conf/main.cf") == b"one\n"
    assert list(tree.list("/conf")) == ["main.cf"]
    assert list(tree.list("/")) == ["conf"]


def test_a_tag_means_its_commit(site: Path) -> None:
    git(site, "tag", "-a", "-m", "the first one", "v1")
    assert Revision("/", "v1", site).read("/etc/postfix/main.cf") == b"one\n"


def test_a_large_folder_is_not_read(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = int(git(site, "cat-file", "-s", "HEAD^{tree}"))
    monkeypatch.setattr(revision_module, "MOST_FOLDER", size)
    assert list(Revision("/", "HEAD", site).list("/")) == ["etc"]
    monkeypatch.setattr(revision_module, "MOST_FOLDER", size - 1)
    with pytest.raises(OSError, match="large"):
        Revision("/", "HEAD", site).list("/")


def test_links_lead_within_the_revision(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "site/etc").mkdir(parents=True)
    etc = tmp_path / "site/etc"
    (etc / "aliases").write_text("recorded")
    (etc / "absolute").symlink_to("/etc/aliases")
    (etc / "outside").symlink_to("../../secret")
    (etc / "machine").symlink_to("/etc/passwd")
    (etc / "here").symlink_to(secret)
    commit(tmp_path / "site")
    (etc / "aliases").write_text("changed")
    tree = Revision("/etc", "HEAD", tmp_path / "site")
    assert tree.read("/etc/absolute") == b"recorded"
    for name in ("outside", "machine", "here"):
        assert not tree.exists(f"/etc/{name}"), name
        assert tree.is_link(f"/etc/{name}")


def test_a_submodule_is_an_empty_folder(site: Path) -> None:
    git(site, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},part")
    git(site, "commit", "-q", "-m", "part")
    tree = Revision("/", "HEAD", site)
    assert tree.is_folder("/part")
    assert list(tree.list("/part")) == []
    assert not tree.exists("/part/x")


@pytest.mark.parametrize("name", ["nothing", "", "--version", "-h", "HEAD\n", "HEAD:etc", "HEAD^{tree}", "a b"])
def test_no_such_revision(site: Path, name: str) -> None:
    with pytest.raises(NoRevision):
        Revision("/etc/postfix", name, site)


def test_no_repository_and_no_git(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoRevision, match="git"):
        Revision("/etc/postfix", "HEAD", "/proc")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoRevision, match="there is no git"):
        Revision("/etc/postfix", "HEAD", site)


def test_what_is_too_large_is_not_read(site: Path) -> None:
    tree = Revision("/", "HEAD", site)
    assert tree.read("/etc/postfix/main.cf", 4) == b"one\n"
    with pytest.raises(OSError, match="large"):
        tree.read("/etc/postfix/main.cf", 3)
    assert tree.read("/etc/postfix/main.cf", 4) == b"one\n"


def test_a_closed_revision_leaves_nothing(site: Path) -> None:
    tree = Revision("/", "HEAD", site)
    tree.read("/etc/postfix/main.cf")
    folder, processes = tree._objects._folder, dict(tree._objects._processes)
    assert Path(folder).is_dir()
    tree.close()
    tree.close()
    assert not Path(folder).exists()
    assert all(process._git.poll() is not None for process in processes.values())
    with pytest.raises(ValueError, match="closed"):
        tree.read("/etc/postfix/main.cf")


def test_sha256(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    (tmp_path / "x").write_text("x")
    (tmp_path / "f").mkdir()
    (tmp_path / "f/y").write_text("y")
    assert len(commit(tmp_path)) == 64
    tree = Revision("/", "HEAD", tmp_path)
    assert tree.read("/x") + tree.read("/f/y") == b"xy"


# -- what a repository would like to have run


def test_nothing_of_the_repository_is_run(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    marks = tmp_path_factory.mktemp("marks")
    program = marks / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >>{marks}/ran\ncat\n')
    program.chmod(0o755)
    run = str(program)
    for setting in ("core.fsmonitor", "core.pager", "core.sshCommand", "core.askPass", "pager.cat-file", "core.editor"):
        git(site, "config", setting, run)
    git(site, "config", "alias.rev-parse", f"!{run}")
    git(site, "config", "alias.cat-file", f"!{run}")
    git(site, "config", "filter.x.smudge", run)
    git(site, "config", "filter.x.process", run)
    git(site, "config", "diff.x.textconv", run)
    git(site, "config", "core.hooksPath", str(marks))
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (site / f".git/hooks/{hook}").symlink_to(program)
        (marks / hook).symlink_to(program)
    (site / ".git/info/attributes").write_text("* filter=x diff=x\n")
    (site / ".gitattributes").write_text("* filter=x diff=x\n")
    tree = Revision("/etc/postfix", "HEAD", site)
    (site / ".git/config").write_text("this is no configuration")  # it is not even read any more
    tree._objects._processes.popitem()[1].end()
    tree._objects._processes.popitem()[1].end()
    assert tree.read("/etc/postfix/main.cf") == b"one\n"
    assert not (marks / "ran").exists()


def test_what_is_missing_is_not_fetched(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A repository that says that it has only a part, and how the rest is got: by a command."""
    marks = tmp_path_factory.mktemp("marks")
    program = marks / "program"
    program.write_text(f"#!/bin/sh\necho ran >>{marks}/ran\n")
    program.chmod(0o755)
    blob = git(site, "rev-parse", "HEAD:etc/postfix/main.cf")
    (site / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()
    git(site, "config", "core.repositoryFormatVersion", "1")
    git(site, "config", "extensions.partialClone", "origin")
    git(site, "config", "remote.origin.url", str(site))
    git(site, "config", "remote.origin.promisor", "true")
    git(site, "config", "remote.origin.uploadpack", str(program))
    subprocess.run(  # so it is with git as it is: the test would find out
        ["git", "-c", "protocol.file.allow=always", "cat-file", "-p", blob], cwd=site, capture_output=True, check=False
    )
    assert (marks / "ran").exists()
    (marks / "ran").unlink()
    tree = Revision("/etc/postfix", "HEAD", site)
    with pytest.raises(OSError, match="missing"):
        tree.read("/etc/postfix/main.cf")
    for name in ("1" * 40, blob):
        with pytest.raises(NoRevision):
            Revision("/etc/postfix", name, site)
    assert not (marks / "ran").exists()


def test_replaced_objects_do_not_count(site: Path) -> None:
    blob = git(site, "rev-parse", "HEAD:etc/postfix/main.cf")
    (site / "other").write_text("other\n")
    git(site, "replace", blob, git(site, "hash-object", "-w", "other"))
    assert git(site, "cat-file", "-p", blob) == "other"
    assert Revision("/", "HEAD", site).read("/etc/postfix/main.cf") == b"one\n"


def test_the_environment_does_not_lead_elsewhere(
    site: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "x").write_text("x")
    commit(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other / ".git/objects"))
    monkeypatch.setenv("GIT_TRACE2", str(other / "trace"))
    assert Revision("/etc/postfix", "HEAD", site).read("/etc/postfix/main.cf") == b"one\n"
    assert not (other / "trace").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_repository_of_another_user_is_refused(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (site, *site.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    with pytest.raises(NoRevision, match="dubious ownership"):
        Revision("/etc/postfix", "HEAD", site)
    os.chown(site, 0, 0)
    os.chown(site / ".git", 0, 0)
    with pytest.raises(NoRevision, match="belongs to another user"):
        Revision("/etc/postfix", "HEAD", site)


def _write(site: Path, kind: str, data: bytes) -> str:
    """Write an object as it is; git would refuse some."""
    whole = f"{kind} {len(data)}\0".encode() + data
    name = sha1(whole, usedforsecurity=False).hexdigest()
    place = site / f".git/objects/{name[:2]}/{name[2:]}"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(whole))
    return name


def _commit(site: Path, tree: bytes, when: str = "1 +0000") -> str:
    name = _write(site, "tree", tree)
    return _write(site, "commit", f"tree {name}\ncommitter a <b> {when}\n\nx\n".encode())


def test_names_that_no_folder_can_have(site: Path) -> None:
    blob = bytes.fromhex(git(site, "rev-parse", "HEAD:etc/postfix/main.cf"))
    names = [b"..", b".", b"", b"a/b", b"/etc/passwd", b"good"]
    name = _commit(site, b"".join(b"100644 " + each + b"\0" + blob for each in names))
    tree = Revision("/", name, site)
    assert list(tree.list("/")) == ["good"]
    assert not tree.exists("/a/b")


@pytest.mark.parametrize(
    "tree",
    [b"100644 x\0short", b"100644", b"rwx x\0" + b"1" * 20, b"9 x\0" + b"1" * 20, b"1" * 20, b" x\0" + b"1" * 20],
)
def test_a_damaged_folder(site: Path, tree: bytes) -> None:
    found = Revision("/", _commit(site, tree), site)
    with pytest.raises(OSError, match="damaged"):
        found.list("/")


def test_an_object_that_is_another_one(site: Path) -> None:
    folder = bytes.fromhex(git(site, "rev-parse", "HEAD:etc"))
    blob = bytes.fromhex(git(site, "rev-parse", "HEAD:etc/postfix/main.cf"))
    data = b"100644 file\0" + folder + b"40000 folder\0" + blob + b"100644 gone\0" + b"1" * 20
    tree = Revision("/", _commit(site, data), site)
    for name in ("/file", "/folder/x", "/gone"):
        with pytest.raises(OSError, match=r"no blob|no tree|missing"):
            tree.read(name)


@pytest.mark.parametrize(("when", "seconds"), [("7 +0000", 7), ("-5 +0000", 0), ("9" * 30 + " +0000", 0), ("", 0)])
def test_times_of_commits(site: Path, when: str, seconds: int) -> None:
    tree = Revision("/", _commit(site, b"", when), site)
    assert tree.stat("/").st_mtime_ns == seconds * 10**9


def test_modes_of_old_repositories(site: Path) -> None:
    blob = bytes.fromhex(git(site, "rev-parse", "HEAD:etc/postfix/main.cf"))
    tree = Revision("/", _commit(site, b"100664 shared\0" + blob + b"100755 run\0" + blob), site)
    assert stat.S_IMODE(tree.stat("/shared").st_mode) == 0o664
    assert stat.S_IMODE(tree.stat("/run").st_mode) == 0o755


def test_git_that_does_not_answer_is_given_up(site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tree = Revision("/", "HEAD", site)
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 40\n")
    silent.chmod(0o755)
    tree._objects.close()
    fresh = Revision("/", "HEAD", site)
    fresh._objects._processes.popitem()[1].end()
    fresh._objects._processes.clear()
    monkeypatch.setattr(git_module, "PATIENCE", 0.1)
    monkeypatch.setattr(git_module, "_git", lambda: str(silent))
    began = time.monotonic()
    with pytest.raises(OSError, match="git does not answer"):
        fresh.read("/etc/postfix/main.cf")
    assert time.monotonic() - began < 20
    monkeypatch.undo()
    assert fresh.read("/etc/postfix/main.cf") == b"one\n"


def test_git_that_dies_is_started_again(site: Path) -> None:
    tree = Revision("/", "HEAD", site)
    for process in tree._objects._processes.values():
        process._git.kill()
        process._git.wait()
    with pytest.raises(OSError, match="git does not answer"):
        tree.read("/etc/postfix/main.cf")
    with pytest.raises(OSError, match="git does not answer"):
        tree.read("/etc/postfix/main.cf")
    assert tree.read("/etc/postfix/main.cf") == b"one\n"

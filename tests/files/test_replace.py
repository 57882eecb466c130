from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from system_calls import Call, check_replaced, recorded

from mailconf.files import Root, Untrusted, distrust, read_own, remove_leftovers, replace, sync_folder


def test_replace_keeps_mode_and_owner_of_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "map.db"
    target.write_bytes(b"old")
    target.chmod(0o640)
    with replace(target) as file:
        file.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["map.db"]


def test_a_new_file_takes_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with replace(tmp_path / "x") as file:
            file.write(b"1")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "map.db"
    target.write_bytes(b"old")
    with pytest.raises(ValueError, match="broken"), replace(target) as file:
        file.write(b"half")
        raise ValueError("broken")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["map.db"]


@pytest.mark.parametrize("old", [True, False])
def test_a_crash_at_any_moment_leaves_a_whole_file(tmp_path: Path, old: bool) -> None:
    target = tmp_path / "map.db"
    if old:
        target.write_bytes(b"old")

    def action() -> None:
        with replace(target) as file:
            file.write(b"one")
            file.seek(0)
            file.write(b"two" * 5000)
            file.write(b"end")

    calls = recorded(action)
    check_replaced(calls, target)
    assert [call for call in calls if call.name == "write" and call.path == str(target)] == []


def test_a_folder_is_synced(tmp_path: Path) -> None:
    assert Call("sync", str(tmp_path)) in recorded(lambda: sync_folder(tmp_path))


def test_paths_lie_below_another_root_once() -> None:
    root = Root("/tmp/scratch")
    assert root.path("/etc/aliases") == Path("/tmp/scratch/etc/aliases")
    assert root.path(root.path("/etc/aliases")) == Path("/tmp/scratch/etc/aliases")
    assert root.path("aliases") == Path("aliases")
    assert root.inside("/tmp/scratch/etc/aliases") == "/etc/aliases"
    assert root.inside("/tmp/scratch") == "/"
    assert Root().path("/etc/aliases") == Path("/etc/aliases")


def test_the_longest_name_can_be_replaced(tmp_path: Path) -> None:
    target = tmp_path / ("\u00e4" * 127)
    with replace(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


def status(uid: int, mode: int) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, uid, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("uid", "mode", "words"),
    [
        (os.geteuid(), 0o600, ""),
        (os.geteuid(), 0o755, ""),
        (0, 0o644, ""),
        (4242, 0o600, "belongs to another user"),
        (os.geteuid(), 0o620, "other users can write"),
        (0, 0o602, "other users can write"),
    ],
)
def test_only_root_and_we_are_believed(uid: int, mode: int, words: str) -> None:
    if not words:
        distrust(status(uid, mode), Path("x"))
        return
    with pytest.raises(Untrusted, match=words):
        distrust(status(uid, mode), Path("x"))


def test_our_own_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    path.chmod(0o600)
    assert read_own(path, 5) == b"12345"
    with pytest.raises(OSError, match="too large"):
        read_own(path, 4)
    (tmp_path / "link").symlink_to("x")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for other in ("link", "pipe", ""):
        with pytest.raises(OSError):
            read_own(tmp_path / other, 5)


@pytest.mark.parametrize("name", ["/../../etc/x", "/etc/../../x/../etc/x", "/a/../../../etc/x"])
def test_no_path_leads_out_of_the_root(tmp_path: Path, name: str) -> None:
    root = Root(tmp_path / "tree")
    assert root.path(name) == tmp_path / "tree/etc/x"
    assert root.path(f"{tmp_path}/tree/../{name}").is_relative_to(tmp_path / "tree")


# -- what killed processes leave


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def writing(target: Path) -> Iterator[int]:
    """A child that has begun to replace ``target``, and is killed before it has come to an end."""
    ready, begun = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with replace(target) as file:
                file.write(b"half")
                os.write(begun, b"x")
                signal.pause()
        finally:
            os._exit(1)
    os.close(begun)
    try:
        assert os.read(ready, 1) == b"x"
        yield child
    finally:
        os.close(ready)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path: Path) -> None:
    target = tmp_path / "t.db"
    with writing(target) as child:
        (name,) = names(tmp_path)
        assert name.startswith(f".t.db.{child}.")
        with replace(target) as file:  # the child is alive
            file.write(b"new")
        assert names(tmp_path) == [name, "t.db"]
    remove_leftovers(tmp_path / "other.db")
    assert names(tmp_path) == [name, "t.db"]
    with replace(target) as file:
        assert len(names(tmp_path)) == 2 and name not in names(tmp_path)
        file.write(b"newer")
    assert names(tmp_path) == ["t.db"] and target.read_bytes() == b"newer"


def test_the_number_of_a_process_that_is_alive_protects_nothing(tmp_path: Path) -> None:
    for number in (1, os.getpid(), 99999999):
        (tmp_path / f".t.db.{number}.0123abcd").write_bytes(b"left")
    (tmp_path / ".t.db.7.0123abce").write_bytes(b"left")
    (tmp_path / ".t.db.7.0123abce").chmod(0o440)
    remove_leftovers(tmp_path / "t.db")
    assert names(tmp_path) == []


def test_only_what_replace_has_made_is_removed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"kept")
    (tmp_path / ".t.db.1.0123abcd").mkdir()
    (tmp_path / ".t.db.2.0123abcd").symlink_to("elsewhere")
    os.mkfifo(tmp_path / ".t.db.3.0123abcd")
    for name in (".t.db.4.0123ABCD", ".t.db.4.0123abc", ".t.db.x.0123abcd", ".t.db.bak", ".t.dbx.1.0123abcd", "t.db"):
        (tmp_path / name).write_bytes(b"kept")
    before = names(tmp_path)
    if os.geteuid() == 0:
        (tmp_path / ".t.db.5.0123abcd").write_bytes(b"of another user")
        os.chown(tmp_path / ".t.db.5.0123abcd", 12345, 12345)
        before = names(tmp_path)
    remove_leftovers(tmp_path / "t.db")
    assert names(tmp_path) == before


def test_a_new_file_that_was_taken_for_a_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process removes it between open and flock: then another one is made."""
    import fcntl

    real, removed = fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with replace(tmp_path / "t.db") as file:
        file.write(b"new")
    assert removed and names(tmp_path) == ["t.db"] and (tmp_path / "t.db").read_bytes() == b"new"


def test_the_lock_is_held_until_the_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.replace

    def rename(self: Path, target: Path) -> Path:
        remove_leftovers(target)  # as another process would
        return real(self, target)

    monkeypatch.setattr(Path, "replace", rename)
    with replace(tmp_path / "t.db") as file:
        file.write(b"new")
    assert names(tmp_path) == ["t.db"]

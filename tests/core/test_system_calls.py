"""The recorder sees what Python and what C libraries do."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from system_calls import Call, check_replaced, check_synced, killed, mark, recorded


def test_calls_come_in_order_with_their_paths(tmp_path: Path) -> None:
    def action() -> None:
        os.chdir(tmp_path)
        file = os.open("a", os.O_RDWR | os.O_CREAT)
        os.write(file, b"one")
        os.writev(file, [b"two", b"three"])
        fcntl.lockf(file, fcntl.LOCK_SH)
        os.pread(file, 3, 0)
        fcntl.flock(file, fcntl.LOCK_EX)
        os.fsync(file)
        os.rename("a", "b")  # noqa: PTH104
        mark("done")
        folder = os.open(tmp_path, os.O_RDONLY)
        os.link("b", "c", src_dir_fd=folder)
        os.unlink("c", dir_fd=folder)
        os.fsync(folder)
        try:
            os.rename("nothing", "d")  # noqa: PTH104
        except FileNotFoundError:
            pass

    a, b, c = (str(tmp_path / name) for name in "abc")
    assert recorded(action) == [
        Call("create", a),
        Call("write", a, data=b"one"),
        Call("write", a, data=b"twothree"),
        Call("shared", a),
        Call("read", a),
        Call("exclusive", a),
        Call("sync", a),
        Call("rename", a, b),
        Call("mark", "done"),
        Call("link", b, c),
        Call("unlink", c),
        Call("sync", str(tmp_path)),
    ]


def test_threads_children_and_libraries_are_seen(tmp_path: Path) -> None:
    def action() -> None:
        thread = threading.Thread(target=mark, args=["thread"])
        thread.start()
        thread.join()
        child = os.fork()
        if child == 0:
            mark("child")
            os._exit(0)
        os.waitpid(child, 0)
        database = sqlite3.connect(tmp_path / "db")
        database.execute("CREATE TABLE t (x)")
        database.close()

    calls = recorded(action)
    assert [call.path for call in calls if call.name == "mark"] == ["thread", "child"]
    check_synced(calls, str(tmp_path / "db"))


def test_a_process_is_killed_before_each_change(tmp_path: Path) -> None:
    target, other = tmp_path / "a", tmp_path / "b"

    def action() -> None:
        target.write_bytes(b"x")
        mark("written")
        target.rename(other)

    seen: list[bool] = []
    ends = [killed(action, at, lambda: seen.append(other.exists())) for at in range(4)]
    assert [was for was, _ in ends] == [True, True, True, False]
    assert [[call.name for call in calls] for _, calls in ends] == [
        [],
        ["create"],
        ["create", "write", "mark"],
        ["create", "write", "mark", "rename"],
    ]
    assert not any(seen) and len(seen) == 1 + 2 + 3 + 3


def test_an_action_that_fails_fails_the_test(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match="ended with 1"):
        recorded(lambda: 1 / 0)
    assert "ZeroDivisionError" in capfd.readouterr().err


WRITE, SYNC, RENAME, FOLDER = (
    Call("write", "/f/t"),
    Call("sync", "/f/t"),
    Call("rename", "/f/t", "/f/x"),
    Call("sync", "/f"),
)


@pytest.mark.parametrize(
    "calls",
    [
        [],
        [WRITE, RENAME, FOLDER],
        [SYNC, WRITE, RENAME, FOLDER],
        [WRITE, RENAME, SYNC, FOLDER],
        [WRITE, SYNC, RENAME],
        [WRITE, SYNC, FOLDER, RENAME],
        [WRITE, SYNC, RENAME, FOLDER, Call("write", "/f/x")],
    ],
)
def test_another_order_is_refused(calls: list[Call]) -> None:
    check_replaced([WRITE, SYNC, RENAME, FOLDER], Path("/f/x"))
    with pytest.raises(AssertionError):
        check_replaced(calls, Path("/f/x"))

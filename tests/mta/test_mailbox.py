"""Mailbox files: appended whole or not at all, under locks, never through somebody's link."""

from __future__ import annotations

import mailbox as standard
import os
import resource
import socket
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from system_calls import Call, check_synced, mark, recorded

from mailconf.mta import mailbox, mailbox_writer
from mailconf.mta.mailbox import Failure, append, maildir, mbox_entry
from mailconf.mta.mailbox_writer import perform

HEAD = b"Return-Path: <a@x>\n"


def failure(*arguments: object, **options: object) -> Failure:
    with pytest.raises(Failure) as caught:
        append(*arguments, **options)  # type: ignore[arg-type]
    return caught.value


def test_an_mbox_is_private_and_read_by_others(tmp_path: Path) -> None:
    box = tmp_path / "box"
    for number in range(3):
        append(str(box), mbox_entry(HEAD, b"Subject: %d\n\nFrom me\nlast" % number, "a@x", 0.0))
    assert stat.S_IMODE(box.stat().st_mode) == 0o600
    assert not (tmp_path / "box.lock").exists()
    read = standard.mbox(box, create=False)
    assert [message["Subject"] for message in read] == ["0", "1", "2"]
    assert read[0].get_payload() == ">From me\nlast\n"


@given(st.lists(st.binary(max_size=60), max_size=4), st.text(max_size=10))
def test_entries_stay_apart_whatever_they_hold(bodies: list[bytes], sender: str) -> None:
    sender = "".join(c for c in sender if c.isalnum())
    text = b"".join(mbox_entry(b"X: y\n", b"\n" + body, sender, 0.0) for body in bodies)
    begins = [line for line in text.split(b"\n") if line.startswith(b"From ")]
    assert len(begins) == len(bodies)


def test_what_cannot_be_written_whole_is_cut_off(tmp_path: Path) -> None:
    """A real short write: the process may not make files of more than 4096 bytes."""
    box = tmp_path / "box"
    box.write_bytes(b"old\n")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            answer = perform({"kind": "mbox", "path": str(box), "limit": 0, "required": False}, b"x" * 9000)
            expected = {"dsn": "5.2.2", "text": "error writing message: File too large"}
            code = 0 if answer == expected else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert box.read_bytes() == b"old\n"


def test_the_size_limit_counts_what_is_there(tmp_path: Path) -> None:
    box = tmp_path / "box"
    append(str(box), b"x" * 60, limit=100)
    found = failure(str(box), b"x" * 60, limit=100)
    assert (found.dsn, found.text) == ("5.2.2", "error writing message: File too large")
    assert box.stat().st_size == 60


def test_links_and_odd_files_are_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)  # in root's own folder, root's links are followed
    target = tmp_path / "target"
    target.write_bytes(b"precious\n")
    (tmp_path / "symlink").symlink_to(target)
    assert failure(str(tmp_path / "symlink"), b"x").text == "file is a symbolic link"
    os.link(target, tmp_path / "hardlink")
    assert failure(str(tmp_path / "hardlink"), b"x").text == "file has 2 hard links"
    os.mkfifo(tmp_path / "fifo")
    assert failure(str(tmp_path / "fifo"), b"x").dsn == "5.2.0"
    assert failure(str(tmp_path), b"x").dsn == "5.2.0"
    assert target.read_bytes() == b"precious\n"
    found = failure(str(tmp_path / "none" / "box"), b"x")
    assert found.text == "cannot create file exclusively: No such file or directory"


def test_dev_null_takes_everything() -> None:
    assert append("/dev/null", b"x" * 100_000) == []


def test_a_message_in_a_mailbox_is_on_disk_before_that_is_reported(tmp_path: Path) -> None:
    box = str(tmp_path / "box")

    def action() -> None:
        append(box, b"one\n")
        mark("new")
        append(box, b"two\n")

    calls = recorded(action)
    at = calls.index(Call("mark", "new"))
    check_synced(calls[:at], box)
    assert Call("sync", str(tmp_path)) in calls[:at], "the name of the new mailbox is not durable"
    check_synced(calls[at:], box)
    names = [call.name for call in calls[at:] if call.path == box]
    assert names == ["exclusive", "write", "sync"]


def test_a_message_in_a_maildir_is_on_disk_before_that_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "Maildir"
    calls = recorded(lambda: maildir(str(folder), b"one\n"))
    (at,) = [at for at, call in enumerate(calls) if call.name == "link"]
    assert Path(calls[at].new).parent == folder / "new"
    check_synced(calls[:at], calls[at].path)
    assert Call("sync", str(folder / "new")) in calls[at:]
    for each in (folder, folder.parent, tmp_path):
        assert Call("sync", str(each)) in calls, f"the names in {each} are not durable"


def test_a_locked_file_waits_for_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = tmp_path / "box"
    box.touch()
    monkeypatch.setattr(mailbox, "LOCK_DELAY", 0.01)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(box)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None and holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    monkeypatch.setattr(mailbox, "LOCK_ATTEMPTS", 2)
    assert failure(str(box), b"x").text == "unable to lock for exclusive access: Resource temporarily unavailable"
    monkeypatch.setattr(mailbox, "LOCK_ATTEMPTS", 3000)
    writer = threading.Thread(target=append, args=(str(box), b"mine\n"))
    writer.start()
    holder.stdin.close()
    holder.wait()
    writer.join()
    assert box.read_bytes() == b"theirs\nmine\n"


HOLDER = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
    file.write(b"theirs\\n")
"""


def test_a_fresh_lock_file_is_respected_and_a_stale_one_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, lock = tmp_path / "box", tmp_path / "box.lock"
    monkeypatch.setattr(mailbox, "LOCK_DELAY", 0.0)
    lock.touch()
    found = failure(str(box), b"x")
    assert (found.dsn, found.text) == ("4.2.0", f"unable to create lock file {lock}: File exists")
    os.utime(lock, (0, 0))
    assert append(str(box), b"x") == []
    assert not lock.exists() and box.read_bytes() == b"x"


def test_many_writers_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "LOCK_DELAY", 0.001)
    monkeypatch.setattr(mailbox, "LOCK_ATTEMPTS", 100_000)
    box = tmp_path / "box"
    writers = [
        threading.Thread(target=append, args=(str(box), mbox_entry(HEAD, b"\n%d\n" % n * 500, "a@x", 0.0)))
        for n in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(standard.mbox(box, create=False)) == 8


def test_a_maildir_is_made_and_read_by_others(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "Maildir"
    for number in range(3):
        maildir(f"{folder}/", b"Subject: %d\n\nFrom x\n" % number)
    assert sorted(path.name for path in folder.iterdir()) == ["cur", "new", "tmp"]
    assert stat.S_IMODE((folder / "new").stat().st_mode) & 0o077 == 0
    assert list((folder / "tmp").iterdir()) == []
    read = standard.Maildir(folder, create=False)
    assert sorted(message["Subject"] for message in read) == ["0", "1", "2"]
    for path in (folder / "new").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        found = path.stat()
        assert f".V{found.st_dev:x}I{found.st_ino:x}M" in path.name


def test_a_maildir_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "Maildir").write_text("a file")
    with pytest.raises(Failure, match=r"create maildir file .*/tmp/\d+\.P\d+Q\d+\..*: Not a directory"):
        maildir(str(tmp_path / "Maildir"), b"x")
    with pytest.raises(Failure, match="error writing message: File too large") as caught:
        maildir(str(tmp_path / "other"), b"x" * 11, limit=10)
    assert caught.value.dsn == "5.2.2"
    assert list((tmp_path / "other" / "tmp").iterdir()) == []


def test_the_worker_program_speaks_the_protocol(tmp_path: Path) -> None:
    """As root it becomes the user; as anyone else it can only refuse to run."""
    near, far = socket.socketpair()
    worker = subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(mailbox_writer.__file__)), str(os.getuid()), str(os.getgid()), ""],
        stdin=far,
        stderr=subprocess.PIPE,
    )
    far.close()
    assert worker.stderr is not None
    if os.geteuid() != 0:
        assert b"PermissionError" in worker.stderr.read()
        return
    unpacker, answers = mailbox_writer.Unpacker(), []
    asked = ({"kind": "mbox", "required": False}, {"kind": "maildir"})
    for number, request in enumerate(asked):
        whole = {**request, "path": str(tmp_path / request["kind"]), "limit": 0}  # type: ignore[arg-type]
        near.sendall(mailbox_writer.packed(number, whole, b"From x\n\n"))
    near.shutdown(socket.SHUT_WR)
    while data := near.recv(7):  # in pieces
        answers += unpacker.feed(data)
    assert sorted(answers) == [(0, {"warnings": []}, b""), (1, {"warnings": []}, b"")]  # type: ignore[type-var]
    assert worker.wait() == 0
    assert (tmp_path / "mbox").read_bytes() == b"From x\n\n"


def test_threads_deliver_to_one_folder_in_the_same_second(tmp_path: Path) -> None:
    """As a program that is not root does: every message has a file of its own."""
    with ThreadPoolExecutor(16) as pool:
        assert not any(pool.map(lambda n: maildir(str(tmp_path / "box"), b"%d" % n), range(300)))
    found = [int(path.read_bytes()) for path in (tmp_path / "box/new").iterdir()]
    assert sorted(found) == list(range(300))
    assert not list((tmp_path / "box/tmp").iterdir())

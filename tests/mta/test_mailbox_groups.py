"""Messages for one mailbox that are written together: as durable as one alone, and none fails for another."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import stat
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from system_calls import Call, check_synced, recorded

from mailconf.files import Root
from mailconf.model.recipient import Identity
from mailconf.mta import identity, mailbox
from mailconf.mta.identity import Workers
from mailconf.mta.mailbox import Entry, append_all, maildir_all
from mailconf.mta.mailbox_writer import Unpacker, Writer, packed, perform_all


def test_files_of_a_group_are_on_disk_before_the_first_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        mailbox, "in_parallel", lambda actions: [action() for action in actions]
    )  # one thread is traced
    maildir_all(str(tmp_path / "box"), [Entry(b"first\n")])
    calls = recorded(lambda: maildir_all(str(tmp_path / "box"), [Entry(b"%d\n" % n) for n in range(4)]))
    first = next(at for at, call in enumerate(calls) if call.name == "link")
    links = [call for call in calls if call.name == "link"]
    assert len(links) == 4
    for link in links:
        check_synced(calls[:first], link.path)
    last = max(at for at, call in enumerate(calls) if call.name == "link")
    assert calls[last:].count(Call("sync", str(tmp_path / "box/new"))) == 1
    assert Call("sync", str(tmp_path / "box/new")) not in calls[:last]


def test_a_group_of_an_mbox_has_one_lock_and_one_sync(tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.write_bytes(b"old\n")
    calls = recorded(lambda: append_all(str(box), [Entry(b"%d\n" % n) for n in range(4)]))
    assert [call.name for call in calls if call.path == str(box)] == ["exclusive", *["write"] * 4, "sync"]
    assert box.read_bytes() == b"old\n0\n1\n2\n3\n"


def test_one_that_is_too_large_costs_the_others_nothing(tmp_path: Path) -> None:
    box = tmp_path / "box"
    entries = [Entry(b"1234", 9), Entry(b"567890", 9), Entry(b"abcde", 9), Entry(b"f", 9)]
    failures, _ = append_all(str(box), entries)
    assert [failure and failure.dsn for failure in failures] == [None, "5.2.2", None, "5.2.2"]
    assert box.read_bytes() == b"1234abcde"
    found = maildir_all(str(tmp_path / "dir"), [*entries[:2], Entry(b"1234567890", 9)])
    assert [failure and failure.dsn for failure in found] == [None, None, "5.2.2"]
    assert sorted(path.read_bytes() for path in (tmp_path / "dir/new").iterdir()) == [b"1234", b"567890"]
    assert not list((tmp_path / "dir/tmp").iterdir())


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_what_may_not_be_on_disk_is_reported_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = str(tmp_path / "box")
    request = {"kind": kind, "path": path, "limit": 0, "required": False}
    perform_all([(request, b"old\n")])

    def refused(file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refused)
    answers = perform_all([(request, b"%d\n" % n) for n in range(3)])
    assert [answer["dsn"] for answer in answers] == ["5.2.0"] * 3
    found = [Path(path)] if kind == "mbox" else list(Path(path, "new").iterdir())
    assert [each.read_bytes() for each in found] == [b"old\n"]


def test_a_name_that_may_not_be_on_disk_is_reported_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maildir_all(str(tmp_path / "box"), [Entry(b"old\n")])
    real = os.fsync

    def refused(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(file)

    monkeypatch.setattr(os, "fsync", refused)
    failures = maildir_all(str(tmp_path / "box"), [Entry(b"%d\n" % n) for n in range(3)])
    assert [failure and failure.dsn for failure in failures] == ["5.2.0"] * 3


def test_nothing_follows_half_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be cut off again, on a disk that fails, is the last one that is written."""
    box = tmp_path / "box"
    real = os.write

    def write(file: int, data: memoryview) -> int:
        if bytes(data[:1]) == b"2":
            real(file, data[:1])
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(file, data)

    def truncate(file: int, length: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "ftruncate", truncate)
    failures, _ = append_all(str(box), [Entry(b"1\n"), Entry(b"2\n"), Entry(b"3\n")])
    assert [failure is None for failure in failures] == [True, False, False]
    assert box.read_bytes() == b"1\n2"


class Reports:
    """The answers of a Writer, as they come."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.answers: dict[int, dict[str, Any]] = {}
        self._changed = threading.Condition()

    def take(self, answers: list[tuple[int, dict[str, Any]]]) -> None:
        with self._changed:
            self.groups.append([number for number, _ in answers])
            self.answers.update(answers)
            self._changed.notify_all()

    def wait(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.answers) >= count, 60)


def test_what_comes_meanwhile_is_written_together_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox that somebody has locked holds up no other one of the same user."""
    monkeypatch.setattr(mailbox, "LOCK_DELAY", 0.01)
    monkeypatch.setattr(mailbox, "LOCK_ATTEMPTS", 100_000)
    reports = Reports()
    writer = Writer(reports.take)
    lock = tmp_path / "box.lock"
    lock.touch()
    locked = {"kind": "mbox", "path": str(tmp_path / "box"), "limit": 0, "required": True}
    for number in range(20):
        writer.put(number, locked, b"%d\n" % number)
    for number in range(20, 23):
        writer.put(number, {**locked, "path": str(tmp_path / f"other{number}")}, b"x\n")
    reports.wait(3)
    assert sorted(reports.answers) == [20, 21, 22]
    lock.unlink()
    writer.finish()
    assert list(reports.answers)[3:] == list(range(20))
    assert len(reports.groups) <= 5
    assert (tmp_path / "box").read_bytes() == b"".join(b"%d\n" % n for n in range(20))
    assert all(answer == {"warnings": []} for answer in reports.answers.values())


def test_requests_are_taken_apart_whatever_the_pieces() -> None:
    wire = b"".join(packed(n, {"n": n}, bytes(n) * 3) for n in range(6))
    for step in (1, 7, 40, len(wire)):
        unpacker, found = Unpacker(), []
        for at in range(0, len(wire), step):
            found += unpacker.feed(wire[at : at + step])
        assert found == [(n, {"n": n}, bytes(n) * 3) for n in range(6)]


# A program that takes the place of the worker: it ends after the first requests, as often as it is told.
DYING = """
import os, socket, sys
sys.path[:0] = [{top!r}]
from mailconf.mta.mailbox_writer import Unpacker, packed
pipe, unpacker = socket.socket(fileno=0), Unpacker()
with open({count!r}, "a+") as file:
    file.write("x")
    file.flush()
    file.seek(0)
    starts = len(file.read())
while piece := pipe.recv(65536):
    for number, request, data in unpacker.feed(piece):
        if starts <= {deaths}:
            os._exit(1)
        pipe.sendall(packed(number, {{"warnings": []}}))
"""


@pytest.mark.parametrize(("deaths", "delivered"), [(0, True), (1, True), (2, False)])
def test_a_process_that_dies_is_started_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: int, delivered: bool
) -> None:
    program = tmp_path / "worker.py"
    count = tmp_path / "count"
    top = str(Path(mailbox.__file__).parents[2])
    program.write_text(DYING.format(top=top, count=str(count), deaths=deaths))
    monkeypatch.setattr(identity.mailbox_writer, "__file__", str(program))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    started: list[int] = []
    popen = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> Any:
        process = popen(*arguments, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(subprocess, "Popen", start)

    async def main() -> dict[str, Any]:
        workers = Workers(Root("/"))
        request = {"kind": "maildir", "path": str(tmp_path / "box"), "limit": 0}
        answer = await workers.write(request, b"x\n", Identity(12345, 12345))
        await workers.close()
        return answer

    answer = asyncio.run(asyncio.wait_for(main(), 60))
    died = {"dsn": "4.3.0", "text": "the delivery process died"}
    assert answer == ({"warnings": []} if delivered else died)
    assert len(started) == min(deaths + 1, 2)
    for pid in started:  # none is left, not even as a zombie
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_locks_of_one_process_do_not_meet(tmp_path: Path) -> None:
    """fcntl(2)'s locks are a process's: of one mailbox only one thread at a time may have the file open."""
    inside = most = 0
    lock = threading.Lock()
    real = fcntl.lockf

    def watched(file: int, how: int) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        real(file, how)
        with lock:
            inside -= 1

    reports = Reports()
    writer = Writer(reports.take)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "lockf", watched)
        for number in range(100):
            kind = {"required": bool(number % 2), "mailbox": bool(number % 3)}
            writer.put(number, {"kind": "mbox", "path": str(tmp_path / "box"), "limit": 0, **kind}, b"%d\n" % number)
        writer.finish()
    assert most == 1
    assert (tmp_path / "box").read_bytes() == b"".join(b"%d\n" % n for n in range(100))

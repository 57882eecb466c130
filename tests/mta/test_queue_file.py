"""The file in which the queue is kept: SQLite's. What holds for any queue is in test_queue.py."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue import FILE, QueueError, Store


def message() -> Message:
    return Message("000001", "a@example.com", [Recipient("b@example.com")], b"Subject: x\n\nbody\n", 1000.0)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["writable", "link", "pipe"])
def test_a_queue_that_another_user_can_have_written_is_not_opened(tmp_path: Path, kind: str, ending: str) -> None:
    Store(tmp_path).close()
    path = tmp_path / f"{FILE}{ending}"
    path.touch()
    if kind == "writable":
        path.chmod(0o620)
    else:
        path.rename(tmp_path / "other")
        if kind == "link":
            path.symlink_to("other")
        else:
            os.mkfifo(path)
    with pytest.raises(QueueError, match=path.name):
        Store(tmp_path)


@pytest.mark.parametrize("content", [b"no database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(QueueError, match=FILE):
        Store(tmp_path)


def test_someone_elses_database_is_not_touched(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(QueueError, match="is not a mail queue"):
        Store(tmp_path)


def test_a_locked_file_is_an_error_of_ours(tmp_path: Path) -> None:
    Store(tmp_path).close()
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = Store(tmp_path, timeout=0.0)
    with pytest.raises(QueueError, match="locked"):
        store.run(lambda s: s.add(message(), 1))
    other.execute("ROLLBACK")
    assert store.run(lambda s: s.add(message(), 1)) == 1

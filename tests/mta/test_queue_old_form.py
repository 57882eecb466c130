"""The queue of earlier versions, an SQLite file: its mail, which was answered 250, is taken over once."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sqlite3
from pathlib import Path

import pytest
from test_queue import listed, message, with_queue

from mailconf.model.session import Verified
from mailconf.mta.queue import QueueError, RecipientState
from mailconf.mta.queue.local_queue import LocalQueue
from mailconf.mta.queue.old_form import APPLICATION, FILE, VERSION
from tests.queue_reader import queue_of

# As it was made then.
SCHEMA = """
CREATE TABLE message (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id TEXT NOT NULL UNIQUE,
    sender BLOB NOT NULL,
    arrival REAL NOT NULL,
    next_attempt REAL NOT NULL,
    hold INTEGER NOT NULL DEFAULT 0,
    warned INTEGER NOT NULL DEFAULT 0,
    local INTEGER NOT NULL,
    body TEXT NOT NULL, ret TEXT NOT NULL, envid BLOB NOT NULL, filter BLOB NOT NULL, client TEXT NOT NULL,
    size INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX message_due ON message (hold, next_attempt);
CREATE TABLE recipient (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    address BLOB NOT NULL, original BLOB NOT NULL, orcpt BLOB NOT NULL, notify TEXT NOT NULL,
    state INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    dsn TEXT NOT NULL DEFAULT '', text BLOB NOT NULL DEFAULT x'', relay BLOB NOT NULL DEFAULT x'',
    code INTEGER NOT NULL DEFAULT 0, reply BLOB NOT NULL DEFAULT x''
);
CREATE INDEX recipient_message ON recipient (message);
"""

TAKEN = "mailconf.sqlite.taken"


def lay_out(folder: Path, count: int = 3, *, application: int = APPLICATION, version: int = VERSION) -> None:
    """An old queue; the second recipient of each message is deferred, and the second message is on hold."""
    base = sqlite3.connect(folder / FILE, isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.executescript(f"{SCHEMA}PRAGMA application_id={application};PRAGMA user_version={version};")
    client = json.dumps({"client_name": ["mx.example", "found"], "reverse_name": "unknown", "helo": "h"})
    for serial in range(1, count + 1):
        row = (serial, f"0000{serial:02X}", b"a\xff@b", 1000.5, 2000.5 + serial, serial == 2, 1, 0, "8BITMIME")
        row += ("HDRS", b"envid", b"smtp:[f]" if serial == 3 else b"", client if serial == 1 else "", 9)
        base.execute(f"INSERT INTO message VALUES ({','.join('?' * 15)})", (*row, b"content %d\n" % serial))
        columns = "message, address, original, orcpt, notify, state, tries, dsn, text, relay, code, reply"
        for address, state in ((b"one@x", 0), (b"two@x", 1)):
            outcome = (
                (1, 2, "4.1.0", b"later", b"mx[::1]", 450, b"4.1.0 a\nb") if state else (0, 0, "", b"", b"", 0, b"")
            )
            values = (serial, address, b"orig", b"rfc822;o", "NEVER", *outcome)
            base.execute(f"INSERT INTO recipient ({columns}) VALUES ({','.join('?' * 12)})", values)
    base.close()
    (folder / FILE).chmod(0o600)


def test_everything_is_taken_over_once(tmp_path: Path) -> None:
    lay_out(tmp_path)
    problems: list[str] = []

    async def main() -> None:
        queue = LocalQueue(tmp_path, report=problems.append, wall=lambda: 2001.5, steady=lambda: 0.0)
        queue.open()
        first, second, third = await listed(queue)
        assert [each.queue_id for each in (first, second, third)] == ["000001", "000002", "000003"]
        assert [each.hold for each in (first, second, third)] == [False, True, False]
        assert (first.next_attempt, first.warned, first.size, first.filter) == (2001.5, True, 9, "")
        assert third.filter == "smtp:[f]"
        sent = first.message
        assert (sent.sender, sent.arrival, sent.body, sent.ret) == ("a\udcff@b", 1000.5, "8BITMIME", "HDRS")
        assert (sent.envid, sent.local) == ("envid", False)
        whole = await queue.find("000001")
        assert whole is not None
        sent = whole.message
        assert sent.session is not None and sent.session.helo == "h"
        assert (sent.session.client_name, sent.session.reverse_name) == (
            Verified.found("mx.example"),
            Verified.unknown(),
        )
        assert second.message.session is None
        one, two = first.recipients
        assert (one.state, one.tries, one.recipient.orcpt) == (RecipientState.PENDING, 0, "rfc822;o")
        assert (two.state, two.tries, two.dsn, two.text) == (RecipientState.DEFERRED, 2, "4.1.0", "later")
        assert two.reply is not None and (two.reply.code, two.reply.lines) == (450, ("4.1.0 a", "b"))
        assert await queue.due() == [first.serial]
        found = await queue.find("000003")
        assert found is not None and found.message.content == b"content 3\n"
        await queue.delete("000002")
        await queue.close()

    asyncio.run(main())
    assert problems == [f"the queue {tmp_path / '.mailconf'} has taken over 3 messages of an earlier version"]
    assert sorted(path.name for path in tmp_path.glob("*sqlite*")) == [TAKEN]
    asyncio.run(asyncio.wait_for(_open(tmp_path), 60))
    assert [each.queue_id for each in queue_of(tmp_path)] == ["000001", "000003"]


async def _open(folder: Path) -> None:
    queue = LocalQueue(folder)
    queue.open()
    await queue.close()


@pytest.mark.parametrize("call", ["os.rename", "os.fdatasync", "os.pwrite"])
def test_a_takeover_that_fails_is_repeated_without_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def broken(*arguments: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    lay_out(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(call, broken)
        with pytest.raises(QueueError, match="an earlier version, cannot be taken over: Input/output error"):
            asyncio.run(_open(tmp_path))
    assert (tmp_path / FILE).exists()
    asyncio.run(_open(tmp_path))
    assert [each.queue_id for each in queue_of(tmp_path)] == ["000001", "000002", "000003"]
    assert not (tmp_path / FILE).exists()


def test_new_messages_do_not_have_the_numbers_of_old_ones(tmp_path: Path) -> None:
    lay_out(tmp_path)

    async def main(queue: LocalQueue) -> None:
        await queue.add(message(queue.new_id(0.0)))
        assert len(await listed(queue)) == 4

    with_queue(tmp_path, main)


@pytest.mark.parametrize("content", [b"no database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(QueueError, match=f"{FILE}.* cannot be taken over"):
        asyncio.run(_open(tmp_path))
    assert (tmp_path / FILE).read_bytes() == content


def test_someone_elses_database_is_not_touched(tmp_path: Path) -> None:
    lay_out(tmp_path, application=5)
    with pytest.raises(QueueError, match="is not a mail queue"):
        asyncio.run(_open(tmp_path))
    assert (tmp_path / FILE).exists()


def test_another_version_is_not_guessed(tmp_path: Path) -> None:
    lay_out(tmp_path, version=2)
    with pytest.raises(QueueError, match="has format 2, this program takes over 1"):
        asyncio.run(_open(tmp_path))


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["writable", "link", "pipe"])
def test_a_file_that_another_user_can_have_written_is_not_opened(tmp_path: Path, kind: str, ending: str) -> None:
    lay_out(tmp_path)
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
        asyncio.run(_open(tmp_path))


def test_a_locked_file_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailconf.mta.queue.old_form.PATIENCE", 0.0)
    lay_out(tmp_path)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(QueueError, match="locked"):
        asyncio.run(_open(tmp_path))
    other.execute("ROLLBACK")
    other.close()

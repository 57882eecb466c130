"""The queue: messages and what is still to be done for their recipients, in one SQLite file.

Format. ``<queue_directory>/mailconf.sqlite``, WAL journal, ``synchronous=FULL``: a COMMIT that returned survives a
crash of the process and of the machine. ``application_id`` is `APPLICATION`, ``user_version`` the schema's version.
Text is stored as the bytes of `mailconf.source.encode`, so that every address survives.

    message    serial (its place in time), queue_id, sender, arrival, next_attempt, hold, warned, local, body, ret,
               envid, filter, client (JSON: what is known of the client), size, content
    recipient  message, address, original, orcpt, notify, state, tries, dsn, text, relay, code, reply

`Store` is that file, used by one thread at a time: the MTA's, or a tool's (mailq, postsuper, postcat). `Queue` is the
MTA's side of it: operations are coroutines, one thread carries them out, and those that are ready together share one
COMMIT (group commit). A coroutine returns after its COMMIT did.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import queue
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

from mailconf.files import Untrusted, distrust, sync_folder
from mailconf.model.session import UNKNOWN, NameOutcome, Session, Verified
from mailconf.model.verdict import Reply
from mailconf.mta.message import Message, Recipient, Result, Status
from mailconf.source import decode, encode

T = TypeVar("T")

APPLICATION = 0x6D637175  # "mcqu"
VERSION = 1
FILE = "mailconf.sqlite"
LOCK = "mailconf.lock"  # held by the MTA that works on the queue; tools do not take it
_BATCH = 512  # operations that may share a commit
_FIRST_SERIAL = 0x20000

_SCHEMA = """
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


class QueueError(Exception):
    """The queue's file cannot be used: damaged, locked, not ours, no space. The message is one sentence for the log."""


class State(IntEnum):
    """What is to be done for a recipient: an attempt, another attempt, a notice to the sender, nothing."""

    PENDING = 0
    DEFERRED = 1
    FAILED = 2
    DONE = 3


_AFTER = {
    Status.SENT: State.DONE,
    Status.DEFERRED: State.DEFERRED,
    Status.BOUNCED: State.FAILED,
    Status.EXPIRED: State.FAILED,
}


@dataclass(slots=True)
class Queued:
    """A recipient in the queue, with the last attempt's outcome."""

    id: int
    recipient: Recipient
    state: State
    tries: int = 0
    dsn: str = ""
    text: str = ""
    relay: str = ""
    reply: Reply | None = None

    @property
    def open(self) -> bool:
        return self.state in (State.PENDING, State.DEFERRED)


@dataclass(slots=True)
class QueueEntry:
    """A message in the queue. ``message.content`` is empty where only the envelope was asked for (`Store.entries`).

    size  bytes as SMTP counts them: every line ended by CR LF
    """

    serial: int
    message: Message
    recipients: list[Queued]
    next_attempt: float
    hold: bool = False
    warned: bool = False
    filter: str = ""
    size: int = 0

    @property
    def queue_id(self) -> str:
        return self.message.queue_id

    @property
    def active(self) -> list[Queued]:
        """Those for whom there is still something to be attempted."""
        return [queued for queued in self.recipients if queued.open]


class Store:
    """The queue's file. Raises QueueError; unless described otherwise, a method is one statement of a transaction."""

    def __init__(self, directory: Path, *, timeout: float = 5.0) -> None:
        self.path = directory / FILE
        try:
            _make(directory)
            _distrust(directory, self.path)
        except Untrusted as error:
            raise QueueError(f"the queue {error.filename} is not used: {error.strerror}") from error
        except OSError as error:
            raise QueueError(f"cannot open the queue {self.path}: {error.strerror}") from error
        try:
            self._db = sqlite3.connect(self.path, timeout=timeout, isolation_level=None, check_same_thread=False)
            self._prepare()
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _prepare(self) -> None:
        db = self._db
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA foreign_keys=ON")
        version = self._value("PRAGMA user_version")
        if version == 0 and not self._value("SELECT count(*) FROM sqlite_schema"):
            db.executescript(
                f"BEGIN IMMEDIATE;{_SCHEMA}INSERT INTO sqlite_sequence VALUES ('message', {_FIRST_SERIAL});"
                f"PRAGMA application_id={APPLICATION};PRAGMA user_version={VERSION};COMMIT;"
            )
        elif self._value("PRAGMA application_id") != APPLICATION:
            raise QueueError(f"{self.path} is not a mail queue")
        elif version != VERSION:
            raise QueueError(f"the queue {self.path} has format {version}, this program writes {VERSION}")

    def _value(self, statement: str, *arguments: Any) -> Any:
        row = self._db.execute(statement, arguments).fetchone()
        return row[0] if row else None

    def _error(self, error: sqlite3.Error) -> QueueError:
        return QueueError(f"the queue {self.path} cannot be used: {error}")

    def close(self) -> None:
        self._db.close()

    def together(self, operations: Sequence[Callable[[Store], Any]]) -> list[Any]:
        """Carry out ``operations`` in one transaction; an operation's result, or the exception that undid it alone.

        Raises QueueError when the commit itself fails: then no one of them happened.
        """
        results: list[Any] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for operation in operations:
                    self._db.execute("SAVEPOINT one")
                    try:
                        results.append(operation(self))
                    except Exception as error:
                        self._db.execute("ROLLBACK TO one")
                        results.append(self._error(error) if isinstance(error, sqlite3.Error) else error)
                    self._db.execute("RELEASE one")
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._error(error) from error
        return results

    def run(self, operation: Callable[[Store], T]) -> T:
        """One operation in a transaction of its own."""
        (result,) = self.together([operation])
        if isinstance(result, Exception):
            raise result
        done: T = result
        return done

    # Writing

    def add(self, message: Message, serial: int, *, hold: bool = False, filter: str = "") -> int:
        """Enter a message whose recipients are all pending; ``serial`` is the number in its queue id."""
        self._db.execute(
            "INSERT INTO message VALUES (?,?,?,?,?,?,0,?,?,?,?,?,?,?,?)",
            (
                serial,
                message.queue_id,
                encode(message.sender),
                message.arrival,
                message.arrival,
                hold,
                bool(message.local),
                message.body,
                message.ret,
                encode(message.envid),
                encode(filter),
                _dump(message.session),
                message.size + message.content.count(b"\n"),
                message.content,
            ),
        )
        self._db.executemany(
            "INSERT INTO recipient (message, address, original, orcpt, notify, state) VALUES (?,?,?,?,?,0)",
            [
                (serial, encode(r.address), encode(r.original), encode(r.orcpt), r.notify.upper())
                for r in message.recipients
            ],
        )
        return serial

    def record(self, results: Iterable[tuple[int, Result]], *, again: bool = False) -> None:
        """The outcome of an attempt for recipients, by their ids; ``again`` corrects the record of the same one."""
        self._db.executemany(
            "UPDATE recipient SET state=?, tries=tries+?, dsn=?, text=?, relay=?, code=?, reply=? WHERE id=?",
            [
                (
                    _AFTER[r.status],
                    not again,
                    r.dsn,
                    encode(r.text),
                    encode(r.relay),
                    r.reply.code if r.reply else 0,
                    encode("\n".join(r.reply.lines)) if r.reply else b"",
                    id,
                )
                for id, r in results
            ],
        )

    def finish(self, ids: Iterable[int]) -> None:
        """Nothing is left to do for these recipients: their sender was notified."""
        self._db.executemany("UPDATE recipient SET state=3 WHERE id=?", [(id,) for id in ids])

    def defer(self, serial: int, until: float) -> None:
        self._db.execute("UPDATE message SET next_attempt=? WHERE serial=?", (until, serial))

    def warn(self, serial: int) -> None:
        """The sender was notified of the delay."""
        self._db.execute("UPDATE message SET warned=1 WHERE serial=?", (serial,))

    def remove(self, serial: int) -> None:
        self._db.execute("DELETE FROM message WHERE serial=?", (serial,))

    # What mailq(1), postsuper(1) and postcat(1) do; each returns whether, or how many, messages were concerned.

    def hold(self, queue_id: str) -> bool:
        return self._changed("UPDATE message SET hold=1 WHERE queue_id=? AND hold=0", queue_id)

    def release(self, queue_id: str, now: float) -> bool:
        """Off hold; it is due at once."""
        return self._changed("UPDATE message SET hold=0, next_attempt=? WHERE queue_id=? AND hold=1", now, queue_id)

    def requeue(self, queue_id: str, now: float) -> bool:
        """Everything that is left is pending anew and due at once, held or not."""
        self._db.execute(
            "UPDATE recipient SET state=0 WHERE state=1 AND message=(SELECT serial FROM message WHERE queue_id=?)",
            (queue_id,),
        )
        return self._changed("UPDATE message SET hold=0, next_attempt=? WHERE queue_id=?", now, queue_id)

    def delete(self, queue_id: str) -> bool:
        return self._changed("DELETE FROM message WHERE queue_id=?", queue_id)

    def flush(self, now: float) -> int:
        """Make every deferred message due; how many those are."""
        return self._db.execute(
            "UPDATE message SET next_attempt=? WHERE hold=0 AND next_attempt>?", (now, now)
        ).rowcount

    def _changed(self, statement: str, *arguments: Any) -> bool:
        return self._db.execute(statement, arguments).rowcount > 0

    # Reading

    def last_serial(self) -> int:
        """The highest serial ever used."""
        return int(self._value("SELECT seq FROM sqlite_sequence WHERE name='message'") or _FIRST_SERIAL)

    def due(self, now: float) -> list[int]:
        """The serials of the messages that an attempt is due for, the longest waiting first."""
        rows = self._db.execute(
            "SELECT serial FROM message WHERE hold=0 AND next_attempt<=? ORDER BY next_attempt, serial", (now,)
        )
        return [serial for (serial,) in rows]

    def load(self, serial: int) -> QueueEntry | None:
        """The message with its content, or None if it is gone."""
        return next(self._entries("WHERE serial=?", (serial,), "content"), None)

    def find(self, queue_id: str) -> QueueEntry | None:
        """The message with its content, by queue id."""
        return next(self._entries("WHERE queue_id=?", (queue_id,), "content"), None)

    def entries(self) -> Iterator[QueueEntry]:
        """All messages, without their contents, in order of arrival."""
        return self._entries("ORDER BY serial", (), "x''")

    def _entries(self, condition: str, arguments: tuple[Any, ...], content: str) -> Iterator[QueueEntry]:
        rows = self._db.execute(
            "SELECT serial, queue_id, sender, arrival, next_attempt, hold, warned, body, ret, envid, filter, client,"
            f" size, {content}, local FROM message {condition}",
            arguments,
        )
        for row in rows:
            recipients = [
                _queued(*found)
                for found in self._db.execute(
                    "SELECT id, address, original, orcpt, notify, state, tries, dsn, text, relay, code, reply"
                    " FROM recipient WHERE message=? ORDER BY id",
                    (row[0],),
                )
            ]
            message = Message(
                row[1], decode(row[2]), [q.recipient for q in recipients], row[13], row[3], row[7], row[8],
                decode(row[9]), _load(row[11]), local=bool(row[14]),
            )  # fmt: skip
            yield QueueEntry(row[0], message, recipients, row[4], bool(row[5]), bool(row[6]), decode(row[10]), row[12])


def _queued(
    id: int, address: bytes, original: bytes, orcpt: bytes, notify: str, state: int, tries: int,
    dsn: str, text: bytes, relay: bytes, code: int, reply: bytes,
) -> Queued:  # fmt: skip
    recipient = Recipient(decode(address), decode(original), decode(orcpt), notify)
    said = Reply(code, tuple(decode(reply).split("\n"))) if code else None
    return Queued(id, recipient, State(state), tries, dsn, decode(text), decode(relay), said)


_OF_THE_MOMENT = ("objection", "withheld")  # what the queue does not keep of a session
_SESSION = [known.name for known in fields(Session) if known.name not in _OF_THE_MOMENT]


_NAMES = ("client_name", "reverse_name")  # text, outcome


def _dump(session: Session | None) -> str:
    if session is None:
        return ""
    kept = {name: getattr(session, name) for name in _SESSION}
    for name in _NAMES:
        kept[name] = kept[name].text, kept[name].outcome.value
    return json.dumps(kept)


def _load(text: str) -> Session | None:
    if not text:
        return None
    kept = json.loads(text)
    for name in _NAMES:
        kept[name] = _verified(kept[name])
    return Session(**kept)


def _verified(stored: str | list[str]) -> Verified:
    """A client's name. Before names had outcomes, the queue kept the text alone."""
    if isinstance(stored, str):
        return Verified.unknown() if stored == UNKNOWN else Verified.found(stored)
    text, outcome = stored
    return Verified(text, NameOutcome(outcome))


def _make(directory: Path) -> None:
    """Make the queue's folder, private, and those above it that are missing; their names are durable then."""
    missing = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def _distrust(directory: Path, path: Path) -> None:
    """Make the queue's file if it is missing. Raises Untrusted where another user can have written what is in it.

    SQLite opens the files itself, and trusts the content of their journals: in a folder that only root and we can
    change.
    """
    distrust(directory.stat(), directory)
    # SQLite gives its journal files the mode of the database: it must be private before the first byte.
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(path, flags, 0o600)
    try:
        _distrust_file(os.fstat(file), path)
    finally:
        os.close(file)
    for ending in ("-wal", "-shm", "-journal"):
        journal = path.with_name(path.name + ending)
        with suppress(FileNotFoundError):
            _distrust_file(journal.lstat(), journal)


def _distrust_file(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Untrusted(errno.EINVAL, "it is no regular file", str(path))
    distrust(status, path)


class Queue:
    """The MTA's queue. Use from one event loop; `open` it first, `close` it last. Raises QueueError."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._work: queue.SimpleQueue[tuple[Callable[[Store], Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._store: Store | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next = 0
        self._lock = -1
        self.commits = 0

    def open(self) -> None:
        """Open or create the file; raises QueueError, also when another MTA works on this queue."""
        self._store = Store(self.directory)
        self._lock = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            self._lock = -1
            self._store.close()
            self._store = None
            raise QueueError(f"another mail system works on the queue {self.directory}") from error
        self._next = self._store.last_serial() + 1
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="queue", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Returns when everything that was asked for is on disk."""
        if self._thread is not None:
            self._work.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        if self._store is not None:
            self._store.close()
            self._store = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def new_id(self, now: float) -> str:
        """A queue id in Postfix's short form: microseconds, then a number that no message of this queue ever had."""
        serial, self._next = self._next, self._next + 1
        return f"{int(now * 1_000_000) % 1_000_000:05X}{serial:X}"

    @staticmethod
    def serial(queue_id: str) -> int:
        return int(queue_id[5:], 16)

    async def run(self, operation: Callable[[Store], T]) -> T:
        """The result of ``operation``, once it is committed."""
        if self._loop is None or self._thread is None:
            raise QueueError(f"the queue {self.directory / FILE} is not open")
        done: asyncio.Future[T] = self._loop.create_future()
        self._work.put((operation, done))
        return await done

    async def add(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        """Returns the serial once the message is durable."""
        serial = self.serial(message.queue_id)
        return await self.run(lambda store: store.add(message, serial, hold=hold, filter=filter))

    def _write(self) -> None:
        store, loop = self._store, self._loop
        assert store is not None and loop is not None
        while True:
            batch = [self._work.get()]
            try:
                while len(batch) < _BATCH and batch[-1] is not None:
                    batch.append(self._work.get_nowait())
            except queue.Empty:
                pass
            jobs = [item for item in batch if item is not None]
            try:
                results = store.together([operation for operation, _ in jobs]) if jobs else []
            except QueueError as error:
                results = [error] * len(jobs)
            self.commits += 1
            try:
                loop.call_soon_threadsafe(_resolve, [future for _, future in jobs], results)
            except RuntimeError:  # the loop is gone: nobody waits any more
                return
            if batch[-1] is None:
                return


def _resolve(futures: list[asyncio.Future[Any]], results: list[Any]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.cancelled():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)

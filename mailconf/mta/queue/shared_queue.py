"""The queue of several machines: a table of a PostgreSQL database, whose nodes take messages from it.

A node is a process that has opened the queue. It gets a number that none had before, and holds PostgreSQL's advisory
lock of that number by a connection of its own for as long as it lives. A message under way has the number of its node.
When a node dies its connection ends, and with it the lock: whoever gets that lock at a run of the queue gives the dead
node's messages free. No clock has a part in it, and what the dead node had finished and recorded is not done again.

Durability is PostgreSQL's: a message is acknowledged after the commit of its INSERT, which waits for the disk
(synchronous_commit). Times are the server's, so that the nodes' clocks need not agree.

Tables
    mailconf_queue_1         a row for each message; the number is the format's version
        serial               from the sequence mailconf_queue_1_serial, of which a node takes a thousand at a time
        queue_id, arrival    arrival in seconds since the epoch
        envelope             the values of an ADD, JSON in ASCII (`mailconf.mta.queue`), as the message came
        content              its bytes
        outcomes             what became of its recipients, as "state" of a RESULT; "" where nothing did yet
        due                  when the next attempt is due
        hold, warned, expire as in an ADD
        node                 the node that has it under way, NULL where none has
        came                 where a command left it, "FOLDER'S NAME/FILE", until the file is removed: till then it is
                             not attempted. FOLDER'S NAME is the random text in queue_directory's .mailconf/name
    mailconf_queue_1_node    a sequence: the numbers of nodes

What commands leave on a node's machine (.mailconf/incoming) is taken into the table by that node. A queue_directory
that holds mail of a queue of its own is refused: that mail would lie there unseen.

Source: PostgreSQL's documentation, SELECT (SKIP LOCKED), "Advisory Locks", NOTIFY.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailconf.files import replace, sync_folder
from mailconf.mta.measures import NO_MEASURES, Attempted, Census, Measures, Origin, Waiting
from mailconf.mta.message import Message, Result
from mailconf.mta.queue.entry import Queue, QueueEntry, QueueError
from mailconf.mta.queue.envelope import (
    Broken,
    Outcomes,
    body_size,
    dump,
    entry,
    envelope,
    load,
    outcomes_after,
    pending_anew,
)
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.holdings import Holdings, read_segments
from mailconf.mta.queue.incoming import look_or_refuse
from mailconf.mta.queue_ids import QueueIds, ShortIds

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import TupleRow

_TABLE = "mailconf_queue_1"
_LOCKS = 0x6D636E66  # the first key of this queue's advisory locks; the second is a node's number, 0 for the tables
_SERIALS = 1000  # that a node takes at a time
_TAKEN = 2000  # messages that a run of the queue takes at most; the others are left for other nodes, or the next run
_AGAIN = 1.0  # seconds to the next run where that many were there, and to the next attempt to reach the server
_LISTED = 200  # messages of a list that are read at a time
_CONNECTIONS = 8
_PATIENCE = 10.0  # seconds that a connection is waited for

_MAKE = f"""
CREATE SEQUENCE IF NOT EXISTS {_TABLE}_serial START 131073 INCREMENT {_SERIALS};
CREATE SEQUENCE IF NOT EXISTS {_TABLE}_node AS integer CYCLE;
CREATE TABLE IF NOT EXISTS {_TABLE} (
    serial bigint PRIMARY KEY,
    queue_id text NOT NULL UNIQUE,
    arrival double precision NOT NULL,
    envelope text NOT NULL,
    content bytea NOT NULL,
    outcomes text NOT NULL DEFAULT '',
    due timestamptz NOT NULL,
    hold boolean NOT NULL,
    warned boolean NOT NULL DEFAULT false,
    expire boolean NOT NULL DEFAULT false,
    node integer,
    came text UNIQUE
);
CREATE INDEX IF NOT EXISTS {_TABLE}_due ON {_TABLE} (due) WHERE node IS NULL AND NOT hold;
CREATE INDEX IF NOT EXISTS {_TABLE}_node_of ON {_TABLE} (node) WHERE node IS NOT NULL;
CREATE INDEX IF NOT EXISTS {_TABLE}_arrival ON {_TABLE} (arrival, serial);
"""
_ENTRY = "serial, envelope, outcomes, extract(epoch FROM due)::float8, hold, warned, expire, node, arrival"
_READY = "NOT hold AND came IS NULL AND due <= now()"
_SHORT = ShortIds()


class SharedQueue(Queue):
    """A `Queue`. Use it from one event loop; `open` it first, `close` it last.

    where      libpq's connection string or URI of the database
    directory  queue_directory of this machine, for what commands leave
    ids        how messages are called
    report     takes a sentence for the log about what is wrong with the queue
    """

    def __init__(
        self,
        where: str,
        directory: Path,
        ids: QueueIds = _SHORT,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.ids = ids
        self.changed: Callable[[], object] = lambda: None
        self.node = 0
        self._where = where
        self._folder = QueueFolder(directory)
        self._report = report
        self._pool: Any = None
        self._alive: AsyncConnection[TupleRow] | None = None  # holds the node's lock, and hears of changes
        self._watch: asyncio.Task[None] | None = None
        self._serials: deque[int] = deque()
        self._refill: asyncio.Task[None] | None = None
        self._receiving = asyncio.Lock()
        self.measures: Measures = NO_MEASURES
        self._lock = -1
        self._name = ""
        self._settled = False  # what a crash may have left between a row and its file has been looked for

    async def open(self) -> None:
        """Reach the database, and make the tables where they are missing. Raises QueueError."""
        try:
            import psycopg_pool
        except ImportError as error:
            raise QueueError("a shared queue needs a package: pip install 'mailconf[pgsql]'") from error
        logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())
        self._folder.make()
        self._lock = self._folder.lock()
        try:
            self._refuse_mail_of_its_own()
            self._name = _name(self._folder)
            with _errors():
                self._pool = psycopg_pool.AsyncConnectionPool(
                    self._where,
                    min_size=1,
                    max_size=_CONNECTIONS,
                    open=False,
                    timeout=_PATIENCE,
                    kwargs={"autocommit": True},
                    check=psycopg_pool.AsyncConnectionPool.check_connection,
                )
                await self._begin()
                await self._pool.open(wait=True, timeout=_PATIENCE)
        except BaseException:
            await self.close()
            raise
        self._watch = asyncio.create_task(self._watched())

    async def close(self) -> None:
        """What this node has under way is free for others. It is an attempt that comes again."""
        for task in (self._watch, self._refill):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._watch = self._refill = None
        if self._pool is not None:
            with suppress(QueueError):
                if self.node:
                    await self._execute(f"UPDATE {_TABLE} SET node = NULL WHERE node = %s", self.node)
            await self._pool.close()
            self._pool = None
        if self._alive is not None:
            await self._alive.close()
            self._alive = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _refuse_mail_of_its_own(self) -> None:
        holdings = Holdings()
        for _ in read_segments(self._folder, holdings):
            pass
        if holdings.messages:
            count = len(holdings.messages)
            raise QueueError(
                f"the queue {self._folder.path} holds {count} messages of this machine alone: "
                "serve it without a shared queue until it is empty"
            )

    # The node

    async def _begin(self) -> None:
        """Make the tables, and become a node, or the same one again after the connection was lost."""
        import psycopg

        alive = await psycopg.AsyncConnection.connect(self._where, autocommit=True, connect_timeout=int(_PATIENCE))
        try:
            async with alive.transaction():
                await alive.execute("SELECT pg_advisory_xact_lock(%s, 0)", (_LOCKS,))
                if not await _value(alive, "SELECT to_regclass(%s)", f"{_TABLE}_arrival"):
                    await alive.execute(_MAKE)
            if not self.node:
                self.node = int(await _value(alive, f"SELECT nextval('{_TABLE}_node')"))
                self._serials.extend(await _serials(alive))
            await alive.execute("SELECT pg_advisory_lock(%s, %s)", (_LOCKS, self.node))
            await alive.execute(f"LISTEN {_TABLE}")
        except BaseException:
            await alive.close()
            raise
        self._alive = alive

    async def _watched(self) -> None:
        """Hear of what others change; come back when the connection is lost."""
        import psycopg

        while True:
            try:
                if self._alive is None:
                    await self._begin()
                    self._report(f"the queue's database is there again; this is node {self.node} still")
                    self.changed()
                assert self._alive is not None
                async for _ in self._alive.notifies():
                    self.changed()
            except (psycopg.Error, OSError) as error:
                if self._alive is not None:
                    self._report(f"the queue's database is out of reach: {_sentence(error)}")
                    await self._alive.close()
                    self._alive = None
            await asyncio.sleep(_AGAIN)

    async def _bury(self, connection: AsyncConnection[TupleRow]) -> None:
        """Give free what dead nodes had under way."""
        found = await connection.execute(
            f"SELECT DISTINCT node FROM {_TABLE} WHERE node IS NOT NULL AND node <> %s", (self.node,)
        )
        for (node,) in await found.fetchall():
            async with connection.transaction():
                if await _value(connection, "SELECT pg_try_advisory_xact_lock(%s, %s)", _LOCKS, node):
                    freed = await connection.execute(f"UPDATE {_TABLE} SET node = NULL WHERE node = %s", (node,))
                    self._report(f"node {node} of the queue is gone: {freed.rowcount} messages that it had are free")

    def new_id(self, now: float) -> str:
        return self.ids.make(now, self._serial())

    def _serial(self) -> int:
        """One that no message of any node had. Those that are left when a node ends are nobody's."""
        if len(self._serials) < _SERIALS // 2 and (self._refill is None or self._refill.done()):
            self._refill = asyncio.get_running_loop().create_task(self._more_serials())
        if not self._serials:
            raise QueueError("the queue's database is out of reach")
        return self._serials.popleft()

    async def _more_serials(self) -> None:
        with suppress(QueueError):
            async with self._connection() as connection:
                self._serials.extend(await _serials(connection))

    # Statements

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        if self._pool is None:
            raise QueueError("the queue is not open")
        with _errors():
            async with self._pool.connection() as connection:
                yield connection

    async def _execute(self, statement: str, *values: Any) -> int:
        """How many rows it changed."""
        async with self._connection() as connection:
            return (await connection.execute(statement.encode(), values)).rowcount

    async def _rows(self, statement: str, *values: Any) -> list[Any]:
        async with self._connection() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()

    # Writing

    async def add(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        serial = self.ids.serial(message.queue_id)
        size = message.size + message.content.count(b"\n")
        values = envelope(message, size=size, body=body_size(message.content), hold=hold, filter=filter)
        node = None if hold or message.waits else self.node
        if not await self._insert(serial, values, message.content, node, None):
            raise QueueError(f"the queue has a message {message.queue_id} already")
        return serial

    async def _insert(
        self, serial: int, values: dict[str, Any], content: bytes, node: int | None, came: str | None
    ) -> bool:
        """Whether there was no message of this id, or from this file."""
        statement = (
            f"INSERT INTO {_TABLE} (serial, queue_id, arrival, envelope, content, due, hold, node, came) VALUES "
            "(%s, %s, %s, %s, %b, now() + %s * interval '1 second', %s, %s, %s) ON CONFLICT DO NOTHING"
        )
        wait = values["next"] - values["at"]
        kept = {name: value for name, value in values.items() if name not in ("hold", "came")}
        facts = serial, values["id"], values["at"], dump(kept).decode("ascii"), content, wait
        return bool(await self._execute(statement, *facts, bool(values.get("hold")), node, came))

    async def record(self, serial: int, results: Iterable[tuple[int, Result]], *, again: bool = False) -> None:
        await self._merge(serial, results, again=again)

    async def put_off(
        self,
        serial: int,
        delay: float,
        *,
        results: Iterable[tuple[int, Result]] = (),
        again: bool = False,
        told: Iterable[int] = (),
        warned: bool = False,
    ) -> None:
        await self._merge(serial, results, again=again, told=told, delay=delay, warned=warned)

    async def _merge(
        self,
        serial: int,
        results: Iterable[tuple[int, Result]],
        *,
        again: bool,
        told: Iterable[int] = (),
        delay: float | None = None,
        warned: bool = False,
    ) -> None:
        async with self._connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = off")
            outcomes = await _outcomes(connection, serial)
            if outcomes is None:
                return
            outcomes |= outcomes_after(outcomes, results, again=again, told=told)
            text = dump(outcomes).decode("ascii") if outcomes else ""
            later = "" if delay is None else ", node = NULL, due = now() + %s * interval '1 second'"
            statement = f"UPDATE {_TABLE} SET outcomes = %s, warned = warned OR %s{later} WHERE serial = %s"
            values = text, warned, *(() if delay is None else (delay,)), serial
            await connection.execute(statement.encode(), values)

    async def remove(self, serial: int) -> None:
        await self._execute(f"DELETE FROM {_TABLE} WHERE serial = %s", serial)

    async def _change(self, queue_id: str, what: str, where: str = "true") -> bool:
        statement = f"UPDATE {_TABLE} SET {what} WHERE queue_id = %s AND came IS NULL AND {where}"
        return bool(await self._execute(statement, queue_id))

    async def _tell(self) -> None:
        """Let the other nodes begin a run."""
        await self._execute(f"NOTIFY {_TABLE}")

    async def hold(self, queue_id: str) -> bool:
        return await self._change(queue_id, "hold = true", "NOT hold")

    async def release(self, queue_id: str) -> bool:
        return await self._change(queue_id, "hold = false, due = now()", "hold")

    async def hasten(self, queue_id: str) -> bool:
        return await self._change(queue_id, "due = now()", "NOT hold")

    async def expire(self, queue_id: str) -> bool:
        return await self._change(queue_id, "expire = true", "NOT expire")

    async def requeue(self, queue_id: str) -> bool:
        found = await self._rows(f"SELECT serial FROM {_TABLE} WHERE queue_id = %s AND came IS NULL", queue_id)
        if not found:
            return False
        async with self._connection() as connection, connection.transaction():
            outcomes = await _outcomes(connection, found[0][0])
            if outcomes is None:
                return False
            outcomes |= pending_anew(outcomes)
            statement = f"UPDATE {_TABLE} SET outcomes = %s, hold = false, due = now() WHERE serial = %s"
            text = dump(outcomes).decode("ascii") if outcomes else ""
            await connection.execute(statement.encode(), (text, found[0][0]))
        return True

    async def delete(self, queue_id: str) -> bool:
        return bool(await self._execute(f"DELETE FROM {_TABLE} WHERE queue_id = %s AND came IS NULL", queue_id))

    async def flush(self) -> int:
        await self._receive()
        statement = f"UPDATE {_TABLE} SET due = now() WHERE NOT hold AND came IS NULL AND due > now()"
        count = await self._execute(statement)
        if count:
            await self._tell()
        return count

    # Reading

    async def due(self) -> list[int]:
        """Takes messages for this node: those of its commands and of dead nodes among them."""
        await self._receive()
        take = (
            f"WITH mine AS (SELECT serial FROM {_TABLE} WHERE node IS NULL AND {_READY} "
            "ORDER BY due, serial LIMIT %s FOR UPDATE SKIP LOCKED) "
            f"UPDATE {_TABLE} SET node = %s FROM mine WHERE {_TABLE}.serial = mine.serial"
        )
        async with self._connection() as connection:
            await self._bury(connection)
            taken = (await connection.execute(take.encode(), (_TAKEN, self.node))).rowcount
            mine = f"SELECT serial FROM {_TABLE} WHERE node = %s AND {_READY} ORDER BY due, serial"
            rows = await (await connection.execute(mine.encode(), (self.node,))).fetchall()
        if taken == _TAKEN:
            asyncio.get_running_loop().call_later(_AGAIN, lambda: self.changed())
        return [serial for (serial,) in rows]

    async def look(self, serial: int) -> QueueEntry | None:
        """None also where another node has it: this one was given up for dead."""
        return await self._found(
            _ENTRY, "serial = %s AND came IS NULL AND (node IS NULL OR node = %s)", serial, self.node
        )

    async def content(self, serial: int) -> bytes | None:
        rows = await self._rows(f"SELECT content FROM {_TABLE} WHERE serial = %s", serial)
        return bytes(rows[0][0]) if rows else None

    async def find(self, queue_id: str) -> QueueEntry | None:
        return await self._found(f"{_ENTRY}, content", "queue_id = %s AND came IS NULL", queue_id)

    async def _found(self, columns: str, where: str, *values: Any) -> QueueEntry | None:
        rows = await self._rows(f"SELECT {columns} FROM {_TABLE} WHERE {where}", *values)
        return self._entry(rows[0]) if rows else None

    def _entry(self, row: tuple[Any, ...], *, session: bool = True) -> QueueEntry:
        serial, text, outcomes, due, hold, warned, expire, node, _, *content = row
        try:
            values = load(text.encode("ascii")) | {"next": due, "hold": hold, "warned": warned, "expire": expire}
            if outcomes:
                values["state"] = load(outcomes.encode("ascii"))
            if not session:
                values["session"] = None
            found = entry(serial, values, bytes(content[0]) if content else b"")
        except (Broken, UnicodeEncodeError) as error:
            raise QueueError(f"message {serial} of the queue makes no sense: {error}") from error
        found.elsewhere = node is not None and node != self.node
        return found

    async def entries(self) -> AsyncIterator[QueueEntry]:
        await self._receive()
        statement = (
            f"SELECT {_ENTRY} FROM {_TABLE} WHERE came IS NULL AND (arrival, serial) > (%s, %s) "
            f"ORDER BY arrival, serial LIMIT {_LISTED}"
        )
        after = float("-inf"), 0
        while rows := await self._rows(statement, *after):
            for row in rows:
                yield self._entry(row, session=False)
            after = rows[-1][8], rows[-1][0]

    async def census(self, attempted: Attempted) -> Census:
        """Of the whole queue; what any node has under way is active."""
        found = Census(incoming=len(await asyncio.to_thread(self._folder.messages)))
        statement = (
            "SELECT CASE WHEN hold THEN 'hold' WHEN node IS NULL THEN 'deferred' ELSE 'active' END AS state, "
            f"count(*), min(arrival) FROM {_TABLE} WHERE came IS NULL GROUP BY state"
        )
        for state, count, since in await self._rows(statement):
            setattr(found, state, Waiting(count, since))
        return found

    # What commands have left on this machine

    async def _receive(self) -> None:
        async with self._receiving:
            names = self._folder.messages()
            received = [name for name in names if await self._received(name)]
            if received:
                try:
                    for name in received:
                        self._folder.received(name)
                    await asyncio.to_thread(sync_folder, self._folder.incoming)
                except OSError as error:
                    self._report(f"the queue {self._folder.incoming} cannot be written: {error.strerror}")
                    return
            if received or not self._settled:
                left = [f"{self._name}/{name}" for name in names if name not in received]
                statement = f"UPDATE {_TABLE} SET came = NULL WHERE starts_with(came, %s) AND NOT came = ANY(%s)"
                await self._execute(statement, f"{self._name}/", left)
                self._settled = True

    async def _received(self, name: str) -> bool:
        """Put the message of a command into the table; whether its file is not needed any more."""
        problems: list[str] = []
        found = await asyncio.to_thread(look_or_refuse, self._folder, name, problems.append)
        for problem in problems:
            self._report(problem)
        if found is None:
            return False
        file, record, values = found
        with file:
            file.seek(record.start)
            content = await asyncio.to_thread(file.read, record.length)
        # Where a crash was between the row and the file the row is there already.
        if await self._insert(self._serial(), values, content, None, f"{self._name}/{name}"):
            self.measures.arrived(Origin.COMMAND)
        return True


def _name(folder: QueueFolder) -> str:
    """The random name of a queue_directory, by which rows say where a command left them."""
    path = folder.path / "name"
    try:
        with folder.open(path) as file:
            if found := file.read(64).decode("ascii", "replace").strip():
                return found
    except FileNotFoundError:
        pass  # a new folder
    name = secrets.token_hex(8)
    try:
        with replace(path, mode=0o600) as new:
            new.write(f"{name}\n".encode())
    except OSError as error:
        raise QueueError(f"the queue {folder.path} cannot be written: {error.strerror}") from error
    return name


async def _value(connection: AsyncConnection[TupleRow], statement: str, *values: Any) -> Any:
    row = await (await connection.execute(statement.encode(), values)).fetchone()
    return row[0] if row else None


async def _serials(connection: AsyncConnection[TupleRow]) -> range:
    first = int(await _value(connection, f"SELECT nextval('{_TABLE}_serial')"))
    return range(first, first + _SERIALS)


async def _outcomes(connection: AsyncConnection[TupleRow], serial: int) -> Outcomes | None:
    """What became of a message's recipients, its row locked; None where it is gone."""
    text = await _value(connection, f"SELECT outcomes FROM {_TABLE} WHERE serial = %s FOR UPDATE", serial)
    if text is None:
        return None
    try:
        return load(text.encode("ascii")) if text else {}
    except (Broken, UnicodeEncodeError) as error:
        raise QueueError(f"message {serial} of the queue makes no sense: {error}") from error


@contextmanager
def _errors() -> Iterator[None]:
    """What the database or the way to it says, as a QueueError."""
    import psycopg

    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise QueueError(f"the queue's database: {_sentence(error)}") from error


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

"""A tool's way to a queue: through the MTA that runs on it, or, where none does, on its files."""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mailconf.mta.control.operation import Listing, Operation, QueueName, Shown, listing, shown
from mailconf.mta.control.place import reachable
from mailconf.mta.queue.entry import QueueEntry, QueueError
from mailconf.mta.queue.envelope import entry
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.holdings import Holdings, read_envelopes, read_message, read_segments
from mailconf.mta.queue.incoming import look_at

if TYPE_CHECKING:
    from mailconf.mta.control.works import Works

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid
PATIENCE = 600.0  # seconds that an answer is waited for
_AT_ONCE = 500  # messages of a list that are read at a time


class QueueAccess(Protocol):
    """A queue as a tool sees it; what each does is said in `mailconf.mta.control.works`. Raises QueueError."""

    stopped: str  # why no MTA answers, in the system's words; "" where one does

    def listings(self) -> Iterator[Listing]: ...

    def show(self, queue_id: str) -> tuple[Shown, bytes] | None: ...

    def operate(self, operation: Operation, queue_id: str) -> bool: ...

    def operate_all(self, operation: Operation, queues: Collection[QueueName]) -> int: ...

    def flush(self) -> int: ...

    def attempt(self, queue_id: str) -> bool: ...

    def site(self, name: str) -> int: ...

    def close(self) -> None: ...


def open_queue(directory: Path) -> QueueAccess:
    """The queue below queue_directory. Raises QueueError where it is not to be trusted or cannot be reached."""
    folder = QueueFolder(directory)
    there = folder.look()
    reason = os.strerror(errno.ENOENT)
    if there:
        found = _connected(folder)
        if isinstance(found, socket.socket):
            return RunningQueue(found)
        # One that has run and ended leaves no socket here; the original's stays, and nobody listens at it.
        reason = os.strerror(errno.ECONNREFUSED) if found == reason else found
    return StoppedQueue(folder, reason, there=there)


def server_of(directory: Path) -> int | None:
    """The number of the process that serves the queue below queue_directory, as the kernel knows it; None where none
    does. Raises QueueError."""
    folder = QueueFolder(directory)
    found = _connected(folder) if folder.look() else ""
    if isinstance(found, str):
        return None
    with found:
        pid: int = _CREDENTIALS.unpack(found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[0]
    if pid <= 0:
        raise QueueError(f"the mail system at {folder.path} runs where its processes cannot be seen")
    return pid


def nudge(directory: Path) -> None:
    """Tell a MTA that runs on the queue, if one does, that there is something new in it."""
    try:
        connection = _connected(QueueFolder(directory), patience=1.0)
        if isinstance(connection, socket.socket):
            with connection:
                connection.sendall(b'{"do":"run"}\n')
                connection.recv(1)
    except (OSError, QueueError):
        pass


def _connected(folder: QueueFolder, patience: float = PATIENCE) -> socket.socket | str:
    """A connection to the MTA; the system's reason where none runs. Raises QueueError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(patience)
        with reachable(folder.path) as path:
            connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        connection.close()
        return str(error.strerror)
    except OSError as error:
        connection.close()
        raise QueueError(f"cannot reach the mail system at {folder.path}: {error.strerror or error}") from error
    return connection


class RunningQueue:
    """The queue of a MTA that runs, through its control socket."""

    stopped = ""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._file = connection.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _ask(self, **request: Any) -> None:
        try:
            self._socket.sendall(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            raise QueueError(f"the mail system does not answer: {error.strerror or error}") from error

    def _read(self, read: Callable[[], bytes]) -> bytes:
        try:
            data = read()
        except OSError as error:
            raise QueueError(f"the mail system does not answer: {error.strerror or error}") from error
        if not data:
            raise QueueError("the mail system has hung up")
        return data

    def _line(self) -> dict[str, Any]:
        line = self._read(self._file.readline)
        try:
            values = json.loads(line)
        except ValueError as error:
            raise QueueError("the mail system's answer makes no sense") from error
        if not isinstance(values, dict):
            raise QueueError("the mail system's answer makes no sense")
        if "error" in values:
            raise QueueError(str(values["error"]))
        return values

    def _end(self) -> int:
        return int(self._line()["end"])

    def listings(self) -> Iterator[Listing]:
        self._ask(do="list")
        while "end" not in (values := self._line()):
            yield Listing.of_values(values)

    def show(self, queue_id: str) -> tuple[Shown, bytes] | None:
        self._ask(do="show", id=queue_id)
        if "end" in (values := self._line()):
            return None
        about = Shown.of_values(values)
        content = self._read(lambda: self._file.read(about.length)) if about.length else b""
        self._end()
        return about, content

    def operate(self, operation: Operation, queue_id: str) -> bool:
        self._ask(do=operation.value, id=queue_id)
        return bool(self._end())

    def operate_all(self, operation: Operation, queues: Collection[QueueName]) -> int:
        self._ask(do=operation.value, queues=[queue.value for queue in queues])
        return self._end()

    def flush(self) -> int:
        self._ask(do="flush")
        return self._end()

    def attempt(self, queue_id: str) -> bool:
        self._ask(do="attempt", id=queue_id)
        return bool(self._end())

    def site(self, name: str) -> int:
        self._ask(do="site", name=name)
        return self._end()


class StoppedQueue:
    """The queue of a MTA that does not run.

    To look at it changes nothing. Who changes something is its owner from then on until `close`.
    """

    def __init__(self, folder: QueueFolder, reason: str, *, there: bool) -> None:
        self.stopped = reason
        self._folder = folder
        self._there = there
        self._owner: _Owner | None = None

    def close(self) -> None:
        if self._owner is not None:
            self._owner.close()
            self._owner = None

    def _read(self) -> Holdings:
        """What the segments hold; raises QueueError, also where a MTA begins just now."""
        holdings = Holdings()
        if self._there:
            lock = self._folder.lock()
            try:
                for _ in read_segments(self._folder, holdings):
                    pass  # the MTA reports damage when it starts
            finally:
                os.close(lock)
        return holdings

    def _left(self, came: Collection[str], *, content: bool = False) -> Iterator[QueueEntry]:
        """The messages that commands have left, and that no segment has."""
        for name in self._folder.messages() if self._there else ():
            if name not in came:
                with suppress(QueueError, FileNotFoundError):  # the MTA reports what it does not take
                    file, record, values = look_at(self._folder, name)
                    with file:
                        file.seek(record.start)
                        yield entry(record.serial, values, file.read(record.length) if content else b"")

    def listings(self) -> Iterator[Listing]:
        if self._owner is not None:
            yield from self._owner.listings()
            return
        holdings = self._read()
        held = sorted(holdings.messages.values(), key=lambda each: each.serial)
        for at in range(0, len(held), _AT_ONCE):
            for found in read_envelopes(self._folder, held[at : at + _AT_ONCE]):
                yield listing(found, under_way=False)
        for found in self._left(holdings.came):
            yield listing(found, under_way=False)

    def show(self, queue_id: str) -> tuple[Shown, bytes] | None:
        if self._owner is not None:
            return self._owner.show(queue_id)
        holdings = self._read()
        held = holdings.called(queue_id)
        if held is not None:
            try:
                found = read_message(self._folder, held, content=True)
            except FileNotFoundError as error:
                raise QueueError(f"the queue {error.filename} is gone") from error
            return shown(found, under_way=False), found.message.content
        for found in self._left(holdings.came, content=True):
            if found.queue_id == queue_id:
                return shown(found, under_way=False), found.message.content
        return None

    def _work(self, work: Callable[[Works], Coroutine[Any, Any, int]]) -> int:
        """Do something as the owner of the queue."""
        if not self._there:
            return 0
        if self._owner is None:
            self._owner = _Owner(self._folder.directory)
        return self._owner.work(work)

    def operate(self, operation: Operation, queue_id: str) -> bool:
        return bool(self._work(lambda works: works.operate(operation, queue_id)))

    def operate_all(self, operation: Operation, queues: Collection[QueueName]) -> int:
        return self._work(lambda works: works.operate_all(operation, queues))

    def flush(self) -> int:
        return self._work(lambda works: works.flush())

    def attempt(self, queue_id: str) -> bool:
        return bool(self._work(lambda works: works.attempt(queue_id)))

    def site(self, name: str) -> int:
        return self._work(lambda works: works.site(name))


class _Owner:
    """A queue that is open in this process, and the loop that it is used from. Raises QueueError."""

    def __init__(self, directory: Path) -> None:
        import asyncio

        from mailconf.mta.control.works import Works
        from mailconf.mta.queue.local_queue import LocalQueue

        self._queue = LocalQueue(directory)
        self._works = Works(self._queue)
        self._runner = asyncio.Runner()

        async def begun() -> None:
            self._queue.open()
            await self._queue.due()  # takes in what commands have left

        try:
            self._runner.run(begun())
        except BaseException:
            self._runner.close()
            raise

    def close(self) -> None:
        self._runner.run(self._queue.close())
        self._runner.close()

    def work(self, work: Callable[[Works], Coroutine[Any, Any, int]]) -> int:
        return self._runner.run(work(self._works))

    def show(self, queue_id: str) -> tuple[Shown, bytes] | None:
        return self._runner.run(self._works.show(queue_id))

    def listings(self) -> list[Listing]:
        async def listed() -> list[Listing]:
            return [each async for each in self._works.listings()]

        return self._runner.run(listed())

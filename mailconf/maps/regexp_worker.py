"""A process for those POSIX regular expressions that may take too long or too much memory.

regexec() cannot be interrupted, and a back-reference can make it search for hours (the original was seen to take 70
seconds for a text of 120 bytes). So what may be expensive is done by another process, which can be ended: after
`TIME_LIMIT` seconds, or when it holds more than `MEMORY_LIMIT` bytes. (A limit that the system enforces would not do:
where regexec() is refused memory it may answer that there is no match.)

The two speak over the worker's standard input and output: a length of 4 bytes and a pickle of that length. A request is
(pattern, options, subject), a subject of None asks only to compile; the reply is a pair of a kind and a value.
"""

from __future__ import annotations

import pickle
import select
import struct
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import IO, Any

from mailconf.maps.patterns import BadPattern, Spans
from mailconf.maps.table import TemporaryFailure

TIME_LIMIT = 2.0  # seconds for one request, by the clock
MEMORY_LIMIT = 256 << 20  # bytes in memory, where the system tells (/proc)
_LOOK = 20  # milliseconds between two looks at the worker's memory

_START = "import sys; sys.path[:] = {path!r}; from mailconf.maps.regexp_worker import serve; serve()"


class TooExpensive(Exception):
    """The request took more time or memory than there is."""


class GuardedExpression:
    """A compiled pattern that only the worker has seen: see `mailconf.maps.patterns.Expression`."""

    def __init__(self, pattern: bytes, options: int) -> None:
        self._pattern, self._options = pattern, options
        try:
            self.groups: int = worker().ask(pattern, options, None)
        except TooExpensive:
            raise BadPattern("Regular expression too big") from None

    def match(self, subject: bytes) -> Spans | None:
        try:
            spans: Spans | None = worker().ask(self._pattern, self._options, subject)
        except TooExpensive as problem:
            raise TemporaryFailure(f"regular expression stopped: {problem}") from None
        return spans


class Worker:
    """The process, started when it is first needed and again after it had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def ask(self, pattern: bytes, options: int, subject: bytes | None) -> Any:
        """The number of groups, or the match. Raises BadPattern, TemporaryFailure, TooExpensive."""
        with self._turn:
            process = self._running()
            assert process.stdin is not None and process.stdout is not None
            try:
                _send(process.stdin, (pattern, options, subject))
                self._await_reply(process)
                kind, value = _receive(process.stdout)
            except (OSError, EOFError, TooExpensive) as problem:
                self._end()
                raise TooExpensive(str(problem) or "the worker ended") from None
        if kind == "bad":
            raise BadPattern(value)
        if kind == "failed":
            raise TemporaryFailure(value)
        return value

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            code = _START.format(path=sys.path)
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            assert self._process.stdout is not None
            _receive(self._process.stdout)  # what it takes to start is not the pattern's fault
        return self._process

    def _await_reply(self, process: subprocess.Popen[bytes]) -> None:
        """Return when there is something to read. Raises TooExpensive."""
        assert process.stdout is not None
        poll = select.poll()
        poll.register(process.stdout, select.POLLIN)
        deadline = time.monotonic() + TIME_LIMIT
        while not poll.poll(_LOOK):
            if _resident(process.pid) > MEMORY_LIMIT:
                raise TooExpensive(f"it took more than {MEMORY_LIMIT >> 20} megabytes")
            if time.monotonic() > deadline:
                raise TooExpensive(f"it took more than {TIME_LIMIT:g} seconds")

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@cache
def worker() -> Worker:
    """The one of this process."""
    return Worker()


def serve() -> None:
    """The worker's side: answer until the requests end."""
    from mailconf.maps.posix_regex import Expression

    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    expressions: dict[tuple[bytes, int], Expression] = {}
    _send(replies, ("ready", None))
    while True:
        try:
            pattern, options, subject = _receive(requests)
        except EOFError:
            return
        try:
            key = (pattern, options)
            expression = expressions.get(key)
            if expression is None:
                expression = expressions[key] = Expression(pattern, options)
            reply: tuple[str, object] = ("done", expression.groups if subject is None else expression.match(subject))
        except BadPattern as problem:
            reply = ("bad", str(problem))
        except TemporaryFailure as problem:
            reply = ("failed", str(problem))
        _send(replies, reply)


def _send(stream: IO[bytes], message: object) -> None:
    data = pickle.dumps(message)
    view = memoryview(struct.pack("<I", len(data)) + data)
    while view:
        view = view[stream.write(view) :]
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    """The next message. Raises EOFError when the other side has ended."""
    (size,) = struct.unpack("<I", _read(stream, 4))
    return pickle.loads(_read(stream, size))


def _read(stream: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = stream.read(size - len(data))
        if not piece:
            raise EOFError("the worker ended")
        data += piece
    return data


def _resident(pid: int) -> int:
    """Bytes that a process holds in memory; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * 4096
    except (OSError, IndexError):
        return 0

"""A process for those POSIX regular expressions that may take too long or too much memory.

regexec() cannot be interrupted, and a back-reference can make it search for hours (the original was seen to take 70
seconds for a text of 120 bytes). So what may be expensive is done by another process, which can be ended: after
`TIME_LIMIT` seconds, or when it holds more than `MEMORY_LIMIT` bytes. (A limit that the system enforces would not do:
where regexec() is refused memory it may answer that there is no match.)

The two speak over the worker's standard input and output, in frames: a length of 4 bytes and that many bytes. A request
is the pattern's length, the options, whether there is a subject, the pattern and the subject; without a subject the
pattern is only compiled. A reply is one byte for its kind and, with

    R, N   nothing: the worker is ready; the subject does not match
    G      the number of groups, 4 bytes
    M      for each group where it begins and ends, 4 bytes each
    B, F   words: the pattern is bad; the search failed

The worker answers with numbers and words only, for it searches what strangers send.
"""

from __future__ import annotations

import select
import struct
import subprocess
import sys
import threading
import time
from functools import cache
from itertools import starmap
from typing import IO, Any

from mailconf.files import Root
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.patterns.patterns import BadExpression, Spans
from mailconf.source import decode, encode

TIME_LIMIT = 2.0  # seconds for one request, by the clock
MEMORY_LIMIT = 256 << 20  # bytes in memory, where the system reports them (/proc)
_LOOK = 20  # milliseconds between two looks at the worker's memory

_REQUEST = struct.Struct("<Ii?")
_SPAN = struct.Struct("<ii")
_START = "import sys; sys.path[:] = {path!r}; from mailconf.maps.patterns.regexp_worker import serve; serve()"


class TooExpensive(Exception):
    """The request took more time or memory than there is."""


class GuardedExpression:
    """A compiled pattern that only the worker has seen: see `mailconf.maps.patterns.patterns.Expression`."""

    def __init__(self, pattern: bytes, options: int) -> None:
        self._pattern, self._options = pattern, options
        try:
            self.groups: int = worker().ask(pattern, options, None)
        except TooExpensive:
            raise BadExpression("Regular expression too big") from None

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
                head = _REQUEST.pack(len(pattern), options, subject is not None)
                _send(process.stdin, head + pattern + (subject or b""))
                self._await_reply(process)
                return _value(_receive(process.stdout))
            except (OSError, EOFError, struct.error, TooExpensive) as problem:
                self._end()
                raise TooExpensive(str(problem) or "the worker ended") from None

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
    from mailconf.maps.patterns.posix_regex import PosixExpression

    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    expressions: dict[tuple[bytes, int], PosixExpression] = {}
    _send(replies, b"R")
    while True:
        try:
            request = _receive(requests)
        except EOFError:
            return
        length, options, has_subject = _REQUEST.unpack_from(request)
        pattern, subject = request[_REQUEST.size :][:length], request[_REQUEST.size + length :]
        try:
            key = (pattern, options)
            expression = expressions.get(key)
            if expression is None:
                expression = expressions[key] = PosixExpression(pattern, options)
            if not has_subject:
                reply = b"G" + struct.pack("<I", expression.groups)
            elif (spans := expression.match(subject)) is None:
                reply = b"N"
            else:
                reply = b"M" + b"".join(starmap(_SPAN.pack, spans))
        except BadExpression as problem:
            reply = b"B" + encode(str(problem))
        except TemporaryFailure as problem:
            reply = b"F" + encode(str(problem))
        _send(replies, reply)


def _value(reply: bytes) -> Any:
    """What a reply means. Raises as `Worker.ask`; struct.error for what is no reply."""
    kind, rest = reply[:1], reply[1:]
    if kind == b"B":
        raise BadExpression(decode(rest))
    if kind == b"F":
        raise TemporaryFailure(decode(rest))
    if kind == b"G":
        return struct.unpack("<I", rest)[0]
    return list(_SPAN.iter_unpack(rest)) if kind == b"M" else None


def _send(stream: IO[bytes], data: bytes) -> None:
    view = memoryview(struct.pack("<I", len(data)) + data)
    while view:
        view = view[stream.write(view) :]
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    """The next frame. Raises EOFError when the other side has ended."""
    (size,) = struct.unpack("<I", _read(stream, 4))
    return _read(stream, size)


def _read(stream: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = stream.read(size - len(data))
        if not piece:
            raise EOFError("the worker ended")
        data += piece
    return data


def _resident(pid: int) -> int:
    """Bytes that a process holds in memory; 0 where the system does not report them."""
    try:
        return int(Root().read(f"/proc/{pid}/statm").split()[1]) * 4096
    except (OSError, IndexError):
        return 0

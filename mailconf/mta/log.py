"""Log lines in syslog's form: ``Nov 22 13:00:00 mail postfix/local[123]: text``.

The host is the first label of the machine's name as Postfix's own log file has it; the time is local. Characters
that a terminal or a log reader could act upon are printed as ``?`` (postlogd(8), maillog_file).
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from mailconf.source import encode

_KEPT = 1 << 20  # bytes for a reader of standard error that does not read
_TOGETHER = 100  # lines
_PIECE = min(select.PIPE_BUF, 4096)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAIL, _INFO = 2 << 3, 6  # of syslog(3): LOG_MAIL, LOG_INFO
_LEVELS = {"panic": 2, "fatal": 2, "error": 3, "warning": 4}
_LARGEST = 8192  # bytes of a datagram
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def neutral(text: str) -> str:
    """``text`` with every control character replaced by ``?``; bytes beyond ASCII stay."""
    return _CONTROL.sub("?", text)


class Stream:
    """Standard error, whose reader may be slow, or stopped: who writes does not wait for it.

    What the reader does not take is kept, up to `_KEPT` bytes, until it reads on; further lines are counted.
    ``told`` gives the line that says how many those were. Lines of one turn of an event loop go out together.
    """

    def __init__(self, told: Callable[[int], bytes]) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._kept: deque[bytes] = deque()
        self._size = self._lost = 0
        self._draining = False
        self._gathered: list[bytes] = []
        self._gathering: asyncio.AbstractEventLoop | None = None  # it calls `flush`

    def write(self, line: bytes) -> None:
        try:
            loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        with self._lock:
            self._gathered.append(line)
            more = loop is not None and len(self._gathered) < _TOGETHER
            if more and self._gathering is loop:
                return
            self._gathering = loop if more else None
        if more and loop is not None:
            loop.call_soon(self.flush)
        else:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        with self._lock:
            lines, self._gathered, self._gathering = self._gathered, [], None
        if lines:
            self._out(b"".join(lines), len(lines))

    def _out(self, line: bytes, count: int) -> None:
        try:
            descriptor = sys.stderr.fileno()
        except (OSError, ValueError):  # somebody has put another object into its place
            sys.stderr.buffer.write(line)
            return
        with self._lock:
            if not self._draining:
                line = _written(descriptor, line)
                if not line:
                    return
                self._draining = True
                threading.Thread(target=self._drain, args=(descriptor,), name="log", daemon=True).start()
            if self._size + len(line) > _KEPT:
                self._lost += count
                return
            self._kept.append(line)
            self._size += len(line)

    def _drain(self, descriptor: int) -> None:
        """Write what is kept, as fast as the reader takes it."""
        while True:
            with self._lock:
                if not self._kept and self._lost:
                    self._kept.append(self._told(self._lost) + b"\n")
                    self._lost = 0
                    self._size += len(self._kept[-1])
                if not self._kept:
                    self._draining = False
                    return
                line = self._kept.popleft()
                self._size -= len(line)
            try:
                while line:
                    line = line[os.write(descriptor, line) :]
            except OSError:
                continue  # there is no reader any more


def _written(descriptor: int, line: bytes) -> bytes:
    """Write as much as is taken without waiting; what is left. A pipe that can be written to takes `_PIECE` bytes."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    try:
        while line and poll.poll(0):
            line = line[os.write(descriptor, line[:_PIECE]) :]
    except OSError:
        return b""  # there is no reader any more
    return line


class Log:
    """Writes a line a call; an instance is the ``log`` of a `mailconf.mta.message.Context`.

    to        a file that is appended to, or None for standard error
    hostname  its first label is printed
    name      syslog_name; the program "local" is logged as "postfix/local", a program with a slash in it, or of that
              name, as it is
    clock     seconds since the epoch
    """

    def __init__(
        self,
        to: Path | None = None,
        *,
        hostname: str = "localhost",
        name: str = "postfix",
        clock: Callable[[], float] = time.time,
        pid: int | None = None,
    ) -> None:
        self.hostname = hostname.partition(".")[0]
        self.name = name
        self._clock = clock
        self._pid = os.getpid() if pid is None else pid
        self._path = to
        self._file = self._open()
        self._stream = Stream(lambda lost: encode(self.line("master", f"warning: {lost} lines of the log are lost")))

    def _open(self) -> BinaryIO | None:
        return self._path.open("ab", buffering=0) if self._path is not None else None

    def __call__(self, program: str, text: str) -> None:
        data = encode(self.line(program, text)) + b"\n"
        if self._file is not None:
            self._file.write(data)
        else:
            self._stream.write(data)

    def line(self, program: str, text: str) -> str:
        """The line, without its newline."""
        t = time.localtime(self._clock())
        stamp = f"{_MONTHS[t.tm_mon - 1]} {t.tm_mday:2d} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}"
        tag = program if "/" in program or program == self.name else f"{self.name}/{program}"
        return f"{stamp} {self.hostname} {tag}[{self._pid}]: {neutral(text)}"

    def reopen(self) -> None:
        """Begin a new file under the same name (after rotation)."""
        self.close()
        self._file = self._open()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def log_at(place: str, file: Path, *, hostname: str, name: str) -> Log | SystemLog:
    """The log at "stderr", at "syslog", or in ``file`` where ``place`` is another word. Raises OSError."""
    if place == "syslog":
        return SystemLog(name=name)
    return Log(None if place == "stderr" else file, hostname=hostname, name=name)


class SystemLog:
    """Writes to syslogd(8), as `Log` does to a stream; nobody waits for it: what it does not take is lost, and counted.

    name   as with `Log`
    place  its socket
    """

    def __init__(self, *, name: str, place: str = "/dev/log") -> None:
        self._log = Log(name=name)
        self._place = place
        self._socket: socket.socket | None = None
        self._lost = 0

    def __call__(self, program: str, text: str) -> None:
        if self._lost and self._sent("master", f"warning: {self._lost} lines of the log are lost"):
            self._lost = 0
        if self._lost or not self._sent(program, text):
            self._lost += 1

    def _sent(self, program: str, text: str) -> bool:
        level = _LEVELS.get(text.partition(":")[0], _INFO)
        stamp, _, rest = self._log.line(program, text).partition(" localhost ")
        data = encode(f"<{_MAIL | level}>{stamp} {rest}")[:_LARGEST]
        for _ in range(2):  # syslogd may have begun anew
            try:
                if self._socket is None:
                    self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                    self._socket.setblocking(False)
                    self._socket.connect(self._place)
                self._socket.send(data)
                return True
            except BlockingIOError:
                return False
            except OSError:
                if self._socket is not None:
                    self._socket.close()
                    self._socket = None
        return False

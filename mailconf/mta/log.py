"""Log lines in syslog's form: ``Nov 22 13:00:00 mail postfix/local[123]: text``.

The host is the first label of the machine's name as Postfix's own log file has it; the time is local. Characters
that a terminal or a log reader could act upon are printed as ``?`` (postlogd(8), maillog_file).
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from mailconf.source import encode

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def neutral(text: str) -> str:
    """``text`` with every control character replaced by ``?``; bytes beyond ASCII stay."""
    return _CONTROL.sub("?", text)


class Log:
    """Writes a line a call; an instance is the ``log`` of a `mailconf.mta.message.Context`.

    to        a file that is appended to, or None for standard error
    hostname  its first label is printed
    name      syslog_name; the program "local" is logged as "postfix/local", a program with a slash in it as it is
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

    def _open(self) -> BinaryIO | None:
        return self._path.open("ab", buffering=0) if self._path is not None else None

    def __call__(self, program: str, text: str) -> None:
        data = encode(self.line(program, text)) + b"\n"
        if self._file is not None:
            self._file.write(data)
        else:
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()

    def line(self, program: str, text: str) -> str:
        """The line, without its newline."""
        t = time.localtime(self._clock())
        stamp = f"{_MONTHS[t.tm_mon - 1]} {t.tm_mday:2d} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}"
        tag = program if "/" in program else f"{self.name}/{program}"
        return f"{stamp} {self.hostname} {tag}[{self._pid}]: {neutral(text)}"

    def reopen(self) -> None:
        """Begin a new file under the same name (after rotation)."""
        self.close()
        self._file = self._open()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

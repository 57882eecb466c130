"""The standard streams of every command, which its caller may have closed, or connected to a full disk.

The originals open what is closed and do not look at what they write. Departure: output that cannot be written ends a
command with status 1 and a message. Messages that cannot be written keep no command from its work.
"""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Unheard(io.FileIO):
    """A file whose writer does not care whether anything arrives."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(memoryview(data))


def open_standard_streams(called: str) -> None:
    """Give a program that was started with closed standard streams empty ones; ``called`` is its name.

    GNU m4 writes to a closed standard output and reports that it cannot: there, descriptor 1 stays closed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115
            if called == "m4" and stream.fileno() == 1:
                from fcntl import F_DUPFD_CLOEXEC, fcntl

                descriptor = fcntl(1, F_DUPFD_CLOEXEC, 3)
                stream.close()
                stream = open(descriptor, mode, encoding="utf-8")  # noqa: PTH123, SIM115
            setattr(sys, name, stream)
    errors = sys.__stderr__
    if errors is not None and errors is sys.stderr and errors.fileno() == 2:
        raw = io.BufferedWriter(_Unheard(2, "wb", closefd=False))
        sys.stderr = io.TextIOWrapper(raw, errors.encoding, errors.errors, line_buffering=True)


def drop_output() -> None:
    """Forget what standard output still holds: it cannot be written, and Python would try again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

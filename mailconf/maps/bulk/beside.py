"""A second process beside this one: for work that two processors do in less time than one, or that may end it."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from io import FileIO
    from typing import BinaryIO

_DONE = b"."
_LENGTH = 8  # bytes that hold the number of those that follow
_TOGETHER = 1 << 12  # strings that are handed over at a time
_PIPE = 1 << 20  # bytes that a pipe holds


def processors() -> int:
    """How many processors this process may use; 1 where the system does not report it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@contextmanager
def beside(work: Callable[[], list[bytes] | None]) -> Iterator[Callable[[], list[bytes] | None]]:
    """Run ``work`` in a child process; a function that waits for what it gives, byte strings without NULs.

    None where it gave None or failed: then the caller does the work itself, and sees why. ``work`` must not write
    anywhere; the process is forked, so that it has what we have, and is over when the block is.
    """

    def give(answer: BinaryIO) -> None:
        done = work()
        if done is not None:
            for at in range(0, len(done), _TOGETHER):
                answer.write(b"\0".join(done[at : at + _TOGETHER]) + b"\0")
            answer.write(_DONE)

    with _child(give) as pipe:

        def result() -> list[bytes] | None:
            parts = pipe.readall().split(b"\0")
            return parts if parts.pop() == _DONE else None

        yield result


@contextmanager
def apart(
    work: Callable[[], Iterable[bytes]], room: int, seconds: int, memory: int
) -> Iterator[Callable[[], memoryview | None]]:
    """As `beside`, for ``work`` that may crash or never end. What it gives comes in memory that both processes have.

    room     bytes of that memory; more is a failure. What is not used of it costs nothing
    seconds  of a processor's time
    memory   bytes of address space; more it does not get
    """
    import mmap

    try:
        shared = mmap.mmap(-1, room)
    except OSError:  # the system promises no memory that it may not have
        yield lambda: None
        return
    with shared, memoryview(shared) as everything:

        def give(answer: BinaryIO) -> None:
            _bound(seconds, memory)
            at = 0
            for text in work():
                everything[at : at + len(text)] = text
                at += len(text)
            answer.write(at.to_bytes(_LENGTH, "big"))

        with _child(give) as pipe, ExitStack() as views:

            def result() -> memoryview | None:
                length = pipe.read(_LENGTH)
                if len(length) < _LENGTH:
                    return None
                return views.enter_context(everything[: int.from_bytes(length, "big")])

            yield result


def _bound(seconds: int, memory: int) -> None:
    """Nothing that this process does from now on can do much harm."""
    import faulthandler
    import resource

    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
    ):
        with suppress(ValueError, OSError):  # less is allowed already
            resource.setrlimit(limit, (most, most))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # for the C library's last words
    faulthandler.disable()  # and for Python's


@contextmanager
def _child(give: Callable[[BinaryIO], None]) -> Iterator[FileIO]:
    """A pipe from a child process that ``give`` writes to, and which ends there in every case."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                with suppress(OSError):  # the system may allow less; then there are more turns
                    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _PIPE)
            with open(theirs, "wb") as answer:  # noqa: PTH123
                give(answer)
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours, "rb", 0) as pipe:  # noqa: PTH123
        try:
            yield pipe
        finally:
            pipe.close()  # a child that is still writing gives up
            os.waitpid(child, 0)

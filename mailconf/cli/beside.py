"""A second process beside this one, for work that two processors do in less time than one."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DONE = b"."
_TOGETHER = 1 << 12  # strings that are handed over at a time
_PIPE = 1 << 20  # bytes that a pipe holds


def processors() -> int:
    """How many processors this process may use; 1 where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@contextmanager
def beside(work: Callable[[], list[bytes] | None]) -> Iterator[Callable[[], list[bytes] | None]]:
    """Run ``work`` in a child process; a function that waits for what it gives, byte strings without NULs.

    None where it gave None or failed: then the caller does the work itself, and sees why. ``work`` must not write
    anywhere; the process is forked, so that it has what we have, and is over when the block is.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            done = work()
            if done is not None:
                if hasattr(fcntl, "F_SETPIPE_SZ"):
                    with suppress(OSError):  # the system may allow less; then there are more turns
                        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _PIPE)
                with open(theirs, "wb") as answer:  # noqa: PTH123
                    for at in range(0, len(done), _TOGETHER):
                        answer.write(b"\0".join(done[at : at + _TOGETHER]) + b"\0")
                    answer.write(_DONE)
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours, "rb", 0) as pipe:  # noqa: PTH123

        def result() -> list[bytes] | None:
            parts = pipe.readall().split(b"\0")
            return parts if parts.pop() == _DONE else None

        try:
            yield result
        finally:
            pipe.close()  # a child that is still writing gives up
            os.waitpid(child, 0)

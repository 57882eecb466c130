"""A second process beside this one, for work that two processors do in less time than one."""

from __future__ import annotations

import os
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DONE = b"."


def processors() -> int:
    """How many processors this process may use; 1 where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@contextmanager
def beside(work: Callable[[], bytes | None]) -> Iterator[Callable[[], bytes | None]]:
    """Run ``work`` in a child process; a function that waits for what it gives.

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
                with open(theirs, "wb") as answer:  # noqa: PTH123
                    answer.write(done + _DONE)
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as pipe:  # noqa: PTH123

        def result() -> bytes | None:
            data = pipe.read()
            return data[:-1] if data.endswith(_DONE) else None

        try:
            yield result
        finally:
            pipe.close()  # a child that is still writing gives up
            os.waitpid(child, 0)

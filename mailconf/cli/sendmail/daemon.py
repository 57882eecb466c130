"""``sendmail -bD``, ``-bd``: the daemon, in the foreground or behind it, on the ports of DaemonPortOptions.

Without -q it attempts what comes, and everything when a run of the queue is asked for (``sendmail -q``); with
``-q30m`` it runs the queue itself. ``sendmail -q30m`` alone is a process that asks for runs.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from mailconf.cli.sendmail.queue_selection import selected
from mailconf.cli.sendmail.sendmail_tool import DEFAULT_CF
from mailconf.cli.shared.sendmail_daemon import NEVER, run
from mailconf.sendmail.rules.build_facts import PID_FILE

if TYPE_CHECKING:
    from mailconf.cli.sendmail.startup import Start
    from mailconf.sendmail.rules.book import Rulebook


def serve(begun: Start, book: Rulebook) -> int:
    """Serve a configuration until SIGTERM, with -bd in a process of its own; the exit status."""
    call = begun.call
    _, interval, _ = selected(call.queues)
    waiting = -1
    if call.mode == "d":
        waiting, called = _in_background()
        if called:  # the ports are bound when it ends, as with the original
            os.read(waiting, 1)
            return 0
    pid_file = _PidFile(begun, book)

    def ready() -> None:
        pid_file.write()
        if waiting >= 0:
            os.close(waiting)

    cf = DEFAULT_CF if call.cf is None else call.cf
    try:
        every = interval or NEVER
        quiet = call.mode == "d"
        return run(begun.root, cf, call.given, _unheard, ready=lambda bound: ready(), every=every, quiet=quiet)
    finally:
        pid_file.remove()


def _unheard(problem: object) -> None:
    """What is wrong with the configuration has been said already."""


def at_intervals(begun: Start, book: Rulebook, interval: float, work: Callable[[], int]) -> int:
    """``sendmail -q30m``: do ``work`` now and every ``interval`` seconds, in a process of its own; the exit status."""
    descriptor, called = _in_background()
    if called:
        os.close(descriptor)
        return 0
    os.close(descriptor)
    pid_file = _PidFile(begun, book)
    pid_file.write()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        while True:
            started = time.monotonic()
            work()
            time.sleep(max(1.0, interval - (time.monotonic() - started)))
    finally:
        pid_file.remove()


def _in_background() -> tuple[int, bool]:
    """Go on in a process without a terminal.

    Returns a descriptor, and whether this is the process that was called. That one reads from it until the other one
    closes its own, or ends.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return reading, True
    os.close(reading)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    return writing, False


class _PidFile:
    """PidFile: the number of the process, and how it was called. One that cannot be written is done without."""

    def __init__(self, begun: Start, book: Rulebook) -> None:
        name = book.options.get("PidFile", PID_FILE)
        self._path = begun.root.path(name)
        self._words = " ".join((begun.call.program, *begun.words))
        self._written = False

    def write(self) -> None:
        from mailconf.files import replace

        with suppress(OSError):
            with replace(self._path, mode=0o644) as file:
                file.write(f"{os.getpid()}\n{self._words}\n".encode("utf-8", "surrogateescape"))
            self._written = True

    def remove(self) -> None:
        if self._written:
            self._path.unlink(missing_ok=True)

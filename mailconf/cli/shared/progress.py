"""A progress bar on the terminal for work that takes longer than half a second: percent, rows, and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import Any

DELAY = 0.5  # seconds before the bar appears


def bar(title: str, unit: str = "rows") -> Callable[[int, int], None]:
    """A function to call with (done, all) now and then; it draws on standard error and clears the bar at the end.

    unit  what is counted, in the plural
    """
    begun = time.monotonic()
    shown: list[Any] = []

    def update(done: int, total: int) -> None:
        if not shown:
            if time.monotonic() - begun < DELAY or done >= total:
                return
            progress = _display()
            progress.start()
            shown.extend([progress, progress.add_task(title, total=total, rows="")])
        progress, task = shown
        progress.update(task, completed=done, rows=_count(done, unit))
        if done >= total:
            progress.stop()

    return update


def _display() -> Any:
    """What draws the bar; its tasks have a field ``rows``."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    text = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]}")
    return Progress(*text, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True)


def _count(count: int, unit: str) -> str:
    return f"{count:,} {unit}"


def _rows(count: int) -> str:
    return _count(count, "rows")


class Work:
    """A bar for work in several parts, not all of which can report how far they are: until one does, it pulses."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._lock = Lock()
        self._bar: Any = None
        self._task: Any = None
        self._over = False

    def part(self, title: str) -> Callable[..., None]:
        """A function for a part to call now and then: with the rows done and all rows, or with the bytes done, all
        bytes, and the rows that these have been."""
        # A file's name, which may hold anything, is no markup and does not drive the terminal.
        title = "".join(c if c.isprintable() else "?" for c in title).replace("[", "\\[")

        def update(done: int, total: int, rows: int | None = None) -> None:
            with self._lock:
                if self._bar is not None:
                    shown = _rows(done if rows is None else rows)
                    self._bar.update(self._task, description=title, completed=done, total=total, rows=shown)

        return update

    def show(self) -> None:
        with self._lock:
            if not self._over:
                self._bar = _display()
                self._task = self._bar.add_task(self._title, total=None, rows="")
                self._bar.start()

    def end(self) -> None:
        with self._lock:
            self._over = True
            if self._bar is not None:
                self._bar.stop()


@contextmanager
def work(title: str) -> Iterator[Work]:
    """A bar on standard error as long as the block runs, if that is longer than the delay."""
    it = Work(title)
    timer = Timer(DELAY, it.show)
    timer.daemon = True
    timer.start()
    try:
        yield it
    finally:
        timer.cancel()
        it.end()

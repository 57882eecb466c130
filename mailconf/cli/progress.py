"""A progress bar on the terminal for work that takes longer than half a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

DELAY = 0.5  # seconds before the bar appears


def bar(title: str) -> Callable[[int, int], None]:
    """A function to call with (done, all) now and then; it draws on standard error and clears the bar at the end."""
    begun = time.monotonic()
    shown: list[Any] = []

    def update(done: int, total: int) -> None:
        if not shown:
            if time.monotonic() - begun < DELAY or done >= total:
                return
            from rich.console import Console
            from rich.progress import Progress

            progress = Progress(console=Console(stderr=True), transient=True)
            progress.start()
            shown.extend([progress, progress.add_task(title, total=total)])
        progress, task = shown
        progress.update(task, completed=done)
        if done >= total:
            progress.stop()

    return update

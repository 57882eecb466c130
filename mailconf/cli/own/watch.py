"""``--watch``: something is done again whenever files change.

Files are looked at every so often (stat(2)): no more is needed for a folder of some dozens of files, and it works on
every file system, where inotify(7) does not report changes made on other machines. A change is acted upon when the
files have been the same twice, so that an editor or a copy has finished.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from mailconf.files import Root

Status = tuple[int, int, int] | None
_TICK = 20_000_000  # ns that a file's time may be slower than the clock
_CHANGED = (0, 0, 0)
Sources = Callable[[], Iterable[Path]]


def watch(build: Callable[[], Sources], interval: float) -> NoReturn:
    """Call ``build`` now and whenever files have changed, come or gone; until KeyboardInterrupt.

    build     gives a function that names the files, which is called for every look
    interval  seconds between two looks
    """
    now: dict[Path, Status] = {}
    while True:
        started = time.time_ns()
        sources = build()
        known = {path: _as_built(status, now.get(path, status), started) for path, status in _look(sources).items()}
        while True:
            time.sleep(interval)
            now = _look(sources)
            if now != known:
                break
        while True:
            time.sleep(interval)
            last, now = now, _look(sources)
            if now == last:
                break


def _as_built(status: Status, before: Status, started: int) -> Status:
    """What a file was when it was built from, if that is certain; something else if it may have changed meanwhile.

    status, before  what it is now, and what it was before the build (the same for a file that was not known then)
    """
    if before != status:
        return before
    meanwhile = status is not None and started - _TICK < status[2] <= time.time_ns()
    return _CHANGED if meanwhile else status


def _look(sources: Sources) -> dict[Path, Status]:
    return {path: _status(path) for path in sources()}


def _status(path: Path) -> Status:
    try:
        status = Root().stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns

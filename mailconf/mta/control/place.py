"""Where the sockets for commands are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONTROL = "control"  # in the queue's folder
DROP = ".mailconf-drop"  # below queue_directory, for everybody
_LONGEST = 100  # bytes of a socket's path, of which unix(7) has 108


@contextmanager
def reachable(folder: Path, name: str = CONTROL) -> Iterator[Path]:
    """A socket's path in the folder of a queue, short enough for bind(2) and connect(2). Raises OSError."""
    path = folder / name
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)

"""How many connections come within a time: of each client, and of all."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable

_MOST = 100_000  # connections that are remembered


class Rates:
    """``window`` is in seconds; ``clock`` gives the time in seconds, from anywhere."""

    def __init__(self, window: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window
        self._clock = clock
        self._seen: deque[tuple[float, str]] = deque()
        self._count: Counter[str] = Counter()

    def note(self, client: str) -> tuple[int, int]:
        """A client has connected: its connections within the window, this one included, and those of all clients."""
        now = self._clock()
        self._seen.append((now, client))
        self._count[client] += 1
        while self._seen and (self._seen[0][0] < now - self._window or len(self._seen) > _MOST):
            _, old = self._seen.popleft()
            self._count[old] -= 1
            if not self._count[old]:
                del self._count[old]
        return self._count[client], len(self._seen)

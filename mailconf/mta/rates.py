"""How many connections come within a time: of each client, of all, and in a second."""

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


class Throttle:
    """Lets so many connections through in a second (sendmail's ConnectionRateThrottle); further ones wait their turn.

    As sendmail counts it is one that has come too many, and the one after that, which wait: ``rate`` + 2 go together.
    """

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._together = rate + 2 if rate > 0 else 0
        self._clock = clock
        self._begun = 0.0
        self._count = 0

    def note(self) -> float:
        """A connection has come; the seconds that it waits."""
        if not self._together:
            return 0.0
        now = self._clock()
        if not self._count or now - self._begun >= 1:
            self._begun, self._count = now, 0
        elif self._count >= self._together:
            self._begun, self._count = self._begun + 1, 0
        self._count += 1
        return max(self._begun - now, 0.0)

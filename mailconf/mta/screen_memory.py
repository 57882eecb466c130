"""Which clients have passed which tests, and until when that counts (postconf(5) postscreen_cache_map).

It is kept in memory alone: after a restart a client is tested once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from mailconf.smtp.screening import Test

MOST = 100_000  # clients; then those are forgotten that have been known longest


class Memory:
    """One service's. ``clock`` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, dict[Test, float]] = {}

    def passed(self, client: str) -> frozenset[Test]:
        """The tests that a client has passed, and need not pass now."""
        now = self._clock()
        return frozenset(test for test, until in self._known.get(client, {}).items() if until > now)

    def ever(self, client: str) -> frozenset[Test]:
        """The tests that a client has passed, however long ago, as far as that is known."""
        return frozenset(self._known.get(client, ()))

    def put(self, client: str, lasting: Mapping[Test, float]) -> None:
        """A client has passed tests, each for so many seconds."""
        now = self._clock()
        known = {**self._known.pop(client, {}), **{test: now + seconds for test, seconds in lasting.items()}}
        while len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[client] = known

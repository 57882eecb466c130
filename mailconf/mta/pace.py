"""Long work inside the event loop gives way to others in between."""

from __future__ import annotations

import asyncio
import time

SLICE = 0.005  # seconds


class Pace:
    """Counts how long the loop has not been given back; each message's work has one of its own.

    ``await pace.step()`` between small pieces of work: it lets the loop serve others once they have waited for `SLICE`
    seconds.
    """

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def step(self) -> None:
        if time.monotonic() - self._since >= SLICE:
            await asyncio.sleep(0)
            self._since = time.monotonic()

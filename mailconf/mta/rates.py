"""How many connections come within a time: of each client, of all, in a second; what else clients do, and how often."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from mailconf.model.limits import Activity

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


class Doings:
    """How often each client has done what within a unit of time, which begins with the first that it does.

    At most ``most`` clients are remembered: those whose time began first are forgotten for others.
    ``clock`` gives the time in seconds, from anywhere.
    """

    def __init__(self, most: int = 50_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._most = most
        self._seen: dict[str, tuple[float, list[int]]] = {}  # in the order in which their times began

    def __len__(self) -> int:
        return len(self._seen)

    def note(self, client: str, activity: Activity, unit: float) -> int:
        """A client does something: how often it has, this time included, in its ``unit`` of seconds."""
        now = self.clock()
        counts = self._current(client, unit, now)
        if counts is None:
            self._forget(unit, now)
            counts = [0] * len(_PLACES)
            self._seen[client] = now, counts
        counts[_PLACES[activity]] += 1
        return counts[_PLACES[activity]]

    def seen(self, client: str, activity: Activity, unit: float) -> int:
        """How often a client has done something."""
        counts = self._current(client, unit, self.clock())
        return 0 if counts is None else counts[_PLACES[activity]]

    def _current(self, client: str, unit: float, now: float) -> list[int] | None:
        found = self._seen.get(client)
        if found is not None and now - found[0] > unit:
            del self._seen[client]
            found = None
        return found and found[1]

    def _forget(self, unit: float, now: float) -> None:
        """Make room for one more, and drop some whose time is over."""
        for _ in range(2):
            client = next(iter(self._seen), None)
            if client is not None and (now - self._seen[client][0] > unit or len(self._seen) >= self._most):
                del self._seen[client]


_PLACES = {activity: place for place, activity in enumerate(Activity)}


def client_of(address: str, ipv4_prefix: int, ipv6_prefix: int) -> str:
    """Whom the connections of an address belong to: the address, or its network of so many bits."""
    bits = ipv6_prefix if ":" in address else ipv4_prefix
    if bits >= (128 if ":" in address else 32):
        return address
    try:
        return str(ip_network((ip_address(address), bits), strict=False))
    except ValueError:  # no address, as XCLIENT may have it
        return address


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

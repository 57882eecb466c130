"""Which delivery is next: a FIFO for each destination, destinations in turn, transports independent of each other.

A destination is a next hop of a transport; it has so many deliveries at a time. One that cannot be reached is set aside
as a whole for a while: what waits for it is handed back at once, so that it costs neither memory nor a place, and no
other destination waits for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

LANE = 200  # deliveries of a transport at a time
# Deliveries that did not reach a destination, with others waiting or under way: then it is set aside. Where nothing
# else waits it is forgotten, and the next message tries it anew (Postfix 3.7.11).
FAILURES = 3


@dataclass(slots=True)
class Destination(Generic[T]):
    """A next hop of a transport.

    limit   deliveries at a time; ``failures`` of the last ones did not reach it
    until   it is set aside until then, by a steady clock; ``dsn`` and ``reason`` say what happened to a delivery
    listed  whether it is in its lane's round
    """

    transport: str
    name: str
    limit: int
    waiting: deque[T] = field(default_factory=deque)
    active: int = 0
    failures: int = 0
    until: float = 0.0
    dsn: str = ""
    reason: str = ""
    listed: bool = False


@dataclass(slots=True)
class _Lane(Generic[T]):
    """A transport: destinations that could have a delivery now, in turn."""

    round: deque[Destination[T]] = field(default_factory=deque)
    active: int = 0


class Destinations(Generic[T]):
    """Deliveries that wait, of any kind that the caller likes."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane[T]] = {}
        self._all: dict[tuple[str, str], Destination[T]] = {}
        self.waiting = 0

    def __len__(self) -> int:
        return len(self._all)

    def get(self, transport: str, name: str, limit: int, now: float) -> Destination[T]:
        """A destination as it is now; ``limit`` is its limit from now on."""
        found = self._all.get((transport, name))
        if found is None:
            found = self._all[transport, name] = Destination(transport, name, limit)
        found.limit = limit
        if found.until <= now:
            found.until = 0.0
        return found

    def put(self, destination: Destination[T], item: T) -> None:
        """Let ``item`` wait for a place."""
        destination.waiting.append(item)
        self.waiting += 1
        self._list(destination)

    def ready(self) -> Iterator[tuple[Destination[T], T]]:
        """What may begin now; each that is taken has a place until `ended`."""
        for lane in self._lanes.values():
            while lane.round and lane.active < LANE:
                destination = lane.round.popleft()
                destination.listed = False
                if not destination.waiting or destination.active >= destination.limit:
                    continue
                item = destination.waiting.popleft()
                self.waiting -= 1
                destination.active += 1
                lane.active += 1
                self._list(destination)
                yield destination, item

    def ended(self, destination: Destination[T]) -> None:
        """A delivery has ended: its place is free."""
        destination.active -= 1
        self._lanes[destination.transport].active -= 1
        self._list(destination)
        self._tidy(destination)

    def set_aside(self, destination: Destination[T], until: float, dsn: str, reason: str) -> list[T]:
        """Leave a destination alone; what waited for it."""
        destination.until, destination.dsn, destination.reason = until, dsn, reason
        handed_back = list(destination.waiting)
        destination.waiting.clear()
        self.waiting -= len(handed_back)
        return handed_back

    def forgive(self) -> None:
        """No destination is set aside any more."""
        for destination in list(self._all.values()):
            destination.until = 0.0
            self._tidy(destination)

    def forget(self, now: float) -> None:
        """Forget the destinations whose time has come, where nothing waits."""
        for destination in list(self._all.values()):
            if destination.until <= now:
                destination.until = 0.0
                self._tidy(destination)

    def _list(self, destination: Destination[T]) -> None:
        if not destination.listed and destination.waiting and destination.active < destination.limit:
            destination.listed = True
            self._lanes.setdefault(destination.transport, _Lane()).round.append(destination)

    def _tidy(self, destination: Destination[T]) -> None:
        if not destination.waiting and not destination.active and not destination.until:
            self._all.pop((destination.transport, destination.name), None)

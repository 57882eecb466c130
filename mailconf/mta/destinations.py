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

from mailconf.model.transport import Concurrency, Spacing

T = TypeVar("T")

LANE = 200  # deliveries of a transport at a time
FOLLOWS = 1.0  # seconds after a delivery in which another one follows it
# The same where nothing had waited any more. Postfix forgets such a destination at once; we are rarely behind what
# comes in, and would keep no connection for mail that comes one by one, however much it is.
COMES = 0.2
UNSPACED = Spacing()
WHOLE = Concurrency(first=1 << 30)  # the limit, from the beginning
REMEMBERED = 100  # destinations where nothing waits


@dataclass(slots=True)
class Destination(Generic[T]):
    """A next hop of a transport.

    Deliveries that reach it widen it, others narrow it, and some of those set it aside. Where nothing waits and nothing
    goes on it is forgotten, and the next message tries it anew (qmgr(8), Postfix 3.7.11).

    limit   deliveries at a time at most; ``width`` now; ``change`` is how that changes
    gained  what the last deliveries count for, towards a wider one; ``lost``: towards a narrower one
    failed  those that did not reach it, each as a part of the width that there was
    until   it is set aside until then, by a steady clock; ``dsn`` and ``reason`` say what happened to a delivery
    listed  whether it is in its lane's round
    done    when a delivery ended last, by a steady clock
    delay   seconds from the end of a delivery to the next, which then come one by one; ``rest`` is when the next may
            begin, by a steady clock, 0 where that is now
    keeps   its connections are left to the next delivery; ``reuses``: and were, so that some may wait
    """

    transport: str
    name: str
    limit: int
    change: Concurrency
    width: int = 0
    gained: float = 0.0
    lost: float = 0.0
    failed: float = 0.0
    waiting: deque[T] = field(default_factory=deque)
    active: int = 0
    until: float = 0.0
    dsn: str = ""
    reason: str = ""
    listed: bool = False
    done: float = float("-inf")
    delay: float = 0.0
    rest: float = 0.0
    keeps: bool = False
    reuses: bool = False

    def __post_init__(self) -> None:
        self.renew()

    @property
    def has_place(self) -> bool:
        """Whether another delivery may begin, as far as their number goes."""
        return self.active < (1 if self.delay else self.width)

    def renew(self) -> None:
        """Nothing is known of it any more."""
        self.width = max(1, min(self.change.first, self.limit))
        self.gained = self.lost = self.failed = 0.0

    def reached(self) -> None:
        """A delivery, still under way, has reached it."""
        self.failed = 0.0
        if self.width >= min(self.limit, self.active + self.change.first):
            return
        step = self.change.gain.at(self.width)
        self.gained += step
        while self.gained + step / 2 >= 1:
            self.width, self.gained, self.lost = self.width + 1, self.gained - 1, 0.0
        self.width = min(self.width, self.limit)

    def unreached(self) -> bool:
        """A delivery has not reached it; whether it is to be set aside."""
        self.failed += 1 / self.width
        if 0 < self.change.cohorts <= self.failed:
            return True
        step = self.change.loss.at(self.width)
        self.lost -= step
        while self.lost - step / 2 < 0 < step:
            self.width, self.lost, self.gained = self.width - 1, self.lost + 1, 0.0
        self.width = max(1, self.width)
        return False

    def begin(self, now: float) -> None:
        """A delivery begins. Where one follows another (or, once that has begun, goes beside others) connections are
        kept; deliveries that only begin together leave none (qmgr(8), Postfix 3.7.11).
        """
        follows = now - self.done <= FOLLOWS
        if not self.keeps:
            self.keeps = follows
            self.reuses = self.reuses or follows
        else:
            self.keeps = follows or self.active > 1


@dataclass(slots=True)
class _Lane(Generic[T]):
    """A transport: destinations that could have a delivery now, in turn.

    resting  destinations that have to wait for their next delivery
    delay    seconds between deliveries; ``rest`` is when the next may begin
    """

    round: deque[Destination[T]] = field(default_factory=deque)
    active: int = 0
    resting: list[Destination[T]] = field(default_factory=list)
    delay: float = 0.0
    rest: float = 0.0


class Destinations(Generic[T]):
    """Deliveries that wait, of any kind that the caller likes."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane[T]] = {}
        self._all: dict[tuple[str, str], Destination[T]] = {}
        self._idle: dict[tuple[str, str], tuple[float, bool, bool]] = {}  # of those that were forgotten last
        self.waiting = 0

    def __len__(self) -> int:
        return len(self._all)

    def get(
        self,
        transport: str,
        name: str,
        limit: int,
        now: float,
        change: Concurrency = WHOLE,
        spacing: Spacing = UNSPACED,
    ) -> Destination[T]:
        """A destination as it is now; ``limit`` is its limit from now on, ``change`` how it changes below it, and
        ``spacing`` the time between deliveries."""
        found = self._all.get((transport, name))
        if found is None:
            found = self._all[transport, name] = Destination(transport, name, limit, change)
            done, keeps, reuses = self._idle.pop((transport, name), (now - COMES - 1, False, False))
            if now - done <= COMES:
                found.done, found.keeps, found.reuses = done, keeps, reuses
        if (found.limit, found.change) != (limit, change):
            found.limit, found.change = limit, change
            found.renew()
        if found.until and found.until <= now:
            found.until = 0.0
            found.renew()
        found.delay = spacing.destination
        lane = self._lanes.setdefault(transport, _Lane())
        if spacing.transport and not lane.rest:
            lane.rest = now + spacing.transport
        lane.delay = spacing.transport
        return found

    def put(self, destination: Destination[T], item: T) -> None:
        """Let ``item`` wait for a place."""
        destination.waiting.append(item)
        self.waiting += 1
        self._list(destination)

    def ready(self, now: float) -> Iterator[tuple[Destination[T], T]]:
        """What may begin now, by a steady clock; each that is taken has a place until `ended`."""
        for lane in self._lanes.values():
            rested = [destination for destination in lane.resting if destination.rest <= now]
            for destination in rested:
                lane.resting.remove(destination)
                destination.listed = False
                self._list(destination)
            while lane.round and lane.active < (1 if lane.delay else LANE) and (not lane.delay or lane.rest <= now):
                destination = lane.round.popleft()
                destination.listed = False
                if not destination.waiting or not destination.has_place:
                    continue
                if destination.delay and now < destination.rest:
                    destination.listed = True
                    lane.resting.append(destination)
                    continue
                item = destination.waiting.popleft()
                self.waiting -= 1
                destination.active += 1
                lane.active += 1
                destination.begin(now)
                self._list(destination)
                yield destination, item

    def release(self) -> float:
        """When something may begin that now has to wait for its time, by a steady clock; infinite for nothing."""
        times = [destination.rest for lane in self._lanes.values() for destination in lane.resting]
        times += [lane.rest for lane in self._lanes.values() if lane.delay and lane.round and not lane.active]
        return min(times, default=float("inf"))

    def ended(self, destination: Destination[T], now: float) -> None:
        """A delivery has ended: its place is free."""
        destination.done = now
        destination.active -= 1
        destination.rest = now + destination.delay if destination.delay else 0.0
        lane = self._lanes[destination.transport]
        lane.active -= 1
        lane.rest = now + lane.delay if lane.delay else 0.0
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
            self._trust(destination)
            self._tidy(destination)

    def forget(self, now: float) -> None:
        """Forget the destinations whose time has come, where nothing waits."""
        for destination in list(self._all.values()):
            if destination.until <= now:
                self._trust(destination)
                destination.rest = destination.rest if destination.rest > now else 0.0
                self._tidy(destination)

    def _trust(self, destination: Destination[T]) -> None:
        if destination.until:
            destination.until = 0.0
            destination.renew()

    def _list(self, destination: Destination[T]) -> None:
        if not destination.listed and destination.waiting and destination.has_place:
            destination.listed = True
            self._lanes.setdefault(destination.transport, _Lane()).round.append(destination)

    def _tidy(self, destination: Destination[T]) -> None:
        if not (destination.waiting or destination.active or destination.until or destination.rest):
            key = destination.transport, destination.name
            self._all.pop(key, None)
            self._idle.pop(key, None)
            self._idle[key] = destination.done, destination.keeps, destination.reuses
            if len(self._idle) > REMEMBERED:
                del self._idle[next(iter(self._idle))]

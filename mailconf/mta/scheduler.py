"""The queue manager (qmgr(8)): when which message is attempted, and by whom.

A new message is attempted at once. A message of which something was deferred waits as long as it is old, but at least
minimal_backoff_time and at most maximal_backoff_time, and is taken up by the first queue run (every queue_run_delay)
after that, by a clock that nobody sets. Older than maximal_queue_lifetime (bounce_queue_lifetime from the null sender)
what is still deferred goes back to the sender.

An attempt resolves the recipients that are left and groups them by transport and next hop into jobs. These wait without
the message's content for a place at their destination (`mailconf.mta.destinations`), a limited number at a time; for
local(8) each recipient is a destination. A destination that cannot be reached is left alone for minimal_backoff_time,
with all that waits for it, as the original does.

Every outcome is recorded before the sender is notified; a message leaves the queue when nothing is left to do. A
crash repeats what was not yet recorded: delivery is at least once.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any

from mailconf.model.address import Address
from mailconf.model.site import Site
from mailconf.model.transport import AgentKind, Transport
from mailconf.model.verdict import Reply, Route
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.agents import Error
from mailconf.mta.bounce import Bouncer
from mailconf.mta.destinations import LANE, Destination, Destinations
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.message import Agent, Context, IntakeRefused, Job, Message, Result, Status
from mailconf.mta.pace import Pace
from mailconf.mta.queue import Queue, Queued, QueueEntry, QueueError, RecipientState

WAITING = 20_000  # deferred messages that may wait for a place at a time, without their contents
TRIAGE = 50  # messages whose recipients are resolved at a time

Wait = Callable[[asyncio.Event, float], Awaitable[None]]


async def wait(event: asyncio.Event, delay: float) -> None:
    """Return when ``event`` is set or ``delay`` seconds have passed."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), delay)


@dataclasses.dataclass(slots=True, eq=False)
class Attempt:
    """A message under way. ``entry.message`` has its content only while a part of it is delivered.

    left     parts that have not ended; ``readers`` of them are being delivered
    several  whether there are more: then each is recorded when it ends; a single one with what follows from it
    """

    entry: QueueEntry
    since: float
    left: int = 0
    several: bool = False
    content: bytes | None = None
    readers: int = 0
    pairs: list[tuple[int, Result]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True, eq=False)
class Part:
    """The recipients of an attempt that go to one destination together."""

    attempt: Attempt
    transport: str
    nexthop: str
    members: list[tuple[Queued, Route]]


class Scheduler:
    """Runs the queue. ``wait`` and ``steady`` may be replaced, so that tests need no time.

    steady  seconds by a clock that nobody sets
    scan    begin with what is due
    """

    def __init__(
        self,
        context: Context,
        queue: Queue,
        bounce: Bouncer | None = None,
        *,
        wait: Wait = wait,
        steady: Callable[[], float] = time.monotonic,
        scan: bool = True,
    ) -> None:
        self.context = context
        self.queue = queue
        self._bounce = bounce
        self._wait = wait
        self._steady = steady
        self._wake = asyncio.Event()
        self._fresh: deque[int] = deque()
        self._old: deque[int] = deque()
        self._taken: set[int] = set()  # everything that waits or is under way, so that nothing is attempted twice
        self._scan = scan
        self._collected = asyncio.Event()  # what was due at the last `scan` has been taken up
        self._running = self._stopping = False
        self._triage = 0
        self._attempts = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._destinations: Destinations[Part] = Destinations()
        self._awaited = float("inf")  # when the loop looks after what waits, by the steady clock
        self._flushing = False  # somebody has asked for what is due at the next look
        self._asked_for: set[int] = set()  # messages that are attempted since somebody asked for it
        self._progress = asyncio.Event()  # something has begun or ended
        self._fallback: Agent = Error()

    @property
    def site(self) -> Site:
        return self.context.policy.site

    @property
    def busy(self) -> bool:
        """Whether anything is under way, or waits for it."""
        return bool(self._taken)

    def queued(self, serial: int) -> None:
        """A message entered the queue; attempt it at once."""
        if serial not in self._taken:
            self._taken.add(serial)
            self._fresh.append(serial)
            if self._running:
                self._start()

    async def flush(self) -> int:
        """Attempt everything that is deferred now (postqueue -f); how many messages that are."""
        self._destinations.forgive()
        self._flushing = True
        count = await self.queue.flush()
        self._flushing = True  # for the look that follows, if another one came before the queue had changed
        self.scan()
        return count

    def attempts(self, serial: int) -> bool:
        """Whether a message is under way, or waits for its place."""
        return serial in self._taken

    def scan(self) -> None:
        """Start a queue run now, for what another process changed in the queue."""
        self._scan = True
        self._collected.clear()
        self._wake.set()

    async def run(self) -> None:
        """Take up messages until `stop`."""
        began = next_run = self._steady()
        if not self._scan:
            next_run += max(self.site.limits.queue_run_delay, 1.0)
        self._running = True
        while not self._stopping:
            self._wake.clear()
            now = self._steady()
            if self._scan or now >= next_run:
                self._scan = False
                if now >= next_run > began and self.site.limits.runs_are_whole:
                    await self.queue.flush()
                while next_run <= now:
                    next_run += max(self.site.limits.queue_run_delay, 1.0)
                self._destinations.forget(now)
                await self._collect()
                if not self._scan:
                    self._collected.set()
            self._start()
            self._awaited = float("-inf")
            self._go()
            self._awaited = min(next_run, self._destinations.release())
            await self._wait(self._wake, max(0.0, self._awaited - self._steady()))

    async def _collect(self) -> None:
        flushing, self._flushing = self._flushing, False
        try:
            due = await self.queue.due()
        except QueueError as error:
            self.context.note(LogEvent.QUEUE_FAILED, error=error)
            return
        new = [serial for serial in due if serial not in self._taken]
        self._taken.update(new)
        self._old.extend(new)
        self._asked_for.update(new if flushing else ())

    def _start(self) -> None:
        """Take up messages, new ones first: they do not wait for those that have waited before."""
        while not self._stopping and self._triage < TRIAGE:
            if self._fresh:
                serial = self._fresh.popleft()
            elif self._old and self._attempts < WAITING:
                serial = self._old.popleft()
            else:
                return
            self._triage += 1
            self._attempts += 1
            self._task(self._message(serial))

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._progress.set()

    def _ended(self, serial: int) -> None:
        self._attempts -= 1
        self._taken.discard(serial)
        self._asked_for.discard(serial)
        self._progress.set()
        if self._fresh or self._old:
            self._wake.set()

    async def idle(self) -> None:
        """Returns when nothing is under way and nothing waits."""
        while self._tasks or self._taken:
            self._progress.clear()
            if self._tasks:
                await asyncio.wait(list(self._tasks))
            else:
                await self._progress.wait()

    async def run_once(self, queue_ids: Collection[str] | None = None) -> None:
        """Attempt everything that is left, or these messages and no others; returns when that is done."""
        if queue_ids is None:
            await self.flush()
            await self._collected.wait()
        else:
            await self._only(queue_ids)
        await self.idle()

    async def _only(self, queue_ids: Collection[str]) -> None:
        for queue_id in queue_ids:
            entry = await self.queue.find(queue_id)
            if entry is not None and entry.serial not in self._taken:
                self._taken.add(entry.serial)
                self._asked_for.add(entry.serial)
                self._old.append(entry.serial)
        self._wake.set()

    async def stop(self, grace: float = 5.0) -> None:
        """Take up nothing more; attempts under way have ``grace`` seconds, then they are cut off and come again."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks), timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # One message

    async def _message(self, serial: int) -> None:
        """Find out where a message goes, and let its parts wait there."""
        attempt = None
        try:
            entry = await self.queue.look(serial)
            if entry is not None and not entry.hold and entry.message.unseen and not entry.expire:
                await self._let_in(entry)
            elif entry is not None and not entry.hold:
                attempt = await self._begun(entry)
        except Exception as error:
            await self._failed(serial, error)
        finally:
            self._triage -= 1
            if attempt is None:
                self._ended(serial)
            elif self._fresh or self._old:
                self._wake.set()
        if attempt is not None:
            if not attempt.left:
                await self._settled(attempt)
            self._go()

    async def _let_in(self, entry: QueueEntry) -> None:
        from mailconf.mta.admission import Admission

        await Admission(self.context, self.queue, self._reports()).let_in(entry)

    def _reports(self) -> Bouncer:
        return self._bounce or self.context.personality.bouncer(self.context)

    async def _failed(self, serial: int, error: Exception) -> None:
        """An attempt cannot be made, or what follows from it; it is made again later."""
        if isinstance(error, QueueError):
            self.context.note(LogEvent.QUEUE_FAILED, error=error)
        elif isinstance(error, (IntakeRefused, LookupFailed)):
            # The notice could not be queued: what it was about is recorded, the next run sends it.
            self.context.note(LogEvent.REPORT_FAILED, serial=serial, error=error)
        else:  # a defect must not stop the queue
            self.context.note(LogEvent.ATTEMPT_FAILED, serial=serial, error=error)
        with suppress(QueueError):
            await self.queue.put_off(serial, self.site.limits.minimal_backoff)

    async def _begun(self, entry: QueueEntry) -> Attempt:
        message, active = entry.message, entry.active
        self.context.note(
            LogEvent.ACTIVE, queue_id=entry.queue_id, sender=message.sender, size=entry.size, recipients=len(active)
        )
        attempt = Attempt(entry, self.context.world.now())
        if entry.expire:
            self.context.note(LogEvent.EXPIRED, queue_id=entry.queue_id, sender=message.sender, forced=True)
            attempt.pairs = [(queued.id, _given_up(queued)) for queued in active]
            return attempt
        parts = await self._parts(attempt, active)
        attempt.left, attempt.several = len(parts), len(parts) > 1
        now = self._steady()
        aside, later = [], []
        for name, part in parts:
            if part.transport in self.site.idle_transports and entry.serial not in self._asked_for:
                later.append(part)
                continue
            limit = self.site.concurrency(part.transport) or LANE
            service = self.site.transports.get(part.transport) or Transport(part.transport)
            destination = self._destinations.get(part.transport, name, limit, now, service.change, service.spacing)
            if destination.until:
                aside.append((part, destination))
            else:
                self._destinations.put(destination, part)
        for part, destination in aside:
            await self._part_ended(part, self._suspended(part, destination), settle=False)
        for part in later:
            await self._part_ended(part, self._idle(part), settle=False)
        return attempt

    async def _parts(self, attempt: Attempt, active: list[Queued]) -> list[tuple[str, Part]]:
        """The work to be done: each part, with the name of its destination."""
        policy, world, entry = self.context.policy, self.context.world, attempt.entry
        groups: dict[tuple[str, str, str], list[tuple[Queued, Route]]] = {}
        for queued in active:
            recipient = queued.recipient
            route = await policy.resolve(
                recipient.address, Ask(world), sender=entry.message.sender, kind=recipient.kind
            )
            if self.site.resolves_recipients and route.recipient != recipient.address:
                recipient = dataclasses.replace(recipient, address=route.recipient)
                queued = dataclasses.replace(queued, recipient=recipient)
            if entry.filter and not recipient.error:  # a filter takes also what has no route
                transport, nexthop = self.site.filtered(entry.filter, recipient.address)
                route = route._replace(transport=transport, nexthop=nexthop, error=None)
            single = self._program(route) == "local" or self.site.recipients_of(route.transport) == 1
            destination = recipient.address.lower() if single else route.nexthop
            groups.setdefault((route.transport, route.nexthop, destination), []).append((queued, route))
        for members in groups.values() if self.site.sorts_recipients else ():
            members.sort(key=_order)
        return [
            (destination, Part(attempt, transport, nexthop, members[at : at + most]))
            for (transport, nexthop, destination), members in groups.items()
            for most in (self.site.recipients_of(transport) or len(members),)
            for at in range(0, len(members), most)
        ]

    def _program(self, route: Route) -> str:
        service = self.site.transports.get(route.transport)
        return service.program if service is not None else ""

    def _go(self) -> None:
        """Begin what has a place; the loop looks after what has to wait for its time."""
        if not self._stopping:
            for destination, part in self._destinations.ready(self._steady()):
                self._task(self._part(destination, part))
            if self._destinations.release() < self._awaited:
                self._wake.set()

    async def _part(self, destination: Destination[Part], part: Part) -> None:
        attempt = part.attempt
        aside: list[Part] = []
        attempt.readers += 1
        try:
            content = await self._content(attempt)
            if content is None:  # the message was removed
                await self._part_failed(part)
                return
            begun = self.context.world.now()
            message = dataclasses.replace(attempt.entry.message, content=content, tried=attempt.entry.tried)
            recipients = [(queued.recipient, route) for queued, route in part.members]
            job = Job(message, recipients, part.transport, part.nexthop, self.context.policy, self.context.world)
            if self._keeps(part.transport):
                job.keep, job.reuse = destination.keeps, destination.reuses
            program, results, reached = await self._deliver(job)
            if reached:
                destination.reached()
            elif destination.unreached():
                until = self._steady() + self.site.limits.minimal_backoff
                aside = self._destinations.set_aside(destination, until, results[0].dsn, results[0].text)
        except QueueError as error:
            self.context.note(LogEvent.QUEUE_FAILED, error=error)
            await self._part_failed(part)
            return
        except Exception as error:  # a defect must not stop the queue
            self.context.note(LogEvent.ATTEMPT_FAILED, serial=attempt.entry.serial, error=error)
            await self._part_failed(part)
            return
        finally:
            attempt.readers -= 1
            if not attempt.readers and attempt.left > 1:
                attempt.content = None
            self._destinations.ended(destination, self._steady())
            self._go()
        await self._part_ended(part, (program, results), begun=begun)
        pace = Pace()
        for other in aside:
            await pace.step()
            await self._part_ended(other, self._suspended(other, destination))

    def _keeps(self, transport: str) -> bool:
        """Whether connections are kept where a destination has more mail."""
        service = self.site.transports.get(transport)
        return service is not None and service.reuse.on_demand

    async def _part_failed(self, part: Part) -> None:
        """A part has ended without an outcome."""
        part.attempt.left -= 1
        if not part.attempt.left:
            await self._settled(part.attempt)

    async def _content(self, attempt: Attempt) -> bytes | None:
        """The message's content, read once for parts that are under way together."""
        if attempt.content is None:
            attempt.content = await self.queue.content(attempt.entry.serial)
        return attempt.content

    def _suspended(self, part: Part, destination: Destination[Part]) -> tuple[str, list[Result]]:
        """What becomes of a part whose destination is left alone."""
        text = self.context.remark(Remark.SUSPENDED, reason=destination.reason)
        dsn = destination.dsn
        return "error", [Result(queued.recipient, Status.DEFERRED, dsn, text, "none") for queued, _ in part.members]

    def _idle(self, part: Part) -> tuple[str, list[Result]]:
        """What becomes of a part whose transport delivers only when somebody asks for it."""
        text = self.context.remark(Remark.TRANSPORT_IDLE)
        return "error", [Result(queued.recipient, Status.DEFERRED, "4.3.2", text, "none") for queued, _ in part.members]

    async def _part_ended(
        self, part: Part, outcome: tuple[str, list[Result]], *, begun: float | None = None, settle: bool = True
    ) -> None:
        attempt, (program, results) = part.attempt, outcome
        entry, ended = attempt.entry, self.context.world.now()
        begun = ended if begun is None else begun
        for result in results:
            for each in result.parts or (result,):
                times = {"arrival": entry.message.arrival, "since": attempt.since, "begun": begun, "ended": ended}
                facts = {"transport": part.transport, "size": entry.size, "recipients": len(entry.active)}
                about = {"program": program, "queue_id": entry.queue_id, "result": each}
                self.context.note(LogEvent.DELIVERY, **about, **times, **facts)
            self.context.measures.delivered(part.transport, result.status, ended - entry.message.arrival)
        pairs = [(queued.id, result) for (queued, _), result in zip(part.members, results, strict=True)]
        attempt.pairs += pairs
        attempt.left -= 1
        if attempt.several:
            with suppress(QueueError):
                await self.queue.record(entry.serial, pairs)
        if settle and not attempt.left:
            await self._settled(attempt)

    async def _settled(self, attempt: Attempt) -> None:
        """All parts have ended."""
        serial = attempt.entry.serial
        try:
            await self._finish(attempt)
        except Exception as error:
            await self._failed(serial, error)
        finally:
            self._ended(serial)

    async def _deliver(self, job: Job) -> tuple[str, list[Result], bool]:
        """The agent's name for the log; its results, one for each recipient of the job in their order; whether the
        destination was reached.
        """
        service = self.site.transports.get(job.transport)
        program, kind = (service.program, service.agent) if service is not None else ("", None)
        agent = self.context.agents.get(kind) if kind is not None else None
        if any(route.error is not None for _, route in job.recipients) or (agent is None and kind is AgentKind.ERROR):
            program, agent = "error", self.context.agents.get(AgentKind.ERROR, self._fallback)
        if agent is None:
            self.context.note(LogEvent.NO_AGENT, program="", transport=job.transport)
            return "error", self._deferred(job, Remark.NO_TRANSPORT), True
        try:
            found = {id(result.recipient): result for result in await agent.deliver(job)}
        except Exception as error:  # a defect of an agent must not lose or bounce mail
            self.context.note(LogEvent.AGENT_FAILED, program=program, queue_id=job.message.queue_id, error=error)
            return program, self._deferred(job, Remark.AGENT_FAILED), True
        missing = self._deferred(job, Remark.NO_RESULT)
        results = [found.get(id(result.recipient), result) for result in missing]
        nowhere = all(result.status is Status.DEFERRED and result.relay == "none" for result in found.values())
        remote = kind in (AgentKind.SMTP, AgentKind.LMTP) and program != "error"
        return program, results, not (remote and found and nowhere)

    def _deferred(self, job: Job, remark: Remark) -> list[Result]:
        text = self.context.remark(remark)
        reply = Reply.of(450, f"4.3.0 {text}")
        return [Result(recipient, Status.DEFERRED, "4.3.0", text, "none", reply) for recipient, _ in job.recipients]

    async def _finish(self, attempt: Attempt) -> None:
        """Record the outcomes, notify the sender, and either remove the message or put it off."""
        entry, pairs = attempt.entry, attempt.pairs
        now, serial, message = self.context.world.now(), entry.serial, entry.message
        before = [_as_result(queued) for queued in entry.recipients if queued.state is RecipientState.FAILED]
        left = len(entry.active) > len(pairs)  # the content of a part could not be read
        results = [result for _, result in pairs]
        deferred = [(id, result) for id, result in pairs if result.status is Status.DEFERRED]
        if deferred and now - message.arrival >= self._lifetime(message.sender):
            self.context.note(LogEvent.EXPIRED, queue_id=entry.queue_id, sender=message.sender, forced=False)
            pairs = [(id, _expired(result)) for id, result in pairs]
            results, deferred = [result for _, result in pairs], []
        gone = all(result.status is Status.SENT and not result.recipient.notify for result in results)
        if not before and not left and gone:
            await self._remove(entry)
            return
        await self.queue.record(serial, pairs, again=attempt.several)
        warns = bool(deferred) and not entry.warned and 0 < self.site.limits.delay_warning <= now - message.arrival
        asked = not entry.tried and any(result.recipient.notify for result in results)
        if before or warns or asked or len(deferred) < len(pairs):
            message = await self._whole(attempt)
        bouncer = self._reports()
        await bouncer.ended(message, [*before, *results])
        if warns:
            await bouncer.delayed(message, results)
        if deferred or left:
            told = [queued.id for queued in entry.recipients if queued.state is RecipientState.FAILED]
            told += [id for id, result in pairs if result.status is not Status.DEFERRED]
            delay = self.backoff(now - message.arrival)
            await self.queue.put_off(serial, delay, told=told, warned=warns or entry.warned)
        else:
            await self._remove(entry)

    async def _whole(self, attempt: Attempt) -> Message:
        """The message with its content, for a report."""
        content = attempt.content
        if content is None:
            content = await self.queue.content(attempt.entry.serial)
        return dataclasses.replace(attempt.entry.message, content=content or b"", tried=attempt.entry.tried)

    async def _remove(self, entry: QueueEntry) -> None:
        await self.queue.remove(entry.serial)
        self.context.note(LogEvent.REMOVED, queue_id=entry.queue_id)

    def _lifetime(self, sender: str) -> float:
        limits = self.site.limits
        return limits.queue_lifetime if sender else limits.bounce_lifetime

    def backoff(self, age: float) -> float:
        """Seconds until the next attempt of a message ``age`` seconds old (postconf(5) minimal_backoff_time)."""
        limits = self.site.limits
        return min(max(age, limits.minimal_backoff), limits.maximal_backoff)


def _order(member: tuple[Queued, Route]) -> tuple[str, str]:
    """Recipients of a delivery are in the order of their domains, and of their addresses (Postfix 3.7.11)."""
    at = Address.split(member[0].recipient.address)
    return (at.domain or "").lower(), member[0].recipient.address


def _expired(result: Result) -> Result:
    if result.status is not Status.DEFERRED:
        return result
    parts = tuple(map(_expired, result.parts))
    return dataclasses.replace(result, status=Status.EXPIRED, parts=parts)


def _given_up(queued: Queued) -> Result:
    """Of a recipient of a message that somebody wants to be given up: what the last attempt came to."""
    dsn, text = queued.dsn or "4.4.7", queued.text or "Delivery time expired"
    return Result(queued.recipient, Status.EXPIRED, dsn, text, queued.relay or "none", queued.reply)


def _as_result(queued: Queued) -> Result:
    """What the queue remembers of a failure of which the sender was not notified yet."""
    return Result(queued.recipient, Status.BOUNCED, queued.dsn, queued.text, queued.relay, queued.reply)

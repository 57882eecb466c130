"""The queue manager (qmgr(8)): when which message is attempted, and by whom.

A new message is attempted at once. A message of which something was deferred waits as long as it is old, but at least
minimal_backoff_time and at most maximal_backoff_time, and is taken up by the first queue run (every queue_run_delay)
after that. Older than maximal_queue_lifetime (bounce_queue_lifetime from the null sender) what is still deferred goes
back to the sender.

An attempt resolves the recipients that are left, groups them by transport and next hop into jobs and hands these to the
transports' agents, a limited number at a time for one destination. For local(8) each recipient is a destination.

Every outcome is recorded before the sender is notified; a message leaves the queue when nothing is left to do. A
crash repeats what was not yet recorded: delivery is at least once.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mailconf.model.site import Site
from mailconf.model.verdict import Reply, Route
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.agents import Error
from mailconf.mta.bounce import Bounce
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.message import Agent, Context, IntakeRefused, Job, Result, Status
from mailconf.mta.queue import Queue, Queued, QueueEntry, QueueError, State, Store

ACTIVE = 2000  # messages under way at a time, with their contents in memory

Wait = Callable[[asyncio.Event, float], Awaitable[None]]


async def wait(event: asyncio.Event, delay: float) -> None:
    """Return when ``event`` is set or ``delay`` seconds have passed."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), delay)


class Scheduler:
    """Runs the queue. ``wait`` may be replaced together with the World's clock, so that tests need no time."""

    def __init__(self, context: Context, queue: Queue, bounce: Bounce | None = None, *, wait: Wait = wait) -> None:
        self.context = context
        self.queue = queue
        self.bounce = Bounce(context) if bounce is None else bounce
        self._wait = wait
        self._wake = asyncio.Event()
        self._fresh: list[int] = []
        self._scan = True
        self._stopping = False
        self._active: dict[int, asyncio.Task[None]] = {}
        self._slots: dict[tuple[str, str], asyncio.Semaphore] = {}
        self._fallback: Agent = Error()

    @property
    def site(self) -> Site:
        return self.context.policy.site

    def queued(self, serial: int) -> None:
        """A message entered the queue; attempt it at once."""
        self._fresh.append(serial)
        self._wake.set()

    async def flush(self) -> int:
        """Attempt everything that is deferred now (postqueue -f); how many messages that are."""
        now = self.context.world.now()
        count = await self.queue.run(lambda store: store.flush(now))
        self.scan()
        return count

    def scan(self) -> None:
        """Start a queue run now, for what another process changed in the queue."""
        self._scan = True
        self._wake.set()

    async def run(self) -> None:
        """Take up messages until `stop`."""
        next_run = self.context.world.now()
        while not self._stopping:
            self._wake.clear()
            now = self.context.world.now()
            if self._scan or now >= next_run:
                self._scan = False
                while next_run <= now:
                    next_run += self.site.limits.queue_run_delay
                self._fresh += await self._due(now)
            self._start()
            await self._wait(self._wake, max(0.0, next_run - self.context.world.now()))

    async def _due(self, now: float) -> list[int]:
        try:
            return await self.queue.run(lambda store: store.due(now))
        except QueueError as error:
            self.context.note(LogEvent.QUEUE_FAILED, error=error)
            return []

    def _start(self) -> None:
        waiting = self._fresh
        self._fresh = []
        for at, serial in enumerate(waiting):
            if self._stopping or len(self._active) >= ACTIVE:
                self._fresh = waiting[at:]
                return
            if serial not in self._active:
                task = asyncio.create_task(self._message(serial))
                self._active[serial] = task
                task.add_done_callback(lambda _, serial=serial: self._ended(serial))  # type: ignore[misc]

    def _ended(self, serial: int) -> None:
        self._active.pop(serial, None)
        if self._fresh:
            self._wake.set()

    async def idle(self) -> None:
        """Returns when nothing is under way and nothing fresh is waiting."""
        while self._active or self._fresh:
            if self._active:
                await asyncio.wait(list(self._active.values()))
            else:
                await asyncio.sleep(0)

    async def stop(self, grace: float = 5.0) -> None:
        """Take up nothing more; attempts under way have ``grace`` seconds, then they are cut off and come again."""
        self._stopping = True
        self._wake.set()
        if self._active:
            _, late = await asyncio.wait(list(self._active.values()), timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # One message

    async def _message(self, serial: int) -> None:
        try:
            entry = await self.queue.run(lambda store: store.load(serial))
            if entry is not None and not entry.hold:
                await self._attempt(entry)
        except QueueError as error:
            self.context.note(LogEvent.QUEUE_FAILED, error=error)
        except (IntakeRefused, LookupFailed) as error:
            # The notice could not be queued: what it was about is recorded, the next run sends it.
            self.context.note(LogEvent.REPORT_FAILED, serial=serial, error=error)
            await self._later(serial)
        except Exception as error:  # a defect must not stop the queue
            self.context.note(LogEvent.ATTEMPT_FAILED, serial=serial, error=error)
            await self._later(serial)

    async def _later(self, serial: int) -> None:
        until = self.context.world.now() + self.site.limits.minimal_backoff
        with suppress(QueueError):
            await self.queue.run(lambda store: store.defer(serial, until))

    async def _attempt(self, entry: QueueEntry) -> None:
        message, active = entry.message, entry.active
        self.context.note(
            LogEvent.ACTIVE, queue_id=entry.queue_id, sender=message.sender, size=entry.size, recipients=len(active)
        )
        since = self.context.world.now()
        jobs = await self._jobs(entry, active)
        several = len(jobs) > 1  # then each is recorded when it ends; a single one with what follows from it
        outcomes = await asyncio.gather(*(self._job(entry, job, since, several) for job in jobs))
        pairs = [pair for outcome in outcomes for pair in outcome]
        await self._finish(entry, pairs, recorded=several)

    async def _jobs(self, entry: QueueEntry, active: list[Queued]) -> list[tuple[str, Job, list[Queued]]]:
        """The work to be done: (destination, job, the job's recipients in the queue)."""
        policy, world = self.context.policy, self.context.world
        groups: dict[tuple[str, str, str], list[tuple[Queued, Route]]] = {}
        for queued in active:
            route = await policy.resolve(queued.recipient.address, Ask(world), sender=entry.message.sender)
            if entry.filter and route.error is None:
                transport, _, nexthop = entry.filter.partition(":")
                route = route._replace(transport=transport, nexthop=nexthop)
            destination = queued.recipient.address.lower() if self._program(route) == "local" else route.nexthop
            groups.setdefault((route.transport, route.nexthop, destination), []).append((queued, route))
        most = self.site.limits.destination_recipients or len(active)
        jobs = []
        for (transport, nexthop, destination), members in groups.items():
            for at in range(0, len(members), most):
                some = members[at : at + most]
                recipients = [(queued.recipient, route) for queued, route in some]
                job = Job(entry.message, recipients, transport, nexthop, policy, world)
                jobs.append((destination, job, [queued for queued, _ in some]))
        return jobs

    def _program(self, route: Route) -> str:
        service = self.site.transports.get(route.transport)
        return service.program if service is not None else ""

    async def _job(
        self, entry: QueueEntry, work: tuple[str, Job, list[Queued]], since: float, record: bool
    ) -> list[tuple[int, Result]]:
        destination, job, members = work
        async with self._slot(job.transport, destination):
            begun = self.context.world.now()
            program, results = await self._deliver(job)
        ended = self.context.world.now()
        for result in results:
            for part in result.parts or (result,):
                facts = {"result": part, "arrival": entry.message.arrival, "since": since, "begun": begun}
                self.context.note(LogEvent.DELIVERY, program=program, queue_id=entry.queue_id, ended=ended, **facts)
        pairs = [(queued.id, result) for queued, result in zip(members, results, strict=True)]
        if record:
            await self.queue.run(lambda store: store.record(pairs))
        return pairs

    def _slot(self, transport: str, destination: str) -> asyncio.Semaphore:
        """The semaphore of a destination; those that nobody uses are forgotten now and then."""
        if len(self._slots) > ACTIVE:
            self._slots = {key: slot for key, slot in self._slots.items() if slot.locked()}
        limit = self.site.concurrency(transport)
        return self._slots.setdefault((transport, destination), asyncio.Semaphore(limit or ACTIVE))

    async def _deliver(self, job: Job) -> tuple[str, list[Result]]:
        """The agent's name for the log, and its results, one for each recipient of the job in their order."""
        service = self.site.transports.get(job.transport)
        program = service.program if service is not None else ""
        agent = self.context.agents.get(program)
        if any(route.error is not None for _, route in job.recipients) or (agent is None and program == "error"):
            program, agent = "error", self.context.agents.get("error", self._fallback)
        if agent is None:
            self.context.note(LogEvent.NO_AGENT, program="", transport=job.transport)
            return "error", self._deferred(job, Remark.NO_TRANSPORT)
        try:
            found = {id(result.recipient): result for result in await agent.deliver(job)}
        except Exception as error:  # a defect of an agent must not lose or bounce mail
            self.context.note(LogEvent.AGENT_FAILED, program=program, queue_id=job.message.queue_id, error=error)
            return program, self._deferred(job, Remark.AGENT_FAILED)
        missing = self._deferred(job, Remark.NO_RESULT)
        return program, [found.get(id(result.recipient), result) for result in missing]

    def _deferred(self, job: Job, remark: Remark) -> list[Result]:
        text = self.context.remark(remark)
        reply = Reply.of(450, f"4.3.0 {text}")
        return [Result(recipient, Status.DEFERRED, "4.3.0", text, "none", reply) for recipient, _ in job.recipients]

    async def _finish(self, entry: QueueEntry, pairs: list[tuple[int, Result]], *, recorded: bool) -> None:
        """Record the outcomes, notify the sender, and either remove the message or put it off."""
        now, serial, message = self.context.world.now(), entry.serial, entry.message
        before = [_as_result(queued) for queued in entry.recipients if queued.state is State.FAILED]
        results = [result for _, result in pairs]
        deferred = [(id, result) for id, result in pairs if result.status is Status.DEFERRED]
        if deferred and now - message.arrival >= self._lifetime(message.sender):
            self.context.note(LogEvent.EXPIRED, queue_id=entry.queue_id, sender=message.sender)
            pairs = [(id, _expired(result)) for id, result in pairs]
            results, deferred = [result for _, result in pairs], []
        if not before and all(result.status is Status.SENT and not result.recipient.notify for result in results):
            await self._remove(entry)
            return
        await self.queue.run(lambda store: store.record(pairs, again=recorded))
        await self.bounce.failed(message, [*before, *results])
        await self.bounce.delivered(message, results)
        warned = entry.warned
        if deferred and not warned and 0 < self.site.limits.delay_warning <= now - message.arrival:
            await self.bounce.delayed(message, results)
            warned = True
        if deferred:
            until = now + self.backoff(now - message.arrival)
            told = [queued.id for queued in entry.recipients if queued.state is State.FAILED]
            told += [id for id, result in pairs if result.status is not Status.DEFERRED]
            await self.queue.run(lambda store: _put_off(store, serial, told, until, warned))
        else:
            await self._remove(entry)

    async def _remove(self, entry: QueueEntry) -> None:
        await self.queue.run(lambda store: store.remove(entry.serial))
        self.context.note(LogEvent.REMOVED, queue_id=entry.queue_id)

    def _lifetime(self, sender: str) -> float:
        limits = self.site.limits
        return limits.queue_lifetime if sender else limits.bounce_lifetime

    def backoff(self, age: float) -> float:
        """Seconds until the next attempt of a message ``age`` seconds old (postconf(5) minimal_backoff_time)."""
        limits = self.site.limits
        return min(max(age, limits.minimal_backoff), limits.maximal_backoff)


def _put_off(store: Store, serial: int, told: list[int], until: float, warned: bool) -> None:
    store.finish(told)
    store.defer(serial, until)
    if warned:
        store.warn(serial)


def _expired(result: Result) -> Result:
    if result.status is not Status.DEFERRED:
        return result
    parts = tuple(map(_expired, result.parts))
    return dataclasses.replace(result, status=Status.EXPIRED, parts=parts)


def _as_result(queued: Queued) -> Result:
    """What the queue remembers of a failure of which the sender was not notified yet."""
    return Result(queued.recipient, Status.BOUNCED, queued.dsn, queued.text, queued.relay, queued.reply)

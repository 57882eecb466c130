"""Probes of addresses: whether mail for one would be taken, found out by a delivery that ends before the content
(verify(8), postconf(5) address_verify_*).

A probe goes where the Policy sends probes, and comes to what the host there answers to the recipient, or to what a
mailbox's agent finds. What it came to is kept: a good answer for address_verify_positive_expire_time, a bad one for
address_verify_negative_expire_time, and asked for again meanwhile, without anybody waiting, when the refresh time is
over; a good answer stays until it expires, whatever later probes come to.

Departures: a probe is no message in the queue, and none that waits for a place at its destination. The answers lie in a
file of ours, in the queue's folder, not in a map of Postfix's. At most `MOST` answers are kept; the oldest go first.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mailconf.files import Root
from mailconf.files.replacing import replace
from mailconf.model.probing import Probing
from mailconf.model.recipient import Recipient
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Delivery, DeliveryKind, Route
from mailconf.model.world import Ask, Deliverability, Probed
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.local import STATUS, status_of
from mailconf.mta.message import Context, Job, Message, Result, Status

MOST = 50_000  # answers that are kept
_LONGEST = 1000  # characters of an address or a text that are kept
_FILE_SIZE = 200_000_000
_SAVED = 60.0  # seconds after a new answer, at most, until the file has it
_VERSION = 1
_REMARKS = {
    DeliveryKind.MBOX: Remark.WOULD_MAILBOX,
    DeliveryKind.MAILDIR: Remark.WOULD_MAILDIR,
    DeliveryKind.COMMAND: Remark.WOULD_COMMAND,
    DeliveryKind.FILE: Remark.WOULD_FILE,
    DeliveryKind.FORWARD: Remark.WOULD_FORWARD,
}
_NAMED = (DeliveryKind.COMMAND, DeliveryKind.FILE, DeliveryKind.FORWARD)


class Kept(NamedTuple):
    """An answer, and when it was found (seconds since the epoch)."""

    probed: Probed
    since: float


class Probes:
    """The answers, and the probes that are under way.

    path  the file that has the answers; None keeps them in memory alone
    """

    def __init__(self, context: Context, path: Path | None = None) -> None:
        self._context = context
        self._path = path
        self._kept: dict[str, Kept] = {}  # the oldest first
        self._running: dict[str, asyncio.Task[Probed]] = {}
        self._saving: asyncio.TimerHandle | None = None

    @property
    def _settings(self) -> Probing:
        return self._context.policy.site.probing

    async def verify(self, address: str, patience: float) -> Probed:
        """What is known of an address, for which a probe may be waited for as many seconds."""
        now, settings = self._context.world.now(), self._settings
        known = self._known(address, now)
        if known is not None:
            good = known.probed.outcome is Deliverability.DELIVERABLE
            if now - known.since >= (settings.positive_refresh if good else settings.negative_refresh):
                self._begin(address)
            return known.probed
        task = self._begin(address)
        if task is None or patience <= 0:
            return Probed(Deliverability.PENDING)
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(task), patience)
        return Probed(Deliverability.PENDING)

    def _known(self, address: str, now: float) -> Kept | None:
        """An answer that still holds. A clock that was set back ends it, too."""
        known, settings = self._kept.get(address), self._settings
        if known is None:
            return None
        good = known.probed.outcome is Deliverability.DELIVERABLE
        lifetime = settings.positive_expire if good else settings.negative_expire
        if 0 <= now - known.since < lifetime:
            return known
        del self._kept[address]
        return None

    def _begin(self, address: str) -> asyncio.Task[Probed] | None:
        """The probe of an address; None where there are too many."""
        task = self._running.get(address)
        if task is None and len(self._running) < self._settings.pending:
            task = self._running[address] = asyncio.create_task(self._run(address))
        return task

    async def _run(self, address: str) -> Probed:
        try:
            probed = await self._probe(address)
        except Exception as error:  # neither a table that cannot answer nor a defect says anything of an address
            self._context.note(LogEvent.PROBE_FAILED, address=address, error=error)
            return Probed(Deliverability.PENDING)
        finally:
            del self._running[address]
        good = probed.outcome is Deliverability.DELIVERABLE
        if not good and not self._settings.remembers_failures:
            return Probed(Deliverability.PENDING)
        self._keep(address, probed)
        return probed

    def _keep(self, address: str, probed: Probed) -> None:
        now = self._context.world.now()
        known, good = self._known(address, now), probed.outcome is Deliverability.DELIVERABLE
        if not good and known is not None and known.probed.outcome is Deliverability.DELIVERABLE:
            return
        if len(address) > _LONGEST:
            return
        self._kept.pop(address, None)
        self._kept[address] = Kept(probed._replace(text=probed.text[:_LONGEST]), now)
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        if self._path is not None and self._saving is None:
            self._saving = asyncio.get_running_loop().call_later(_SAVED, self.save)

    # A probe

    async def _probe(self, address: str) -> Probed:
        """Raises what asking the tables and the agents raises."""
        context, sender = self._context, self._settings.sender
        policy, ask, arrival = context.policy, Ask(context.world), context.world.now()
        queue_id = context.intake.new_queue_id() if context.intake is not None else ""
        expansion = await policy.expand(Recipient(address, address), ask)
        if expansion.error is not None:
            raise ValueError(str(expansion.error))
        if len(expansion.recipients) > 1:
            return Probed(Deliverability.DELIVERABLE, "2.0.0", context.remark(Remark.WOULD_SEVERAL))
        message = Message(queue_id, sender, list(expansion.recipients), b"", arrival)
        context.note(LogEvent.ACTIVE, queue_id=queue_id, sender=sender, size=0, recipients=len(expansion.recipients))
        last = Probed(Deliverability.PENDING)
        for recipient in expansion.recipients:
            route = await policy.probe(recipient.address, Ask(context.world), sender=sender)
            last = await self._attempt(message, recipient, route)
        context.note(LogEvent.REMOVED, queue_id=queue_id)
        return last

    async def _attempt(self, message: Message, recipient: Recipient, route: Route) -> Probed:
        context = self._context
        begun = context.world.now()
        program, result = await self._result(message, recipient, route)
        times = {"arrival": message.arrival, "since": begun, "begun": begun, "ended": context.world.now()}
        facts = {"transport": route.transport, "size": 0, "recipients": len(message.recipients)}
        about = {"program": program, "queue_id": message.queue_id, "result": result}
        kept = result.status is Status.SENT or self._settings.remembers_failures
        context.note(LogEvent.PROBED, **about, **times, **facts, kept=kept)
        outcome = Deliverability.DEFERRED if result.status is Status.DEFERRED else Deliverability.UNDELIVERABLE
        return Probed(Deliverability.DELIVERABLE if result.status is Status.SENT else outcome, result.dsn, result.text)

    async def _result(self, message: Message, recipient: Recipient, route: Route) -> tuple[str, Result]:
        """The program's name for the log, and what the probe comes to there."""
        context = self._context
        transport = context.policy.site.transports.get(route.transport)
        program, kind = (transport.program, transport.agent) if transport is not None else ("error", None)
        if route.error is not None:
            program, kind = "error", AgentKind.ERROR
        job = Job(
            message, [(recipient, route)], route.transport, route.nexthop, context.policy, context.world, probe=True
        )
        if kind is AgentKind.MAILBOX:
            return program, await self._mailbox(job, recipient, route, program)
        if kind is AgentKind.PIPE:
            command = transport.argv[0] if transport is not None and transport.argv else ""
            text = context.remark(Remark.WOULD_COMMAND, target=command)
            return program, Result(recipient, Status.SENT, "2.0.0", text, route.transport)
        agent = context.agents.get(kind) if kind is not None else None
        if agent is None:
            text = context.remark(Remark.NO_TRANSPORT)
            return "error", Result(recipient, Status.DEFERRED, "4.3.0", text, "none")
        (result,) = await agent.deliver(job)
        return program, result

    async def _mailbox(self, job: Job, recipient: Recipient, route: Route, program: str) -> Result:
        """What a mailbox's agent would do, as far as that decides."""
        found = await job.policy.deliver(route, Ask(job.world), sender=job.message.sender, recipient=recipient)
        own = route.recipient.casefold()
        if len(found.items) == 1 and found.items[0].recipient.address.casefold() == own:
            return await self._item(job, recipient, found.items[0], program)
        if found.items:  # an alias stands for others, whatever becomes of these
            names = [item.target if item.kind in _NAMED else item.recipient.address for item in found.items]
            text = self._context.remark(Remark.WOULD_FORWARD, target=", ".join(names))
            return Result(recipient, Status.SENT, "2.0.0", text, program)
        text = self._context.remark(Remark.NO_DELIVERIES)
        return Result(recipient, Status.DEFERRED, "4.3.0", text, program)

    async def _item(self, job: Job, recipient: Recipient, item: Delivery, program: str) -> Result:
        context = self._context
        if item.kind is DeliveryKind.TRANSPORT:
            name, _, nexthop = item.target.partition(":")
            there = Route(name, nexthop, item.recipient.address, "", Ask(job.world).trace)
            return (await self._result(job.message, recipient, there))[1]
        if item.kind in (DeliveryKind.ERROR, DeliveryKind.DISCARD):
            if item.reply is None or item.reply.positive:
                return Result(recipient, Status.SENT, "2.0.0", context.remark(Remark.DISCARDED), program)
            dsn, text = status_of(item.reply)
            return Result(recipient, STATUS[dsn[0]], dsn, text, program, item.reply)
        text = context.remark(_REMARKS[item.kind], target=item.target)
        return Result(recipient, Status.SENT, "2.0.0", text, program)

    # The file

    def load(self) -> None:
        """Take over what an earlier run has found out. A file that is not ours, or damaged, counts for nothing."""
        if self._path is None:
            return
        try:
            lines = Root().own(self._path, _FILE_SIZE).decode("utf-8").splitlines()
            if json.loads(lines[0]) != {"version": _VERSION}:
                return
            for line in lines[1 : MOST + 1]:
                address, outcome, dsn, text, since = json.loads(line)
                texts = (address, outcome, dsn, text)
                if all(isinstance(each, str) for each in texts) and isinstance(since, (int, float)):
                    self._kept[address] = Kept(Probed(Deliverability(outcome), dsn, text), float(since))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, IndexError, TypeError, RecursionError) as error:
            self._kept.clear()
            self._context.note(
                LogEvent.QUEUE_FAILED, error=f"{self._path}: what is known of addresses is lost: {error}"
            )

    def save(self) -> None:
        """Write what is known, whole or not at all."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        if self._path is None:
            return
        lines = [json.dumps({"version": _VERSION})]
        lines += [
            json.dumps([address, kept.probed.outcome.value, kept.probed.dsn, kept.probed.text, kept.since])
            for address, kept in self._kept.items()
        ]
        try:
            with replace(self._path, mode=0o600) as file:
                file.write("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            self._context.note(LogEvent.QUEUE_FAILED, error=f"{self._path}: {error.strerror or error}")

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._saving is not None:
            self.save()

"""The delivery agent of mailers that are programs (``P=/path``): local, prog, procmail and their like.

What a message is for a mailer, how its program is called and as whom, a plan says that is handed in
(`mailconf.sendmail.mailing.handing`); here it is done, and the exit status becomes what became of the recipients. The
program of a mailer is not run by who may not become its user: the mail waits.

Source: Sendmail Installation and Operation Guide 5.4; sysexits(3); sendmail 8.17.1.9,
tests/vectors/sendmail_mailers.jsonl.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

from mailconf.files import Root
from mailconf.model.letter import Handing, Letter, Program
from mailconf.model.policy import AddressPlace, Policy, Role, Side
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta import program
from mailconf.mta.course import Course, Talk
from mailconf.mta.header_addresses import rewrite
from mailconf.mta.headers import RECIPIENTS, SENDERS, Fields, set_off
from mailconf.mta.intake import limits_of
from mailconf.mta.journal import Journal, LogEvent, Remark
from mailconf.mta.message import Context, Job, Message, Result, Status
from mailconf.mta.pace import Pace
from mailconf.smtp.reply import Reply
from mailconf.source import decode

Plan = Callable[[Policy, Letter, str, Ask], Awaitable[list[Handing]]]

_OK, _OSERR, _TEMPFAIL = 0, 71, 75
# The enhanced status that an exit status of sysexits.h stands for.
DSN = {
    64: "5.0.0", 65: "5.6.0", 66: "5.3.0", 67: "5.1.1", 68: "5.1.2", 69: "5.0.0", 70: "5.3.0", 71: "4.0.0",
    72: "5.3.5", 73: "5.0.0", 74: "4.0.0", 75: "4.0.0", 76: "5.5.0", 77: "5.0.0", 78: "5.3.5",
}  # fmt: skip
_UNKNOWN = "5.3.0"
_STATUS = {"2": Status.SENT, "4": Status.DEFERRED, "5": Status.BOUNCED}
_RUNNING = 20  # programs at a time


class ProgramMailers:
    """An `mailconf.mta.message.Agent`."""

    def __init__(self, context: Context, root: Root, plan: Plan) -> None:
        self.context = context
        self._root = root
        self._plan = plan
        self._places = asyncio.Semaphore(_RUNNING)

    async def deliver(self, job: Job) -> list[Result]:
        try:
            letter = letter_of(job)._replace(content=await self._addressed(job, job.message))
            found = await self._plan(job.policy, letter, job.transport, Ask(job.world))
        except LookupFailed as failure:
            text = self.context.remark(Remark.REWRITING_FAILED, reason=str(failure))
            return [Result(recipient, Status.DEFERRED, "4.3.0", text, "local") for recipient, _ in job.recipients]
        results: dict[int, Result] = {}
        for handing in found:
            outcome, relay = await self._handed(job, handing), job.nexthop or "local"
            course = Course(job.transport, job.nexthop, "", outcome.talk, exit=outcome.exit, signal=outcome.signal)
            for place in handing.places:
                recipient, _ = job.recipients[place]
                came = Result(recipient, outcome.status, outcome.dsn, outcome.text, relay, outcome.reply)
                results[place] = replace(came, rights=handing.rights, course=course)
        return [results[place] for place in sorted(results)]

    async def _handed(self, job: Job, handing: Handing) -> Outcome:
        called = handing.program
        if called is None:
            dsn, status = handing.refusal
            return ended_with(self._journal, status, dsn)._replace(talk=(Talk("", "", (handing.reason,)),))
        if not program.may_become(called):
            return Outcome(Status.DEFERRED, "4.3.0", self.context.remark(Remark.NO_RIGHTS, uid=called.identity.uid))
        async with self._places:
            ended = await program.run(called, handing.data, self._folder(job))
        events, outcome = came_to(self._journal, job.transport, called, ended)
        for event, facts in events:
            self.context.note(event, queue_id=job.message.queue_id, **facts)
        return outcome

    @property
    def _journal(self) -> Journal:
        return self.context.personality.journal

    def _folder(self, job: Job) -> str:
        """Where programs are started: the queue's folder."""
        folder = self._root.path(job.policy.site.queue_directory.value)
        return str(folder) if folder.is_dir() else "/"

    async def _addressed(self, job: Job, message: Message) -> bytes:
        """The content, its header's addresses as they leave by the mailer. Raises LookupFailed."""
        fields, pace = Fields(message.content), Pace()
        out = bytearray()
        for header in fields:
            await pace.step()
            side = Side.SENDER if header.key in SENDERS else Side.RECIPIENT if header.key in RECIPIENTS else None
            if side is not None:
                role = Role(AddressPlace.HEADER, side, job.transport, sender=message.sender)
                change = _Change(job, role, pace)
                header = await rewrite(header, change, limits_of(job.policy.site))
            out += header.raw + b"\n"
        return bytes(out) + set_off(fields.rest)


class Outcome(NamedTuple):
    """What became of the recipients for which a program was run; as in `Result` and `Course`."""

    status: Status
    dsn: str
    text: str
    reply: Reply | None = None
    exit: int | None = None
    signal: int = 0
    talk: tuple[Talk, ...] = ()


def came_to(
    journal: Journal, mailer: str, called: Program, ended: program.Ended
) -> tuple[list[tuple[LogEvent, dict[str, Any]]], Outcome]:
    """What the log is to have of a program that has ended, with its facts, and what became of the recipients."""
    if ended.not_run:
        facts = {"path": called.path, "reason": ended.not_run}
        return [(LogEvent.PROGRAM_NOT_RUN, facts)], ended_with(journal, _OSERR)
    talk = _printed(ended.output)
    events: list[tuple[LogEvent, dict[str, Any]]] = []
    if ended.status < 0:
        events.append((LogEvent.PROGRAM_DIED, {"mailer": mailer, "number": -ended.status}))
    if ended.status < 0 or ended.status == _TEMPFAIL:
        text = journal.remark(Remark.PROGRAM_LATER, mailer=mailer, path=called.path)
        signal = max(-ended.status, 0)
        if signal:
            talk += (Talk("", "", (f"451 4.3.0 mailer {mailer} died with signal {signal}", _named(called))),)
        return events, Outcome(Status.DEFERRED, DSN[_TEMPFAIL], text, None, _TEMPFAIL, signal, talk)
    if ended.status == _OK:
        done = journal.remark(Remark.COMMAND_DONE, command=called.path)
        return [], Outcome(Status.SENT, "2.0.0", done, None, _OK, 0, talk)
    return [], ended_with(journal, ended.status, output=ended.output)._replace(talk=talk)


def _printed(output: bytes) -> tuple[Talk, ...]:
    lines = tuple(decode(output).splitlines())
    return (Talk("", "", lines),) if lines else ()


def _named(called: Program) -> str:
    return f"Arguments: {' '.join(called.argv)}"


def ended_with(journal: Journal, status: int, dsn: str = "", output: bytes = b"") -> Outcome:
    """What an exit status comes to; what the program has said goes into the report."""
    remark = Remark.COMMAND_EXIT if status in DSN else Remark.UNKNOWN_STATUS
    text = journal.remark(remark, status=status)
    dsn = dsn or DSN.get(status, _UNKNOWN)
    said = " ".join(decode(output).split())
    reply = Reply.of(450 if dsn.startswith("4") else 550, f"{dsn} x-unix; {said or text}")
    return Outcome(_STATUS[dsn[0]], dsn, text, reply, status)


def letter_of(job: Job) -> Letter:
    """The message of a job, for its recipients."""
    message = job.message
    return Letter(
        message.queue_id,
        message.sender,
        tuple(job.recipients),
        message.content,
        message.arrival,
        job.world.now(),
        message.session,
        message.full_name,
        bool(message.report),
    )


class _Change:
    """Rewrites an address of a header field."""

    def __init__(self, job: Job, role: Role, pace: Pace) -> None:
        self._job, self._role, self._pace = job, role, pace

    async def __call__(self, address: str) -> str:
        await self._pace.step()
        return await self._job.policy.rewrite(address, self._role, Ask(self._job.world)) if address else ""

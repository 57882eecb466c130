"""Delivery status notifications (RFC 3464): which reports go to whom.

A report is a new message from the null sender to the envelope sender. postconf(5) notify_classes says of what the
postmaster is told, who is the recipient that the class has in `Site.notice_recipients`; what cannot be delivered to the
postmaster is reported to nobody. What a report says is the dialect's (`mailconf.mta.reports`).

NOTIFY (RFC 3461 4.1) decides who is notified: without it, failures and delays; NEVER nothing; else what it lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mailconf.mta.journal import LogEvent
from mailconf.mta.message import Context, Message, Recipient, Result, Status
from mailconf.mta.reports import Notice, Report


def wanted(recipient: Recipient, word: str) -> bool:
    """Whether the sender asked for a report: ``word`` is FAILURE, DELAY or SUCCESS."""
    notify = recipient.notify.upper().split(",") if recipient.notify else ["FAILURE", "DELAY"]
    return word in notify


class Bouncer(Protocol):
    """Tells senders and the postmaster of what became of a message; raises IntakeRefused, LookupFailed."""

    async def ended(self, message: Message, results: Sequence[Result]) -> None:
        """An attempt has ended: of its ``results`` failures and successes are told."""
        ...

    async def delayed(self, message: Message, results: Sequence[Result]) -> None:
        """It takes long."""
        ...


class Bounce:
    """The `Bouncer` of Postfix: reports go out through the Intake."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def ended(self, message: Message, results: Sequence[Result]) -> None:
        await self.failed(message, results)
        await self.delivered(message, results)

    async def failed(self, message: Message, results: Sequence[Result]) -> None:
        """Tell of the recipients that will not get the message; raises IntakeRefused.

        The postmaster gets reports whatever NOTIFY says: of each failure with the class ``bounce``, of those of the
        null sender with ``2bounce`` and ``bounce``.
        """
        results = _parts(results, Status.BOUNCED, Status.EXPIRED)
        classes = self.context.policy.site.notify_classes
        if not results or self._is_report_to_the_postmaster(message):
            return
        self._complain(Notice.FAILURE, message)
        if message.sender:
            await self._tell_sender(Notice.FAILURE, "FAILURE", message, results)
            if "bounce" in classes:
                await self._send(Notice.FAILURE, message, results, postmaster="bounce")
        elif "2bounce" in classes or "bounce" in classes:
            await self._send(Notice.FAILURE, message, results, postmaster="2bounce")

    async def delivered(self, message: Message, results: Sequence[Result]) -> None:
        """Tell a sender who asked for it of final deliveries; mail handed to another system is that one's to report."""
        results = [r for r in _parts(results, Status.SENT) if r.action or r.relay in ("local", "virtual")]
        if message.sender and any(wanted(result.recipient, "SUCCESS") for result in results):
            self._complain(Notice.SUCCESS, message)
            await self._tell_sender(Notice.SUCCESS, "SUCCESS", message, results)

    async def delayed(self, message: Message, results: Sequence[Result]) -> None:
        """Tell that delivery takes long (postconf(5) delay_warning_time); the postmaster with the class ``delay``."""
        results = _parts(results, Status.DEFERRED)
        if not message.sender or not results or self._is_report_to_the_postmaster(message):
            return
        self._complain(Notice.DELAY, message)
        await self._tell_sender(Notice.DELAY, "DELAY", message, results)
        if "delay" in self.context.policy.site.notify_classes:
            await self._send(Notice.DELAY, message, results, postmaster="delay")

    def _is_report_to_the_postmaster(self, message: Message) -> bool:
        """Whether nobody is told, as ``message`` is such a report itself; the log has it then."""
        is_one = message.sender.partition("@")[0] == self.context.policy.site.double_bounce_sender
        if is_one:
            self.context.note(LogEvent.REPORT_DISCARDED, queue_id=message.queue_id)
        return is_one

    def _complain(self, notice: Notice, message: Message) -> None:
        for text in self.context.personality.reports.complaints(notice, message):
            self.context.note(LogEvent.REPORT_WARNING, text=text)

    async def _tell_sender(self, notice: Notice, word: str, message: Message, results: list[Result]) -> None:
        """Report those of ``results`` whose recipient's NOTIFY has ``word``, if there are any."""
        if results := [result for result in results if wanted(result.recipient, word)]:
            await self._send(notice, message, results)

    async def _send(self, notice: Notice, message: Message, results: list[Result], *, postmaster: str = "") -> None:
        """``postmaster`` is the class of what the postmaster is to be told, "" for a report to the sender."""
        context, intake = self.context, self.context.intake
        assert intake is not None, "an MTA that delivers has an intake"
        now, site = context.world.now(), context.policy.site
        to = site.notice_recipients.get(postmaster, "postmaster") if postmaster else message.sender
        sender = f"{site.double_bounce_sender}@{site.hostname.value}" if postmaster else ""
        report = Report(notice, bool(postmaster), message, results, to, site, now)
        content = context.personality.reports.content(report)
        mail = Message(intake.new_queue_id(), sender, [Recipient(to, to)], content, now, body="8BITMIME")
        mail.notice = "bounce"
        await intake.accept(mail)
        facts = {"notice": notice, "postmaster": bool(postmaster), "report_id": mail.queue_id}
        context.note(LogEvent.REPORT_SENT, queue_id=message.queue_id, **facts)


def _parts(results: Sequence[Result], *status: Status) -> list[Result]:
    """The results of that status, a result that has parts replaced by them."""
    found: list[Result] = []
    for result in results:
        found += [part for part in result.parts or (result,) if part.status in status]
    return found

"""Delivery status notifications (RFC 3464): who is told of what.

A report is a new message from the null sender to the envelope sender. What cannot be delivered from the null sender is
told to nobody, or to the postmaster where notify_classes names ``2bounce``. What a report says is the dialect's
(`mailconf.mta.reports`).

NOTIFY (RFC 3461 4.1) decides who is told: without it, failures and delays; NEVER nothing; else what it lists.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailconf.mta.journal import LogEvent
from mailconf.mta.message import Context, Message, Recipient, Result, Status
from mailconf.mta.reports import Notice, Report


def wanted(recipient: Recipient, word: str) -> bool:
    """Whether the sender asked to be told: ``word`` is FAILURE, DELAY or SUCCESS."""
    notify = recipient.notify.upper().split(",") if recipient.notify else ["FAILURE", "DELAY"]
    return word in notify


class Bounce:
    """Sends reports through the Intake."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def failed(self, message: Message, results: Sequence[Result]) -> None:
        """Tell the sender of the recipients that will not get the message; raises IntakeRefused."""
        results = [r for r in _parts(results, Status.BOUNCED, Status.EXPIRED) if wanted(r.recipient, "FAILURE")]
        if not results:
            return
        site = self.context.policy.site
        if message.sender.partition("@")[0] == site.double_bounce_sender:
            self.context.note(LogEvent.REPORT_DISCARDED, queue_id=message.queue_id)
        elif message.sender:
            await self._send(Notice.FAILURE, message, results, message.sender)
        elif "2bounce" in site.notify_classes:
            await self._send(Notice.FAILURE, message, results, "postmaster", postmaster=True)

    async def delivered(self, message: Message, results: Sequence[Result]) -> None:
        """Tell a sender who asked for it of final deliveries; mail handed to another system is that one's to report."""
        results = [
            r
            for r in _parts(results, Status.SENT)
            if r.relay in ("local", "virtual") and wanted(r.recipient, "SUCCESS")
        ]
        if results and message.sender:
            await self._send(Notice.SUCCESS, message, results, message.sender)

    async def delayed(self, message: Message, results: Sequence[Result]) -> None:
        """Tell the sender that delivery takes long (postconf(5) delay_warning_time)."""
        results = [r for r in _parts(results, Status.DEFERRED) if wanted(r.recipient, "DELAY")]
        if results and message.sender:
            await self._send(Notice.DELAY, message, results, message.sender)

    async def _send(
        self, notice: Notice, message: Message, results: list[Result], to: str, *, postmaster: bool = False
    ) -> None:
        context, intake = self.context, self.context.intake
        assert intake is not None, "an MTA that delivers has an intake"
        now, site = context.world.now(), context.policy.site
        sender = f"{site.double_bounce_sender}@{site.hostname.value}" if postmaster else ""
        report = Report(notice, postmaster, message, results, to, site, now)
        content = context.personality.reports.content(report)
        mail = Message(intake.new_queue_id(), sender, [Recipient(to, to)], content, now, body="8BITMIME")
        await intake.accept(mail)
        context.note(
            LogEvent.REPORT_SENT,
            queue_id=message.queue_id,
            notice=notice,
            postmaster=postmaster,
            report_id=mail.queue_id,
        )


def _parts(results: Sequence[Result], *status: Status) -> list[Result]:
    """The results of that status, a result that has parts replaced by them."""
    found: list[Result] = []
    for result in results:
        found += [part for part in result.parts or (result,) if part.status in status]
    return found

"""Which reports sendmail sends to whom.

What failed and what its sender wanted to know the success of is told in one report. A message from the null sender is
reported to DoubleBounceAddress; so is one whose sender cannot get mail here. A report to that address which cannot be
delivered is told to nobody. PostmasterCopy gets a copy of each report of a failure, without the message's body. Where
an alias has an owner, the owner gets what comes back from its members.

Source: Sendmail Installation and Operation Guide 5.6 (DoubleBounceAddress, PostmasterCopy, Timeout.queuewarn);
RFC 3461; sendmail 8.17.1.9, tests/vectors/sendmail_reports.jsonl.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.world import Ask
from mailconf.mta.bounce import wanted
from mailconf.mta.course import in_later_order
from mailconf.mta.fates_sendmail import TO_POSTMASTER, fate, paddr
from mailconf.mta.journal import LogEvent
from mailconf.mta.message import Context, Message, Result, Status
from mailconf.mta.reports import Notice
from mailconf.mta.telling import COPY, HEADERS, LIST, POSTMASTER, SENDER, Settings, Told

Restore = Callable[[Message, str], Awaitable[bytes]]
_FAILED = (Status.BOUNCED, Status.EXPIRED)


class SendmailBounce:
    """A `mailconf.mta.bounce.Bouncer`.

    write    makes the message of a report
    restore  a message with all fields that it would have when it leaves from a sender
    """

    def __init__(
        self, context: Context, settings: Settings, write: Callable[[Told, Settings], bytes], restore: Restore
    ) -> None:
        self.context = context
        self._settings = settings
        self._write = write
        self._restore = restore

    async def ended(self, message: Message, results: Sequence[Result]) -> None:
        results = self._in_order(message, results)
        if message.report.partition("+")[0] in (POSTMASTER, COPY):
            if any(result.status in _FAILED for result in results):
                self.context.note(LogEvent.REPORT_DISCARDED, queue_id=message.queue_id)
            return
        for owner, part in _by_owner(results).items():
            await self._told(message, owner, part)
            if owner and message.sender and not message.tried:
                await self._told_of_lists(message, part)

    async def _told(self, message: Message, owner: str, results: list[Result]) -> None:
        sender = owner or message.sender
        failed = [result for result in results if result.status in _FAILED]
        about = [result for result in failed if not sender or owner or wanted(result.recipient, "FAILURE")]
        news = self._news(results) if sender and not owner else ([], ())
        if not about and not news[0] and not news[1]:
            return
        unknown = await self._unknown(sender) if sender else ""
        if not sender or unknown:
            if about and self._settings.double:
                last = (unknown,) if unknown else ()
                await self._send(message, Notice.FAILURE, POSTMASTER, sender, about, results, last=last)
        else:
            notice = Notice.FAILURE if about else Notice.SUCCESS
            about = [*about, *news[0]]
            first = (*_lists(owner, results), *news[1])
            await self._send(message, notice, SENDER, sender, about, results, first=first)
        if failed and self._settings.copies and not message.report:
            copied = [result for result in failed if not sender or owner or wanted(result.recipient, "FAILURE")]
            if copied:
                await self._send(message, Notice.FAILURE, COPY, sender, copied, results)

    async def _told_of_lists(self, message: Message, results: Sequence[Result]) -> None:
        """Tell a sender who wants to know it that mailing lists have got the message."""
        lists = {
            each.recipient.origin: each.recipient for each in results if "SUCCESS" in each.recipient.notify.upper()
        }
        about = [
            Result(Recipient(name, name, one.orcpt, one.notify), Status.SENT, "2.0.0", "", "local", action=LIST)
            for name, one in lists.items()
        ]
        if about:
            first = tuple(f"Message delivered to mailing list <{name}>" for name in lists)
            await self._send(message, Notice.SUCCESS, SENDER, message.sender, about, (), first=first)

    def _news(self, results: Sequence[Result]) -> tuple[list[Result], tuple[str, ...]]:
        """The successes that a report lists, and lines of its transcript about aliases of several members."""
        members = Counter(result.recipient.origin for result in results)
        news, aliases = [], {}
        for result in results:
            recipient, course = result.recipient, result.course
            if result.status is not Status.SENT or "SUCCESS" not in recipient.notify.upper():
                continue
            here = course is None or self._settings.local(course.transport)
            several = members[recipient.origin] > 1 and recipient.origin != recipient.address
            if several and here:
                aliases[recipient.origin] = f"<{recipient.origin}>... expanded to multiple addresses"
            elif not several and (here or (course is not None and not course.aware)):
                news.append(result)
        return news, tuple(aliases.values())

    async def delayed(self, message: Message, results: Sequence[Result]) -> None:
        if message.report:
            return
        for owner, part in _by_owner(self._in_order(message, results)).items():
            sender = owner or message.sender
            about = [each for each in part if each.status is Status.DEFERRED and wanted(each.recipient, "DELAY")]
            if about and sender and not await self._unknown(sender):
                await self._send(message, Notice.DELAY, SENDER, sender, about, part)

    async def _unknown(self, sender: str) -> str:
        """That a sender has no mailbox here, as the transcript says it; "" where mail can be tried."""
        context = self.context
        found = await context.policy.expand(Recipient(sender, sender), Ask(context.world))
        if found.error is not None or not found.recipients:
            return ""
        if any(recipient.kind is not RecipientKind.ERROR for recipient in found.recipients):
            return ""
        code, _, text = found.recipients[0].error.partition(" ")
        status, _, words = text.partition(" ")
        return f"{code} {status} {paddr(Recipient(sender, sender))}... {words}"

    def _in_order(self, message: Message, results: Sequence[Result]) -> list[Result]:
        """By the hosts that they go to, as they are delivered."""

        def host(result: Result) -> str:
            return result.course.nexthop.lower() if result.course is not None else ""

        parts: list[Result] = []
        for result in results:
            parts += result.parts or (result,)
        if message.tried:
            parts = in_later_order(parts, lambda result: result.recipient)
        return sorted(parts, key=host)

    async def _send(
        self,
        message: Message,
        notice: Notice,
        kind: str,
        sender: str,
        about: Sequence[Result],
        others: Sequence[Result],
        *,
        first: tuple[str, ...] = (),
        last: tuple[str, ...] = (),
    ) -> None:
        context, settings, intake = self.context, self._settings, self.context.intake
        assert intake is not None, "an MTA that delivers has an intake"
        now, limits = context.world.now(), context.policy.site.limits
        addressees = {SENDER: sender, POSTMASTER: settings.double, COPY: settings.copies}
        named = [f"<{sender}>" if sender == message.sender else sender] if kind == SENDER else [addressees[kind]]
        to = [addressees[kind]]
        if kind == SENDER and notice is Notice.FAILURE and any(_is_grave(result) for result in about):
            named.append("postmaster")
            to.append("postmaster")
        content = await self._restore(message, sender)
        times = now, limits.queue_lifetime, limits.delay_warning
        told = Told(notice, kind, message, sender, about, others, named, content, *times, first, last)
        data = self._write(told, settings)
        body = "" if data.isascii() else "8BITMIME"
        recipients = [Recipient(address, address) for address in to]
        short = message.ret.upper() == "HDRS" or message.report.endswith(HEADERS)
        report = f"{kind}{HEADERS if short else ''}"
        mail = Message(intake.new_queue_id(), "", recipients, data, now, body=body, report=report)
        await intake.accept(mail)
        facts = {"notice": notice, "postmaster": kind != SENDER, "report_id": mail.queue_id}
        context.note(LogEvent.REPORT_SENT, queue_id=message.queue_id, **facts)


def _is_grave(result: Result) -> bool:
    """Whether the postmaster is to know: this host, or its configuration, is to blame."""
    return result.status is Status.BOUNCED and fate(result).exit in TO_POSTMASTER


def _by_owner(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.recipient.owner, []).append(result)
    return found


def _lists(owner: str, results: Sequence[Result]) -> tuple[str, ...]:
    """The lists that an owner's message was for."""
    names = dict.fromkeys(result.recipient.origin for result in results) if owner else ()
    return tuple(f"Message delivered to mailing list <{name}>" for name in names)

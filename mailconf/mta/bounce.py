"""Delivery status notifications, bounce(8): RFC 3464 reports in Postfix's form, sent to the envelope sender.

A report is a message of three parts: words for people, ``message/delivery-status``, and the message or its headers. It
comes from the null sender; what cannot be delivered from the null sender is reported to nobody, or to the postmaster
where notify_classes names ``2bounce``.

NOTIFY (RFC 3461 4.1) decides who is notified: without it, failures and delays; NEVER nothing; else what it lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailconf.model.address import external
from mailconf.model.policy import Place, Role, Side
from mailconf.model.world import Ask
from mailconf.mta.cleanup import date
from mailconf.mta.headers import head_of
from mailconf.mta.message import Context, Message, Recipient, Result, Status
from mailconf.smtp.path import printable, to_xtext, xtext
from mailconf.source import encode

_WIDTH = 79


@dataclass(frozen=True, slots=True)
class Notice:
    """A sort of report. ``log`` precedes the report's queue id in the log, ``attached`` names the third part.

    words  what people read first; a postmaster's copy goes without
    """

    subject: str
    action: str
    log: str
    attached: str
    words: str


FAILURE = Notice(
    "Undelivered Mail Returned to Sender",
    "failed",
    "sender non-delivery notification",
    "Undelivered Message",
    """\
I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.
""",
)
DOUBLE = Notice(
    "Postmaster Copy: Undelivered Mail",
    "failed",
    "postmaster non-delivery notification",
    "Undelivered Message",
    "",
)
SUCCESS = Notice(
    "Successful Mail Delivery Report",
    "delivered",
    "sender delivery status notification",
    "Message",
    """\
Your message was successfully delivered to the destination(s)
listed below. If the message was delivered to mailbox you will
receive no further notifications. Otherwise you may still receive
notifications of mail delivery errors from other systems.
""",
)
DELAY = Notice(
    "Delayed Mail (still being retried)",
    "delayed",
    "sender delay notification",
    "Undelivered Message",
    """\
####################################################################
# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #
####################################################################

Your message could not be delivered for more than {hours} hour(s).
It will be retried until it is {days} day(s) old.

For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.
""",
)


def wanted(recipient: Recipient, word: str) -> bool:
    """Whether the sender asked for a report: ``word`` is FAILURE, DELAY or SUCCESS."""
    notify = recipient.notify.upper().split(",") if recipient.notify else ["FAILURE", "DELAY"]
    return word in notify


class Bounce:
    """Sends reports through the Intake."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def failed(self, message: Message, results: Sequence[Result]) -> None:
        """Notify the sender of the recipients that will not get the message; raises IntakeRefused."""
        results = [r for r in _parts(results, Status.BOUNCED, Status.EXPIRED) if wanted(r.recipient, "FAILURE")]
        if not results:
            return
        site = self.context.policy.site
        if message.sender.partition("@")[0] == site.double_bounce_sender:
            self._log(f"warning: {message.queue_id}: undeliverable postmaster notification discarded")
        elif message.sender:
            await self._send(FAILURE, message, results, "", message.sender)
        elif "2bounce" in site.notify_classes:
            sender = f"{site.double_bounce_sender}@{site.hostname.value}"
            await self._send(DOUBLE, message, results, sender, "postmaster")

    async def delivered(self, message: Message, results: Sequence[Result]) -> None:
        """Notify a sender who asked for it of final deliveries; another system reports those of its own."""
        results = [
            r
            for r in _parts(results, Status.SENT)
            if r.relay in ("local", "virtual") and wanted(r.recipient, "SUCCESS")
        ]
        if results and message.sender:
            await self._send(SUCCESS, message, results, "", message.sender)

    async def delayed(self, message: Message, results: Sequence[Result]) -> None:
        """Notify the sender that delivery takes long (postconf(5) delay_warning_time)."""
        results = [r for r in _parts(results, Status.DEFERRED) if wanted(r.recipient, "DELAY")]
        if results and message.sender:
            await self._send(DELAY, message, results, "", message.sender)

    def _log(self, text: str) -> None:
        self.context.log("bounce", text)

    async def _send(self, kind: Notice, message: Message, results: list[Result], sender: str, to: str) -> None:
        intake = self.context.intake
        assert intake is not None, "an MTA that delivers has an intake"
        now = self.context.world.now()
        policy, ask = self.context.policy, Ask(self.context.world)
        role = Role(Place.HEADER, Side.SENDER)
        author = await policy.rewrite("MAILER-DAEMON", role, ask)
        addressee = await policy.rewrite(to, Role(Place.HEADER, Side.RECIPIENT), ask)
        content = report(kind, message, results, self.context, now, author, addressee)
        notice = Message(intake.new_queue_id(), sender, [Recipient(to, to)], content, now, body="8BITMIME")
        await intake.accept(notice)
        self._log(f"{message.queue_id}: {kind.log}: {notice.queue_id}")


def _parts(results: Sequence[Result], *status: Status) -> list[Result]:
    """The results of that status, a result that has parts replaced by them."""
    found: list[Result] = []
    for result in results:
        found += [part for part in result.parts or (result,) if part.status in status]
    return found


def report(
    kind: Notice, message: Message, results: list[Result], context: Context, now: float, author: str, addressee: str
) -> bytes:
    """The whole report, from its Date field to the last boundary."""
    site = context.policy.site
    host = site.hostname.value
    boundary = f"{message.queue_id}.{int(now)}/{host}"
    sender = external(message.sender or f"MAILER-DAEMON@{host}")
    whole = (
        kind in (FAILURE, DOUBLE)
        and message.ret.upper() != "HDRS"
        and message.size <= (site.limits.bounce_size or 1 << 62)
    )
    lines = [
        f"Date: {date(now)}",
        f"From: Mail Delivery System <{external(author)}>",
        f"Subject: {kind.subject}",
        f"To: {external(addressee)}",
        f"Auto-Submitted: {'auto-replied' if kind is not DOUBLE else 'auto-generated'}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="{boundary}"',
        "Content-Transfer-Encoding: 8bit",
        "",
        "This is a MIME-encapsulated message.",
        "",
        *_part(boundary, "Notification", "text/plain; charset=utf-8"),
        *_notification(kind, results, context),
        *_part(boundary, "Delivery report", "message/delivery-status", encoding=False),
        *_delivery_status(kind, message, results, context, sender),
        *_part(
            boundary,
            kind.attached if whole else f"{kind.attached} Headers",
            "message/rfc822" if whole else "text/rfc822-headers",
        ),
        f"Return-Path: <{sender}>",
        "",
    ]
    original = message.content if whole else head_of(message.content)
    newline = b"" if original.endswith(b"\n") or not original else b"\n"
    return encode("\n".join(lines)) + original + newline + encode(f"\n--{boundary}--\n")


def _part(boundary: str, description: str, content_type: str, *, encoding: bool = True) -> list[str]:
    return [
        f"--{boundary}",
        f"Content-Description: {description}",
        f"Content-Type: {content_type}",
        *(["Content-Transfer-Encoding: 8bit"] if encoding else []),
        "",
    ]


def _notification(kind: Notice, results: list[Result], context: Context) -> list[str]:
    site = context.policy.site
    lines = [""]
    if kind.words:
        hours, days = int(site.limits.delay_warning // 3600), int(site.limits.queue_lifetime // 86400)
        words = kind.words.format(hours=hours, days=days).split("\n")
        lines = [f"This is the mail system at host {site.hostname.value}.", "", *words]
        lines += ["                   The mail system", ""]
    for result in results:
        recipient = result.recipient
        expanded = ""
        if recipient.original and recipient.original.lower() != recipient.address.lower():
            expanded = f" (expanded from <{external(recipient.original)}>)"
        lines += [wrap(printable(f"<{external(recipient.address)}>{expanded}: {_reason(kind, result)}")), ""]
    return lines


def _reason(kind: Notice, result: Result) -> str:
    return f"delivery via {result.relay}: {result.text}" if kind is SUCCESS else result.text.strip()


def _delivery_status(kind: Notice, message: Message, results: list[Result], context: Context, sender: str) -> list[str]:
    site = context.policy.site
    lines = [f"Reporting-MTA: dns; {site.hostname.value}"]
    if message.envid:
        lines.append(f"Original-Envelope-Id: {message.envid}")
    lines += [
        f"X-{site.mail_name}-Queue-ID: {message.queue_id}",
        f"X-{site.mail_name}-Sender: rfc822; {sender}",
        f"Arrival-Date: {date(message.arrival)}",
        "",
    ]
    for result in results:
        recipient = result.recipient
        lines += [
            f"Final-Recipient: rfc822; {printable(external(recipient.address))}",
            f"Original-Recipient: {_original(recipient)}",
            f"Action: {kind.action}",
            f"Status: {result.dsn}",
            *_diagnostic(kind, result, site.mail_name),
        ]
        if kind is DELAY:
            lines.append(f"Will-Retry-Until: {date(message.arrival + site.limits.queue_lifetime)}")
        lines.append("")
    return lines


def _original(recipient: Recipient) -> str:
    """What ORCPT gave, its xtext undone, or the address before virtual aliases."""
    kind, _, address = recipient.orcpt.partition(";")
    if not recipient.orcpt:
        kind, address = "rfc822", to_xtext(external(recipient.original or recipient.address))
    return printable(f"{xtext(kind) or kind};{xtext(address) or address}")


def _diagnostic(kind: Notice, result: Result, mail_name: str) -> list[str]:
    """Remote-MTA and Diagnostic-Code: a remote server's reply, a command's output (`mailconf.mta.local`), our words."""
    reply = result.reply
    if reply is not None and "[" in result.relay:
        host = result.relay.partition("[")[0]
        return [f"Remote-MTA: dns; {host}", wrap(printable(f"Diagnostic-Code: smtp; {reply}"))]
    if reply is not None and " x-unix; " in reply.text:
        return [wrap(printable(f"Diagnostic-Code: x-unix; {reply.text.partition(' x-unix; ')[2]}"))]
    return [wrap(printable(f"Diagnostic-Code: X-{mail_name}; {_reason(kind, result)}"))]


def wrap(text: str) -> str:
    """``text`` broken at white space into lines of at most 79 characters, continued ones indented by four."""
    lines: list[str] = []
    line: list[str] = []
    width, blank = 0, True
    for word in text.split(" "):
        if not blank and width + 1 + len(word) > _WIDTH:
            lines.append(" ".join(line))
            line, width, blank = [f"    {word}"], 4 + len(word), True
        elif width:
            line.append(word)
            width += 1 + len(word)
        else:
            line, width = [word], len(word)
        blank = blank and not word.strip()
    return "\n".join([*lines, " ".join(line)])

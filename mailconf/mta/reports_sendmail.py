"""The reports of sendmail: words for people with a transcript, ``message/delivery-status``, and the message.

Source: RFC 3464; Sendmail Installation and Operation Guide 5.6 (SendMimeErrors, ErrorHeader, Timeout.queuewarn,
PrivacyOptions); sendmail 8.17.1.9, tests/vectors/sendmail_reports.jsonl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.mta.course import Course, Talk
from mailconf.mta.fates_sendmail import EXITS, Fate, dotted, fate, paddr
from mailconf.mta.hop import date
from mailconf.mta.message import Message, Result, Status
from mailconf.mta.reports import Notice, Report
from mailconf.mta.telling import COPY, HEADERS, LIST, POSTMASTER, SENDER, Settings, Told
from mailconf.smtp.client import Stage
from mailconf.smtp.path import xtext
from mailconf.source import encode

_SHORTEST = 203  # characters of a text that is shown whole; of a longer one the ends are
_NOBODY = "MAILER-DAEMON"
_WARNING = (
    "    **********************************************",
    "    **      THIS IS A WARNING MESSAGE ONLY      **",
    "    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **",
    "    **********************************************",
    "",
)
_FROM = re.compile(rb"(?m)^From ")
_ENHANCED = re.compile(r"250[ -](2\.\d{1,3}\.\d{1,3})(?= |$)")


class SendmailReports:
    """A `mailconf.mta.reports.Reports`; the reports themselves are made by `written`."""

    warnings: Sequence[str] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def complaints(self, notice: Notice, message: Message) -> Sequence[str]:
        return ()

    def content(self, report: Report) -> bytes:
        """The report in the common form, for a caller that knows no more."""
        site, message = report.site, report.message
        kind, limits = POSTMASTER if report.postmaster else SENDER, site.limits
        told = Told(report.notice, kind, message, message.sender, report.results, report.results, (report.to,),
                    message.content, report.now, limits.queue_lifetime, limits.delay_warning)  # fmt: skip
        return written(told, self.settings)


def subject(told: Told) -> tuple[str, str]:
    """The subject of a report, and what it is by the field Auto-Submitted."""
    if told.kind != SENDER:
        return "Postmaster notify: see transcript for details", "postmaster-notification"
    if told.notice is Notice.DELAY:
        return f"Warning: could not send message for past {interval(told.warned)}", "warning-timeout"
    if told.notice is Notice.SUCCESS:
        return "Return receipt", "return-receipt"
    return "Returned mail: see transcript for details", "failure"


def written(told: Told, settings: Settings) -> bytes:
    """A report: its fields from To on, and its body; lines are ended by LF."""
    title, kind = subject(told)
    words = encode("\n".join(_words(told, settings)))
    eight = not told.content.isascii()
    boundary = f"{told.message.queue_id}.{int(told.now)}/{settings.host}"
    head = [f"To: {to}" for to in told.to]
    if settings.mime:
        head += ["MIME-Version: 1.0", "Content-Type: multipart/report; report-type=delivery-status;"]
        head += [f'\tboundary="{boundary}"', *(["Content-Transfer-Encoding: 8bit"] if eight else [])]
    head += [f"Subject: {title}", f"Auto-Submitted: auto-generated ({kind})", ""]
    whole = _is_whole(told, settings)
    if not settings.mime:
        return encode("\n".join([*head, ""])) + words + encode("\n") + _plain(told, whole)
    status = encode("\n".join(_status(told, settings)))
    marks = encode(f"--{boundary}\n")
    encoding = b"Content-Transfer-Encoding: 8bit\n" if not told.content.isascii() else b""
    fields, _, body = told.content.partition(b"\n\n")
    original = fields.rstrip(b"\n") + b"\n"
    if whole:
        original = fields + b"\n\n" + _FROM.sub(b">From ", body)
    sort = b"message/rfc822" if whole else b"text/rfc822-headers"
    pieces = [
        encode("\n".join([*head, "This is a MIME-encapsulated message", "", ""])),
        marks, b"\n", words, b"\n",
        marks, b"Content-Type: message/delivery-status\n\n", status, b"\n",
        marks, b"Content-Type: ", sort, b"\n", encoding, b"\n", original, b"" if original.endswith(b"\n") else b"\n",
        b"\n", encode(f"--{boundary}--\n\n"),
    ]  # fmt: skip
    return b"".join(pieces)


def _plain(told: Told, whole: bool) -> bytes:
    title = b"   ----- Original message follows -----\n\n" if whole else b"   ----- Message header follows -----\n\n"
    fields, _, body = told.content.partition(b"\n\n")
    return title + (fields + b"\n\n" + body if whole else fields.rstrip(b"\n") + b"\n") + b"\n"


def _is_whole(told: Told, settings: Settings) -> bool:
    """Whether the report has the message, and not its header alone."""
    if told.kind == COPY or told.notice is Notice.SUCCESS or not settings.bodies:
        return False
    if any(_too_big(result) for result in told.about):
        return False
    return told.message.ret.upper() != "HDRS" and not told.message.report.endswith(HEADERS)


def _too_big(result: Result) -> bool:
    return result.status is Status.BOUNCED and result.dsn in ("5.2.3", "5.3.4") and _is_early(result.course)


def _is_early(course: Course | None) -> bool:
    """Whether the message was refused for its size before it was sent."""
    return course is not None and (
        course.exit is not None or (course.stage is not None and course.stage.name == "MAIL")
    )


# Words for people


def _words(told: Told, settings: Settings) -> Iterator[str]:
    if told.notice is Notice.DELAY:
        yield from _WARNING
    yield f"The original message was received at {date(told.message.arrival)}"
    yield f"from {settings.peer(told.message)}"
    if told.kind != SENDER:
        yield f"with id {told.message.queue_id}"
    yield ""
    yield from settings.header
    failed = [result for result in told.about if result.status in (Status.BOUNCED, Status.EXPIRED)]
    if failed:
        yield "   ----- The following addresses had permanent fatal errors -----"
        for result in failed:
            yield from _failed(result, settings)
        yield ""
    sent = [result for result in told.about if result.status is Status.SENT]
    if sent:
        yield "   ----- The following addresses had successful delivery notifications -----"
        for result in sent:
            yield f"{paddr(result.recipient)}  ({_success(result, settings)[0]})"
        yield ""
    lines = [*told.first, *transcript(told.others, settings), *told.last, *_over(told)]
    if lines:
        yield "   ----- Transcript of session follows -----"
        yield from lines
        yield ""


def _over(told: Told) -> Sequence[str]:
    if told.notice is Notice.DELAY:
        return (
            f"Warning: message still undelivered after {interval(told.warned)}",
            f"Will keep trying until message is {interval(told.lifetime)} old",
        )
    if any(result.status is Status.EXPIRED for result in told.about):
        return f"Message could not be delivered for {interval(told.lifetime)}", "Message will be deleted from queue"
    return ()


def _failed(result: Result, settings: Settings) -> Iterator[str]:
    recipient, found = result.recipient, fate(result)
    yield paddr(recipient)
    reason = found.reason if _diagnoses(result, settings) else None
    if reason is not None:
        yield f"    (reason: {shortened(reason)})"
    if recipient.origin != recipient.address:
        yield f"    (expanded from: <{recipient.origin}>)"


def _success(result: Result, settings: Settings) -> tuple[str, str, str]:
    """How a recipient got the message: for people, as an action, and in the transcript."""
    if result.action == LIST:
        return "successfully delivered to mailing list", "delivered (to mailing list)", ""
    if settings.local(_mailer(result)):
        return "successfully delivered to mailbox", "delivered (to mailbox)", "Successfully delivered"
    return (
        "relayed to non-DSN-aware mailer",
        "relayed (to non-DSN-aware mailer)",
        "relayed; expect no further notifications",
    )


def transcript(results: Sequence[Result], settings: Settings) -> Iterator[str]:
    """What happened to all recipients, in the order in which it happened."""
    said = _Said()
    courses: dict[int, list[Result]] = {}
    for result in results:
        courses.setdefault(id(result.course or result), []).append(result)
    for together in sorted(courses.values(), key=_when):
        course = together[0].course
        if together[0].status is Status.SENT:
            yield from _sent(together, course, settings, said)
            continue
        found = fate(together[0])
        for talk in (*(course.talk if course is not None else ()), *found.talk):
            yield from (line.replace("$j", settings.host) for line in said.lines(talk))
        yield found.line(",".join(paddr(result.recipient) for result in _backwards(together, settings)))
        for talk in course.after if course is not None else ():
            yield from said.lines(talk)


def _when(together: list[Result]) -> tuple[str, int]:
    course = together[0].course
    return (course.nexthop.lower(), course.number) if course is not None else ("", -1)


def _backwards(together: list[Result], settings: Settings) -> list[Result]:
    return together if settings.local(_mailer(together[0])) else together[::-1]


def _sent(results: list[Result], course: Course | None, settings: Settings, said: _Said) -> Iterator[str]:
    if course is not None and course.exit is not None:
        for talk in course.talk:
            yield from said.lines(talk)
    for result in results:
        aware = course is not None and course.aware
        asked = "SUCCESS" in result.recipient.notify.upper() and not result.recipient.owner
        direct = settings.local(_mailer(result)) or result.recipient.origin == result.recipient.address
        if asked and direct and not aware:
            yield f"{paddr(result.recipient)}... {_success(result, settings)[2]}"


class _Said:
    """Lines of talk: a host and a command stand there once."""

    def __init__(self) -> None:
        self._peer = self._command = ""

    def lines(self, talk: Talk) -> Iterator[str]:
        if not talk.peer:
            yield from talk.lines
            return
        if talk.peer != self._peer:
            self._peer, self._command = talk.peer, ""
            yield f"... while talking to {dotted(talk.peer)}:"
        if talk.command and talk.command != self._command:
            self._command = talk.command
            verb, colon, rest = talk.command.partition(":")
            shown = {"MAIL FROM": "MAIL From", "RCPT TO": "RCPT To"}.get(verb, verb)
            yield f">>> {shown}{colon}{rest}"
        for line in talk.lines:
            yield f"<<< {line}"


# message/delivery-status


def _status(told: Told, settings: Settings) -> Iterator[str]:
    message = told.message
    if message.envid:
        yield f"Original-Envelope-Id: {xtext(message.envid) or message.envid}"
    yield f"Reporting-MTA: dns; {settings.host}"
    if not message.tried and (message.session is not None or message.report):
        yield f"Received-From-MTA: DNS; {_client(message, settings)}"
    yield f"Arrival-Date: {date(message.arrival)}"
    yield ""
    for result in told.about:
        yield from _of_recipient(told, result, settings)
        yield ""


def _client(message: Message, settings: Settings) -> str:
    session = message.session
    return settings.host if session is None else session.client_name.text or f"[{session.client_address}]"


def _of_recipient(told: Told, result: Result, settings: Settings) -> Iterator[str]:
    recipient, course = result.recipient, result.course
    mta, addresses, diagnoses = settings.types(_mailer(result))
    if recipient.orcpt:
        kind, _, address = recipient.orcpt.partition(";")
        yield f"Original-Recipient: {kind};{xtext(address) or address}"
    yield f"Final-Recipient: RFC822; {recipient.origin}"
    if addresses:
        yield f"X-Actual-Recipient: {_actual(recipient, result, addresses, settings)}"
    if result.status is Status.SENT:
        action, host, said = _success(result, settings)[1], "", None
        status = "2.0.0" if result.action == LIST else "2.1.5"
        if not settings.local(_mailer(result)):
            host, said = (course.host, course.taken) if course is not None else ("", None)
            enhanced = _ENHANCED.match(said or "")
            status = enhanced[1] if enhanced is not None else "2.0.0"
    else:
        found = fate(result)
        action, host = "delayed" if told.notice is Notice.DELAY else "failed", found.host
        status = "4.4.7" if result.status is Status.EXPIRED else found.status
        said = _diagnostic(found, diagnoses)
    yield f"Action: {action}"
    yield f"Status: {status}"
    if host and mta:
        yield f"Remote-MTA: {mta}; {_bare(host)}"
    if said is not None and diagnoses:
        yield f"Diagnostic-Code: {diagnoses}; {said}"
    yield f"Last-Attempt-Date: {date(told.now)}"
    if told.notice is Notice.DELAY and not (course is not None and course.stage is Stage.RCPT):
        yield f"Will-Retry-Until: {date(told.message.arrival + told.lifetime)}"


def _diagnostic(found: Fate, kind: str) -> str | None:
    return found.diagnostic if kind in ("SMTP", "X-Unix") else None


def _diagnoses(result: Result, settings: Settings) -> bool:
    return settings.types(_mailer(result))[2] in ("SMTP", "X-Unix")


def _actual(recipient: Recipient, result: Result, addresses: str, settings: Settings) -> str:
    if recipient.kind in (RecipientKind.COMMAND, RecipientKind.FILE):
        named = recipient.address.strip('"')
        return f"{addresses}; {named}"
    if addresses.lower() != "rfc822":
        return f"{addresses}; {recipient.address.partition('@')[0]}"
    if settings.local(_mailer(result)):
        return f"rfc822; {recipient.address.partition('@')[0]}@{settings.host}"
    return f"rfc822; {recipient.address}"


def _mailer(result: Result) -> str:
    if result.course is not None:
        return result.course.transport
    return {RecipientKind.COMMAND: "prog", RecipientKind.FILE: "*file*"}.get(result.recipient.kind, "local")


def _bare(host: str) -> str:
    return dotted(host).removesuffix(".")


def shortened(text: str) -> str:
    """A long text with its ends alone."""
    if len(text) <= _SHORTEST:
        return text
    half = (_SHORTEST - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def interval(seconds: float) -> str:
    """A time in words: "5 days", "1 hour, 30 minutes"."""
    whole, words = int(seconds), []
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        number, whole = divmod(whole, unit)
        if number:
            words.append(f"{number} {name}{'s' if number != 1 else ''}")
    return ", ".join(words) or "0 seconds"


def named(number: int) -> str:
    """The text of a status of sysexits(3)."""
    known = EXITS.get(number)
    return known.text if known is not None else f"unknown mailer error {number}"

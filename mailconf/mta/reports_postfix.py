"""The reports of Postfix's bounce(8).

A report is a message of three parts: words for people, ``message/delivery-status``, and the message or its headers. The
words and some headers come from a template (bounce(5)), which whoever puts the MTA together hands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailconf.model.address import external
from mailconf.model.site import Site
from mailconf.mta.headers import head_of, records_head_of
from mailconf.mta.hop import date
from mailconf.mta.message import Message, Recipient, Result
from mailconf.mta.reports import Notice, Report
from mailconf.mta.threads_postfix import Threads
from mailconf.smtp.path import printable, to_xtext, xtext
from mailconf.smtp.reply import Reply
from mailconf.source import encode

_WIDTH = 79
_ACTIONS = {
    Notice.FAILURE: "failed",
    Notice.DELAY: "delayed",
    Notice.SUCCESS: "delivered",
    Notice.VERIFY: "deliverable",
}


_NO_TEXT_BYTE = re.compile("[\udc80-\udcff]")  # what was no UTF-8
# Refusals that are of the class bounce.
_NO_POLICY = re.compile(r": User unknown|^5\.3\.4 |^5\.4\.0 Error: too many hops|^4\.3\.1 ")


class NoticeText(NamedTuple):
    """A template, its ``$name`` expanded (bounce(5)).

    author              the value of From
    postmaster_subject  the subject of a report to the postmaster
    warnings            what is logged when the text is used
    """

    charset: str
    author: str
    subject: str
    postmaster_subject: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class PostfixReports:
    """A `mailconf.mta.reports.Reports`.

    text      gives the template of a sort of report
    warnings  about the file of templates
    smtputf8  reports are UTF-8 (postconf(5) smtputf8_enable) where their template is ASCII
    threads   how the identity is found that reports refer to; None where they refer to none (postconf(5)
              enable_threaded_bounces)
    """

    def __init__(
        self,
        text: Callable[[Notice], NoticeText],
        warnings: Sequence[str] = (),
        *,
        smtputf8: bool = True,
        threads: Threads | None = None,
    ) -> None:
        self._text = text
        self.warnings = warnings
        self._smtputf8 = smtputf8
        self._threads = threads

    def complaints(self, notice: Notice, message: Message) -> Sequence[str]:
        warnings = self._text(notice).warnings if message.sender else ()
        malformed = self._threads.identity(head_of(message.content))[1] if self._threads else 0
        return (*[f"{message.queue_id}: ignoring malformed Message-ID"] * malformed, *warnings)

    def content(self, report: Report) -> bytes:
        """From the Date field to the last boundary."""
        site, message, text = report.site, report.message, self._text(report.notice)
        host = site.hostname.value
        boundary = f"{message.queue_id}.{int(report.now)}/{host}"
        sender = external(message.sender or f"MAILER-DAEMON@{host}")
        encoding = "8bit" if self._smtputf8 or message.body == "8BITMIME" else message.body.lower().removesuffix("mime")
        plain = "utf-8" if encoding == "8bit" else "us-ascii"
        charset = plain if text.charset.lower() == "us-ascii" else text.charset
        if report.postmaster:
            whole = report.notice is Notice.FAILURE and not message.sender
        else:
            whole = report.notice is Notice.FAILURE and message.ret.upper() != "HDRS"
        whole = whole and message.size <= (site.limits.bounce_size or 1 << 62)
        attached = "Message" if report.notice is Notice.SUCCESS else "Undelivered Message"
        lines = [
            f"Date: {date(report.now)}",
            f"From: {text.author}",
            f"Subject: {text.postmaster_subject if report.postmaster else text.subject}",
            f"To: {external(report.to)}",
            *self._references(message),
            f"Auto-Submitted: {'auto-generated' if report.postmaster else 'auto-replied'}",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="{boundary}"',
            *([f"Content-Transfer-Encoding: {encoding}"] if encoding else []),
            "",
            "This is a MIME-encapsulated message.",
            "",
            *_part(boundary, "Notification", f"text/plain; charset={charset}", encoding),
            *([""] if report.postmaster else [*text.lines, ""]),
            *_recipients(report),
            *_part(boundary, "Delivery report", "message/delivery-status", ""),
            *_delivery_status(report, sender),
            *_part(
                boundary,
                attached if whole else f"{attached} Headers",
                "message/rfc822" if whole else "text/rfc822-headers",
                encoding,
            ),
            f"Return-Path: <{sender}>",
            "",
        ]
        length = site.limits.line_length
        original = message.content if whole else records_head_of(message.content, length)
        newline = b"\n" if original and original == message.content and not original.endswith(b"\n") else b""
        return encode("\n".join(lines)) + original + newline + encode(f"\n--{boundary}--\n")

    def of_session(
        self, client: str, lines: Sequence[tuple[bool, str]], reason: str, to: str, site: Site, now: float
    ) -> bytes:
        told = [
            f"{'In: ' if heard else 'Out:'} {printable(_NO_TEXT_BYTE.sub('?', line))}".rstrip() for heard, line in lines
        ]
        text = [
            f"Date: {date(now)}",
            "From: Mail Delivery System <MAILER-DAEMON>",
            f"To: Postmaster <{external(to)}>",
            f"Subject: {site.mail_name} SMTP server: errors from {client}",
            "",
            "Transcript of session follows.",
            "",
            *(f" {part}" for line in told for part in wrap(line, _WIDTH - 1).split("\n")),
            "",
            *([f"Session aborted, reason: {reason}"] if reason else []),
            "",
            "For other details, see the local mail logfile",
            "",
        ]
        return encode("\n".join(text))

    def class_of(self, reply: Reply) -> str:
        text = reply.lines[0] if reply.lines else ""
        if text.startswith("4.3.0 Error: queue file write error"):
            return "resource"
        if text.startswith("4.3.5 Server configuration error"):
            return "software"
        return "" if _NO_POLICY.search(text) else "policy"

    def _references(self, message: Message) -> list[str]:
        """What ties a report to a message."""
        identity = self._threads.identity(head_of(message.content))[0] if self._threads else ""
        return [f"{name}: {identity}" for name in ("References", "In-Reply-To")] if identity else []


def _part(boundary: str, description: str, content_type: str, encoding: str) -> list[str]:
    return [
        f"--{boundary}",
        f"Content-Description: {description}",
        f"Content-Type: {content_type}",
        *(["Content-Transfer-Encoding: 8bit"] if encoding == "8bit" else []),
        "",
    ]


def _recipients(report: Report) -> list[str]:
    """What became of each recipient, for people."""
    lines = []
    for result in report.results:
        recipient = result.recipient
        expanded = ""
        if recipient.original and recipient.original.lower() != recipient.address.lower():
            expanded = f" (expanded from <{external(recipient.original)}>)"
        reason = _reason(report.notice, result)
        lines += [wrap(printable(f"<{external(recipient.address)}>{expanded}: {reason}")), ""]
    return lines


_NO_TEXT = "(description unavailable)"


def _reason(notice: Notice, result: Result) -> str:
    return (
        f"delivery via {result.relay}: {result.text}" if notice is Notice.SUCCESS else result.text.strip() or _NO_TEXT
    )


def _delivery_status(report: Report, sender: str) -> list[str]:
    site, message = report.site, report.message
    lines = [f"Reporting-MTA: dns; {site.hostname.value}"]
    if message.envid:
        lines.append(f"Original-Envelope-Id: {message.envid}")
    lines += [
        f"X-{site.mail_name}-Queue-ID: {message.queue_id}",
        f"X-{site.mail_name}-Sender: rfc822; {sender}",
        f"Arrival-Date: {date(message.arrival)}",
        "",
    ]
    for result in report.results:
        recipient = result.recipient
        lines += [
            f"Final-Recipient: rfc822; {printable(external(recipient.address))}",
            f"Original-Recipient: {_original(recipient)}",
            f"Action: {(report.notice is Notice.SUCCESS and result.action) or _ACTIONS[report.notice]}",
            f"Status: {result.dsn}",
            *_diagnostic(report.notice, result, site.mail_name),
        ]
        if report.notice is Notice.DELAY:
            lines.append(f"Will-Retry-Until: {date(message.arrival + site.limits.queue_lifetime)}")
        lines.append("")
    return lines


def _original(recipient: Recipient) -> str:
    """What ORCPT gave, its xtext undone, or the address before virtual aliases."""
    kind, _, address = recipient.orcpt.partition(";")
    if not recipient.orcpt:
        kind, address = "rfc822", to_xtext(external(recipient.original or recipient.address))
    return printable(f"{xtext(kind) or kind};{xtext(address) or address}")


def _diagnostic(notice: Notice, result: Result, mail_name: str) -> list[str]:
    """Remote-MTA and Diagnostic-Code: a remote server's reply, a command's output (`mailconf.mta.local`), our words."""
    reply = result.reply
    if reply is not None and "[" in result.relay:
        host = result.relay.partition("[")[0]
        return [f"Remote-MTA: dns; {host}", wrap(printable(f"Diagnostic-Code: smtp; {reply}"))]
    if reply is not None and " x-unix; " in reply.text:
        return [wrap(printable(f"Diagnostic-Code: x-unix; {reply.text.partition(' x-unix; ')[2]}"))]
    return [wrap(printable(f"Diagnostic-Code: X-{mail_name}; {_reason(notice, result)}"))]


def wrap(text: str, most: int = _WIDTH) -> str:
    """``text`` broken at white space into lines of at most ``most`` characters, continued ones indented by four."""
    lines: list[str] = []
    line: list[str] = []
    width, blank = 0, True
    for word in text.split(" "):
        if not blank and width + 1 + len(word) > most:
            lines.append(" ".join(line))
            line, width, blank = [f"    {word}"], 4 + len(word), True
        elif width:
            line.append(word)
            width += 1 + len(word)
        else:
            line, width = [word], len(word)
        blank = blank and not word.strip()
    return "\n".join([*lines, " ".join(line)])

"""Header and body checks that every message meets: nobody gets any mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from mailconf.check.postfix.texts import entries_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.model.site import TableUse
from mailconf.source import Span, decode, encode

PF247 = error("PF247", "a header or body check that every message meets")
r"""Why: header_checks is asked for each header of each message, body_checks for each line. A pattern that matches a
header that every message has, or any text, refuses or discards all mail. With DISCARD neither the sender nor the
recipient hears of it.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    /^Received:/ DISCARD

Remedy: write the part of the header that only the unwanted mail has: /^Subject: .*free money/ DISCARD

Source: header_checks(5); RFC 5322 3.6; observed with Postfix 3.7.11: "discard: header Received: ...".
"""

_ENDS = ("DISCARD", "REJECT")
# Three messages of different people and programs: a header of each has to match.
_HEADERS = (
    (
        "Received: from a.example (a.example [192.0.2.4]) by mx.example; Mon, 1 Jun 2026 08:00:00 +0000",
        "From: Ann Lee <ann@a.example>",
        "To: joe@corp.example",
        "Subject: Minutes of Monday",
        "Date: Mon, 1 Jun 2026 08:00:00 +0000",
        "Message-ID: <1234@a.example>",
    ),
    (
        "Received: by q7.test (QMS, from userid 33) id 9F3A1; Sat, 14 Nov 2026 23:59:59 -0500 (EST)",
        "From: billing@q7.test",
        'To: "Kim" <k-2@shop.invalid>',
        "Subject: =?utf-8?b?w5ZsIHVuZA==?=",
        "Date: Sat, 14 Nov 2026 23:59:59 -0500",
        "Message-ID: <zz.y-9@q7.test>",
    ),
    (
        "Received: from [198.51.100.9] by 10.0.0.3 with ESMTPSA; 3 Feb 2026 12:00 +0900",
        "From: =?iso-2022-jp?Q?w?= <w@kk.jp.example>",
        "To: undisclosed-recipients:;",
        "Subject: Re: hi",
        "Date: 3 Feb 2026 12:00 +0900",
        "Message-ID: <b7c@local>",
    ),
)
_LINES = (("Dear Joe,", "see you on Monday.", ""), ("<p>48 &euro;</p>",), ("zzz", "aGVsbG8="))


def checks(subject: Subject, sink: Sink) -> None:
    """Report checks that refuse or discard messages which have nothing in common (PF247)."""
    for use in subject.site.tables:
        if use.role in ("header_checks", "body_checks") and use.table.direct.type in ("regexp", "pcre"):
            _check(subject, use, _HEADERS if use.role == "header_checks" else _LINES, sink)


def _check(subject: Subject, use: TableUse, messages: tuple[tuple[str, ...], ...], sink: Sink) -> None:
    if not any(entry.value[:7].upper().startswith(_ENDS) for entry in entries_of(subject, use)):
        return
    try:
        with closing(open_table(str(use.table.direct), subject.root, warn=lambda _: None)) as table:
            ends = [next(_ended(table, message), "") for message in messages]
    except (TemporaryFailure, UnsupportedMap, OSError):
        return
    if not all(ends):
        return
    rejects = ends[0].upper().startswith("REJECT")
    what = "a header of every message" if use.role == "header_checks" else "a line of every message"
    does = "refused" if rejects else "discarded, and nobody is told"
    message = f"{use.role}: {what} matches: all mail is {does} ({ends[0]})"
    hint = "write a pattern that matches what only the unwanted mail has"
    sink.report(PF247, message, _place(subject, use, ends[0]), hint=hint)


def _ended(table: LookupTable, message: tuple[str, ...]) -> Iterator[str]:
    """What ends a message, for each of its lines."""
    for line in message:
        found = table.lookup(encode(line))
        if found is not None and decode(found).upper().startswith(_ENDS):
            yield decode(found)


def _place(subject: Subject, use: TableUse, answer: str) -> Span | None:
    """The rule with the answer; where the table is named, if there are several."""
    having = [entry for entry in entries_of(subject, use) if entry.value.strip() == answer.strip()]
    return having[0].span if having else subject.place(use)

"""What sendmail's reports say of one recipient: status, reason, diagnostic, and the line below the transcript.

Source: RFC 3464; sysexits(3); sendmail 8.17.1.9, tests/vectors/sendmail_reports.jsonl.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mailconf.model.recipient import RecipientKind
from mailconf.mta.course import Course, Talk, lines_of
from mailconf.mta.journal import Remark
from mailconf.mta.message import Recipient, Result, Status
from mailconf.smtp.client import Stage
from mailconf.smtp.reply import Reply

USAGE, DATA_ERROR, NO_USER, NO_HOST, UNAVAILABLE, INTERNAL, OS_ERROR, LATER, CONFIG = 64, 65, 67, 68, 69, 70, 71, 75, 78
TO_POSTMASTER = (INTERNAL, CONFIG)  # outcomes that the postmaster is told of, too


class _Exit(NamedTuple):
    """A status of sysexits(3): its reply, whether the recipient stands in it, its text, and the status of a report."""

    reply: str
    named: bool
    text: str
    status: str


EXITS = {
    64: _Exit("500 5.0.0", False, "Command line usage error", "5.5.4"),
    65: _Exit("501 5.6.0", False, "Data format error", "5.5.2"),
    66: _Exit("550 5.3.0", True, "Cannot open input", "5.3.0"),
    67: _Exit("550 5.1.1", True, "User unknown", "5.1.1"),
    68: _Exit("550 5.1.2", True, "Host unknown", "5.1.2"),
    69: _Exit("554 5.0.0", False, "Service unavailable", "5.5.0"),
    70: _Exit("554 5.3.0", False, "Internal error", "5.5.0"),
    71: _Exit("451 4.0.0", False, "Operating system error", "4.5.0"),
    72: _Exit("554 5.3.5", False, "System file missing", "5.5.0"),
    73: _Exit("550 5.0.0", True, "Can't create output", "5.3.0"),
    74: _Exit("451 4.0.0", False, "I/O error", "4.5.0"),
    75: _Exit("450 4.0.0", False, "Deferred", "4.2.0"),
    76: _Exit("554 5.5.0", False, "Remote protocol error", "5.5.0"),
    77: _Exit("550 5.0.0", True, "Insufficient permission", "5.3.0"),
    78: _Exit("554 5.3.5", False, "Local configuration error", "5.5.0"),
}
_ENHANCED = re.compile(r"\d{3}[ -]([245])\.\d{1,3}\.\d{1,3}(?= |$)")
_NO_USER = (550, 551, 553)  # replies to RCPT that mean: there is no such user
_WORDS_ONLY = re.compile(r"^(?:Deferred: )?")


class Fate(NamedTuple):
    """What became of a recipient.

    exit        what it counts as, a status of sysexits(3)
    status      the enhanced status of the report
    diagnostic  what Diagnostic-Code has behind its type, None for no such field
    reason      the reason for people, None where there is none
    host        that said so, "" for none
    reply       the line below the transcript; ``named`` has the recipient in it, between its parts
    talk        lines of the transcript before it that no host and no program said
    """

    exit: int
    status: str
    diagnostic: str | None
    reason: str | None
    host: str
    reply: tuple[str, str]
    talk: tuple[Talk, ...] = ()

    def line(self, addresses: str) -> str:
        """The line below the transcript, for recipients that met with this together."""
        before, after = self.reply
        return f"{before}{addresses}... {after}" if after else before


def paddr(recipient: Recipient) -> str:
    """A recipient as it was written: in brackets by a client, without by an alias."""
    if recipient.kind in (RecipientKind.COMMAND, RecipientKind.FILE):
        bare = " " in recipient.address and not recipient.address.startswith('"')
        return f'"{recipient.address}"' if bare else recipient.address
    return recipient.address if recipient.origin != recipient.address else f"<{recipient.address}>"


def _exited(number: int, text: str = "") -> tuple[str, str]:
    known = EXITS.get(number)
    if known is None:
        return f"554 5.3.0 unknown mailer error {number}", ""
    text = text or known.text
    return (f"{known.reply} ", text) if known.named else (f"{known.reply} {text}", "")


def _deferred(text: str) -> tuple[str, str]:
    return "", text if text.startswith("Deferred") or not text else f"Deferred: {text}"


def fate(result: Result) -> Fate:
    """What became of a recipient whose delivery failed or was put off."""
    course, reply = result.course, result.reply
    if course is None:
        return _unattempted(result, reply)
    if course.exit is not None:
        return _of_program(result, course.exit)
    if course.remark is not None and course.remark is not Remark.UNWILLING:
        return _unreached(result, course, course.remark)
    if reply is not None and course.stage is not None:
        return _refused(result, course, course.stage, reply)
    return _unattempted(result, reply)


def _of_program(result: Result, number: int) -> Fate:
    known = EXITS.get(number)
    status = known.status if known is not None else "5.0.0"
    if result.dsn == "5.2.3":
        status = result.dsn
    if number == LATER:
        return Fate(LATER, status, "75", "Deferred", "", _deferred(result.text))
    return Fate(number, status, str(number), known.text if known is not None else str(number), "", _exited(number))


def _refused(result: Result, course: Course, stage: Stage, reply: Reply) -> Fate:
    first, host = lines_of(reply)[0], course.host
    later = result.status in (Status.DEFERRED, Status.EXPIRED)
    number = LATER if later else NO_USER if stage is Stage.RCPT and reply.code in _NO_USER else UNAVAILABLE
    line = _deferred(f"Deferred: {first}") if later else _exited(number)
    if stage in (Stage.GREETING, Stage.HELO, Stage.MAIL):
        host = ""
    if stage in (Stage.GREETING, Stage.HELO):
        return Fate(number, "4.5.0" if later else "5.5.0", "" if later else first, "" if later else first, host, line)
    if stage is Stage.DATA:
        return Fate(number, "4.2.0" if later else "5.5.0", None, None, host, line)
    enhanced = _ENHANCED.match(first)
    if enhanced is None:
        status = EXITS[NO_USER].status if number == NO_USER else "4.0.0" if later else "5.0.0"
        return Fate(number, status, first, first, host, line)
    if enhanced[1] != first[0]:
        return Fate(number, "5.1.1" if number == NO_USER else f"{first[0]}.0.0", None, None, host, line)
    return Fate(number, enhanced[0][4:], first, first, host, line)


def _unreached(result: Result, course: Course, remark: Remark) -> Fate:
    """Nobody could be talked to, or the host was lost."""
    host, text = course.host, result.text
    if remark in (Remark.NO_SUCH_NAME, Remark.NO_SUCH_HOST):
        said = "550 Host unknown"
        return Fate(NO_HOST, "5.1.2", said, said, host, _exited(NO_HOST, text))
    if remark in (Remark.NO_RECORD, Remark.ALL_FILTERED):
        return Fate(NO_HOST, "5.1.2", None, None, host, _exited(NO_HOST, text))
    if remark is Remark.NULL_MX:
        said = "556 Host does not accept mail: MX 0 ."
        return Fate(UNAVAILABLE, "5.1.10", said, said, host, _exited(UNAVAILABLE))
    if remark is Remark.LOOPS_BACK:
        return _looping(course)
    if remark in (Remark.CONNECTION_LOST, Remark.TIMED_OUT):
        lost = f"451 4.4.1 reply: read error from {dotted(host)}"
        said = lost if course.stage is Stage.END else f"421 4.4.1 Connection reset by {dotted(host)}"
        return Fate(LATER, "4.4.2", said, said, host, ("", "Deferred"), (Talk("", "", (lost,)),))
    if result.status is Status.BOUNCED:
        return Fate(UNAVAILABLE, result.dsn, None, None, host, (f"554 {result.dsn} {text}", ""))
    return Fate(LATER, result.dsn, None, None, host, _deferred(text))


def _looping(course: Course) -> Fate:
    """The host is ourselves: by its own word, or by the DNS."""
    if course.stage is not None:
        said = "553 5.3.5 system config error"
        text = f"553 5.3.5 {dotted(course.host)} config error: mail loops back to me (MX problem?)"
        return Fate(CONFIG, "5.3.5", said, said, "", _exited(CONFIG), (Talk("", "", (text,)),))
    text = f"554 5.0.0 MX list for {course.nexthop} points back to $j"
    return Fate(CONFIG, "5.5.0", None, None, course.nexthop, _exited(CONFIG), (Talk("", "", (text,)),))


def _unattempted(result: Result, reply: Reply | None) -> Fate:
    """No delivery was begun: the address leads nowhere, or its destination is left alone."""
    if reply is None or result.status is not Status.BOUNCED:
        return Fate(LATER, result.dsn, None, None, "", _deferred(result.text))
    said, text = f"{reply.code} {reply.text}", reply.text.partition(" ")[2]
    number = NO_USER if result.dsn == "5.1.1" else UNAVAILABLE
    return Fate(number, result.dsn, said, said, "", (f"{reply.code} {result.dsn} ", text))


def dotted(host: str) -> str:
    """A host as the transcript has it."""
    if ":" in host or host.replace(".", "").isdigit():
        return f"[{host}]"
    return host if host.endswith((".", "]")) else f"{host}."

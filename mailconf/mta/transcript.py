"""What was said in a session, for a notice to the postmaster where something went wrong in it (postconf(5)
notify_classes: data, policy, protocol, resource, software).

As Postfix 3.7.11 does (tests/vectors/notices.jsonl): the session is reported when it ends, unless a message was
accepted after what went wrong. That users are unknown, messages too big and clients gone is no reason. What a login
consists of is in no transcript, and a transcript has `_MOST` bytes of what was said first and as many of what was said
last.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mailconf.mta.journal import LogEvent
from mailconf.mta.message import Context, IntakeRefused, Message, Recipient
from mailconf.smtp.events import AuthResponse, ChunkEnd, ContentEnd, Refused
from mailconf.smtp.problems import Problem

if TYPE_CHECKING:
    from mailconf.model.session import Session
    from mailconf.model.site import Site
    from mailconf.smtp.events import Event
    from mailconf.smtp.reply import Reply

CLASSES = frozenset(("data", "policy", "protocol", "resource", "software"))
_MOST = 32_768  # bytes of what is kept from the beginning, and again of what came last
PROTOCOL = frozenset(
    (
        Problem.HELO_FIRST, Problem.NEED_MAIL, Problem.NESTED_MAIL, Problem.AFTER_BDAT, Problem.IN_TRANSACTION,
        Problem.UNKNOWN_COMMAND, Problem.EMPTY_LINE, Problem.BAD_UTF8, Problem.SYNTAX, Problem.NO_STARTTLS,
        Problem.TLS_ACTIVE, Problem.NO_AUTH, Problem.LOGGED_IN, Problem.BAD_MECHANISM, Problem.BAD_INITIAL,
        Problem.BAD_RESPONSE, Problem.BAD_SENDER, Problem.BAD_RECIPIENT, Problem.UNSUPPORTED, Problem.BAD_SIZE,
        Problem.BAD_RET, Problem.BAD_ENVID, Problem.SECOND_AUTH, Problem.BAD_NOTIFY, Problem.BAD_ORCPT,
        Problem.NO_VALUE, Problem.BAD_ATTRIBUTE, Problem.BAD_VALUE, Problem.BAD_DOMAIN, Problem.BAD_BDAT,
        Problem.NULL_CHUNK,
    )
)  # fmt: skip


class Transcript:
    """Of one session. ``classes`` is what went wrong since the last message that was accepted, ``reason`` why the
    session is cut off, where the server does that."""

    def __init__(self) -> None:
        self.classes: set[str] = set()
        self._first: list[tuple[bool, str]] = []
        self._last: deque[tuple[bool, str]] = deque()
        self._size = self._size_of_last = self._dropped = 0
        self.reason = ""

    def command(self, event: Event, line: str) -> None:
        """What the client has sent; of a login no more than the mechanism is kept."""
        if isinstance(event, ContentEnd | ChunkEnd):
            return
        if isinstance(event, Refused) and event.problem in (Problem.TOO_MANY_ERRORS, Problem.BARE_NEWLINE):
            self.reason = "too many errors" if event.problem is Problem.TOO_MANY_ERRORS else ""
            return  # no command was read
        if isinstance(event, AuthResponse):
            line = "..."
        words = line.split(None, 2)
        if words and words[0].upper() == "AUTH" and len(words) > 2:
            line = f"{words[0]} {words[1]} ..."
        self._add(True, line)

    def said(self, reply: Reply) -> None:
        for line in reply.wire().decode("utf-8", "surrogateescape").splitlines():
            self._add(False, line)

    def _add(self, heard: bool, line: str) -> None:
        size = len(line) + 1
        if not self._last and self._size + size <= _MOST:
            self._first.append((heard, line))
            self._size += size
            return
        self._last.append((heard, line))
        self._size_of_last += size
        while self._size_of_last > _MOST and len(self._last) > 1:
            self._size_of_last -= len(self._last.popleft()[1]) + 1
            self._dropped += 1

    def forget(self) -> None:
        """The session begins anew as another client's."""
        self.__init__()  # type: ignore[misc]

    @property
    def lines(self) -> list[tuple[bool, str]]:
        """What was said, in order: whether the client said it, and the line."""
        gap = [(False, f"({self._dropped} lines are left out)")] if self._dropped else []
        return [*self._first, *gap, *self._last]


async def report(context: Context, site: Site, session: Session, transcript: Transcript, reason: str) -> None:
    """Send the notice of a session that has ended, where its site wants one.

    reason  why it was cut off, "" where the client has ended it
    """
    notices = context.personality.notices
    if not transcript.classes & site.transcribed or context.intake is None or notices is None:
        return
    client = context.personality.journal.client(session)
    now, to = context.world.now(), site.notice_recipients.get("error", "postmaster")
    content = notices.of_session(client, transcript.lines, reason or transcript.reason, to, site, now)
    sender = f"{site.double_bounce_sender}@{site.hostname.value}"
    message = Message(context.intake.new_queue_id(), sender, [Recipient(to, to)], content, now, notice="notify")
    try:
        await context.intake.accept(message)
    except IntakeRefused as refused:
        context.note(LogEvent.REPORT_FAILED, serial=0, error=refused)

"""Mail filters (milters) of mail that no client brings: of commands, and reports of our own (non_smtpd_milters).

They are told of a client of this host that speaks no protocol: the connection, its name, the sender, each recipient as
it is before aliases, and at the end, once the message is complete, DATA and the content (cleanup(8); recorded from
3.7.11, tests/vectors/local_milters.jsonl). A recipient alone cannot be refused, as nobody would be told: the message
waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailconf.files import Root
from mailconf.model.address import external
from mailconf.model.filtering import GO_ON, Do, Outcome
from mailconf.model.session import Session, Verified
from mailconf.mta.filters import Filters
from mailconf.mta.journal import LogEvent
from mailconf.smtp.problems import Problem

if TYPE_CHECKING:
    from mailconf.mta.filtered import FilteredMessage
    from mailconf.mta.message import Context

_HOST = Verified.found("localhost")


class LocalFilters:
    """Those of one message.

    session  what they are told of its client
    """

    def __init__(self, context: Context, root: Root, queue_id: str) -> None:
        site = context.policy.site
        self._context = context
        self.session = Session(
            "127.0.0.1", "0", _HOST, _HOST, server_address="127.0.0.1", server_port="0", protocol="", queue_id=queue_id
        )
        self._filters = Filters(
            site.local_filtering,
            self.session,
            root,
            context.personality.wording,
            context.note,
            site.limits.message_size,
        )
        self._last = ""
        self._holds = False

    async def envelope(self, sender: str, recipients: Sequence[str]) -> Outcome:
        """What they make of the envelope; the addresses in internal form. DISCARD, or REFUSE with a reply, ends it."""
        self.session.sender = sender
        outcome = self._noted("CONNECT", await self._filters.connect())
        if not _ends(outcome):
            outcome = self._noted("EHLO", await self._filters.helo("localhost"))
        if not _ends(outcome):
            outcome = self._noted("MAIL", await self._filters.mail(external(sender), (), None))
        for recipient in recipients:
            if _ends(outcome):
                break
            self._last = self.session.recipient = recipient
            self.session.recipients.append(recipient)
            outcome = self._noted("RCPT", await self._filters.rcpt(external(recipient), (), None))
            if outcome.do is Do.REFUSE:
                self._context.note(LogEvent.FILTER_NO_RECIPIENT, queue_id=self.session.queue_id)
                later = self._context.personality.wording.refusal(Problem.FILTER_DEFERS)
                outcome = Outcome(Do.REFUSE, later)
        if _ends(outcome):
            return outcome
        return Outcome(Do.HOLD) if self._holds else GO_ON

    async def content(self, message: FilteredMessage) -> Outcome:
        """What they make of DATA and of the message, which has what they change."""
        outcome = self._noted("DATA", await self._filters.data(None, ""))
        if not _ends(outcome):
            outcome = self._noted("END-OF-MESSAGE", await self._filters.message(message))
        if _ends(outcome):
            return outcome
        return Outcome(Do.HOLD) if self._holds else GO_ON

    def _noted(self, where: str, outcome: Outcome) -> Outcome:
        if outcome.do in (Do.CONTINUE, Do.SKIP) or (outcome.do is Do.HOLD and self._holds):
            return outcome
        self._holds = self._holds or outcome.do is Do.HOLD
        client = self._context.personality.journal.client(self.session)
        facts = {"session": self.session, "recipient": self._last, "reply": outcome.reply, "in_content": True}
        self._context.note(LogEvent.FILTERED, do=outcome.do, where=where, client=client, **facts)
        return outcome

    def close(self) -> None:
        self._filters.close()


def _ends(outcome: Outcome) -> bool:
    return outcome.do in (Do.REFUSE, Do.DISCARD, Do.SHUTDOWN)

"""Reports about deliveries (RFC 3464): which there are, and what a dialect has to make of one.

`mailconf.mta.bounce` decides which reports go to whom; a `Reports` writes the message. Each dialect has a module:
mailconf/mta/reports_postfix.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from mailconf.model.site import Site
    from mailconf.mta.message import Message, Result
    from mailconf.smtp.reply import Reply


class Notice(Enum):
    """A sort of report."""

    FAILURE = "recipients will not get the message"
    DELAY = "recipients may get it later"
    SUCCESS = "recipients got it"
    VERIFY = "what a delivery would come to"


class Report(NamedTuple):
    """What is to be told.

    postmaster  it goes to the postmaster, about a message of somebody else's
    message     the one that is reported, and ``results`` its recipients' that the report is about
    to          the addressee in internal form
    now         seconds since the epoch
    """

    notice: Notice
    postmaster: bool
    message: Message
    results: Sequence[Result]
    to: str
    site: Site
    now: float


class Reports(Protocol):
    """The reports of a dialect.

    warnings  what the log is to have of them once, when they are put in force
    """

    warnings: Sequence[str]

    def complaints(self, notice: Notice, message: Message) -> Sequence[str]:
        """What the log is to have each time that such a report of ``message`` is due."""
        ...

    def content(self, report: Report) -> bytes:
        """Headers and body, lines ended by LF. Header addresses are rewritten when the report enters the queue."""
        ...


class SessionNotices(Protocol):
    """What the postmaster is told of sessions in which something went wrong, where a dialect does that."""

    def of_session(
        self, client: str, lines: Sequence[tuple[bool, str]], reason: str, to: str, site: Site, now: float
    ) -> bytes:
        """A notice of a session in which something went wrong: what was said, by the client where it is True.

        reason  why the session was cut off, "" where the client has ended it
        """
        ...

    def class_of(self, reply: Reply) -> str:
        """To which class of notices a refusal belongs that is not the protocol's; "" for none."""
        ...

"""The words of a dialect, handed to the MTA where it is put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mailconf.mta.bounce import Bounce, Bouncer
from mailconf.mta.hop import HopField
from mailconf.mta.journal import Journal
from mailconf.mta.message import Context
from mailconf.mta.queue_ids import QueueIds, ShortIds
from mailconf.mta.reports import Reports, SessionNotices
from mailconf.smtp.options import ServerOptions
from mailconf.smtp.problems import Wording
from mailconf.smtp.server import Connection


class Personality(NamedTuple):
    """What the MTA says to clients, to its log, to senders, and on top of a message that comes.

    connection  makes the server's side of a session, which reads commands as the dialect does
    ids         how messages are called in the queue
    bouncer     decides which reports go to whom
    notices     those of sessions to the postmaster; None where there are none
    early_ids   a message has its id before there is one: from the beginning of the session, or of the transaction
    """

    wording: Wording
    journal: Journal
    reports: Reports
    hop: HopField
    connection: Callable[[ServerOptions, Wording], Connection] = Connection
    ids: QueueIds = ShortIds()
    early_ids: bool = False
    bouncer: Callable[[Context], Bouncer] = Bounce
    notices: SessionNotices | None = None

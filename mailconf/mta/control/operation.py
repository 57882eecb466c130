"""What can be done with a message, and what is shown of it."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from mailconf.mta.queue.entry import QueueEntry, RecipientState


class QueueName(Enum):
    """Where a message is, in the names of Postfix's folders (qmgr(8)): under way, not attempted yet, and so on."""

    ACTIVE = "active"
    INCOMING = "incoming"
    DEFERRED = "deferred"
    HOLD = "hold"


class Operation(Enum):
    """What somebody does with a message (postsuper(1))."""

    HOLD = "hold"
    RELEASE = "release"
    REQUEUE = "requeue"
    DELETE = "delete"
    EXPIRE = "expire"


# The queues whose messages an operation is for where none is named.
MEANT = {
    Operation.HOLD: (QueueName.INCOMING, QueueName.ACTIVE, QueueName.DEFERRED),
    Operation.RELEASE: (QueueName.HOLD,),
    Operation.REQUEUE: tuple(QueueName),
    Operation.DELETE: tuple(QueueName),
    Operation.EXPIRE: tuple(QueueName),
}


class Listed(NamedTuple):
    """A recipient for whom something is left to do; ``reason``: why the last attempt failed, "" where none was made."""

    address: str
    reason: str


class Listing(NamedTuple):
    """A message in a list.

    arrival  seconds since the epoch
    size     bytes as SMTP counts them; ``body``: of the body as it lies here
    tries    how often it was attempted
    expire   it is given up at the next attempt
    """

    id: str
    queue: QueueName
    arrival: float
    size: int
    body: int
    tries: int
    expire: bool
    sender: str
    recipients: list[Listed]

    def values(self) -> dict[str, Any]:
        return {**self._asdict(), "queue": self.queue.value}

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> Listing:
        recipients = [Listed(*each) for each in values.pop("recipients")]
        return cls(**{**values, "queue": QueueName(values["queue"]), "recipients": recipients})


class Shown(NamedTuple):
    """A message with all that is known of it.

    length      bytes of the content
    session     of the client, by the names of `mailconf.model.session.Session`; None where there was none
    recipients  address, address as it came, ORCPT, whether nothing is left to do
    """

    id: str
    queue: QueueName
    arrival: float
    size: int
    length: int
    sender: str
    local: bool
    body: str
    ret: str
    envid: str
    filter: str
    session: dict[str, Any] | None
    recipients: list[tuple[str, str, str, bool]]

    def values(self) -> dict[str, Any]:
        return {**self._asdict(), "queue": self.queue.value}

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> Shown:
        recipients = [tuple(each) for each in values.pop("recipients")]
        return cls(**{**values, "queue": QueueName(values["queue"]), "recipients": recipients})


def queue_of(entry: QueueEntry, *, under_way: bool) -> QueueName:
    """Where a message is."""
    if under_way:
        return QueueName.ACTIVE
    if entry.hold:
        return QueueName.HOLD
    tried = any(queued.state is not RecipientState.PENDING for queued in entry.recipients)
    return QueueName.DEFERRED if tried else QueueName.INCOMING


def listing(entry: QueueEntry, *, under_way: bool) -> Listing:
    recipients = [Listed(queued.recipient.address, queued.text) for queued in entry.active]
    message = entry.message
    queue = queue_of(entry, under_way=under_way)
    tries = max((queued.tries for queued in entry.recipients), default=0)
    facts = message.arrival, entry.size, entry.body, tries, entry.expire
    return Listing(message.queue_id, queue, *facts, message.sender, recipients)


_CLIENT = (
    *("client_address", "client_port", "helo", "protocol", "sasl_method", "sasl_username"),
    *("server_address", "server_port"),
)


def shown(entry: QueueEntry, *, under_way: bool) -> Shown:
    message, session = entry.message, entry.message.session
    facts = None
    if session is not None:
        facts = {name: getattr(session, name) for name in _CLIENT}
        facts |= {"client_name": session.client_name.text, "reverse_name": session.reverse_name.text}
    recipients = [
        (each.recipient.address, each.recipient.original, each.recipient.orcpt, not each.open)
        for each in entry.recipients
    ]
    where = queue_of(entry, under_way=under_way)
    of_mail = message.sender, message.local, message.body, message.ret, message.envid, entry.filter
    size, length = entry.size, len(message.content)
    return Shown(message.queue_id, where, message.arrival, size, length, *of_mail, facts, recipients)

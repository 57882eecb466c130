"""What the MTA's parts report for an administrator's figures, besides what they write into the log.

`Measures` keeps nothing; `mailconf.mta.metrics` has one that counts. Labels come from the configuration and from our
own code: nothing that a client, a host or a message says becomes one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from mailconf.smtp.events import COUNTED, Auth, AuthResponse, ChunkEnd, ContentEnd, Event, Helo, Refused

if TYPE_CHECKING:
    from mailconf.mta.journal import LogEvent
    from mailconf.mta.message import Status
    from mailconf.smtp.reply import Reply

CONNECT = "CONNECT"  # the phase before a client's first command
CONTENT = "END-OF-MESSAGE"
LOGGED_IN = 235  # the reply that ends a login with success
_OTHER = "OTHER"
_VERBS = frozenset(verb.upper() for verb in COUNTED)


class Origin(Enum):
    """Where a message in the queue came from."""

    SMTP = "smtp"
    COMMAND = "command"  # of a user of this machine
    INTERNAL = "internal"  # a notice, or mail that was forwarded


class Refusal(Enum):
    """Why a session was not served."""

    FULL = "full"  # there are as many as may be
    GREETING = "greeting"  # the configuration, or a limit of what a client may do
    TLS = "tls"  # it was to begin with TLS, and did not


@dataclass(slots=True)
class Waiting:
    """How many messages are in a state, and when the oldest came, in seconds since the epoch; None: nobody knows."""

    count: int = 0
    since: float | None = None


@dataclass(slots=True)
class Census:
    """What is in the queue. ``incoming`` are messages that commands have left and that were not taken in yet."""

    incoming: int = 0
    active: Waiting = field(default_factory=Waiting)
    deferred: Waiting = field(default_factory=Waiting)
    hold: Waiting = field(default_factory=Waiting)


Attempted = Callable[[int], bool]  # whether the message of a serial is under way


class Measures:
    """Nothing is kept. Times are in seconds."""

    def noted(self, event: LogEvent) -> None:
        """Something happened that a log may have."""

    def connected(self, service: str) -> None:
        """A client has come to a service."""

    def refused(self, service: str, refusal: Refusal) -> None:
        """A client is not served."""

    def answered(self, event: Event | None, reply: Reply) -> None:
        """A client reads a reply; ``event`` is None of one that refuses the connection."""

    def secured(self, *, client: bool, good: bool) -> None:
        """A handshake of TLS has ended; ``client``: we have begun it."""

    def arrived(self, origin: Origin) -> None:
        """A message is in the queue."""

    def delivered(self, transport: str, status: Status, age: float) -> None:
        """What became of a recipient; ``age`` is that of the message."""

    def synced(self, elapsed: float) -> None:
        """The queue was written to the disk; called in the thread that writes."""


NO_MEASURES = Measures()


def phase_of(event: Event | None) -> str:
    """The command that an event belongs to, CONNECT, END-OF-MESSAGE for the content's end, or OTHER."""
    if event is None:
        return CONNECT
    if isinstance(event, ContentEnd | ChunkEnd):
        return CONTENT
    if isinstance(event, Helo):
        return event.verb
    verb = event.verb if isinstance(event, Refused) else type(event).__name__.upper()
    if isinstance(event, AuthResponse):
        verb = "AUTH"
    return verb if verb in _VERBS else _OTHER


def is_login(event: Event | None) -> bool:
    """Whether the reply to it may end a login."""
    return isinstance(event, Auth | AuthResponse) or (isinstance(event, Refused) and event.verb == "AUTH")

"""What the rooms of the MTA hand each other: a message with its envelope, a job for a delivery agent, its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from mailconf.model.filtering import Outcome
from mailconf.model.policy import Policy
from mailconf.model.recipient import Identity
from mailconf.model.recipient import Recipient as Recipient
from mailconf.model.session import Session
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Effect, Reply, Route
from mailconf.model.world import World
from mailconf.mta.journal import Events, LogEvent, Remark, write
from mailconf.mta.measures import NO_MEASURES, Measures

if TYPE_CHECKING:
    from mailconf.mta.course import Course
    from mailconf.mta.filtered import FilteredMessage
    from mailconf.mta.personality import Personality


class ContentFilters(Protocol):
    """The mail filters of the session that a message came by."""

    async def content(self, message: FilteredMessage) -> Outcome: ...


@dataclass(slots=True)
class Message:
    """A message on its way in, or taken from the queue.

    content    headers and body as received, lines ended by LF, dot-stuffing undone (bytes)
    arrival    seconds since the epoch
    body       BODY= of MAIL ("7BIT", "8BITMIME"), ``ret`` and ``envid`` its DSN parameters
    session    the SMTP session it came by; None when the MTA made it (bounces, mail forwarded by an alias)
    local      whether header addresses are completed as a local client's; None: as ``session`` has it
    mapped     whether tables map its addresses: aliases, copies, other names
    checks     the Policy that looks at its content; None: the MTA's
    waits      it is attempted when the queue is run, and not before
    user       number of the user whose command left it, ``full_name`` the name of its sender
    filters    mail filters that are to see the content
    unseen     a command has left it, and nobody has looked at it yet: it is as the command gave it
    notice     the class of a report of our own that it is: "bounce", "notify"; "" for other mail
    tried      an attempt was made before the one that is under way
    report     of a report of the mail system's own: to whom it is, by a word of the dialect's; "" for other messages
    """

    queue_id: str
    sender: str
    recipients: list[Recipient]
    content: bytes
    arrival: float
    body: str = ""
    ret: str = ""
    envid: str = ""
    session: Session | None = None
    effects: tuple[Effect, ...] = ()
    local: bool = True  # whether header addresses without a domain are local ones
    mapped: bool = True
    checks: Policy | None = None
    waits: bool = False
    user: int | None = None
    full_name: str = ""
    filters: ContentFilters | None = None
    unseen: bool = False
    notice: str = ""
    tried: bool = False
    report: str = ""

    @property
    def size(self) -> int:
        return len(self.content)


class IntakeRefused(Exception):
    """The message was not taken over (no space, too many hops, ...); the client reads ``reply``."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class Intake(Protocol):
    """Takes messages over: rewriting, virtual aliases, bcc, queue (cleanup(8))."""

    def new_queue_id(self) -> str:
        """A queue id in Postfix's short form: upper-case hexadecimal."""
        ...

    async def accept(self, message: Message) -> None:
        """Returns once the message is durable in the queue; raises IntakeRefused."""
        ...

    async def leave(self, message: Message) -> None:
        """`accept` for a message of a command, which may be looked at later."""
        ...


class Status(Enum):
    SENT = "sent"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one recipient.

    reply  the remote's or our own reply: its code distinguishes permanent from temporary, its first word may be a DSN
    status
    relay  for the log: "mail.example.net[192.0.2.1]:25", "local", "virtual", "none"
    uses   messages that the connection has carried, this one included
    setup  seconds spent on reaching the next hop, the third of the log's ``delays=``
    rights  those of a user with which it was delivered; None for the mail system's own
    course  how the attempt went, where a report may want it
    action of a success that the sender may be told of though it was not delivered here: RFC 3464's word for it
    parts  where an alias led to several deliveries: each one, for the log and the bounce; the result sums them up
    """

    recipient: Recipient
    status: Status
    dsn: str  # "2.0.0", "5.1.1", ...
    text: str  # after the status in the log: "delivered to mailbox"
    relay: str
    reply: Reply | None = None
    setup: float = 0.0
    uses: int = 1
    parts: tuple[Result, ...] = ()
    rights: Identity | None = None
    action: str = ""
    course: Course | None = None


@dataclass(slots=True)
class Job:
    """Work for a delivery agent: recipients of one message that share transport and nexthop.

    probe  nothing is delivered: what is asked for is whether it would be
    reuse  it may use a connection that another one has left
    keep   it leaves its connection to another one: the destination has more mail
    """

    message: Message
    recipients: list[tuple[Recipient, Route]]
    transport: str
    nexthop: str
    policy: Policy
    world: World
    reuse: bool = False
    keep: bool = False
    probe: bool = False


class Agent(Protocol):
    """Delivers a job. Every recipient has exactly one result; no exception passes but asyncio.CancelledError."""

    async def deliver(self, job: Job) -> list[Result]: ...


@dataclass(slots=True)
class Context:
    """What the running MTA's parts share; ``policy`` is replaced at a reload, so it is read anew for each question.

    log       takes (program, text), see `mailconf.mta.log`; parts of the MTA call `note`
    events    takes events in the place of ``log``, see `mailconf.mta.event_log`
    measures  takes what figures are made of
    """

    policy: Policy
    world: World
    log: Callable[[str, str], None]
    personality: Personality
    intake: Intake | None = None
    agents: dict[AgentKind, Agent] = field(default_factory=dict)
    events: Events | None = None
    measures: Measures = NO_MEASURES

    def note(self, event: LogEvent, /, **facts: Any) -> None:
        """Write what the personality's journal has to say about an event."""
        self.note_as("", event, facts)

    def note_as(self, prefix: str, event: LogEvent, facts: Mapping[str, Any]) -> None:
        """`note`, by programs whose names begin with ``prefix``."""
        self.measures.noted(event)
        write(self.personality.journal, event, facts, self.log, self.events, prefix)

    def remark(self, remark: Remark, /, **facts: Any) -> str:
        """What the personality's journal says of an attempt."""
        return self.personality.journal.remark(remark, **facts)

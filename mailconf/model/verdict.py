"""The answers of a Policy: an SMTP reply as the real engine gives it, a recipient's route, an address's deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from mailconf.model.recipient import Recipient
from mailconf.model.trace import Trace
from mailconf.smtp.events import Auth
from mailconf.smtp.reply import Reply as Reply
from mailconf.tables.access_actions import EffectKind as EffectKind


class Effect(NamedTuple):
    kind: EffectKind
    argument: str = ""


class Hasty(NamedTuple):
    """What a client hears that talks before it is greeted: the greeting in the place of the other, and how its commands
    are refused."""

    greeting: Reply
    denied: Reply


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reply to the client, and the reason.

    reply       what the client reads; for an accepted connection the greeting, for EHLO the list of keywords
    effects     what else is to be done with the message, in order
    rule        the restriction and the argument that decided, "" when none had to
    log         the text that the engine logs after "reject: ", "" when it logs nothing; its reply is a 4xx or 5xx
    disconnect  the session ends after the reply (521, 421)
    notes       further log lines after the queue id: "hold: RCPT from ...", "reject_warning: RCPT from ..."
    remarks     replies that are sent before this one; sendmail has them for a client that has asked for more by VERB
    denied      the connection is greeted, and every command that is to do something is refused so
    pause       the reply waits for so many seconds; to a greeting a client that talks before it gets ``hasty``
    throttles   from this question on the replies wait
    login       the client may try this: its outcome is the reply
    """

    reply: Reply
    trace: Trace
    effects: tuple[Effect, ...] = ()
    rule: str = ""
    log: str = ""
    disconnect: bool = False
    notes: tuple[str, ...] = ()
    remarks: tuple[Reply, ...] = ()
    denied: Reply | None = None
    pause: float = 0.0
    hasty: Hasty | None = None
    throttles: bool = False
    login: Auth | None = None

    def __post_init__(self) -> None:
        """ValueError for a refusal with a reply that accepts: nobody may ever see one."""
        if self.log and self.reply.positive:
            raise ValueError(f"a refusal cannot be answered {self.reply}")

    @property
    def accepted(self) -> bool:
        return self.reply.positive


class Route(NamedTuple):
    """Where a recipient goes (trivial-rewrite(8)): ``transport`` delivers to ``nexthop`` as ``recipient``.

    When ``error`` is set the recipient has no route: a reply of 4xx or 5xx, as the bounce states it. ``address_class``
    is one of "local", "virtual alias", "virtual mailbox", "relay", "default" (ADDRESS_CLASS_README).
    """

    transport: str
    nexthop: str
    recipient: str
    address_class: str
    trace: Trace
    error: Reply | None = None


class DeliveryKind(Enum):
    MBOX = "mbox"  # target: the file
    MAILDIR = "maildir"  # target: the folder
    COMMAND = "command"  # target: the command line
    FILE = "file"  # target: the file that mail is appended to (an alias of the form /path)
    FORWARD = "forward"  # target: an address that is sent the message anew
    TRANSPORT = "transport"  # target: transport:nexthop, whose agent delivers in our place (mailbox_transport)
    DISCARD = "discard"  # target: text for the log, or ""
    ERROR = "error"  # reply has the reason


class Delivery(NamedTuple):
    """One final action for a recipient of a local or virtual mailbox class.

    recipient  for whom: a user to whom an alias led is one of its own; with the rights under which it happens, and the
               envelope sender that it has
    strict     a mailbox file that does not belong to the recipient's identity is not written
    headers    the header lines that are put on top of the message, in their order
    """

    kind: DeliveryKind
    target: str
    recipient: Recipient
    reply: Reply | None = None
    strict: bool = False
    headers: tuple[str, ...] = ()


class Deliveries(NamedTuple):
    """All that a recipient comes to, after aliases and ~/.forward. The agent logs the warnings."""

    items: tuple[Delivery, ...]
    trace: Trace
    warnings: tuple[str, ...] = ()


class Expansion(NamedTuple):
    """The recipients that replace one (virtual aliases), or the reply when expansion failed."""

    recipients: tuple[Recipient, ...]
    trace: Trace
    error: Reply | None = None


class Inspection(NamedTuple):
    """What becomes of a message because of its content.

    reply    refuses it, None where nothing does
    effects  what is to be done with it besides, in order
    content  the message as it goes on
    notes    lines of the log after the queue id
    """

    reply: Reply | None
    effects: tuple[Effect, ...]
    content: bytes
    notes: tuple[str, ...]
    trace: Trace

"""What happens in an SMTP session, as the server sees it, and what holds of each command: `mailconf.smtp.server`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mailconf.smtp.problems import Problem
from mailconf.smtp.reply import Reply


class Wait(Enum):
    """No event now."""

    NEED_DATA = "need data"
    PAUSED = "paused"  # the last event has no reply yet
    CLOSED = "closed"  # the session is over; what comes is ignored
    DEAF = "deaf"  # nothing more is read from the client, which sent too much; it counts as lost


@dataclass(frozen=True, slots=True)
class Helo:
    """``verb`` is HELO, EHLO or LHLO."""

    verb: str
    name: str


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM. ``address`` is in internal form, ``typed`` as the client wrote it; parameter names are upper case.

    ``refusal`` is the reply to what follows the address, if that is wrong, and ``problem`` what is wrong. An address
    that is refused comes first.
    """

    address: str
    typed: str
    parameters: dict[str, str] = field(default_factory=dict)
    refusal: Reply | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT TO; as `Mail`. ``problem`` may also be that there are too many recipients."""

    address: str
    typed: str
    parameters: dict[str, str] = field(default_factory=dict)
    refusal: Reply | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """DATA; content follows a 354."""


@dataclass(frozen=True, slots=True)
class Bdat:
    """BDAT with good syntax, in its place. Needs no reply: its content follows, then `ChunkEnd`, which does."""

    size: int
    last: bool
    first: bool


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of the message, lines ended by LF, dots undone. Needs no reply."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ContentEnd:
    """The dot. With LMTP as many replies as there are accepted recipients are due (RFC 2033 4.2).

    ``refusal`` is its reply, if that is fixed, and ``problem`` the reason.
    """

    refusal: Reply | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """The octets of a BDAT have come; with ``last`` the message is complete. Otherwise as `ContentEnd`."""

    size: int
    last: bool
    refusal: Reply | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Vrfy:
    address: str
    typed: str


@dataclass(frozen=True, slots=True)
class Etrn:
    domain: str


@dataclass(frozen=True, slots=True)
class Xclient:
    """Attributes by upper-case name, decoded; None stands for [UNAVAILABLE], ``temporary`` names the [TEMPUNAVAIL]."""

    attributes: dict[str, str | None]
    temporary: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Xforward:
    attributes: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Rset:
    pass


@dataclass(frozen=True, slots=True)
class Noop:
    pass


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class Starttls:
    pass


@dataclass(frozen=True, slots=True)
class Quit:
    pass


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that the protocol itself forbids, because of ``problem``: ``reply`` is due.

    detail  what the client sent, as far as a log is to have it: the line, or the address
    close   the session ends with the reply

    With BARE_NEWLINE the line was not read as a command, and ``verb`` is the command before.
    """

    verb: str
    reply: Reply
    problem: Problem
    detail: str = ""
    close: bool = False


Event = (
    Helo | Mail | Rcpt | Data | Bdat | Content | ContentEnd | ChunkEnd | Vrfy | Etrn | Xclient | Xforward | Rset
    | Noop | Help | Starttls | Quit | Refused
)  # fmt: skip


class State(Enum):
    IDLE = "no transaction"
    MAIL = "a sender is given"
    RCPT = "there are recipients"
    CHUNK = "chunks have come"
    BROKEN = "a chunk was refused, no sender"
    BROKEN_MAIL = "a chunk was refused"
    BODY = "content up to a dot"
    OCTETS = "the octets of a chunk"
    CLOSED = "over"


# What there is to know of each command besides its syntax.

# event -> the state that follows its positive reply; other events change nothing.
AFTER: dict[type, State] = {
    Helo: State.IDLE,
    Mail: State.MAIL,
    Rcpt: State.RCPT,
    Data: State.BODY,
    Rset: State.IDLE,
    Xclient: State.IDLE,
    Quit: State.CLOSED,
}

COUNTED = (
    "helo", "ehlo", "lhlo", "xclient", "xforward", "starttls", "auth", "mail", "rcpt", "data", "bdat", "rset", "noop",
    "vrfy", "etrn", "quit", "help",
)  # fmt: skip
# After these a client must wait for the reply before it goes on (RFC 2920 3.1), as far as smtpd(8) minds.
LAST = frozenset(("HELO", "EHLO", "LHLO", "NOOP", "VRFY", "DATA"))
JUNK = frozenset(("RSET", "NOOP", "VRFY", "ETRN"))  # postconf(5) smtpd_junk_command_limit

"""What happens in an SMTP session, as the server sees it, and what holds of each command: `mailconf.smtp.server`."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from mailconf.smtp.problems import Problem
from mailconf.smtp.reply import Reply


class Wait(Enum):
    """No event now."""

    NEED_DATA = "need data"
    PAUSED = "paused"  # the last event has no reply yet
    CLOSED = "closed"  # the session is over; what comes is ignored
    HANDSHAKE = "handshake"  # TLS begins: what was sent before it is dropped
    DEAF = "deaf"  # nothing more is read from the client, which sent too much; it counts as lost


class Helo(NamedTuple):
    """``verb`` is HELO, EHLO or LHLO."""

    verb: str
    name: str


class Mail(NamedTuple):
    """MAIL FROM. ``address`` is in internal form, ``typed`` as the client wrote it, as are the ``words`` that follow;
    parameter names are upper case.

    ``refusal`` is the reply to what follows the address, if that is wrong, and ``problem`` what is wrong. An address
    that is refused comes first.
    """

    address: str
    typed: str
    parameters: dict[str, str]
    refusal: Reply | None = None
    problem: Problem | None = None
    words: tuple[str, ...] = ()


class Rcpt(NamedTuple):
    """RCPT TO; as `Mail`. ``problem`` may also be that there are too many recipients."""

    address: str
    typed: str
    parameters: dict[str, str]
    refusal: Reply | None = None
    problem: Problem | None = None
    words: tuple[str, ...] = ()


class Data:
    """DATA; content follows a 354."""

    __slots__ = ()


class Bdat(NamedTuple):
    """BDAT with good syntax, in its place. Needs no reply: its content follows, then `ChunkEnd`, which does."""

    size: int
    last: bool
    first: bool


class Content(NamedTuple):
    """A piece of the message, lines ended by LF, dots undone. Needs no reply."""

    data: bytes


class ContentEnd(NamedTuple):
    """The dot. With LMTP as many replies as there are accepted recipients are due (RFC 2033 4.2).

    ``refusal`` is its reply, if that is fixed, and ``problem`` the reason.
    """

    refusal: Reply | None = None
    problem: Problem | None = None


class ChunkEnd(NamedTuple):
    """The octets of a BDAT have come; with ``last`` the message is complete. Otherwise as `ContentEnd`."""

    size: int
    last: bool
    refusal: Reply | None = None
    problem: Problem | None = None


class Vrfy(NamedTuple):
    address: str
    typed: str


class Etrn(NamedTuple):
    domain: str


class Command(NamedTuple):
    """A command of the dialect's own, which the Policy reads: the whole line."""

    line: str


class Verb:
    """VERB: the client wants to be told more."""

    __slots__ = ()


class Xclient(NamedTuple):
    """Attributes by upper-case name, decoded; None stands for [UNAVAILABLE], ``temporary`` names the [TEMPUNAVAIL]."""

    attributes: dict[str, str | None]
    temporary: frozenset[str] = frozenset()


class Xforward(NamedTuple):
    attributes: dict[str, str | None]


class Rset:
    __slots__ = ()


class Noop:
    __slots__ = ()


class Help:
    __slots__ = ()


class Starttls:
    __slots__ = ()


class Auth(NamedTuple):
    """AUTH. ``initial`` is the response that came with it, in base64; None without one.

    A reply 334 puts a challenge: the client's next line is an `AuthResponse`. Any other ends the login.
    """

    mechanism: str
    initial: str | None = None


class AuthResponse(NamedTuple):
    """The client's answer to a challenge, in base64, as far as its signs go."""

    text: str


class Quit:
    __slots__ = ()


class Refused(NamedTuple):
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
    | Noop | Help | Starttls | Auth | AuthResponse | Quit | Refused | Command | Verb
)  # fmt: skip


class Slowed(NamedTuple):
    """A command waits before it is carried out: the client has sent it, or those that are counted with it, too often.

    first  it is the first that does; then ``number`` is how many have come
    """

    seconds: float
    verb: str
    number: int
    first: bool


class SessionState(Enum):
    IDLE = "no transaction"
    MAIL = "a sender is given"
    RCPT = "there are recipients"
    CHUNK = "chunks have come"
    BROKEN = "a chunk was refused, no sender"
    BROKEN_MAIL = "a chunk was refused"
    BODY = "content up to a dot"
    OCTETS = "the octets of a chunk"
    CHALLENGED = "the response to a challenge of AUTH"
    HANDSHAKE = "TLS begins; nothing is read until it has"
    CLOSED = "over"


# What there is to know of each command besides its syntax.

# event -> the state that follows its positive reply; other events change nothing.
AFTER: dict[type, SessionState] = {
    Helo: SessionState.IDLE,
    Mail: SessionState.MAIL,
    Rcpt: SessionState.RCPT,
    Data: SessionState.BODY,
    Rset: SessionState.IDLE,
    Xclient: SessionState.IDLE,
    Starttls: SessionState.HANDSHAKE,
    Quit: SessionState.CLOSED,
}

COUNTED = (
    "helo", "ehlo", "lhlo", "xclient", "xforward", "starttls", "auth", "mail", "rcpt", "data", "bdat", "rset", "noop",
    "vrfy", "etrn", "quit", "help",
)  # fmt: skip
# After these a client must wait for the reply before it goes on (RFC 2920 3.1), as far as smtpd(8) minds.
LAST = frozenset(("HELO", "EHLO", "LHLO", "NOOP", "VRFY", "DATA"))
JUNK = frozenset(("RSET", "NOOP", "VRFY", "ETRN"))  # postconf(5) smtpd_junk_command_limit

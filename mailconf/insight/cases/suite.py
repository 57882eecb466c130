"""A test file, read: what is asked, of which configuration and in which world, and what is expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mailconf.model.session import Session, Verified
from mailconf.model.world import Records
from mailconf.smtp.reply import Reply
from mailconf.source import Source, Span

ANY = None  # of a nexthop: it is not compared


class Client(NamedTuple):
    """Who asks.

    label    its name in the test file, or its address
    name     by reverse and forward lookup; ``reverse``: by reverse lookup alone
    helo     what it says in EHLO; "" for nothing
    service  the smtpd of master.cf that it comes to, "" for that of port 25
    auth     the user that it has logged in as, "" for none
    """

    label: str
    address: str
    name: Verified
    reverse: Verified
    helo: str
    service: str = ""
    auth: str = ""

    def session(self, sender: str, size: int) -> Session:
        session = Session(client_address=self.address, sender=sender, size=size)
        session.client_name, session.reverse_name = self.name, self.reverse
        if size:
            session.sender_parameters["SIZE"] = str(size)
        if self.auth:
            session.sasl_method, session.sasl_username = "plain", self.auth
        return session


class Expected(NamedTuple):
    """What is expected of one thing: as it was written, and where."""

    text: str
    span: Span


class ReplyPattern(NamedTuple):
    """A code, a code and the beginning of a text, or a regular expression for both.

    Text is compared without regard to the number of blanks.
    """

    written: Expected
    code: int = 0
    text: str = ""
    pattern: re.Pattern[str] | None = None

    def matches(self, reply: Reply) -> bool:
        shown = " ".join(str(reply).split())
        if self.pattern is not None:
            return self.pattern.search(shown) is not None
        return reply.code == self.code and " ".join(reply.text.split()).startswith(self.text)


class Going(NamedTuple):
    """One way out for a recipient: who delivers, where to, and whose address it is there.

    transport  "bounce" where it comes back
    local      a name without a domain means the user, not a domain
    """

    transport: str
    nexthop: str
    address: str
    local: bool = False

    def __str__(self) -> str:
        where = f"{self.transport}:{self.nexthop}" if self.nexthop else self.transport
        return f"{where} {self.address}"


class Goal(NamedTuple):
    """What is expected of one way out; ``nexthop`` None is not compared."""

    written: Expected
    transport: str
    nexthop: str | None
    address: str

    def matches(self, going: Going) -> bool:
        if going.transport.lower() != self.transport.lower():
            return False
        if self.nexthop is not None and going.nexthop.lower() != self.nexthop.lower():
            return False
        return self._is_address(going)

    def _is_address(self, going: Going) -> bool:
        mine, other = self.address, going.address
        if _folded(mine) == _folded(other):
            return True
        if "@" in mine or mine[:1] in ("|", "/"):
            return False
        local, at, domain = other.rpartition("@")
        if not at:
            return False
        return local == mine if going.local else domain.lower() == mine.lower()


def _folded(address: str) -> str:
    """An address with its domain in lower case."""
    local, at, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}" if at else address


@dataclass(slots=True)
class Case:
    """One message, or the envelope of one.

    size        bytes that MAIL announces, 0 for none
    message     header lines and body, None where no message is sent
    reply, goes, copies, as_from, as_to, becomes   what is expected; None is not compared
    """

    title: str
    span: Span
    client: Client
    sender: str
    recipients: tuple[str, ...]
    size: int = 0
    message: str | None = None
    reply: ReplyPattern | None = None
    goes: tuple[Goal, ...] | None = None
    copies: tuple[Goal, ...] | None = None
    as_from: Expected | None = None
    as_to: Expected | None = None
    becomes: tuple[tuple[str, Expected], ...] = ()  # header fields, and what is expected in each
    goes_span: Span | None = None
    copies_span: Span | None = None

    @property
    def asks_where(self) -> bool:
        """Whether it has to be known where the message goes."""
        return any(expected is not None for expected in (self.goes, self.copies, self.as_from, self.as_to))


@dataclass(slots=True)
class TestWorld:
    """What the configuration's surroundings are. Nothing else is asked, and what is not here does not exist.

    dns      answers by (lower-case name, type)
    users    names and home folders; None: those of etc/passwd below the configuration's root
    services actions of policy services, by endpoint
    host     the machine's own name, "" where the configuration has it
    clock    seconds since the epoch, None for now
    """

    dns: dict[tuple[str, str], Records] = field(default_factory=dict)
    users: Mapping[str, str] | None = None
    services: dict[str, str] = field(default_factory=dict)
    host: str = ""
    clock: float | None = None


@dataclass(slots=True)
class Suite:
    """A test file. ``site`` and ``root`` are names as it has them, relative to its own folder."""

    source: Source
    file: str
    site: Expected
    root: str | None
    world: TestWorld
    clients: dict[str, Client]
    cases: list[Case]
    version: str = ""  # of Postfix

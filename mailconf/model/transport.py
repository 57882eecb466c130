"""How mail leaves: a delivery service of master.cf, a mailer of a .cf."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from mailconf.model.limits import HopTimes, Limits
from mailconf.smtp.ehlo import Ehlo
from mailconf.source import Span


class AgentKind(Enum):
    """What delivers, whatever the engine calls it."""

    SMTP = "smtp"
    LMTP = "lmtp"
    MAILBOX = "mailbox"  # aliases, users' files, mailboxes: the Policy says what a recipient comes to
    PIPE = "pipe"  # a command of the transport's own
    FILE = "file"  # a file that the address names
    DISCARD = "discard"
    ERROR = "error"


class HostLookup(NamedTuple):
    """How an agent for SMTP or LMTP comes from a nexthop to addresses.

    mx      a domain's exchangers are asked for
    dns     addresses are looked for in the DNS
    native  they are looked for as the system's library does it, the hosts file first; after the DNS if that counts too
    types   the records that have addresses of the protocols in use, in the order in which they are asked for
    """

    mx: bool = True
    dns: bool = True
    native: bool = False
    types: tuple[str, ...] = ("A", "AAAA")


class ClientWays(NamedTuple):
    """What an agent for SMTP or LMTP does at the hosts that it tries.

    addresses     of a destination that are tried, 0 for all; ``sessions`` that are begun there, 0 for any number
    fallback      destinations that are tried after those of the mail
    bind4, bind6  the local addresses that connections come from, "" for the system's choice
    skips         a host that refuses to talk for good is followed by the next
    line_length   bytes of a line without its end; longer ones are cut, 0: none is
    converts      8-bit text is encoded for hosts that take none
    withheld      extensions, in capitals, that count as not offered; ``silently``: the log does not say so
    tells         a host that wants to know is told of the client that the message came from (XFORWARD)
    times         how long a host is waited for; None is the site's
    """

    addresses: int = 5
    sessions: int = 2
    fallback: tuple[str, ...] = ()
    bind4: str = ""
    bind6: str = ""
    ehlo: Ehlo = Ehlo.ALWAYS
    skips: bool = True
    line_length: int = 998
    converts: bool = True
    withheld: frozenset[str] = frozenset()
    silently: bool = False
    tells: bool = False
    times: HopTimes | None = None


class CommandSettings(NamedTuple):
    """How a transport of Postfix's runs its command (pipe(8)).

    eol          ends each line of its input
    null_sender  stands for the null sender in arguments and fields
    size         bytes of the largest message that it takes, 0 for any
    folder       where it runs, "" for the queue's; ``chroot`` is the root that it has, "" for the system's
    time         seconds that it has
    exports      the environment beside PATH; a value of None is that of this process
    forbidden    accounts whose rights it must not have: the mail system's owner, and the group of its commands
    special      whether owner-list and list-request have no extension
    problem      at what the service ends, in the engine's words; "" where it runs
    """

    eol: str = "\n"
    null_sender: str = "MAILER-DAEMON"
    size: int = 0
    folder: str = ""
    chroot: str = ""
    time: float = 1000.0
    exports: tuple[tuple[str, str | None], ...] = ()
    forbidden: tuple[str, str] = ("", "")
    special: bool = True
    problem: str = ""


class ConnectionReuse(NamedTuple):
    """How long an agent for SMTP or LMTP keeps connections for further messages.

    on_demand  where a destination has more mail; without it none but those that the Policy names (`HopSecurity.keep`)
    idle       seconds that a connection waits for a message; ``age`` since it was made
    further    messages after the first one; 0 is no limit
    """

    on_demand: bool = True
    idle: float = 2.0
    age: float = 300.0
    further: int = 0


class Feedback(NamedTuple):
    """How much an outcome counts: ``amount``, where ``shared`` divided by the concurrency."""

    amount: float = 1.0
    shared: bool = False

    def at(self, concurrency: int) -> float:
        return self.amount / concurrency if self.shared else self.amount


class Concurrency(NamedTuple):
    """How the number of deliveries to a destination at a time changes, below its limit.

    first    the number to begin with
    gain     a delivery that reaches the destination counts for this much; ``loss`` one that does not
    cohorts  the destination is left alone after so many times as many failures as there were deliveries; 0: never
    """

    first: int = 5
    gain: Feedback = Feedback()
    loss: Feedback = Feedback()
    cohorts: int = 1


class Spacing(NamedTuple):
    """Seconds between the end of a delivery and the beginning of the next, which then come one by one: to the same
    ``destination``, by the same ``transport``; 0: there are none."""

    destination: float = 0.0
    transport: float = 0.0


class Transport(NamedTuple):
    """One transport.

    agent        None where the program does not deliver
    program      what the engine runs: a daemon of master(5) ("smtp", "local"), P= of a mailer
    argv         the command line of a PIPE; of a mailer A=
    user         as whom a PIPE runs, "user" or "user:group"; "" where that is not said
    flags        pipe(8) flags=, F= of a mailer
    limits       those that it sets for itself; None is the site's
    command      how a PIPE of Postfix's runs its command
    concurrency  deliveries to one destination at a time; None is the limit for all
    change       how the number of deliveries changes below that limit
    spacing      the time between deliveries
    recipients   recipients of one delivery; None is the limit for all, 0 any number
    client_name  what it says in EHLO; "" is the host's name
    client_port  where it connects if a nexthop names no port; "" is the protocol's own
    host_lookup  how an SMTP or LMTP agent finds hosts, and ``ways`` what it does there
    reuse        how it keeps connections
    rewrites     it may rewrite addresses of messages that it sends; False where it leaves all of them as they are
    headers      the fields that are put on top, in their order: "Return-Path", "X-Original-To", "Delivered-To"
    overrides    what it sets for itself: -o in master.cf, the other equates of a mailer
    """

    name: str
    agent: AgentKind | None = None
    program: str = ""
    argv: tuple[str, ...] = ()
    user: str = ""
    flags: str = ""
    limits: Limits | None = None
    command: CommandSettings | None = None
    concurrency: int | None = None
    change: Concurrency = Concurrency()
    spacing: Spacing = Spacing()
    recipients: int | None = None
    client_name: str = ""
    client_port: str = ""
    host_lookup: HostLookup = HostLookup()
    ways: ClientWays = ClientWays()
    reuse: ConnectionReuse = ConnectionReuse()
    rewrites: bool = True
    headers: tuple[str, ...] = ()
    overrides: Mapping[str, str] = MappingProxyType({})
    span: Span | None = None

"""The content of a configuration, in terms that both worlds share; each value with the Span that set it.

`convert` and the templates read it, the MTA takes its limits and names from it. It decides nothing: that is the Policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from mailconf.maps.reference import TableRef
from mailconf.model.filtering import NO_FILTERS, Filtering
from mailconf.model.limits import HopTimes, Limits
from mailconf.model.probing import Probing
from mailconf.model.proxying import ProxySettings
from mailconf.model.security import Logins, SaslLogins, ServerTls
from mailconf.model.transport import ClientWays, Transport
from mailconf.ports import Ports
from mailconf.smtp.options import ServerOptions
from mailconf.source import Span

T = TypeVar("T", covariant=True)


class Setting(NamedTuple, Generic[T]):
    """A value and where it was set; ``span`` is None for a default. ``name`` is the engine's name for it."""

    value: T
    span: Span | None = None
    name: str = ""

    @property
    def is_default(self) -> bool:
        return self.span is None


NOTHING: Setting[Any] = Setting(())
EMPTY = Setting("")
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


class TableUse(NamedTuple):
    """A lookup table in a role: ``role`` is the parameter or feature that names it.

    ``source`` is the text file that the map is built from, None for tables that are not built (regexp, sqlite, ...).
    ``proxied`` is whether another program asks it (proxymap(8)).
    ``name`` is what sendmail's rules call the map, ``flags`` what precedes its file (sendmail's K lines).
    """

    table: TableRef
    role: str
    source: str | None = None
    span: Span | None = None
    name: str = ""
    flags: tuple[str, ...] = ()
    proxied: bool = False


class ListFile(NamedTuple):
    """A file whose lines are members of a list; ``role`` names the list, as for `Site.classes`."""

    path: str
    role: str
    optional: bool = False
    span: Span | None = None


class Milter(NamedTuple):
    """A mail filter: where it listens ("inet:port@host", "local:/path", ...), what else is set for it.

    ``used``: whether mail passes it without more ado (smtpd_milters, INPUT_MAIL_FILTER).
    """

    name: str
    socket: str
    settings: Mapping[str, str] = NO_SETTINGS
    used: bool = True
    span: Span | None = None


class Feature(NamedTuple):
    """A ready-made piece of configuration that was asked for: sendmail's FEATURE, HACK, MAILER, OSTYPE and DOMAIN.

    ``kind`` is the macro's name; ``arguments`` are those after the piece's name, expanded.
    """

    kind: str
    name: str
    arguments: tuple[str, ...] = ()
    span: Span | None = None


class Masquerade(NamedTuple):
    """Which senders' domains are hidden, and by which other.

    name        the domain that others are replaced by, "" for no replacement
    domains     replaced besides the local ones; with ``subdomains``, what lies below them, too
    exceptions  never replaced
    users       whose addresses stay as they are
    envelope    envelope senders are changed, too; ``recipients``: recipients in headers, too
    """

    name: Setting[str] = EMPTY
    domains: Setting[tuple[str, ...]] = NOTHING
    exceptions: Setting[tuple[str, ...]] = NOTHING
    users: Setting[Sequence[str]] = NOTHING
    subdomains: bool = False
    envelope: bool = False
    recipients: bool = False
    limited: bool = False  # only ``domains``, not every local one
    local: bool = True  # mail between local users is changed, too


class LocalText(NamedTuple):
    """Text in the engine's own language that the configuration brings along: the lines after a LOCAL_CONFIG."""

    kind: str
    text: str
    span: Span | None = None


class Service(NamedTuple):
    """A line of master.cf or a DaemonPortOptions: who serves what. Those that deliver are a `Transport` as well.

    kind       inet, unix, fifo, pass
    program    the daemon that serves it ("smtp", "local", "virtual", "pipe", ...)
    arguments  its command line; ``overrides`` what -o sets
    front      the service that takes the connections and hands them to this one (postscreen(8))
    """

    name: str
    kind: str
    program: str
    arguments: tuple[str, ...] = ()
    overrides: Mapping[str, str] = NO_SETTINGS
    span: Span | None = None
    front: Service | None = None

    @property
    def address(self) -> str:
        """The name of the service that clients connect to, which is its address or port."""
        return self.front.name if self.front else self.name

    @property
    def title(self) -> str:
        """For people: its name and kind, and the service that hands clients to it."""
        behind = f" behind {self.front.name} {self.front.kind} ({self.front.program})" if self.front else ""
        return f"{self.name} {self.kind}{behind}"


@dataclass(slots=True, eq=False, repr=False)
class Site:
    """One mail system. Lists keep the order of the configuration."""

    dialect: str  # "postfix" or "sendmail"
    directory: str  # the configuration's folder, as the configuration calls it
    hostname: Setting[str]
    domain: Setting[str]
    origin: Setting[str]
    listeners: list[Service] = field(default_factory=list)
    transports: dict[str, Transport] = field(default_factory=dict)
    local_domains: Setting[Sequence[str]] = NOTHING
    relay_domains: Setting[Sequence[str]] = NOTHING
    virtual_alias_domains: Setting[Sequence[str]] = NOTHING
    virtual_mailbox_domains: Setting[Sequence[str]] = NOTHING
    networks: Setting[Sequence[str]] = NOTHING
    smart_host: Setting[str] = EMPTY
    always_bcc: Setting[str] = EMPTY
    content_filter: Setting[str] = EMPTY  # transport:nexthop that takes all mail from clients
    proxy: ProxySettings | None = None  # takes mail from clients before it is queued
    local_filter: str = ""  # the same, for mail that commands hand in
    is_dropped_at: bool = False  # whether commands of any user may hand in mail
    # Mail filters of what no client brings; whether they see mail of commands, and which reports of our own.
    local_filtering: Filtering = NO_FILTERS
    filters_commands: bool = False
    filtered_notices: frozenset[str] = frozenset()
    maps_commands: bool = True  # what `maps_addresses` is for clients, for commands
    checks_commands: bool = False  # the Policy looks at the content of mail of commands
    filter_nexthop: str = ""  # of a filter that names none; "" is the recipient's domain
    maps_addresses: bool = True  # whether aliases of domains are replaced, and copies are sent, before mail is queued
    ports: Ports = field(default_factory=Ports)
    utf8_tables: bool = True
    queue_directory: Setting[str] = field(default_factory=lambda: Setting("/var/spool/postfix"))
    tables: list[TableUse] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    # What the protocol side of a listener must know besides the limits above (mailconf.smtp.server takes those over).
    protocol: ServerOptions = field(default_factory=ServerOptions)
    tls: ServerTls | None = None  # what clients are offered; None for no TLS at all
    logins: Logins | SaslLogins | None = None
    peername_lookup: bool = True  # whether clients' names are looked up at all
    syslog_name: str = "postfix"
    mail_name: str = "Postfix"
    double_bounce_sender: str = "double-bounce"
    recipient_delimiter: str = ""
    # What completes header addresses of clients that are not local (Privilege.LOCAL_HEADERS); "" leaves them alone.
    remote_header_domain: str = ""
    add_missing_headers: bool = False  # for remote clients too
    addresses_quoted: bool = False  # the Policy's addresses are in external form (`mailconf.model.address`) already
    fields_at_delivery: bool = False  # a message gets the fields that it lacks when it leaves, by the transport
    names_originals: bool = True  # hosts are told what a recipient was before aliases (ORCPT)
    recipients_backwards: bool = False  # hosts are named those of a delivery from the last on
    idle_transports: frozenset[str] = frozenset()  # they deliver only when somebody asks for it
    resolves_recipients: bool = False  # what is done with a recipient is done with the address that its route has
    sorts_recipients: bool = False  # those of a delivery are in the order of their domains and addresses
    idna2003: bool = False  # domain names in other letters by the transitional mapping of UTS 46
    drop_headers: tuple[str, ...] = ("bcc", "content-length", "resent-bcc", "return-path")
    undisclosed_recipients_header: str = ""
    probing: Probing = field(default_factory=Probing)
    notify_classes: tuple[str, ...] = ("resource", "software")
    transcribed: frozenset[str] = frozenset()  # those of them of which a notice has a session's transcript
    # The recipient of the notices of each class; the postmaster for the other classes.
    notice_recipients: Mapping[str, str] = field(default_factory=dict)
    # What sendmail has, and of which Postfix has some.
    masquerade: Masquerade = field(default_factory=Masquerade)
    hub: Setting[str] = EMPTY  # takes all mail for local users
    local_relay: Setting[str] = EMPTY  # takes mail for names without a domain
    luser_relay: Setting[str] = EMPTY  # takes mail for users that do not exist
    generics_domains: Setting[tuple[str, ...]] = NOTHING
    local_users: Setting[tuple[str, ...]] = NOTHING  # not sent to the hub
    trusted_users: Setting[tuple[str, ...]] = NOTHING
    trusted_auth_mechanisms: Setting[tuple[str, ...]] = NOTHING
    milters: list[Milter] = field(default_factory=list)
    features: list[Feature] = field(default_factory=list)
    clients: list[Service] = field(default_factory=list)  # ClientPortOptions
    queue_groups: list[Service] = field(default_factory=list)
    # By the engine's own names: options, macros (D lines), classes with each member's place, files of members.
    options: dict[str, Setting[str]] = field(default_factory=dict)
    macros: dict[str, Setting[str]] = field(default_factory=dict)
    classes: dict[str, list[Setting[str]]] = field(default_factory=dict)
    list_files: list[ListFile] = field(default_factory=list)
    local_texts: list[LocalText] = field(default_factory=list)

    def limits_of(self, transport: str) -> Limits:
        """The limits within which a transport's agent works."""
        known = self.transports.get(transport)
        return self.limits if known is None or known.limits is None else known.limits

    def concurrency(self, transport: str) -> int:
        """How many deliveries of a transport go to one destination at a time; 0: any number."""
        known = self.transports.get(transport)
        own = known.concurrency if known is not None else None
        return self.limits.destination_concurrency if own is None else own

    def ways_of(self, transport: str) -> ClientWays:
        """What a transport's agent does at other hosts."""
        known = self.transports.get(transport)
        return ClientWays() if known is None else known.ways

    def hop_times(self, transport: str) -> HopTimes:
        """How long a transport's agent waits for other hosts."""
        own = self.ways_of(transport).times
        return self.limits.hop if own is None else own

    def recipients_of(self, transport: str) -> int:
        """How many recipients of a message one delivery of a transport has at most; 0: any number."""
        known = self.transports.get(transport)
        own = known.recipients if known is not None else None
        return self.limits.destination_recipients if own is None else own

    def filtered(self, target: str, recipient: str) -> tuple[str, str]:
        """The transport and the nexthop of ``transport:nexthop``, which takes mail for ``recipient`` as a filter."""
        transport, _, nexthop = target.partition(":")
        return transport, nexthop or self.filter_nexthop or recipient.rpartition("@")[2] or self.hostname.value

    def client_name(self, transport: str) -> str:
        """What a transport says in EHLO."""
        known = self.transports.get(transport)
        return (known.client_name if known is not None else "") or self.hostname.value

    def options_of(self, base: ServerOptions | None = None) -> ServerOptions:
        """What the protocol side of a session has to know; ``base`` are a listener's own options."""
        return (base or self.protocol)._replace(
            hostname=self.hostname.value,
            line_length=self.limits.line_length,
            message_size=self.limits.message_size,
            recipients=self.limits.recipients,
            hard_errors=self.limits.hard_errors,
            junk_commands=self.limits.junk_commands,
        )

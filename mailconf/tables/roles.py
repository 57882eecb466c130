"""Which format a table has, by the role in which the configuration names it; both worlds in one registry.

Postfix: a role is the parameter or restriction that names the table (``transport_maps``, ``check_sender_access``).
`table_role` gives the name of its format, `read_table` its entries, `check_table` what is wrong with them.

sendmail: a role is one of `SENDMAIL`, or what the .mc or the file calls it: ``virtuser`` (as the map of the .cf),
``virtusertable`` (FEATURE and file). `sendmail_format` finds the format, `read_sendmail_table` reads and checks.

`meaning` gives the typed key and value of an entry, in either world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mailconf.diagnostics import Sink
from mailconf.source import Source
from mailconf.tables import content, hosts_access, recipients, sendmail_access, sendmail_maps, transport
from mailconf.tables.aliases import read_aliases
from mailconf.tables.check import Known, check_access, check_addresses, check_aliases
from mailconf.tables.class_file import read_class, read_word
from mailconf.tables.entry import Entry
from mailconf.tables.makemap_reader import read_makemap
from mailconf.tables.reader import read_postmap
from mailconf.tables.sendmail_aliases_reader import read_sendmail_aliases, read_targets
from mailconf.tables.sides import ANYTHING, Sides, check_sides

ACCESS, VIRTUAL, ONE_ADDRESS, ALIASES, OTHER = "access", "virtual", "one address", "aliases", "other"
TRANSPORT, SENDER_TRANSPORT, SENDER_RELAYHOST = "transport", "sender's transport", "sender's relayhost"
ADDRESSES, DOMAINS, HOSTS = "addresses", "domains", "hosts"
HEADER_CHECKS, BODY_CHECKS, MILTER_HEADER_CHECKS = "header checks", "body checks", "milter header checks"
CLIENT_HEADER_CHECKS, CLIENT_BODY_CHECKS = "client header checks", "client body checks"
CLIENTS = ("smtp", "lmtp")  # whose deliveries have checks of their own

POSTFIX = {
    "alias_maps": ALIASES,
    "alias_database": ALIASES,
    "virtual_alias_maps": VIRTUAL,
    "canonical_maps": ONE_ADDRESS,
    "sender_canonical_maps": ONE_ADDRESS,
    "recipient_canonical_maps": ONE_ADDRESS,
    "smtp_generic_maps": ONE_ADDRESS,
    "lmtp_generic_maps": ONE_ADDRESS,
    "sender_bcc_maps": ONE_ADDRESS,
    "recipient_bcc_maps": ONE_ADDRESS,
    "transport_maps": TRANSPORT,
    "sender_dependent_default_transport_maps": SENDER_TRANSPORT,
    "sender_dependent_relayhost_maps": SENDER_RELAYHOST,
    "relocated_maps": ADDRESSES,
    "relay_recipient_maps": ADDRESSES,
    "local_recipient_maps": ADDRESSES,
    "virtual_mailbox_maps": ADDRESSES,
    "smtpd_sender_login_maps": ADDRESSES,
    "mydestination": DOMAINS,
    "relay_domains": DOMAINS,
    "fast_flush_domains": DOMAINS,
    "virtual_alias_domains": DOMAINS,
    "virtual_mailbox_domains": DOMAINS,
    "mynetworks": HOSTS,
    "smtpd_authorized_xclient_hosts": HOSTS,
    "smtpd_authorized_xforward_hosts": HOSTS,
    "smtpd_client_event_limit_exceptions": HOSTS,
    "smtpd_forbid_bare_newline_exclusions": HOSTS,
    "header_checks": HEADER_CHECKS,
    "mime_header_checks": HEADER_CHECKS,
    "nested_header_checks": HEADER_CHECKS,
    "milter_header_checks": MILTER_HEADER_CHECKS,
    "body_checks": BODY_CHECKS,
    **{
        f"{client}_{kind}header_checks": CLIENT_HEADER_CHECKS for client in CLIENTS for kind in ("", "mime_", "nested_")
    },
    **{f"{client}_body_checks": CLIENT_BODY_CHECKS for client in CLIENTS},
}
CHECKED_BY_SIDES: dict[str, Sides] = {
    TRANSPORT: transport.TRANSPORT,
    SENDER_TRANSPORT: transport.SENDER_TRANSPORT,
    SENDER_RELAYHOST: transport.SENDER_RELAYHOST,
    ADDRESSES: recipients.ADDRESSES,
    DOMAINS: recipients.DOMAINS,
    HOSTS: recipients.HOSTS,
    HEADER_CHECKS: content.HEADER,
    BODY_CHECKS: content.BODY,
    CLIENT_HEADER_CHECKS: content.CLIENT_HEADER,
    CLIENT_BODY_CHECKS: content.CLIENT_BODY,
    MILTER_HEADER_CHECKS: content.MILTER_HEADER,
}


_ABOUT_KEYS = frozenset({ADDRESSES, DOMAINS, HOSTS, OTHER})


def table_role(*uses: str) -> str:
    """The name of the format of a table, by the parameters of main.cf and restrictions that name it.

    Several may do so. What the values mean, the first says that gives them a meaning; keys that only one of several
    looks up are not for the others to complain of.
    """
    formats = dict.fromkeys(map(_format_of, uses))
    telling = [name for name in formats if name not in _ABOUT_KEYS]
    if telling:
        return telling[0]
    return next(iter(formats)) if len(formats) == 1 else OTHER


def _format_of(use: str) -> str:
    if use.startswith("check_") and use.endswith("_access"):
        return ACCESS
    return POSTFIX.get(use, OTHER)


def read_table(role: str, source: Source, sink: Sink, *, utf8: bool = True) -> Sequence[Entry]:
    """The entries of a table in the text format of its role."""
    return (read_aliases if role == ALIASES else read_postmap)(source, sink, utf8=utf8)


def check_table(role: str, entries: Iterable[Entry], sink: Sink, known: Known = lambda word: True) -> None:
    """Report what is wrong with ``entries`` in their role.

    known  tells whether a word is a restriction, or a restriction class, that an access table may name
    """
    if role == ACCESS:
        check_access(entries, sink, known)
    elif role == VIRTUAL:
        check_addresses(entries, sink, "virtual")
    elif role == ONE_ADDRESS:
        check_addresses(entries, sink, "generic")
    elif role == ALIASES:
        check_aliases(entries, sink)
    elif role in CHECKED_BY_SIDES:
        check_sides(CHECKED_BY_SIDES[role], entries, sink)


def check_values(role: str, entries: Iterable[Entry], sink: Sink, known: Known = lambda word: True) -> None:
    """The same for the results of rules, whose keys are patterns: only the values are looked into."""
    if role == ACCESS:
        check_access(entries, sink, known, keys=False)
    elif role in (VIRTUAL, ONE_ADDRESS):
        check_addresses(entries, sink, "virtual" if role == VIRTUAL else "generic", keys=False)
    elif role == ALIASES:
        check_aliases(entries, sink)
    elif role in CHECKED_BY_SIDES:
        sides = CHECKED_BY_SIDES[role]
        check_sides(Sides(value=sides.value, plain_value=sides.plain_value), entries, sink)


Reader = Callable[[Source, Sink], Sequence[Entry]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of sendmail's: how the text is cut into entries, and how their sides are read."""

    name: str
    read: Reader = read_makemap
    sides: Sides = ANYTHING


SENDMAIL: dict[str, Format] = {
    format.name: format
    for format in (
        Format("access", sides=sendmail_access.ACCESS),
        Format("virtuser", sides=sendmail_maps.VIRTUSER),
        Format("generics", sides=sendmail_maps.GENERICS),
        Format("mailer", sides=sendmail_maps.MAILER),
        Format("domain", sides=sendmail_maps.DOMAIN),
        Format("userdb", sides=sendmail_maps.USERDB),
        Format("aliases", read_sendmail_aliases, Sides(value=read_targets)),
        Format("class", read_class, Sides(key=read_word, easy_keys=True)),
        Format("hosts", hosts_access.read_hosts, hosts_access.HOSTS_ACCESS),
        Format("other"),
    )
}
# What else they are called: FEATUREs, maps of the .cf, traditional files. The class files have a word a line.
ALSO = {
    "access_db": "access",
    "virtusertable": "virtuser",
    "genericstable": "generics",
    "mailertable": "mailer",
    "domaintable": "domain",
    "alias": "aliases",
    "hosts.allow": "hosts",
    "hosts.deny": "hosts",
    "local-host-names": "class",
    "relay-domains": "class",
    "trusted-users": "class",
    "generics-domains": "class",
    "virtuser-domains": "class",
    "default-auth-info": "other",
    "bitdomain": "other",
    "uucpdomain": "other",
    "uudomain": "other",
    "authinfo": "other",
}


def sendmail_format(role: str) -> Format:
    """The format of a role; a name that nobody knows is a table of keys and values that mean anything ("other")."""
    return SENDMAIL[ALSO.get(role, role if role in SENDMAIL else "other")]


def read_sendmail_table(role: str, source: Source, sink: Sink) -> Sequence[Entry]:
    """The entries of a table of /etc/mail in its role; what is wrong with their form or their meaning goes to ``sink``.

    role    see `sendmail_format`
    source  the text, named as reports are to name it: ``Source.read(path)``

    The entries are in the file's order, keys as written, duplicates (which nobody reports here) included. Of a class
    file each word is an entry with an empty value, of hosts.allow each rule is one with the daemons as its key.
    """
    entries = sendmail_format(role).read(source, sink)
    check_sendmail_table(role, entries, sink)
    return entries


def check_sendmail_table(role: str, entries: Iterable[Entry], sink: Sink) -> None:
    """Report what is wrong with the meaning of ``entries``, which `Format.read` of the role gave, or one like it."""
    check_sides(sendmail_format(role).sides, entries, sink)


def meaning(sides: Sides, entry: Entry) -> tuple[Any, Any]:
    """The typed key and value of an entry; the text where the format gives a side no meaning of its own."""
    return sides.read_key(entry).meaning, sides.read_value(entry).meaning


def sides_of(role: str) -> Sides | None:
    """How the sides of a table of Postfix's are read; None for formats that `mailconf.tables.check` reads whole."""
    return CHECKED_BY_SIDES.get(role)

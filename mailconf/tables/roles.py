"""Which format a table of Postfix's has, by the role in which the configuration names it; `sendmail_roles` is its twin.

A role is the parameter or restriction that names the table (``transport_maps``, ``check_sender_access``). `table_role`
gives the name of its format, `read_table` its entries, `check_table` what is wrong with them, `meaning` the typed key
and value of an entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from mailconf.diagnostics import Sink
from mailconf.source import Source
from mailconf.tables.aliases import read_aliases
from mailconf.tables.check import Known, check_access, check_addresses, check_aliases
from mailconf.tables.entry import Entry
from mailconf.tables.reader import read_postmap
from mailconf.tables.restriction_words import takes_table
from mailconf.tables.rows import Progress
from mailconf.tables.sides import Sides, check_sides

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
# Where the sides of those are that `sides_of` knows: most sites need few of them.
CHECKED_BY_SIDES = {
    TRANSPORT: "transport.TRANSPORT",
    SENDER_TRANSPORT: "transport.SENDER_TRANSPORT",
    SENDER_RELAYHOST: "transport.SENDER_RELAYHOST",
    ADDRESSES: "recipients.ADDRESSES",
    DOMAINS: "recipients.DOMAINS",
    HOSTS: "recipients.HOSTS",
    HEADER_CHECKS: "content.HEADER",
    BODY_CHECKS: "content.BODY",
    CLIENT_HEADER_CHECKS: "content.CLIENT_HEADER",
    CLIENT_BODY_CHECKS: "content.CLIENT_BODY",
    MILTER_HEADER_CHECKS: "content.MILTER_HEADER",
}


_ABOUT_KEYS = frozenset({ADDRESSES, DOMAINS, HOSTS, OTHER})


def table_role(*uses: str) -> str:
    """The name of the format of a table, by the parameters of main.cf and restrictions that name it.

    Several may do so. The first one that gives the values a meaning decides about it; keys that only one of several
    looks up are not for the others to complain of.
    """
    formats = dict.fromkeys(map(_format_of, uses))
    telling = [name for name in formats if name not in _ABOUT_KEYS]
    if telling:
        return telling[0]
    return next(iter(formats)) if len(formats) == 1 else OTHER


def _format_of(use: str) -> str:
    if takes_table(use):
        return ACCESS
    return POSTFIX.get(use, OTHER)


def read_table(
    role: str, source: Source, sink: Sink, *, utf8: bool = True, progress: Progress | None = None
) -> Sequence[Entry]:
    """The entries of a table in the text format of its role."""
    if role == ALIASES:
        return read_aliases(source, sink, utf8=utf8)
    return read_postmap(source, sink, utf8=utf8, progress=progress)


def check_table(role: str, entries: Iterable[Entry], sink: Sink, known: Known = lambda word: True) -> None:
    """Report what is wrong with ``entries`` in their role.

    known  decides whether a word is a restriction, or a restriction class, that an access table may name
    """
    if role == ACCESS:
        check_access(entries, sink, known)
    elif role == VIRTUAL:
        check_addresses(entries, sink, "virtual")
    elif role == ONE_ADDRESS:
        check_addresses(entries, sink, "generic")
    elif role == ALIASES:
        check_aliases(entries, sink)
    elif sides := sides_of(role):
        check_sides(sides, entries, sink)


def check_values(role: str, entries: Iterable[Entry], sink: Sink, known: Known = lambda word: True) -> None:
    """The same for the results of rules, whose keys are patterns: only the values are looked into."""
    if role == ACCESS:
        check_access(entries, sink, known, keys=False)
    elif role in (VIRTUAL, ONE_ADDRESS):
        check_addresses(entries, sink, "virtual" if role == VIRTUAL else "generic", keys=False)
    elif role == ALIASES:
        check_aliases(entries, sink)
    elif sides := sides_of(role):
        check_sides(Sides(value=sides.value, plain_value=sides.plain_value), entries, sink)


def meaning(sides: Sides, entry: Entry) -> tuple[Any, Any]:
    """The typed key and value of an entry; the text where the format gives a side no meaning of its own."""
    return sides.read_key(entry).meaning, sides.read_value(entry).meaning


@lru_cache
def sides_of(role: str) -> Sides | None:
    """How the sides of a table of Postfix's are read; None for formats that `mailconf.tables.check` reads whole."""
    if role not in CHECKED_BY_SIDES:
        return None
    module, _, name = CHECKED_BY_SIDES[role].partition(".")
    found: Sides = getattr(import_module(f"mailconf.tables.{module}"), name)
    return found

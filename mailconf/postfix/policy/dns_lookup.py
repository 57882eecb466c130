"""What smtpd(8) makes of the DNS: a lookup has more outcomes than found and absent, and it is filtered.

Observed with Postfix 3.7.11, whose dns_lookup(3) this follows. A name that is no host name is never asked for. Of
several types that are asked for in turn the outcome is the first record that is found, else the one that says most
(`LookupStatus`). smtpd_dns_reply_filter drops records (postconf(5)).
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from enum import IntEnum
from typing import NamedTuple

from mailconf.domain_names import DomainNameError, comparable, to_ascii
from mailconf.hosts_file import in_protocols
from mailconf.model.world import Outcome, Records
from mailconf.postfix.policy.evaluation import Evaluation
from mailconf.postfix.settings.hostnames import hostname_problem, valid_host_address, valid_hostname

ADDRESS_TYPES = ("A", "AAAA")
_NUMERIC = re.compile(r"[0-9a-fA-FxX.]+")
_NAMES = ("MX", "NS")  # types whose data ends in a host name


class LookupStatus(IntEnum):
    """What a lookup came to; of several, the greatest counts."""

    NOT_FOUND = -6
    NULL_MX = -5
    INVALID = -3  # the answer holds what is no host name
    RETRY = -2
    FILTERED = -1  # there were records, and the filter has dropped them all
    OK = 0


class Lookup(NamedTuple):
    """values  as in `Records`, without those that were filtered
    problem    what became of the question, in the resolver's words; "" with records
    why        the same, as the log has it
    """

    status: LookupStatus
    values: tuple[str, ...] = ()
    problem: str = ""
    why: str = ""


async def lookup(ev: Evaluation, name: str, kind: str) -> Lookup:
    """The records of one type."""
    if not _may_be_asked(name):
        why = f"Name service error for {name}: invalid host or domain name"
        return Lookup(LookupStatus.NOT_FOUND, (), "Host not found", why)
    records = await ev.ask.dns(name, kind)
    if records.outcome is not Outcome.FOUND:
        return _without(records, name, kind)
    values = []
    bad = False
    for value in records.values:
        if kind == "MX" and value.rpartition(" ")[2] in ("", "."):
            return Lookup(LookupStatus.NULL_MX, (), _NO_DATA, f"Domain {name} does not accept mail (nullMX)")
        host = value.rpartition(" ")[2]
        if kind in _NAMES and not _named(ev, host, kind, name):
            bad = True
        else:
            values.append(value)
    if bad and not values:
        words = f"name={name} type={kind}: Malformed or unexpected name server reply"
        return Lookup(LookupStatus.INVALID, (), "Unknown error 0", f"Name service error for {words}")
    if not ev.settings.dns_filter:
        return Lookup(LookupStatus.OK, tuple(values))
    kept = await ev.settings.dns_filter.keep(ev.ask, name, kind, records._replace(values=tuple(values)))
    ev.notes += kept.notes
    return _left(kept.records, name, kind)


def _may_be_asked(name: str) -> bool:
    if not name.isascii():
        try:
            name = to_ascii(name)
        except DomainNameError:
            return False
    wild = name.removeprefix("*.")
    return valid_hostname(wild) or name == "*"


_NO_DATA = "Host found but no data record of requested type"


def _without(records: Records, name: str, kind: str) -> Lookup:
    if records.outcome is Outcome.FAILED:
        status, problem = LookupStatus.RETRY, "Host not found, try again"
    else:
        status, problem = LookupStatus.NOT_FOUND, "Host not found" if records.nxdomain else _NO_DATA
    found = f"Name service error for name={name} type={kind}: {problem}"
    return Lookup(status, (), problem, f"Host or domain name not found. {found}")


def _named(ev: Evaluation, host: str, kind: str, name: str) -> bool:
    """Whether a record's data is a host name; what is an address instead is taken, and logged."""
    if valid_host_address(host):
        ev.warn_of(f"numeric domain name in resource data of {kind} record for {name}: {host}")
        return True
    if valid_hostname(host.removeprefix("*.")):
        return True
    ev.warn_of(f"valid_hostname: {hostname_problem(host)}")
    ev.warn_of(f"malformed domain name in resource data of {kind} record for {name}: {host}")
    return False


def _left(records: Records, name: str, kind: str) -> Lookup:
    """What smtpd_dns_reply_filter has left of records."""
    why = f"Error looking up name={name} type={kind}: "
    if records.outcome is Outcome.FAILED:
        return Lookup(LookupStatus.RETRY, (), "Unknown error 0", f"{why}Invalid DNS reply filter syntax")
    if records.outcome is Outcome.ABSENT:
        return Lookup(LookupStatus.FILTERED, (), "DNS reply filter policy", f"{why}DNS reply filter drops all results")
    return Lookup(LookupStatus.OK, records.values)


async def first(
    ev: Evaluation,
    name: str,
    kinds: tuple[str, ...],
    stop: frozenset[LookupStatus] = frozenset(),
    *,
    stop_mx: bool = False,
) -> Lookup:
    """The first of the types that has records, else the outcome that says most.

    stop     outcomes after which no further type is asked for
    stop_mx  as FILTERED is for MX records
    """
    best: Lookup | None = None
    for kind in kinds:
        found = await lookup(ev, name, kind)
        best = found if best is None or found.status >= best.status else best
        if found.status is LookupStatus.OK or found.status in stop:
            return found
        if stop_mx and kind == "MX" and found.status is LookupStatus.FILTERED:
            return found
    assert best is not None
    return best


class Addresses(NamedTuple):
    """The addresses of a host, as getaddrinfo(3) has them; ``problem`` in its words where there are none."""

    values: tuple[str, ...]
    problem: str = ""


async def addresses(ev: Evaluation, host: str) -> Addresses:
    """The addresses of ``host`` in the protocols that inet_protocols names: the hosts file's, else the DNS's.

    No filter applies.
    """
    if not host or ".." in host:
        return Addresses((), "Name or service not known")
    types = ev.settings.address_types
    if _NUMERIC.fullmatch(host):
        with suppress(OSError):
            return Addresses((socket.inet_ntoa(socket.inet_aton(host)),))  # what the resolver makes of numbers
    listed = await ev.ask.hosts(comparable(host))
    if listed.outcome is Outcome.FAILED:
        return Addresses((), "Temporary failure in name resolution")
    known = in_protocols(listed.values, ipv4="A" in types, ipv6="AAAA" in types)
    if known:
        return Addresses(known)
    host = host.removesuffix(".")
    found: list[str] = []
    failed, exists = False, False
    for kind in types:
        records = await ev.ask.dns(host, kind)
        found += records.values if records.outcome is Outcome.FOUND else ()
        failed = failed or records.outcome is Outcome.FAILED
        exists = exists or not records.nxdomain
    if found:
        return Addresses(tuple(found))
    if failed:
        return Addresses((), "Temporary failure in name resolution")
    return Addresses((), "No address associated with hostname" if exists else "Name or service not known")


async def mail_host_addresses(ev: Evaluation, host: str) -> Lookup:
    """All addresses that the DNS has for ``host`` in the protocols of inet_protocols."""
    asked = [await lookup(ev, host, kind) for kind in ev.settings.address_types]
    values = tuple(value for found in asked for value in found.values)
    return Lookup(LookupStatus.OK, values) if values else max(reversed(asked), key=lambda found: found.status)

"""The restrictions that ask the DNS: unknown domains and hosts, block lists, access by MX, NS and address.

Sources: postconf(5) reject_unknown_*, reject_rbl_client and its like, check_*_{a,ns,mx}_access, permit_mx_backup;
RFC 7505 (null MX).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from mailconf.model.address import Address
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.world import LookupFailed, Outcome, Records
from mailconf.postfix.policy import checks, rule
from mailconf.postfix.policy.access import Access
from mailconf.postfix.policy.evaluation import (
    CLIENT,
    DUNNO,
    HELO,
    PERMIT,
    RECIPIENT,
    REVERSE_CLIENT,
    SENDER,
    UNAVAILABLE,
    Asked,
    Evaluation,
    Status,
    fitting_status,
    split_status,
)
from mailconf.postfix.policy.reply_templates import rbl_reply, rbl_values, refusal_of
from mailconf.postfix.policy.resolve import ALIAS, LOCAL, MAILBOX
from mailconf.postfix.policy.rule import Reach, Simple
from mailconf.postfix.settings.hostnames import address_literal, valid_ipv4
from mailconf.tables.restriction_words import ARGUMENTS, ArgumentKind

_NULL_MX = re.compile(r"\d+ \.?\Z")


# Domains and hosts that do not exist


async def reject_unknown_sender_domain(ev: Evaluation, subject: Asked) -> Status:
    if not ev.session.sender:
        return DUNNO
    found = await ev.resolved_sender()
    if found.failed is not None:
        return ev.lookup_failure(ev.session.sender)
    if found.address_class in (LOCAL, ALIAS, MAILBOX):
        return DUNNO
    return await _unknown_domain(ev, found.recipient, Asked(ev.session.sender, SENDER), "1.8", (550, "5.7.27"))


async def reject_unknown_recipient_domain(ev: Evaluation, subject: Asked) -> Status:
    if not ev.recipient:
        return DUNNO
    found = await ev.resolved_recipient()
    if found.failed is not None:
        return ev.lookup_failure(ev.recipient)
    if found.address_class in (LOCAL, ALIAS, MAILBOX):
        return DUNNO
    return await _unknown_domain(ev, found.recipient, Asked(ev.recipient, RECIPIENT), "1.2", (556, "5.1.10"))


async def _unknown_domain(
    ev: Evaluation, address: str, subject: Asked, detail: str, null_mx: tuple[int, str]
) -> Status:
    """Refuse a domain that has neither MX nor address, or that takes no mail."""
    # smtpd(8) folds an address before it looks at its parts, by which ß becomes ss.
    domain = (Address.split(address).domain or "").casefold()
    if not domain or domain.startswith("["):
        return DUNNO
    exchangers = await ev.ask.dns(domain, "MX")
    if exchangers.outcome is Outcome.FOUND:
        if len(exchangers.values) == 1 and _NULL_MX.match(exchangers.values[0]):
            return ev.refuse_subject(*null_mx, subject, f"Domain {domain} does not accept mail (nullMX)")
        return DUNNO
    outcome: Outcome = exchangers.outcome
    if outcome is Outcome.ABSENT and not exchangers.nxdomain:
        outcome = await _has_any(ev, domain, ("A", "AAAA"))
    text = f"<{subject.name}>: {subject.what} rejected: Domain not found"
    if outcome is Outcome.FAILED:
        return _tempfail(ev, ev.settings.tempfail_address, f"4.{detail}", text)
    if outcome is Outcome.FOUND:
        return DUNNO
    return ev.refuse(ev.settings.codes["unknown_address_reject_code"], f"4.{detail}", text)


async def _has_any(ev: Evaluation, name: str, kinds: tuple[str, ...]) -> Outcome:
    """FOUND if there is a record of one of these types; FAILED if that is unknown for now."""
    failed = False
    for kind in kinds:
        records = await ev.ask.dns(name, kind)
        if records.outcome is Outcome.FOUND:
            return Outcome.FOUND
        failed = failed or records.outcome is Outcome.FAILED
    return Outcome.FAILED if failed else Outcome.ABSENT


def _tempfail(ev: Evaluation, action: str, status: str, text: str) -> Status:
    """postconf(5) reject_tempfail_action: defer_if_permit, or defer at once."""
    if action.lower() == "defer":
        return ev.refuse(450, status, text)
    return ev.defer_permission(450, status, text)


async def reject_unknown_helo(ev: Evaluation, subject: Asked) -> Status:
    helo = ev.session.helo
    if helo is None:
        return DUNNO
    if helo.startswith("["):
        return await checks.reject_invalid_helo(ev, subject)
    outcome = Outcome.ABSENT  # smtpd(8) translates addresses, not the name of a client
    if helo.isascii():
        outcome = await _has_any(ev, helo.removesuffix("."), ("A", "AAAA", "MX"))
    text = f"<{helo}>: {HELO} rejected: Host not found"
    if outcome is Outcome.FAILED:
        return _tempfail(ev, ev.settings.tempfail_helo, "4.7.1", text)
    if outcome is Outcome.FOUND:
        return DUNNO
    return ev.refuse(ev.settings.codes["unknown_hostname_reject_code"], "4.7.1", text)


async def permit_mx_backup(ev: Evaluation, subject: Asked) -> Status:
    """PERMIT for an authorized destination, and for a domain of whose exchangers this machine is one."""
    status = await checks.permit_auth_destination(ev, subject)
    if status is not DUNNO or not ev.recipient:
        return status
    found = await ev.resolved_recipient()
    domain = Address.split(found.recipient).domain or ""
    if found.routed or not domain or domain.startswith("["):
        return DUNNO
    exchangers = await ev.ask.dns(domain, "MX")
    if exchangers.outcome is Outcome.FAILED:
        reason = "Unable to look up mail exchanger information: Host not found, try again"
        return ev.refuse_subject(450, "4.4.4", Asked(ev.recipient, RECIPIENT), reason)
    if exchangers.outcome is not Outcome.FOUND:
        return DUNNO
    ranked = [(int(p), host) for p, _, host in (value.partition(" ") for value in exchangers.values)]
    best = min(rank for rank, _ in ranked)
    ours = False
    for rank, host in ranked:
        addresses = await _addresses(ev, host)
        ours = ours or any(address in ev.settings.domains.interfaces for address in addresses)
        networks = ev.settings.mx_backup_networks
        if rank == best and networks:
            inside = [await networks.match_host(ev.ask, "", address) for address in addresses]
            if not inside or not all(inside):
                return DUNNO
    return PERMIT if ours else DUNNO


async def _addresses(ev: Evaluation, host: str) -> list[str]:
    if valid_ipv4(host):
        return [host]  # what the system's resolver makes of a bare address
    found: list[str] = []
    for kind in ("A", "AAAA"):
        records = await ev.ask.dns(host, kind)
        found += records.values if records.outcome is Outcome.FOUND else ()
    return found


# Access by the hosts of a name


@dataclass(slots=True, eq=False, repr=False)
class ByServers:
    """check_WHO_KIND_access: the access table is asked for the servers of a name, and for their addresses.

    who   whose name; ``kind`` the records that name the servers: "A" (the name itself), "MX", "NS"
    """

    access: Access
    who: str
    kind: str

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Status:
        access, who, kind = self.access, self.who, self.kind
        name, about = _who(ev, who)
        if not name and who in ("sender", "recipient") and about.name:
            found = await (ev.resolved_sender() if who == "sender" else ev.resolved_recipient())
            name = Address.split(found.recipient).domain or ""
        if not name:
            return DUNNO
        if name.startswith("["):
            literal = address_literal(name)
            return await access.address(ev, literal, about) if literal and kind != "NS" else DUNNO
        for host in await _servers(ev, name, kind):
            if kind != "A":
                status = await access.domain(ev, host, about)
                if status is not DUNNO:
                    return status
            for address in await _addresses(ev, host):
                status = await access.address(ev, address, about)
                if status is not DUNNO:
                    return status
        return DUNNO

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        dimension = DIMENSIONS[self.who]
        if self.who in ("sender", "recipient"):
            yield from (rule.sender_class if self.who == "sender" else rule.recipient_class)(reach)
        records = ("A", "AAAA") if self.kind == "A" else (self.kind, "A", "AAAA")
        yield Distinction("", dimension, Form.DNS, "", (Key.DOMAIN,), exact=False, records=records)
        yield from self.access.distinguishes_host(reach, dimension, dimension, exact=False)


async def _servers(ev: Evaluation, name: str, kind: str) -> list[str]:
    if kind == "A":
        return [name]
    records = await ev.ask.dns(name, kind)
    if records.outcome is Outcome.FOUND:
        hosts = [value.rpartition(" ")[2] for value in records.values]
        return [host for host in hosts if host not in ("", ".")]
    return [name] if kind == "MX" and records.outcome is Outcome.ABSENT else []


def _who(ev: Evaluation, who: str) -> tuple[str, Asked]:
    """The name that a check is about, "" when it has no name, and the text for the reply."""
    session = ev.session
    if who == "client":
        name = session.client_name
        return name.text if name.is_found else "", Asked(ev.client, CLIENT)
    if who == "reverse_client_hostname":
        name = session.reverse_name
        return name.text if name.is_found else "", Asked(name.text, REVERSE_CLIENT)
    if who == "helo":
        return (session.helo or "").removesuffix("."), Asked(session.helo or "", HELO)
    address, what = (session.sender, SENDER) if who == "sender" else (ev.recipient, RECIPIENT)
    return Address.split(address or "").domain or "", Asked(address or "", what)


# Lists of good and bad in the DNS


@dataclass(slots=True, eq=False, repr=False)
class Listed:
    """What ``act`` makes of a client address ("address") or a name (as in `_who`) that a zone of the DNS lists.

    parameter  the zone; it may end in ``=pattern``: only answers that match count (``127.0.0.[2..4;9]``)
    """

    parameter: str
    who: str
    act: Callable[[Evaluation, Listing], Awaitable[Status]]
    zone: str
    accepts: Callable[[str], bool]

    @classmethod
    def of(cls, parameter: str, word: str) -> Listed:
        """The restriction ``word`` with its zone."""
        zone, _, pattern = parameter.partition("=")
        return cls(parameter, ARGUMENTS[word].about, ACTS[word], zone, _answer_filter(pattern))

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Status:
        if self.who == "address":
            about = Asked(ev.session.client_address, CLIENT)
            query = reversed_address(ev.session.client_address)
        else:
            query, about = _who(ev, self.who)
            if self.who == "client":
                about = Asked(query, CLIENT)
        if not query or query.startswith("["):
            return DUNNO
        name = f"{query}.{self.zone}"
        records = await ev.ask.dns(name, "A")
        if records.outcome is not Outcome.FOUND or not any(self.accepts(value) for value in records.values):
            return DUNNO
        return await self.act(ev, Listing(self.zone, about, name, self.parameter))

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        dimension = DIMENSIONS[self.who]
        key = Key.REVERSED if self.who == "address" else Key.DOMAIN
        yield Distinction("", dimension, Form.DNS, self.zone, (key,), exact=False, records=("A", "TXT"))
        if self.act is permit_listed:
            yield from rule.recipient_class(reach)
            return
        replies, fixed = reach.settings.rbl_replies, (self.parameter, self.zone)
        yield from replies.distinguishes("rbl_reply_maps", dimension, (Key.FIXED,), fixed=fixed)


class Listing:
    """An entry that was found: the zone, who is listed, and the name that the zone has it under."""

    def __init__(self, zone: str, about: Asked, name: str, parameter: str) -> None:
        self.zone = zone
        self.about = about
        self.name = name
        self.parameter = parameter


async def refuse_listed(ev: Evaluation, listing: Listing) -> Status:
    """reject_rbl_client and its like, with rbl_reply_maps' or default_rbl_reply's reply if that is one that refuses."""
    texts: Records = await ev.ask.dns(listing.name, "TXT")
    reason = texts.values[0] if texts.outcome is Outcome.FOUND and texts.values else ""
    try:
        answer = await ev.settings.rbl_replies.find(ev.ask, listing.parameter)
        if answer is None and ev.settings.rbl_replies_of_zones and listing.zone != listing.parameter:
            answer = await ev.settings.rbl_replies.find(ev.ask, listing.zone)
    except LookupFailed:
        return ev.server_error()
    template = answer.value if answer else ev.settings.default_rbl_reply
    about = listing.about
    values = rbl_values(ev, domain=listing.zone, reason=reason, what=about.name, about=about.what)
    text = rbl_reply(ev, template, values, listing.parameter)
    if text is None:
        return ev.server_error()
    found = refusal_of(text)
    if found is None:
        ev.notes.append(f"warning: rbl response code configuration error: {text}")
        return ev.refuse(*UNAVAILABLE)
    status, rest = split_status(found[1].lstrip(" \t"), "4.7.1")
    return ev.refuse(found[0], fitting_status(status, about.what), rest or UNAVAILABLE.text)


async def permit_listed(ev: Evaluation, listing: Listing) -> Status:
    """permit_dnswl_client and similar: never for a destination that is not ours to take."""
    if not ev.recipient:
        return PERMIT
    return await checks.permit_auth_destination(ev, listing.about)


def reversed_address(address: str) -> str:
    """The octets or nibbles of an address in the order of DNS names."""
    try:
        name = ipaddress.ip_address(address).reverse_pointer
    except ValueError:
        return ""
    return name.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def _answer_filter(pattern: str) -> Callable[[str], bool]:
    """``d.d.d.d`` where d is a number or ``[n;n..m;...]``; no pattern takes every answer."""
    if not pattern:
        return lambda value: True
    fields = re.findall(r"\[([^\]]*)\]|(\d+)", pattern)
    allowed = [_numbers(group) if group else {int(number)} for group, number in fields]

    def accepts(value: str) -> bool:
        octets = value.split(".")
        return len(octets) == len(allowed) == 4 and all(int(o) in a for o, a in zip(octets, allowed, strict=True))

    return accepts


def _numbers(group: str) -> set[int]:
    numbers: set[int] = set()
    for part in re.split(r"[;,]", group):
        first, dots, last = part.partition("..")
        if first.isdigit() and (not dots or last.isdigit()):
            numbers |= set(range(int(first), min(int(last if dots else first), 255) + 1))
    return numbers


# The dimension of whom a restriction with an argument is about.
DIMENSIONS = {
    "address": Dimension.CLIENT,
    "client": Dimension.NAME,
    "reverse_client_hostname": Dimension.REVERSE_NAME,
    "helo": Dimension.HELO,
    "sender": Dimension.SENDER,
    "recipient": Dimension.RECIPIENT,
}
_ANY = ("MX", "A", "AAAA")
UNKNOWN_SENDER_DOMAIN = Simple(
    reject_unknown_sender_domain, (rule.sender_class, rule.dns(Dimension.SENDER, _ANY, Key.DOMAIN))
)
UNKNOWN_HELO = Simple(reject_unknown_helo, (rule.syntax(Dimension.HELO), rule.dns(Dimension.HELO, _ANY, Key.WHOLE)))
CHECKS: dict[str, Simple] = {
    "reject_unknown_sender_domain": UNKNOWN_SENDER_DOMAIN,
    "reject_unknown_address": UNKNOWN_SENDER_DOMAIN,  # its old name, which no manual has any more
    "reject_unknown_recipient_domain": Simple(
        reject_unknown_recipient_domain, (rule.recipient_class, rule.dns(Dimension.RECIPIENT, _ANY, Key.DOMAIN))
    ),
    "reject_unknown_helo_hostname": UNKNOWN_HELO,
    "reject_unknown_hostname": UNKNOWN_HELO,
    "permit_mx_backup": Simple(
        permit_mx_backup,
        (rule.recipient_class, rule.dns(Dimension.RECIPIENT, _ANY, Key.DOMAIN), rule.mx_backup_networks),
    ),
}
# What a listing does.
ACTS: dict[str, Callable[[Evaluation, Listing], Awaitable[Status]]] = {
    word: permit_listed if word.startswith("permit_") else refuse_listed
    for word, argument in ARGUMENTS.items()
    if argument.kind is ArgumentKind.ZONE
}

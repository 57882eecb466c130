"""The restrictions that ask the DNS about a domain or a host: does it exist, does it take mail, is this its backup.

Sources: postconf(5) reject_unknown_*, permit_mx_backup; RFC 7505 (null MX).
"""

from __future__ import annotations

from mailconf.model.address import Address
from mailconf.model.distinction import Dimension, Key
from mailconf.model.world import LookupFailed
from mailconf.postfix.policy import checks, rule
from mailconf.postfix.policy.dns_lookup import (
    ADDRESS_TYPES,
    Lookup,
    LookupStatus,
    addresses,
    first,
    lookup,
    mail_host_addresses,
)
from mailconf.postfix.policy.evaluation import DUNNO, HELO, PERMIT, RECIPIENT, SENDER, Asked, Decision, Evaluation
from mailconf.postfix.policy.resolve import ALIAS, LOCAL, MAILBOX, Resolution
from mailconf.postfix.policy.rule import Simple

_MAIL_TYPES = ("MX", *ADDRESS_TYPES)
_STOP = frozenset({LookupStatus.INVALID, LookupStatus.NULL_MX})
_DROPS = "DNS reply filter drops all results"


# Domains and hosts that do not exist


async def reject_unknown_sender_domain(ev: Evaluation, subject: Asked) -> Decision:
    sender = ev.session.sender
    if not sender:
        return DUNNO
    return await _unknown_address(ev, await ev.resolved_sender(), Asked(sender, SENDER))


async def reject_unknown_recipient_domain(ev: Evaluation, subject: Asked) -> Decision:
    if not ev.recipient:
        return DUNNO
    return await _unknown_address(ev, await ev.resolved_recipient(), Asked(ev.recipient, RECIPIENT))


async def _unknown_address(ev: Evaluation, found: Resolution, subject: Asked) -> Decision:
    if found.failed is not None:
        return ev.lookup_failure(subject.name, found.failed)
    # smtpd(8) folds an address before it looks at its parts, by which ß becomes ss.
    domain = (Address.split(found.recipient).domain or "").casefold()
    if found.address_class in (LOCAL, ALIAS, MAILBOX) or not domain or _bracketed(domain):
        return DUNNO
    return await _unknown_domain(ev, domain, subject)


def _bracketed(domain: str) -> bool:
    return domain.startswith("[") and domain.endswith("]")


async def _unknown_domain(ev: Evaluation, domain: str, subject: Asked) -> Decision:
    """Refuse a domain that has neither MX nor address, or that takes no mail."""
    found = await first(ev, domain, _MAIL_TYPES, _STOP, stop_mx=True)
    by_sender = subject.what == SENDER
    if found.status is LookupStatus.NULL_MX:
        code, status = (550, "4.7.27") if by_sender else (556, "4.1.10")
        return ev.refuse_subject(code, status, subject, f"Domain {domain} does not accept mail (nullMX)")
    if found.status is LookupStatus.FILTERED:
        ev.warn_of(f"{domain}: MX or address lookup error: {_DROPS}")
    status = "4.1.8" if by_sender else "4.1.2"
    code = ev.settings.codes["unknown_address_reject_code"]
    return _unknown(ev, found, subject, (code, status), "Domain not found", ev.settings.tempfail_address)


def _unknown(
    ev: Evaluation, found: Lookup, subject: Asked, reply: tuple[int, str], problem: str, tempfail: str
) -> Decision:
    """What a lookup for something that has to exist leads to.

    tempfail  postconf(5) reject_tempfail_action: defer_if_permit, or defer at once
    """
    if found.status in (LookupStatus.OK, LookupStatus.FILTERED):
        return DUNNO
    code, status = reply
    if found.status is not LookupStatus.RETRY:
        words = "Malformed DNS server reply" if found.status is LookupStatus.INVALID else problem
        return ev.refuse_subject(code, status, subject, words)
    if tempfail.lower() == "defer":
        return ev.refuse_subject(450, status, subject, problem)
    return ev.defer_permission(450, status, f"<{subject.name}>: {subject.what} rejected: {problem}")


async def reject_unknown_helo(ev: Evaluation, subject: Asked) -> Decision:
    helo = ev.session.helo
    if helo is None:
        return DUNNO
    if helo.startswith("["):
        return checks.invalid_address(ev, helo)
    found = Lookup(LookupStatus.NOT_FOUND)  # smtpd(8) translates addresses, not the name of a client
    if helo.isascii():
        found = await first(ev, helo, (*ADDRESS_TYPES, "MX"))
    if found.status is LookupStatus.NULL_MX:
        return DUNNO
    if found.status is LookupStatus.FILTERED:
        ev.warn_of(f"{helo}: address or MX lookup error: {_DROPS}")
    code = ev.settings.codes["unknown_hostname_reject_code"]
    return _unknown(ev, found, Asked(helo, HELO), (code, "4.7.1"), "Host not found", ev.settings.tempfail_helo)


# A backup for other domains


async def permit_mx_backup(ev: Evaluation, subject: Asked) -> Decision:
    """PERMIT for an authorized destination, and for a domain of whose exchangers, but not the best, this is one."""
    if not ev.recipient:
        return DUNNO
    status = await checks.permit_auth_destination(ev, subject)
    if status is not DUNNO:
        return status
    found = await ev.resolved_recipient()
    domain = Address.split(found.recipient).domain or ""
    if (found.routed and not ev.settings.allow_untrusted_routing) or not domain or _bracketed(domain):
        return DUNNO
    exchangers = await lookup(ev, domain, "MX")
    if exchangers.status in (LookupStatus.RETRY, LookupStatus.FILTERED):
        _defer(ev, f"Unable to look up mail exchanger information: {exchangers.problem}")
    if exchangers.status is not LookupStatus.OK:
        return DUNNO
    ranked = [(int(rank), host) for rank, _, host in (value.partition(" ") for value in exchangers.values)]
    best = min(rank for rank, _ in ranked)
    primary = [host for rank, host in ranked if rank == best]
    if await _is_one(ev, primary) or not await _is_one(ev, [host for rank, host in ranked if rank != best]):
        return DUNNO
    if not ev.settings.mx_backup_limited or await _in_networks(ev, primary):
        return PERMIT
    return DUNNO


def _defer(ev: Evaluation, text: str) -> None:
    """What makes a later refusal a temporary one: with a DNS that answers, the mail might have been accepted."""
    ev.defer_rejection(450, "4.4.4", f"<{ev.recipient}>: {RECIPIENT} rejected: {text}")


async def _is_one(ev: Evaluation, hosts: list[str]) -> bool:
    """Whether this machine is one of ``hosts``, by a name that is local or by an address."""
    domains = ev.settings.domains
    for host in hosts:
        try:
            if await domains.is_local(ev.ask, host):
                return True
        except LookupFailed:
            continue
    for host in hosts:
        found = await addresses(ev, host)
        if not found.values:
            _defer(ev, f"Unable to look up mail exchanger host {host}: {found.problem}")
        if any(address in domains.interfaces for address in found.values):
            return True
    return False


async def _in_networks(ev: Evaluation, hosts: list[str]) -> bool:
    """Whether all addresses of the hosts are in permit_mx_backup_networks."""
    networks = ev.settings.mx_backup_networks
    for host in hosts:
        found = await mail_host_addresses(ev, host)
        if found.status is not LookupStatus.OK:
            _defer(ev, f"Unable to look up host {host} as mail exchanger: {found.problem}")
            return False
        for address in found.values:
            try:
                if not await networks.match_host(ev.ask, host, address):
                    return False
            except LookupFailed:
                name = "permit_mx_backup_networks"
                ev.warn_of(f"all_auth_mx_addr: {name} lookup error for address {address} for {host}")
                _defer(ev, f"Unable to verify host {host} as mail exchanger")
                return False
    return True


UNKNOWN_SENDER_DOMAIN = Simple(
    reject_unknown_sender_domain, (rule.sender_class, rule.dns(Dimension.SENDER, _MAIL_TYPES, Key.DOMAIN))
)
UNKNOWN_HELO = Simple(
    reject_unknown_helo, (rule.syntax(Dimension.HELO), rule.dns(Dimension.HELO, _MAIL_TYPES, Key.WHOLE))
)
CHECKS: dict[str, Simple] = {
    "reject_unknown_sender_domain": UNKNOWN_SENDER_DOMAIN,
    "reject_unknown_address": UNKNOWN_SENDER_DOMAIN,  # its old name, which no manual has any more
    "reject_unknown_recipient_domain": Simple(
        reject_unknown_recipient_domain, (rule.recipient_class, rule.dns(Dimension.RECIPIENT, _MAIL_TYPES, Key.DOMAIN))
    ),
    "reject_unknown_helo_hostname": UNKNOWN_HELO,
    "reject_unknown_hostname": UNKNOWN_HELO,
    "permit_mx_backup": Simple(
        permit_mx_backup,
        (rule.recipient_class, rule.dns(Dimension.RECIPIENT, _MAIL_TYPES, Key.DOMAIN), rule.mx_backup_networks),
    ),
}

"""The restrictions that need no DNS: names, addresses, destinations, logins (postconf(5) smtpd_*_restrictions)."""

from __future__ import annotations

from collections.abc import Callable

from mailconf.model.address import Address
from mailconf.model.distinction import Dimension
from mailconf.model.session import NameOutcome, Verified
from mailconf.model.world import LookupFailed
from mailconf.postfix.policy import rule
from mailconf.postfix.policy.evaluation import (
    CLIENT,
    DUNNO,
    HELO,
    PERMIT,
    RECIPIENT,
    REJECT,
    SENDER,
    Asked,
    Evaluation,
    Status,
    fitting_status,
    split_status,
)
from mailconf.postfix.policy.resolve import ALIAS, LOCAL, MAILBOX, RELAY, Resolution
from mailconf.postfix.policy.rule import Act, Simple
from mailconf.postfix.settings.hostnames import address_literal, valid_hostname, valid_ipv4, valid_ipv6
from mailconf.postfix.settings.lookup import Tables

# Everything and nothing


async def permit(ev: Evaluation, subject: Asked) -> Status:
    return PERMIT


async def dunno(ev: Evaluation, subject: Asked) -> Status:
    return DUNNO


async def reject(ev: Evaluation, subject: Asked) -> Status:
    return ev.refuse_subject(ev.settings.codes["reject_code"], "5.7.1", subject, "Access denied")


async def defer(ev: Evaluation, subject: Asked) -> Status:
    return ev.refuse_subject(ev.settings.codes["defer_code"], "4.3.2", subject, "Try again later")


async def defer_if_permit(ev: Evaluation, subject: Asked) -> Status:
    text = f"<{subject.name}>: {subject.what} rejected: defer_if_permit requested"
    return ev.defer_permission(450, "4.7.0", text)


async def defer_if_reject(ev: Evaluation, subject: Asked) -> Status:
    text = f"<{subject.name}>: {subject.what} rejected: defer_if_reject requested"
    return ev.defer_rejection(450, "4.7.0", text)


# The client and its session


async def permit_mynetworks(ev: Evaluation, subject: Asked) -> Status:
    session = ev.session
    try:
        inside = await ev.settings.domains.networks.match_host(ev.ask, session.client_name.text, session.client_address)
    except LookupFailed:
        return ev.lookup_failure(subject.name)
    return PERMIT if inside else DUNNO


async def permit_inet_interfaces(ev: Evaluation, subject: Asked) -> Status:
    return PERMIT if ev.session.client_address in ev.settings.domains.own_addresses else DUNNO


async def permit_sasl_authenticated(ev: Evaluation, subject: Asked) -> Status:
    return PERMIT if ev.settings.sasl and ev.session.sasl_username else DUNNO


async def reject_plaintext_session(ev: Evaluation, subject: Asked) -> Status:
    if ev.session.tls_protocol:
        return DUNNO
    return ev.refuse(ev.settings.codes["plaintext_reject_code"], "5.7.1", "Session encryption is required")


async def reject_unauth_pipelining(ev: Evaluation, subject: Asked) -> Status:
    if not ev.session.early_input:
        return DUNNO
    return ev.refuse_subject(503, "5.5.0", subject, "Improper use of SMTP command pipelining")


async def reject_unknown_client(ev: Evaluation, subject: Asked) -> Status:
    if ev.session.client_name.is_found:
        return DUNNO
    text = f"{CLIENT} rejected: cannot find your hostname, [{ev.session.client_address}]"
    return ev.refuse(_unknown_client_code(ev, ev.session.client_name), "5.7.25", text)


async def reject_unknown_reverse_client(ev: Evaluation, subject: Asked) -> Status:
    if ev.session.reverse_name.is_found:
        return DUNNO
    text = f"{CLIENT} rejected: cannot find your reverse hostname, [{ev.session.client_address}]"
    return ev.refuse(_unknown_client_code(ev, ev.session.reverse_name), "5.7.1", text)


def _unknown_client_code(ev: Evaluation, name: Verified) -> int:
    """450 with any configuration where the name may be found later (postconf(5) unknown_client_reject_code)."""
    return 450 if name.outcome is NameOutcome.FAILED else ev.settings.codes["unknown_client_reject_code"]


async def reject_multi_recipient_bounce(ev: Evaluation, subject: Asked) -> Status:
    others = len(ev.session.recipients) - (ev.where not in ("RCPT", "VRFY"))
    if ev.session.sender != "" or others < 1:
        return DUNNO
    code = ev.settings.codes["multi_recipient_bounce_reject_code"]
    return ev.refuse_subject(code, "5.5.3", subject, "Multi-recipient bounce")


# The name in HELO


async def permit_naked_ip_address(ev: Evaluation, subject: Asked) -> Status:
    """PERMIT for a client that gives its bare address for a name (gone from the manual, not from Postfix)."""
    helo = ev.session.helo or ""
    return PERMIT if valid_ipv4(helo) or valid_ipv6(helo) else DUNNO


async def reject_invalid_helo(ev: Evaluation, subject: Asked) -> Status:
    helo = ev.session.helo
    if helo is None:
        return DUNNO
    problem = _helo_problem(helo)
    if problem is None:
        return DUNNO
    return ev.refuse_subject(ev.settings.codes["invalid_hostname_reject_code"], "5.5.2", Asked(helo, HELO), problem)


def _helo_problem(helo: str) -> str | None:
    if helo.startswith("["):
        return None if address_literal(helo) else "invalid ip address"
    name = helo[:-1] if len(helo) > 1 and helo.endswith(".") else helo
    return None if valid_hostname(name) or valid_ipv4(name) else "Invalid name"


async def reject_non_fqdn_helo(ev: Evaluation, subject: Asked) -> Status:
    helo = ev.session.helo
    if helo is None:
        return DUNNO
    if helo.startswith("["):
        return await reject_invalid_helo(ev, subject)
    name = helo[:-1] if len(helo) > 1 and helo.endswith(".") else helo
    if valid_hostname(name) and "." in name:
        return DUNNO
    code = ev.settings.codes["non_fqdn_reject_code"]
    return ev.refuse_subject(code, "5.5.2", Asked(helo, HELO), "need fully-qualified hostname")


# Sender and recipient


async def reject_non_fqdn_sender(ev: Evaluation, subject: Asked) -> Status:
    return _non_fqdn(ev, ev.session.sender, SENDER) if ev.session.sender else DUNNO


async def reject_non_fqdn_recipient(ev: Evaluation, subject: Asked) -> Status:
    return _non_fqdn(ev, ev.recipient, RECIPIENT) if ev.recipient else DUNNO


def _non_fqdn(ev: Evaluation, address: str | None, what: str) -> Status:
    domain = Address.split(address or "").domain
    if domain is not None:
        name = domain[:-1] if len(domain) > 1 and domain.endswith(".") else domain
        if name.startswith("[") or (valid_hostname(name) and "." in name):
            return DUNNO
    code = ev.settings.codes["non_fqdn_reject_code"]
    return ev.refuse_subject(code, "5.5.2", Asked(address or "", what), "need fully-qualified address")


async def permit_auth_destination(ev: Evaluation, subject: Asked) -> Status:
    """PERMIT for mail that is ours to take: local, virtual or relay, without a route in the local part."""
    if not ev.recipient:
        return DUNNO
    found = await ev.resolved_recipient()
    if found.failed is not None:
        return ev.lookup_failure(ev.recipient)
    if found.routed and not ev.settings.allow_untrusted_routing:
        return DUNNO
    return PERMIT if found.address_class in (LOCAL, ALIAS, MAILBOX, RELAY) else DUNNO


async def check_relay_domains(ev: Evaluation, subject: Asked) -> Status:
    """The old form of permit_auth_destination and reject in one, with a reply of its own."""
    if not ev.recipient:
        return DUNNO
    status = await permit_auth_destination(ev, subject)
    if status is not DUNNO:
        return status
    about = Asked(ev.recipient, RECIPIENT)
    return ev.refuse_subject(ev.settings.codes["relay_domains_reject_code"], "5.7.1", about, "Relay access denied")


async def reject_unauth_destination(ev: Evaluation, subject: Asked) -> Status:
    return await _unauth_destination(ev, subject, ev.settings.codes["relay_domains_reject_code"])


async def defer_unauth_destination(ev: Evaluation, subject: Asked) -> Status:
    return await _unauth_destination(ev, subject, ev.settings.codes["relay_domains_reject_code"] - 100)


async def _unauth_destination(ev: Evaluation, subject: Asked, code: int) -> Status:
    if not ev.recipient:
        return DUNNO
    status = await permit_auth_destination(ev, subject)
    if status is not DUNNO:
        return DUNNO if status is PERMIT else status
    return ev.refuse(code, "5.7.1", f"<{ev.recipient}>: Relay access denied")


async def reject_unlisted_sender(ev: Evaluation, subject: Asked) -> Status:
    sender = ev.session.sender
    if not sender or SENDER in ev.unlisted_checked:
        return DUNNO
    ev.unlisted_checked.add(SENDER)
    return await _unlisted(ev, Asked(sender, SENDER), await ev.resolved_sender())


async def reject_unlisted_recipient(ev: Evaluation, subject: Asked) -> Status:
    if not ev.recipient or RECIPIENT in ev.unlisted_checked:
        return DUNNO
    ev.unlisted_checked.add(RECIPIENT)
    return await _unlisted(ev, Asked(ev.recipient, RECIPIENT), await ev.resolved_recipient())


async def _unlisted(ev: Evaluation, subject: Asked, found: Resolution) -> Status:
    """Refuse a user whom no table of the domain's class knows; canonical and virtual aliases make any address known."""
    if found.failed is not None:
        return ev.lookup_failure(subject.name)
    settings = ev.settings
    address = found.recipient.lower()
    if found.address_class == LOCAL and Address.split(address).local == settings.double_bounce:
        return DUNNO
    rewriting = [settings.recipient_canonical, settings.canonical, settings.virtual_alias]
    try:
        for tables in rewriting:
            if await settings.domains.search.find(ev.ask, tables, address):
                return DUNNO
        if found.transport == "error":
            status, text = split_status(found.nexthop, "5.1.1")
            if not settings.show_table_name and found.address_class == ALIAS:
                text = "User unknown"
            code = settings.codes["unknown_virtual_alias_reject_code"] if found.address_class == ALIAS else 550
            return ev.refuse_subject(code, fitting_status(status, subject.what), subject, text)
        return await _unknown_in_class(ev, subject, found.address_class, address)
    except LookupFailed:
        return ev.lookup_failure(subject.name)


async def _unknown_in_class(ev: Evaluation, subject: Asked, address_class: str, address: str) -> Status:
    settings = ev.settings
    tables: Tables
    if address_class == LOCAL:
        user = Address.split(address).local
        if user in rule.ALWAYS_THERE:
            return DUNNO
        tables, code, name = settings.local_recipients, "unknown_local_recipient_reject_code", "local recipient"
    elif address_class == MAILBOX:
        tables, code, name = settings.virtual_mailbox, "unknown_virtual_mailbox_reject_code", "virtual mailbox"
    elif address_class == RELAY:
        tables, code, name = settings.relay_recipients, "unknown_relay_recipient_reject_code", "relay recipient"
    else:
        return DUNNO
    if not tables or await settings.domains.search.find(ev.ask, tables, address):
        return DUNNO
    text = f"User unknown in {name} table" if settings.show_table_name else "User unknown"
    status = "5.1.0" if subject.what == SENDER else "5.1.1"
    return ev.refuse_subject(settings.codes[code], status, subject, text)


# Who may send as whom


async def _owners(ev: Evaluation) -> list[str] | None:
    """The logins that own the sender address; None when the table does not know it. Raises LookupFailed."""
    found = await ev.resolved_sender()
    if found.failed is not None:
        raise found.failed
    search = ev.settings.domains.search
    match = await search.find(ev.ask, ev.settings.sender_login, found.recipient.lower())
    return None if match is None else match.answer.value.replace(",", " ").split()


def _sender_login(refuse_when: Callable[[list[str] | None, str], str]) -> Act:
    """A check of the owners and the login: ``refuse_when`` says why it is refused, or ""."""

    async def check(ev: Evaluation, subject: Asked) -> Status:
        sender = ev.session.sender
        if not sender or not ev.settings.sasl:
            return DUNNO
        try:
            reason = refuse_when(await _owners(ev), ev.session.sasl_username)
        except LookupFailed:
            return ev.lookup_failure(sender)
        return ev.refuse_subject(553, "5.7.1", Asked(sender, SENDER), reason) if reason else DUNNO

    return check


def _is_foreign(owners: list[str] | None, login: str) -> bool:
    return bool(login) and not any(owner.lower() == login.lower() for owner in owners or ())


reject_known_login_mismatch = _sender_login(
    lambda owners, login: f"not owned by user {login}" if owners is not None and _is_foreign(owners, login) else ""
)
reject_authenticated_login_mismatch = _sender_login(
    lambda owners, login: f"not owned by user {login}" if _is_foreign(owners, login) else ""
)
reject_unauthenticated_login_mismatch = _sender_login(
    lambda owners, login: "not logged in" if owners is not None and not login else ""
)


async def reject_login_mismatch(ev: Evaluation, subject: Asked) -> Status:
    status = await reject_authenticated_login_mismatch(ev, subject)
    return status if status is REJECT else await reject_unauthenticated_login_mismatch(ev, subject)


# Probes of the World's mail servers are not made here: what they would find is not known yet.


async def reject_unverified_sender(ev: Evaluation, subject: Asked) -> Status:
    return await _unverified(ev, ev.session.sender, SENDER, "unverified_sender_defer_code", "4.1.7")


async def reject_unverified_recipient(ev: Evaluation, subject: Asked) -> Status:
    return await _unverified(ev, ev.recipient, RECIPIENT, "unverified_recipient_defer_code", "4.1.1")


async def _unverified(ev: Evaluation, address: str | None, what: str, code: str, status: str) -> Status:
    if not address:
        return DUNNO
    if ev.settings.codes[code] // 100 == 2:  # "specify 250 in order to accept the address anyway", postconf(5)
        return DUNNO
    text = f"<{address}>: {what} rejected: unverified address: Address verification in progress"
    return ev.defer_permission(ev.settings.codes[code], status, text)


_SENDER_CLASS, _RECIPIENT_CLASS = rule.sender_class, rule.recipient_class
_LOGIN = rule.syntax(Dimension.LOGIN)
_SESSION = rule.syntax(Dimension.SESSION)
_HELO = rule.syntax(Dimension.HELO)
_OWNERS = (_SENDER_CLASS, rule.logins, _LOGIN)

ALWAYS_DUNNO = Simple(dunno)
REJECT_UNKNOWN_CLIENT = Simple(reject_unknown_client, (rule.syntax(Dimension.NAME),))
REJECT_INVALID_HELO = Simple(reject_invalid_helo, (_HELO,))
REJECT_NON_FQDN_HELO = Simple(reject_non_fqdn_helo, (_HELO,))
REJECT_UNLISTED_SENDER = Simple(reject_unlisted_sender, (_SENDER_CLASS, rule.known_to_tables(Dimension.SENDER)))
REJECT_UNLISTED_RECIPIENT = Simple(
    reject_unlisted_recipient, (_RECIPIENT_CLASS, rule.known_to_tables(Dimension.RECIPIENT))
)

CHECKS: dict[str, Simple] = {
    "permit": Simple(permit),
    "reject": Simple(reject),
    "defer": Simple(defer),
    "defer_if_permit": Simple(defer_if_permit),
    "defer_if_reject": Simple(defer_if_reject),
    "permit_mynetworks": Simple(permit_mynetworks, (rule.networks,)),
    "permit_inet_interfaces": Simple(permit_inet_interfaces, (rule.own_addresses,)),
    "permit_sasl_authenticated": Simple(permit_sasl_authenticated, (_LOGIN,)),
    "permit_auth_destination": Simple(permit_auth_destination, (_RECIPIENT_CLASS,)),
    "permit_tls_clientcerts": ALWAYS_DUNNO,  # there is no TLS in this MTA, hence no certificate
    "permit_tls_all_clientcerts": ALWAYS_DUNNO,
    "permit_naked_ip_address": Simple(permit_naked_ip_address, (_HELO,)),
    "reject_plaintext_session": Simple(reject_plaintext_session, (_SESSION,)),
    "reject_unauth_pipelining": Simple(reject_unauth_pipelining, (_SESSION,)),
    "reject_unauth_destination": Simple(reject_unauth_destination, (_RECIPIENT_CLASS,)),
    "check_relay_domains": Simple(check_relay_domains, (_RECIPIENT_CLASS,)),
    "defer_unauth_destination": Simple(defer_unauth_destination, (_RECIPIENT_CLASS,)),
    "reject_unknown_client_hostname": REJECT_UNKNOWN_CLIENT,
    "reject_unknown_client": REJECT_UNKNOWN_CLIENT,
    "reject_unknown_reverse_client_hostname": Simple(
        reject_unknown_reverse_client, (rule.syntax(Dimension.REVERSE_NAME),)
    ),
    "reject_multi_recipient_bounce": Simple(
        reject_multi_recipient_bounce, (rule.literal(Dimension.SENDER, ""), _SESSION)
    ),
    "reject_invalid_helo_hostname": REJECT_INVALID_HELO,
    "reject_invalid_hostname": REJECT_INVALID_HELO,
    "reject_non_fqdn_helo_hostname": REJECT_NON_FQDN_HELO,
    "reject_non_fqdn_hostname": REJECT_NON_FQDN_HELO,
    "reject_non_fqdn_sender": Simple(reject_non_fqdn_sender, (rule.syntax(Dimension.SENDER),)),
    "reject_non_fqdn_recipient": Simple(reject_non_fqdn_recipient, (rule.syntax(Dimension.RECIPIENT),)),
    "reject_unlisted_sender": REJECT_UNLISTED_SENDER,
    "reject_unlisted_recipient": REJECT_UNLISTED_RECIPIENT,
    "check_recipient_maps": REJECT_UNLISTED_RECIPIENT,
    "reject_sender_login_mismatch": Simple(reject_login_mismatch, _OWNERS),
    "reject_known_sender_login_mismatch": Simple(reject_known_login_mismatch, _OWNERS),
    "reject_authenticated_sender_login_mismatch": Simple(reject_authenticated_login_mismatch, _OWNERS),
    "reject_unauthenticated_sender_login_mismatch": Simple(reject_unauthenticated_login_mismatch, _OWNERS),
    "reject_unverified_sender": Simple(reject_unverified_sender, (rule.syntax(Dimension.SENDER),)),
    "reject_unverified_recipient": Simple(reject_unverified_recipient, (rule.syntax(Dimension.RECIPIENT),)),
}

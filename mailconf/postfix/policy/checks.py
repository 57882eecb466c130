"""The restrictions that need no DNS: names, addresses, destinations, logins (postconf(5) smtpd_*_restrictions)."""

from __future__ import annotations

from collections.abc import Callable

from mailconf.model.address import Address
from mailconf.model.distinction import Dimension
from mailconf.model.session import NameOutcome
from mailconf.model.world import Deliverability, LookupFailed
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
    Decision,
    Evaluation,
    split_status,
)
from mailconf.postfix.policy.resolve import ALIAS, LOCAL, MAILBOX, RELAY, Resolution
from mailconf.postfix.policy.rule import Act, Simple
from mailconf.postfix.policy.smtpd_settings import Unverified
from mailconf.postfix.settings.hostnames import address_literal, valid_host_address, valid_hostname, valid_ipv4
from mailconf.postfix.settings.lookup import Tables
from mailconf.source import decode, encode

# Everything and nothing


async def permit(ev: Evaluation, subject: Asked) -> Decision:
    return PERMIT


async def dunno(ev: Evaluation, subject: Asked) -> Decision:
    return DUNNO


async def reject(ev: Evaluation, subject: Asked) -> Decision:
    return ev.refuse_subject(ev.settings.codes["reject_code"], "5.7.1", subject, "Access denied")


async def defer(ev: Evaluation, subject: Asked) -> Decision:
    return ev.refuse_subject(ev.settings.codes["defer_code"], "4.3.2", subject, "Try again later")


async def defer_if_permit(ev: Evaluation, subject: Asked) -> Decision:
    text = f"<{subject.name}>: {subject.what} rejected: defer_if_permit requested"
    return ev.defer_permission(450, "4.7.0", text)


async def defer_if_reject(ev: Evaluation, subject: Asked) -> Decision:
    text = f"<{subject.name}>: {subject.what} rejected: defer_if_reject requested"
    return ev.defer_rejection(450, "4.7.0", text)


# The client and its session


async def permit_mynetworks(ev: Evaluation, subject: Asked) -> Decision:
    domains = ev.settings.domains
    name, address = ev.session.client_name.text, ev.session.client_address
    try:
        found = await domains.networks.host_pattern(ev.ask, name, address)
    except LookupFailed as failure:
        return ev.lookup_failure(subject.name, failure)
    if found is None:
        return DUNNO
    ev.ask.trace.add("mynetworks", address, found, domains.places.find("mynetworks", found))
    return PERMIT


async def permit_inet_interfaces(ev: Evaluation, subject: Asked) -> Decision:
    return PERMIT if ev.session.client_address in ev.settings.domains.own_addresses else DUNNO


async def permit_sasl_authenticated(ev: Evaluation, subject: Asked) -> Decision:
    return PERMIT if ev.settings.sasl and ev.session.sasl_username else DUNNO


async def permit_tls_clientcerts(ev: Evaluation, subject: Asked) -> Decision:
    """The fingerprint of the client's certificate, or of its key, is in relay_clientcerts."""
    found = ev.session.certificate
    if found is None:
        return DUNNO
    tables = ev.settings.relay_certificates
    try:
        for key in (found.fingerprint, found.key_fingerprint):
            if await tables.find(ev.ask, key) is not None:
                return PERMIT
    except LookupFailed as failure:
        return ev.lookup_failure(subject.name, failure)
    return DUNNO


async def permit_tls_all_clientcerts(ev: Evaluation, subject: Asked) -> Decision:
    certificate = ev.session.certificate
    return PERMIT if certificate is not None and certificate.trusted else DUNNO


async def reject_plaintext_session(ev: Evaluation, subject: Asked) -> Decision:
    if ev.session.tls_protocol:
        return DUNNO
    return ev.refuse(ev.settings.codes["plaintext_reject_code"], "4.7.1", "Session encryption is required")


async def reject_unauth_pipelining(ev: Evaluation, subject: Asked) -> Decision:
    if not ev.session.early_input:
        return DUNNO
    return ev.refuse_subject(503, "5.5.0", subject, "Improper use of SMTP command pipelining")


async def reject_unknown_client(ev: Evaluation, subject: Asked) -> Decision:
    if ev.session.client_name.is_found:
        return DUNNO
    text = f"{CLIENT} rejected: cannot find your hostname, [{ev.session.client_address}]"
    # 450 with any configuration where the name may be found later (postconf(5) unknown_client_reject_code).
    failed = ev.session.client_name.outcome is NameOutcome.FAILED
    return ev.refuse(450 if failed else ev.settings.codes["unknown_client_reject_code"], "4.7.25", text)


async def reject_unknown_reverse_client(ev: Evaluation, subject: Asked) -> Decision:
    if ev.session.reverse_name.is_found:
        return DUNNO
    text = f"{CLIENT} rejected: cannot find your reverse hostname, [{ev.session.client_address}]"
    known = ev.session.reverse_name.outcome is NameOutcome.ABSENT
    return ev.refuse(ev.settings.codes["unknown_client_reject_code"] if known else 450, "4.7.1", text)


async def reject_multi_recipient_bounce(ev: Evaluation, subject: Asked) -> Decision:
    others = len(ev.session.recipients) - (ev.where not in ("RCPT", "VRFY"))
    if ev.session.sender != "" or others < 1:
        return DUNNO
    code = ev.settings.codes["multi_recipient_bounce_reject_code"]
    return ev.refuse_subject(code, "5.5.3", subject, "Multi-recipient bounce")


# The name in HELO


async def permit_naked_ip_address(ev: Evaluation, subject: Asked) -> Decision:
    """PERMIT for a client that gives its bare address for a name (gone from the manual, not from Postfix).

    A name of digits, dots and colons that is no IPv4 address is refused: IPv6 has to have brackets and a tag.
    """
    helo = ev.session.helo
    if helo is None or set(helo) - set("0123456789.:"):
        return DUNNO
    status = invalid_address(ev, helo)
    return PERMIT if status is DUNNO else status


def invalid_address(ev: Evaluation, helo: str) -> Decision:
    """Refuse what should be an address, in brackets or not."""
    if address_literal(helo) or valid_ipv4(helo):
        return DUNNO
    code = ev.settings.codes["invalid_hostname_reject_code"]
    return ev.refuse_subject(code, "5.5.2", Asked(helo, HELO), "invalid ip address")


async def reject_invalid_helo(ev: Evaluation, subject: Asked) -> Decision:
    helo = ev.session.helo
    if helo is None:
        return DUNNO
    if helo.startswith("["):
        return invalid_address(ev, helo)
    name = _without_dot(helo)
    if (name.isascii() and valid_hostname(name)) or valid_host_address(name):
        return DUNNO
    code = ev.settings.codes["invalid_hostname_reject_code"]
    return ev.refuse_subject(code, "5.5.2", Asked(helo, HELO), "Invalid name")


def _without_dot(name: str) -> str:
    """A name without the dot at its end; two of them stay."""
    return name[:-1] if len(name) > 1 and name.endswith(".") and not name.endswith("..") else name


async def reject_non_fqdn_helo(ev: Evaluation, subject: Asked) -> Decision:
    helo = ev.session.helo
    if helo is None:
        return DUNNO
    if helo.startswith("["):
        return invalid_address(ev, helo)
    name = _without_dot(helo)
    if valid_hostname(name) and "." in name:
        return DUNNO
    code = ev.settings.codes["non_fqdn_reject_code"]
    return ev.refuse_subject(code, "5.5.2", Asked(helo, HELO), "need fully-qualified hostname")


# Sender and recipient


async def reject_non_fqdn_sender(ev: Evaluation, subject: Asked) -> Decision:
    return _non_fqdn(ev, ev.session.sender, SENDER) if ev.session.sender else DUNNO


async def reject_non_fqdn_recipient(ev: Evaluation, subject: Asked) -> Decision:
    return _non_fqdn(ev, ev.recipient, RECIPIENT) if ev.recipient else DUNNO


def _non_fqdn(ev: Evaluation, address: str | None, what: str) -> Decision:
    domain = Address.split(address or "").domain
    if domain is not None:
        name = _without_dot(domain)
        if (domain.startswith("[") and domain.endswith("]")) or (valid_hostname(name) and "." in name):
            return DUNNO
    code = ev.settings.codes["non_fqdn_reject_code"]
    return ev.refuse_subject(code, "4.5.2", Asked(address or "", what), "need fully-qualified address")


async def permit_auth_destination(ev: Evaluation, subject: Asked) -> Decision:
    """PERMIT for mail that is ours to take: local, virtual or relay, without a route in the local part."""
    if not ev.recipient:
        return DUNNO
    found = await ev.resolved_recipient()
    if found.failed is not None:
        return ev.lookup_failure(ev.recipient, found.failed)
    if found.routed and not ev.settings.allow_untrusted_routing:
        return DUNNO
    return PERMIT if found.address_class in (LOCAL, ALIAS, MAILBOX, RELAY) else DUNNO


async def check_relay_domains(ev: Evaluation, subject: Asked) -> Decision:
    """The old form of permit_auth_destination and reject in one, with a reply of its own; also for the clients whose
    names are in relay_domains."""
    if not ev.recipient:
        return DUNNO
    name = "check_relay_domains"
    instead = 'will be removed from Postfix; use "reject_unauth_destination" instead'
    ev.warn_of(f'support for restriction "{name}" {instead}', once=name)
    domains = ev.settings.domains
    try:
        if await domains.relay.match(ev.ask, ev.session.client_name.text):
            return PERMIT
    except LookupFailed:
        pass  # the original does not look at this failure
    status = await permit_auth_destination(ev, subject)
    if status is not DUNNO:
        return status
    about = Asked(ev.recipient, RECIPIENT)
    return ev.refuse_subject(ev.settings.codes["relay_domains_reject_code"], "5.7.1", about, "Relay access denied")


async def reject_unauth_destination(ev: Evaluation, subject: Asked) -> Decision:
    return await _unauth_destination(ev, ev.settings.codes["relay_domains_reject_code"], "5.7.1")


async def defer_unauth_destination(ev: Evaluation, subject: Asked) -> Decision:
    return await _unauth_destination(ev, ev.settings.codes["relay_domains_reject_code"] - 100, "4.7.1")


async def _unauth_destination(ev: Evaluation, code: int, refusal: str) -> Decision:
    if not ev.recipient:
        return DUNNO
    status = await permit_auth_destination(ev, Asked(ev.recipient, RECIPIENT))
    if status is not DUNNO:
        return DUNNO if status is PERMIT else status
    return ev.refuse(code, refusal, f"<{ev.recipient}>: Relay access denied")


async def reject_unlisted_sender(ev: Evaluation, subject: Asked) -> Decision:
    sender = ev.session.sender
    if not sender or SENDER in ev.unlisted_checked:
        return DUNNO
    if not ev.warn:
        ev.unlisted_checked.add(SENDER)
    return await _unlisted(ev, Asked(sender, SENDER), await ev.resolved_sender())


async def reject_unlisted_recipient(ev: Evaluation, subject: Asked) -> Decision:
    if not ev.recipient or RECIPIENT in ev.unlisted_checked or ev.settings.takes_unlisted:
        return DUNNO
    if not ev.warn:
        ev.unlisted_checked.add(RECIPIENT)
    return await _unlisted(ev, Asked(ev.recipient, RECIPIENT), await ev.resolved_recipient())


async def _unlisted(ev: Evaluation, subject: Asked, found: Resolution) -> Decision:
    """Refuse a user whom no table of the domain's class knows; canonical and virtual aliases make any address known."""
    if found.failed is not None:
        return ev.lookup_failure(subject.name, found.failed)
    settings = ev.settings
    address = found.recipient.lower()
    if found.address_class == LOCAL and Address.split(address).local == settings.double_bounce:
        return DUNNO
    of_senders = [settings.sender_canonical] if subject.what == SENDER else []
    rewriting = [settings.recipient_canonical, *of_senders, settings.canonical, settings.virtual_alias]
    try:
        for tables in rewriting:
            if await settings.domains.search.find(ev.ask, tables, address):
                return DUNNO
        if found.transport == "error":
            status, text = split_status(found.nexthop, "5.1.1")
            if not settings.show_table_name and found.address_class == ALIAS:
                text = "User unknown"
            code = settings.codes["unknown_virtual_alias_reject_code"] if found.address_class == ALIAS else 550
            return ev.refuse_subject(code, ev.fitting(status, subject.what), subject, text)
        return await _unknown_in_class(ev, subject, found.address_class, address)
    except LookupFailed as failure:
        return ev.lookup_failure(subject.name, failure)


async def _unknown_in_class(ev: Evaluation, subject: Asked, address_class: str, address: str) -> Decision:
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
    if not tables.written or await settings.domains.search.find(ev.ask, tables, address):
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


def _sender_login(name: str, refuse_when: Callable[[list[str] | None, str], str]) -> Act:
    """A check of the owners and the login: ``refuse_when`` says why it is refused, or ""."""

    async def check(ev: Evaluation, subject: Asked) -> Decision:
        sender = ev.session.sender
        if not ev.settings.sasl:
            ev.warn_of(f"restriction `{name}' ignored: no SASL support")
        if not sender or not ev.settings.sasl:
            return DUNNO
        try:
            reason = refuse_when(await _owners(ev), ev.session.sasl_username)
        except LookupFailed as failure:
            return ev.lookup_failure(sender, failure)
        return ev.refuse_subject(553, "5.7.1", Asked(sender, SENDER), reason) if reason else DUNNO

    return check


def _is_foreign(owners: list[str] | None, login: str) -> bool:
    return bool(login) and not any(owner.lower() == login.lower() for owner in owners or ())


def _mismatch(owners: list[str] | None, login: str) -> str:
    return f"not owned by user {login}" if _is_foreign(owners, login) else ""


def _no_login(owners: list[str] | None, login: str) -> str:
    return "not logged in" if owners is not None and not login else ""


reject_known_login_mismatch = _sender_login(
    "reject_known_sender_login_mismatch",
    lambda owners, login: (_mismatch(owners, login) or _no_login(owners, login)) if owners is not None else "",
)
reject_authenticated_login_mismatch = _sender_login("reject_authenticated_sender_login_mismatch", _mismatch)
reject_unauthenticated_login_mismatch = _sender_login("reject_unauthenticated_sender_login_mismatch", _no_login)


async def reject_login_mismatch(ev: Evaluation, subject: Asked) -> Decision:
    status = await reject_authenticated_login_mismatch(ev, subject)
    return status if status is REJECT else await reject_unauthenticated_login_mismatch(ev, subject)


# Whether an address can be delivered to is found out by probes (verify(8)), where the World sends some.

_SHOWN_OF_REASON = 250  # bytes
_IN_PROGRESS = "Address verification in progress"


async def reject_unverified_sender(ev: Evaluation, subject: Asked) -> Decision:
    return await _unverified(ev, ev.session.sender, SENDER, ev.settings.unverified_sender, "4.1.7")


async def reject_unverified_recipient(ev: Evaluation, subject: Asked) -> Decision:
    return await _unverified(ev, ev.recipient, RECIPIENT, ev.settings.unverified_recipient, "4.1.1")


async def _unverified(ev: Evaluation, address: str | None, what: str, asked: Unverified, status: str) -> Decision:
    if not address or address.casefold() in ev.settings.probe_senders:
        return DUNNO
    probed = await ev.ask.verify(ev.settings.rewriter.standard(address), ev.settings.patience)
    if probed.outcome is Deliverability.DELIVERABLE:
        return DUNNO
    refused = probed.outcome is Deliverability.UNDELIVERABLE
    code = ev.settings.codes[asked.reject_code if refused else asked.defer_code]
    if code // 100 == 2:  # "specify 250 in order to accept the address anyway", postconf(5)
        return DUNNO
    how = "undeliverable" if refused and code >= 500 else "unverified"
    shown = decode(encode(asked.reason or probed.text or _IN_PROGRESS)[:_SHOWN_OF_REASON])
    text = f"<{address}>: {what} rejected: {how} address: {shown}"
    if refused or asked.tempfail_action.lower() == "defer":
        return ev.refuse(code, status, text)
    return ev.defer_permission(code, status, text)


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
    "permit_tls_clientcerts": Simple(permit_tls_clientcerts, (rule.certificates,)),
    "permit_tls_all_clientcerts": Simple(permit_tls_all_clientcerts, (_SESSION,)),
    "permit_naked_ip_address": Simple(permit_naked_ip_address, (_HELO,)),
    "reject_plaintext_session": Simple(reject_plaintext_session, (_SESSION,)),
    "reject_unauth_pipelining": Simple(reject_unauth_pipelining, (_SESSION,)),
    "reject_unauth_destination": Simple(reject_unauth_destination, (_RECIPIENT_CLASS,)),
    "check_relay_domains": Simple(check_relay_domains, (rule.relay_names, _RECIPIENT_CLASS)),
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

"""Restrictions that need something that is not set, that ask somebody who is gone, or that come at the wrong time."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from mailconf.check.postfix.client_settings import PF261
from mailconf.check.postfix.dead_settings import PF260
from mailconf.check.postfix.written import each_word, is_on, place_of, seen_by
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error, warning
from mailconf.postfix.policy.smtpd import LISTS
from mailconf.postfix.settings.configuration import Configuration

PF277 = error("PF277", "a list in the DNS that was shut down")
"""Why: a list that is gone does not answer, and each client waits for it; or its domain has a new owner, and answers
"listed" for every address: all mail is refused.

Example:
    # main.cf
    smtpd_client_restrictions = permit_mynetworks, reject_rbl_client relays.ordb.org

Remedy: remove the list, or take one that is maintained.

Source: RFC 6471 3.4 on what lists do at their end. The domains, with the sources of their years, are in
mailconf/check/dead_lists.py.
"""

PF226 = error("PF226", "a list in the DNS that is asked for what it does not list")
"""Why: a list of domains that is asked for the address of a client answers "listed", whatever the address: every client
is refused, or gets the list's weight. A list of addresses that is asked for a domain has no answer: the restriction
refuses nobody.

Example:
    # main.cf
    smtpd_client_restrictions = permit_mynetworks, reject_rbl_client dbl.spamhaus.org

Remedy: ask lists of domains by reject_rhsbl_sender, reject_rhsbl_helo and reject_rhsbl_reverse_client, and lists of
addresses by reject_rbl_client and postscreen_dnsbl_sites.

Source: postconf(5) reject_rbl_client, reject_rhsbl_sender, postscreen_dnsbl_sites; the operators' pages that
mailconf/check/list_kinds.py names.
"""

PF288 = warning("PF288", "a restriction that never sees what it is about")
"""Why: with smtpd_delay_reject = no, the lists for client, HELO and sender are evaluated when that command arrives. The
sender or the recipient is not known then, and the restriction passes everybody.

Example:
    # main.cf
    smtpd_delay_reject = no
    smtpd_client_restrictions = reject_non_fqdn_recipient

Remedy: put the restriction into smtpd_recipient_restrictions, or set smtpd_delay_reject = yes.

Source: postconf(5) smtpd_delay_reject; SMTPD_ACCESS_README, "Delayed evaluation of SMTP access restriction lists".
"""

PF295 = warning("PF295", "anybody can make this host the backup of his domain")
"""Why: permit_mx_backup takes mail for every domain that has this host among its MX hosts and another one before it,
and anybody can write such records. The server then stores and forwards mail for strangers.

Example:
    # main.cf
    smtpd_relay_restrictions = permit_mynetworks, permit_mx_backup, reject_unauth_destination

Remedy: set permit_mx_backup_networks to the networks of the primary MX hosts, or list the domains in relay_domains and
remove permit_mx_backup.

Source: postconf(5) permit_mx_backup, permit_mx_backup_networks; observed with Postfix 3.7.11.
"""

_MISMATCH = (
    *("reject_sender_login_mismatch", "reject_authenticated_sender_login_mismatch"),
    *("reject_unauthenticated_sender_login_mismatch", "reject_known_sender_login_mismatch"),
)
_ZONES = ("reject_rbl_client", "permit_dnswl_client", "permit_rhswl_client", "reject_rbl")
_ORDER = ("client", "helo", "sender", "recipient")  # the commands, one after the other


def lists(subject: Subject, sink: Sink) -> None:
    """Report restrictions of main.cf, of its classes and of services."""
    main = subject.configuration
    used: set[str] = set()
    for view, names in main.views():
        classes = set(view.words("smtpd_restriction_classes"))
        for name in names:
            if name in LISTS or name in classes:
                used |= _list(subject, view, name, sink)
    _login_maps(subject, used, sink)
    for view, names in main.views():
        if "postscreen_dnsbl_sites" in names:
            for word, offset in each_word(view, "postscreen_dnsbl_sites"):
                zone = word.partition("=")[0].partition("*")[0]
                _zone(view, "postscreen_dnsbl_sites", zone, offset, sink)
                _wrong_kind(view, "postscreen_dnsbl_sites", word.partition("*")[0], "", offset, sink)


def _pairs(view: Configuration, name: str) -> Iterator[tuple[str, int, str, int]]:
    """Each word with its offset and the word after it."""
    words = list(each_word(view, name))
    if not words:
        return
    for (word, offset), (following, at) in zip(words, [*words[1:], ("", 0)], strict=True):
        yield word, offset, following, at


def _list(subject: Subject, view: Configuration, name: str, sink: Sink) -> set[str]:
    seen: set[str] = set()
    early = LISTS.get(name, "") if not is_on(view, "smtpd_delay_reject") else ""
    for word, offset, argument, at in _pairs(view, name):
        restriction = word.lower()
        seen.add(restriction)
        if restriction == "permit_mx_backup" and not view.value("permit_mx_backup_networks"):
            message = "permit_mx_backup without permit_mx_backup_networks: anybody can make this host his backup"
            hint = "set permit_mx_backup_networks to the networks of the primary MX hosts"
            sink.report(PF295, message, place_of(view, name, word, offset), hint=hint)
        elif restriction in _MISMATCH and not view.value("smtpd_sender_login_maps"):
            message = f"{word} has no smtpd_sender_login_maps to ask: no address has an owner"
            hint = "set smtpd_sender_login_maps to a table of addresses and their owners"
            span = place_of(view, name, word, offset)
            sink.report(PF261, message, span, hint=hint, severity=Severity.WARNING)
        elif restriction in ("permit_tls_clientcerts", "permit_tls_all_clientcerts") and not _asks_certificates(
            subject, view
        ):
            message = f"{word}: no client is asked for a certificate: smtpd_tls_ask_ccert is no"
            span = place_of(view, name, word, offset)
            sink.report(PF261, message, span, hint="set smtpd_tls_ask_ccert = yes", severity=Severity.WARNING)
        elif restriction in _ZONES or restriction.startswith("reject_rhsbl_"):
            _zone(view, name, argument.partition("=")[0], at, sink)
            _wrong_kind(view, name, argument, restriction, at, sink)
        if early in _ORDER and (late := _about(restriction)) in _ORDER and _ORDER.index(late) > _ORDER.index(early):
            message = f"{word} in {name} never sees a {late}: smtpd_delay_reject is no"
            hint = f"put it into smtpd_{late}_restrictions, or set smtpd_delay_reject = yes"
            sink.report(PF288, message, place_of(view, name, word, offset), hint=hint)
    return seen


def _asks_certificates(subject: Subject, view: Configuration) -> bool:
    """Whether clients may show a certificate: of main.cf's lists also where only a service asks for one."""
    names = ("smtpd_tls_ask_ccert", "smtpd_tls_req_ccert", "tlsproxy_tls_ask_ccert", "tlsproxy_tls_req_ccert")
    if view is not subject.configuration:
        return any(is_on(view, name) for name in names)
    if view in _ASKING:
        return _ASKING[view]
    overriding = (service for service in view.services if not service.overrides.keys().isdisjoint(names))
    services = (view.for_service(service) for service in overriding if service.program == "smtpd")
    asks = any(is_on(view, name) for name in names) or any(is_on(each, n) for each in services for n in names)
    _ASKING[view] = asks
    return asks


_ASKING: WeakKeyDictionary[Configuration, bool] = WeakKeyDictionary()  # many restrictions ask the same


def _about(restriction: str) -> str:
    """What a restriction looks at: the latest command that it needs; "" where it may be any."""
    if restriction in ("reject_unauth_destination", "defer_unauth_destination", "permit_auth_destination"):
        return "recipient"
    for what in ("recipient", "sender", "helo"):
        if restriction.startswith((f"check_{what}_", f"reject_rhsbl_{what}")):
            return what
        if restriction in (f"reject_non_fqdn_{what}", f"reject_unlisted_{what}", f"reject_unverified_{what}"):
            return what
    for text, what in (("_recipient_domain", "recipient"), ("_sender_domain", "sender"), ("_helo_hostname", "helo")):
        if restriction.startswith("reject_") and restriction.endswith(text):
            return what
    return "sender" if restriction in _MISMATCH else ""


def _zone(view: Configuration, name: str, zone: str, offset: int, sink: Sink) -> None:
    from mailconf.check.dead_lists import gone

    if words := gone(zone.lower()):
        message = f'{name}: the list {zone} {words}: it answers nothing, or "listed" for everybody'
        sink.report(
            PF277, message, place_of(view, name, zone, offset), hint="remove it, or use a list that is maintained"
        )


def _wrong_kind(view: Configuration, name: str, item: str, restriction: str, offset: int, sink: Sink) -> None:
    """PF226; ``item``: the list, and what of its answers counts; ``restriction``: "" for postscreen."""
    from mailconf.check.list_kinds import answer_to_addresses, lists_addresses

    zone, wanted, _ = item.partition("=")
    span = place_of(view, name, zone, offset)
    if restriction.startswith("reject_rhsbl_"):
        if lists_addresses(zone.lower()):
            message = f"{restriction} {zone}: {zone} lists addresses, and no domain: it refuses nobody"
            hint = f"write reject_rbl_client {zone}"
            sink.report(PF226, message, span, hint=hint, severity=Severity.WARNING)
    elif restriction in ("", "reject_rbl_client", "reject_rbl") and (answer := answer_to_addresses(zone.lower())):
        where = restriction or name
        hint = f"write reject_rhsbl_sender {zone} in smtpd_sender_restrictions"
        message = f"{where} {zone}: {zone} lists domains, and answers {answer} to every address"
        if wanted:
            message = f"{where} {item}: {zone} lists domains, and no address: it never counts"
        sink.report(PF226, message, span, hint=hint, severity=Severity.WARNING if wanted else None)


def _login_maps(subject: Subject, used: set[str], sink: Sink) -> None:
    """smtpd_sender_login_maps, which only some restrictions ask."""
    view = subject.configuration
    if not view.value("smtpd_sender_login_maps") or not view.is_set("smtpd_sender_login_maps") or not view.services:
        return
    asked = {"check_policy_service", *_MISMATCH, "reject_unlisted_sender"}
    if used & asked or any(is_on(seen.view, "smtpd_reject_unlisted_sender") for seen in seen_by(subject, "smtpd")):
        return
    message = "smtpd_sender_login_maps has no effect: no list has reject_sender_login_mismatch"
    hint = "add reject_sender_login_mismatch to smtpd_sender_restrictions"
    sink.report(PF260, message, view.place("smtpd_sender_login_maps"), hint=hint)

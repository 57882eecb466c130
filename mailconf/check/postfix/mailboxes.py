"""Domains of mailboxes and relayed domains: do their users have an owner, and are unknown users refused?"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from mailconf.check.postfix.client_settings import PF261
from mailconf.check.postfix.written import place_of, seen_by, view_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error, warning
from mailconf.maps.reference import TableRef
from mailconf.postfix.settings.configuration import Configuration
from mailconf.source import Span
from mailconf.tables.entry import Entry

PF292 = error("PF292", "an owner of mailboxes that virtual(8) does not take")
"""Why: virtual(8) defers mail for a mailbox whose owner has an id below virtual_minimum_uid: "bad uid 8 in
virtual_uid_maps".

Example:
    # main.cf
    virtual_mailbox_domains = example.net
    virtual_mailbox_base = /var/mail
    virtual_mailbox_maps = static:box
    virtual_uid_maps = static:8
    virtual_gid_maps = static:8

Remedy: use an id of virtual_minimum_uid or more, or lower virtual_minimum_uid.

Source: postconf(5) virtual_minimum_uid, virtual_uid_maps; virtual(8); observed with Postfix 3.7.11.
"""

PF287 = warning("PF287", "mail for unknown users of a domain is accepted")
"""Why: without relay_recipient_maps, Postfix takes mail for any name at the domain, and so it does with an empty
local_recipient_maps or virtual_mailbox_maps. The next server, or the host itself, has no such user, and Postfix returns
it to a sender that is usually forged: others get the bounces, and put the server on their lists.

Example:
    # main.cf
    relay_domains = example.net

Remedy: list the users in relay_recipient_maps, or use reject_unverified_recipient.

Source: postconf(5) relay_recipient_maps; ADDRESS_CLASS_README, "The relay domain class"; BACKSCATTER_README.
"""

_PROBES = ("reject_unverified_recipient", "check_policy_service", "check_recipient_access")
_LISTS = (
    *("smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions"),
    *("smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions"),
)
_OTHER_CLASSES = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains")


def owners(subject: Subject, sink: Sink) -> None:
    """Report mailboxes without an owner or a folder, of the virtual(8) that takes virtual_mailbox_domains."""
    configuration = subject.configuration
    transport = configuration.value("virtual_transport").partition(":")[0]
    service = next((s for s in configuration.services if s.name == transport and s.program == "virtual"), None)
    if service is None or not configuration.value("virtual_mailbox_domains"):
        return
    view = view_of(configuration, service)
    if not view.value("virtual_mailbox_maps"):
        return
    missing = [name for name in ("virtual_uid_maps", "virtual_gid_maps") if not view.value(name)]
    if missing:
        names = " and ".join(missing)
        message = f"virtual_mailbox_maps is set, and not {names}: virtual(8) defers all mail"
        hint = "set " + ", ".join(f"{name} = static:5000" for name in missing)
        sink.report(PF261, message, view.place("virtual_mailbox_maps"), hint=hint)
    if not view.value("virtual_mailbox_base"):
        message = "virtual_mailbox_maps is set, and not virtual_mailbox_base: virtual(8) does not start"
        hint = "set virtual_mailbox_base to the folder of the mailboxes, such as /var/mail/vhosts"
        sink.report(PF261, message, view.place("virtual_mailbox_maps"), hint=hint)
    least = view.integer("virtual_minimum_uid")
    for word in view.words("virtual_uid_maps"):
        kind, text = TableRef.parse(word)
        if kind == "static" and text.isdecimal() and int(text[:12]) < least:
            span = place_of(view, "virtual_uid_maps", word)
            _too_low(text, least, span, sink)


def _too_low(text: str, least: int, span: Span | None, sink: Sink) -> None:
    message = f"virtual_uid_maps: the id {text} is below virtual_minimum_uid ({least}): the mail is deferred"
    sink.report(PF292, message, span, hint=f"use an id of {least} or more, or lower virtual_minimum_uid")


def low_ids(subject: Subject, entries: Iterable[Entry], sink: Sink) -> None:
    """Report ids in a table of virtual_uid_maps that are too low."""
    least = subject.configuration.integer("virtual_minimum_uid")
    for entry in entries:
        if entry.value.isdecimal() and int(entry.value[:12]) < least:
            _too_low(entry.value, least, entry.value_span, sink)


def backscatter(subject: Subject, sink: Sink) -> None:
    """Report relayed domains whose users nobody knows."""
    configuration = subject.configuration
    if not configuration.is_set("relay_domains") or configuration.value("relay_recipient_maps"):
        return
    others = {word.lower() for name in _OTHER_CLASSES for word in configuration.words(name)}
    # A word that begins with # ends the list (PF229).
    words = list(takewhile(lambda word: word[0] != "#", configuration.words("relay_domains")))
    domains = [word for word in words if word.lower() not in others and word[0] != "!" and "*" not in word]
    seen = [each.view for each in seen_by(subject, "smtpd") if not _is_closed(each.view)]
    if not domains or not seen or any(map(_is_known_elsewhere, seen)):
        return
    message = f"mail for unknown users of {domains[0]} is accepted: relay_recipient_maps is empty"
    hint = "list the users in relay_recipient_maps, or add reject_unverified_recipient to smtpd_recipient_restrictions"
    sink.report(PF287, message, place_of(configuration, "relay_domains", domains[0]), hint=hint)


def accepted(subject: Subject, sink: Sink) -> None:
    """Report local domains and domains of mailboxes whose users nobody asks for before the mail is taken."""
    configuration = subject.configuration
    seen = [each.view for each in seen_by(subject, "smtpd") if not _is_closed(each.view)]
    if not configuration.services or not seen or any(map(_is_known_elsewhere, seen)):
        return
    local = next(
        (s for s in configuration.services if s.name == configuration.value("local_transport").partition(":")[0]), None
    )
    takers = (
        "luser_relay",
        "mailbox_transport",
        "mailbox_transport_maps",
        "fallback_transport",
        "fallback_transport_maps",
    )
    hint = "remove it: the default knows the users and aliases of this host"
    pairs = [("local_recipient_maps", "mydestination", hint)]
    if local is None or local.program != "local" or any(configuration.value(name) for name in takers):
        pairs = []
    pairs.append(("virtual_mailbox_maps", "virtual_mailbox_domains", "list the users in virtual_mailbox_maps"))
    for maps, domains, hint in pairs:
        words = configuration.list_words(domains)
        if words and not configuration.value(maps):
            name = maps if configuration.is_set(maps) else domains
            message = f"mail for unknown users of {words[0]} is accepted: {maps} is empty"
            hint = hint if maps.startswith("local") else f"{hint}, or add reject_unverified_recipient"
            sink.report(PF287, message, configuration.place(name), hint=hint)


def _is_closed(view: Configuration) -> bool:
    """Whether a list refuses whoever is not named in it, whatever the domain."""
    for name in ("smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_client_restrictions"):
        words = [word.lower() for word in view.words(name)]
        if words and words[-1] in ("reject", "defer") and not set(words) & {"permit_auth_destination", "permit"}:
            return True
    return False


def _is_known_elsewhere(view: Configuration) -> bool:
    """Whether another restriction may know the users."""
    names = (*_LISTS, *view.words("smtpd_restriction_classes"))
    return any(word.lower() in _PROBES for name in names for word in view.words(name))

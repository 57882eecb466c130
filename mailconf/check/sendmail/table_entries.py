"""The entries of an /etc/mail's tables beside the configuration that asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailconf.build.compile import read_source
from mailconf.check import aliases
from mailconf.check.sendmail import limits
from mailconf.check.sendmail.access import refused_recipients, relaying_senders, unasked_tags
from mailconf.check.sendmail.alias_users import known_users, lost_aliases, lost_virtual_users
from mailconf.check.sendmail.own_host import mailertable
from mailconf.check.sendmail.relaying import networks, whole_domains
from mailconf.diagnostics import Sink, error, warning
from mailconf.sendmail.cf.maps import ALIASES
from mailconf.sendmail.host_names import host_names
from mailconf.source import Source, decode
from mailconf.tables.sendmail_aliases_reader import read_sendmail_aliases, read_targets
from mailconf.tables.sendmail_roles import sendmail_format

if TYPE_CHECKING:
    from mailconf.build.etc_mail import EtcMail
    from mailconf.build.plan import Target
    from mailconf.check.sendmail.subject import Written
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.tables.entry import Entry

SM065 = warning("SM065", "an entry of the mailertable for a domain of this host")
"""Why: mail for a domain of class w is for the users of this host, before the mailertable is asked. The entry has no
effect: the next server gets no mail, and the users are unknown here.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`mailertable')dnl
    LOCAL_DOMAIN(`example.com')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl
    # /etc/mail/mailertable
    example.com esmtp:[mail.example.net]

Remedy: take the domain out of class w (local-host-names, LOCAL_DOMAIN) and write RELAY_DOMAIN, or remove the entry.

Source: cf/README, "USING MAILERTABLES"; observed with sendmail 8.17.1.9 -bt: 3,0 gives the mailer local.
"""

SM069 = warning("SM069", "no postmaster")
"""Why: each domain that takes mail has to take mail for postmaster. Other operators write there about problems, and
some lists name hosts that refuse it. Reports of sendmail itself go there, too.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl
    # /etc/mail/aliases
    info: root

Remedy: add an alias postmaster.

Source: RFC 5321 4.5.1; RFC 2142 5; sendmail's aliases(5), "MAILER-DAEMON" and "postmaster".
"""

SM066 = error("SM066", "addresses of the virtusertable that lead to one another")
"""Why: what an entry has is looked up again. A circle ends in "rewrite: excessive recursion (max 50)", and mail for
each of the addresses is refused (554).

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`virtusertable')dnl
    VIRTUSER_DOMAIN(`example.com')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl
    # /etc/mail/virtusertable
    info@example.com info@example.com

Remedy: let one of them lead to a user, or to an address elsewhere.

Source: cf/README, virtusertable; observed with the rulesets of sendmail 8.17.1.9: "554 5.0.0 rewrite: excessive
recursion".
"""

_MOST = 16 << 20  # bytes of a text that is looked at


def entries(subject: Written, cf: Cf, targets: Sequence[Target], etc_mail: EtcMail, sink: Sink) -> None:
    """Report entries of the tables that one .cf names: they are read once, and only if a rule asks for them."""
    mine = [target for target in targets if any(use.name in cf.maps for use in target.uses)]
    for target in mine:
        if "access_db" in target.roles:
            found = _read(etc_mail, target, "access_db")
            for use in target.uses:
                if use.name in cf.maps:
                    relaying_senders(cf, cf.maps[use.name].file, found, subject, sink)
                    refused_recipients(cf, cf.maps[use.name].file, found, subject, sink)
                    unasked_tags(subject.cf, found, sink)
            whole_domains(found, subject, sink)
            networks(found, sink)
            limits.passwords(found, subject, sink)
        if "authinfo" in target.roles:
            limits.passwords(_read(etc_mail, target, "authinfo"), subject, sink)
        if "mailertable" in target.roles:
            routes = _read(etc_mail, target, "mailertable")
            mailertable(routes, subject, sink)
            own_domains(routes, subject, sink)
        if "virtusertable" in target.roles:
            circles(_read(etc_mail, target, "virtusertable"), sink)
    _users(subject, cf, targets, etc_mail, sink)


def _users(subject: Written, cf: Cf, targets: Sequence[Target], etc_mail: EtcMail, sink: Sink) -> None:
    named = {map_.file for map_ in cf.alias_files}
    files = [target for target in targets if ALIASES in target.roles and target.source_name in named]
    if not named:
        return
    texts = [(target, _aliases(etc_mail, target)) for target in files]
    own = {decode(name) for name in host_names(cf, etc_mail.root)} | {subject.site.hostname.value.lower()}
    for _, found in texts:
        _targets(found, own, etc_mail, sink)
    if texts and len(files) == len(named):
        _postmaster(subject, texts, etc_mail, sink)
    known = known_users(subject, (found for _, found in texts), complete=len(files) == len(named))
    if known is None:
        return
    for _, found in texts:
        lost_aliases(found, known, own.__contains__, sink)
    for target in targets:
        if "virtusertable" in target.roles:
            lost_virtual_users(_read(etc_mail, target, "virtusertable"), known, sink)


def _postmaster(
    subject: Written, texts: Sequence[tuple[Target, Sequence[Entry]]], etc_mail: EtcMail, sink: Sink
) -> None:
    """PF274 of Postfix has the same for its aliases."""
    hub = any(letter in subject.site.macros and subject.site.macros[letter].value for letter in "HLR")
    names = {entry.key.lower() for _, found in texts for entry in found}
    if hub or not names or "postmaster" in names or "local" not in subject.cf.mailers:
        return
    if {"nullclient", "msp"} & subject.features.keys():
        return
    found = texts[0][1]
    message = "no alias for postmaster: mail for the postmaster is returned"
    span = found[0].span if found else None
    if span is not None:
        sink.report(SM069, message, span.source.line_span(1), hint="add a line: postmaster: root")


def _targets(found: Sequence[Entry], own: set[str], etc_mail: EtcMail, sink: Sink) -> None:
    """What holds of the aliases of both engines."""

    def local(address: str) -> str:
        name, at, domain = address.lower().rpartition("@")
        return "" if at and domain not in own else name if at else domain

    taken_apart = aliases.TakenApart(found, lambda entry: read_targets(entry.value).meaning or ())
    aliases.files(taken_apart, etc_mail.root, sink)
    aliases.loops(taken_apart, local, sink)


def _read(etc_mail: EtcMail, target: Target, role: str) -> Sequence[Entry]:
    """The entries of a table; nothing where it cannot be read, which who builds it reports, or is large."""
    read = read_source(etc_mail.root, target, Sink())
    if read is None or len(read.data) > _MOST:
        return ()
    return sendmail_format(role).read(Source(str(target.source), decode(read.data)), Sink())


def _aliases(etc_mail: EtcMail, target: Target) -> Sequence[Entry]:
    read = read_source(etc_mail.root, target, Sink())
    if read is None or len(read.data) > _MOST:
        return ()
    source = Source(str(target.source), decode(read.data))
    return read_sendmail_aliases(source, Sink(), etc_mail.host_names().__contains__)


def own_domains(found: Sequence[Entry], subject: Written, sink: Sink) -> None:
    """SM065: keys of a mailertable that are in class w."""
    own = {word.lower() for word, _ in subject.members("w")} if found else set()
    for entry in found:
        if entry.key.lower() in own and not entry.value.startswith(("local:", "error:")):
            message = f"{entry.key} is a domain of this host (class w): its mail does not go to {entry.value}"
            hint = f"take {entry.key} out of class w, and write RELAY_DOMAIN(`{entry.key}')dnl; or remove the entry"
            sink.report(SM065, message, entry.key_span, hint=hint)


def circles(found: Sequence[Entry], sink: Sink) -> None:
    """SM066: addresses that lead back to themselves, by entries for whole addresses."""
    if len(found) > _MOST_ADDRESSES:
        return
    leads = {entry.key.lower(): entry.value.strip().lower() for entry in found if "@" in entry.key}
    entries_of = {entry.key.lower(): entry for entry in found}
    seen: set[str] = set()
    for first in leads:
        way: list[str] = []
        name = first
        while name in leads and name not in seen:
            seen.add(name)
            way.append(name)
            name = leads[name]
        if name in way:
            circle = way[way.index(name) :]
            message = f"{' -> '.join([*circle, circle[0]])}: mail for {circle[0]} goes round, and is refused"
            sink.report(SM066, message, entries_of[circle[0]].span, hint="let one of them lead to a user")


_MOST_ADDRESSES = 100_000

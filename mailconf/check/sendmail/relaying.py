"""Who may relay: more than was meant, or fewer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.diagnostics import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.source import Span
    from mailconf.tables.entry import Entry

SM077 = error("SM077", "a whole top-level domain may relay")
"""Why: each domain below one of class R may relay: with com, everybody's mail to any domain below com is relayed.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    RELAY_DOMAIN(`com')dnl

Remedy: write the domains that are yours.

Source: cf/README, RELAY_DOMAIN, relay_hosts_only; observed with sendmail 8.17.1.9 -bt, check_rcpt.
"""

SM078 = error("SM078", "relay_local_from relays for everybody")
"""Why: the sender's address is what the client says it is. Everybody can forge one of a local domain, and relay.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`relay_local_from')dnl

Remedy: remove the line; let clients relay by their network (access), or by SMTP AUTH.

Source: cf/README, relay_local_from.
"""

SM045 = warning("SM045", "anybody can make this host the backup of his domain")
"""Why: relay_based_on_MX takes mail for every domain that has this host among its MX hosts, and anybody can write such
a record for his domain. The server then stores and forwards mail for strangers.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`relay_based_on_MX')dnl

Remedy: remove the line, and write RELAY_DOMAIN with the domains for which this host is the backup.

Source: cf/README, relay_based_on_MX.
"""

SM062 = error("SM062", "an open relay")
"""Why: FEATURE(promiscuous_relay) relays mail of everybody to everywhere. The server sends spam, and others soon refuse
its mail. Where sendmail's library of m4 macros is installed, m4 warns of it itself.

Example: FEATURE(`promiscuous_relay')dnl, on a machine without sendmail's library of m4 macros.

Remedy: remove the line; let clients relay by their network (access), or by SMTP AUTH.

Source: cf/README, promiscuous_relay.
"""

SM072 = warning("SM072", "a network that is written as one address")
"""Why: keys of the access table and members of class R are compared octet by octet, from the left. 192.0.2.0 stands for
the one host of that address, 192.0.2 for the network; there are no patterns.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`access_db')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl
    # /etc/mail/access
    Connect:192.0.2.0 RELAY

Remedy: write the first octets: 192.0.2

Source: cf/README, access_db; observed with sendmail 8.17.1.9 -bt: ruleset A.
"""

_ONE_ADDRESS = re.compile(r"((?:[0-9]{1,3}\.){1,3})(?:0|\*|x)(?:\.(?:0|\*|x))*")
_OWN_NETWORKS = frozenset({"10", "127"})
_WHOLE = re.compile(
    r"(?:com|net|org|edu|gov|mil|int|info|biz|name|pro|(?:(?:com?|net|org|ac|edu|gov|or|ne)\.)?"
    r"(?:au|at|be|br|ca|ch|cn|cz|de|dk|es|eu|fi|fr|gr|hk|hu|ie|il|in|it|jp|kr|mx|nl|no|nz|pl|pt|ro|ru|se|sg|th|tr|tw"
    r"|ua|uk|us|za))\.?",
    re.IGNORECASE,
)


def relaying(subject: Written, sink: Sink) -> None:
    """SM077, SM078, SM045: relaying for everybody."""
    features = {feature.name for feature in subject.site.features if feature.kind == "FEATURE"}
    if not features & {"relay_hosts_only", "promiscuous_relay"}:
        for word, span in _relayed(subject).items():
            if _WHOLE.fullmatch(word):
                message = f"everybody may relay to each domain below {word}"
                sink.report(SM077, message, span, hint="write the domains that are yours instead")
    for member, place in subject.members("R"):
        found = _ONE_ADDRESS.fullmatch(member) if member[:1].isdigit() and "*" not in member else None
        if found is not None and place is not None:
            hint = f"write {found[1].rstrip('.')}"
            sink.report(SM072, f"{member} is one address, and no network", place, hint=hint)
    for feature in subject.site.features:
        if feature.kind == "FEATURE" and feature.name == "relay_local_from":
            message = "FEATURE(relay_local_from) relays for everybody: a sender of a local domain is easy to forge"
            sink.report(SM078, message, feature.span, hint="remove it; let clients relay by network or SMTP AUTH")
        if feature.kind == "FEATURE" and feature.name == "promiscuous_relay" and subject.own:
            message = "FEATURE(promiscuous_relay) relays mail of everybody to everywhere"
            sink.report(SM062, message, feature.span, hint="remove it; let clients relay by network or SMTP AUTH")
        if feature.kind == "FEATURE" and feature.name == "relay_based_on_MX":
            message = "FEATURE(relay_based_on_MX): anybody can make this host the backup of his domain"
            hint = "write RELAY_DOMAIN with the domains for which this host is the backup"
            sink.report(SM045, message, feature.span, hint=hint)


def _relayed(subject: Written) -> dict[str, Span]:
    """The domains that may relay, each with its first place."""
    found = {word: call.span for call in subject.named("RELAY_DOMAIN") for word in call.argument(1).split()}
    for word, span in subject.members("R"):
        if span is not None:
            found.setdefault(word, span)
    return found


def networks(entries: Iterable[Entry], sink: Sink) -> None:
    """SM072 of an access table."""
    for entry in entries:
        tag, _, word = entry.key.rpartition(":")
        if tag.lower() in ("", "connect") and word[:1].isdigit() and (found := _ONE_ADDRESS.fullmatch(word)):
            octets = found[1].rstrip(".")
            what = "is one address, and no network" if "*" not in word and "x" not in word else "matches nothing"
            hint = f"write {tag}{':' * bool(tag)}{octets}"
            sink.report(SM072, f"{entry.key} {what}", entry.key_span, hint=hint)


def whole_domains(entries: Iterable[Entry], subject: Written, sink: Sink) -> None:
    """SM077 of an access table: ``com RELAY``, and a network of sixteen million addresses."""
    for entry in entries:
        if entry.value.strip().upper() != "RELAY":
            continue
        tag, colon, rest = entry.key.rpartition(":")
        word = rest if colon else entry.key
        if tag.lower() in ("", "connect", "to") and _WHOLE.fullmatch(word):
            who = "everybody may relay to each domain below" if tag.lower() != "connect" else "hosts may relay below"
            sink.report(SM077, f"{entry.key} RELAY: {who} {word}", entry.span, hint="write the domains that are yours")
        elif tag.lower() in ("", "connect") and word.isdigit() and word not in _OWN_NETWORKS and int(word[:4]) < 224:
            message = f"{entry.key} RELAY: all addresses that begin with {word}. may relay"
            sink.report(SM077, message, entry.span, hint="write the networks that are yours: 192.0.2")

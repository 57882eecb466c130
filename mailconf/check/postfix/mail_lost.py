"""Settings with which Postfix returns mail, or brings it where nobody looks, without a word in its log."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailconf.check.postfix.client_settings import level_of
from mailconf.check.postfix.written import Seen, is_on, place_of, seen_by, setter
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, warning
from mailconf.postfix.settings.configuration import Configuration

PF246 = warning("PF246", "a setting with which mail is returned, or does not arrive")
"""Why: Postfix does what the setting says, and mail is lost by it. A queue lifetime below the time of the next attempt
returns mail at the first failure, to greylisting as well. With a low hopcount_limit mail that took its usual way has
"too many hops". Without the DNS there are no MX records, and mail goes to the address of the domain itself. Where TLS
is required for every server, mail for those without it stays until it is returned. home_mailbox = Maildir is a file of
that name: only with / at its end it is a maildir. With no_address_mappings in main.cf no alias of virtual_alias_maps
and no always_bcc is looked at; without it on one side of a content filter each BCC is sent twice.

Example:
    # main.cf
    maximal_queue_lifetime = 0

Remedy: write what the hint has.

Source: postconf(5), the parameters; RFC 5321 4.5.4.1, 6.3; FILTER_README, "Advanced content filter"; local(8); observed
with Postfix 3.7.11.
"""

_FEW_HOPS = 15  # a message from a list, by two filters, has a dozen
_STRICT = ("encrypt", "verify", "secure", "fingerprint", "dane-only")
_MAPPINGS = (
    *("virtual_alias_maps", "canonical_maps", "sender_canonical_maps", "recipient_canonical_maps"),
    *("masquerade_domains", "always_bcc", "sender_bcc_maps", "recipient_bcc_maps"),
)
_COPIES = ("always_bcc", "sender_bcc_maps", "recipient_bcc_maps")
_NO_MAPPINGS = "no_address_mappings"
_MAILDIR = re.compile(r"(?:.*/)?\.?mail-?dir", re.IGNORECASE)


def lost(subject: Subject, sink: Sink) -> None:
    """Report settings with which mail is returned or does not arrive (PF246)."""
    view = subject.configuration
    for name, why, hint in (*_queue(view), *_names(view)):
        sink.report(PF246, f"{name} is {view.value(name) or 'empty'}: {why}", view.place(name), hint=hint)
    for seen in seen_by(subject, "smtp"):
        _required(subject, seen, sink)
    for seen in seen_by(subject, "local") if view.services else ():
        path = seen.view.value("home_mailbox")
        if _MAILDIR.fullmatch(path):
            message = f"home_mailbox is {path}: without / at its end it is a file, and no maildir"
            sink.report(PF246, message, seen.view.place("home_mailbox"), hint=f"write {path}/")
    _mappings(subject, sink)


def _queue(view: Configuration) -> Iterator[tuple[str, str, str]]:
    """Limits of the queue: parameter, what happens, what to do."""
    again = view.seconds("minimal_backoff_time")
    name = "maximal_queue_lifetime"
    if view.is_set(name) and view.seconds(name) <= again:
        why = "mail that fails once is returned, before the second attempt"
        yield name, why, f"set {name} to some days, as the default of 5d"
    if view.is_set("hopcount_limit") and view.integer("hopcount_limit") < _FEW_HOPS:
        yield "hopcount_limit", "mail that took its usual way has too many hops", "remove it: the default is 50"


def _names(view: Configuration) -> Iterator[tuple[str, str, str]]:
    off = next((name for name in ("disable_dns_lookups",) if is_on(view, name)), "")
    if not off and view.value("smtp_dns_support_level").lower() == "disabled":
        off = "smtp_dns_support_level"
    _, _, nexthop = view.value("default_transport").partition(":")
    relay = (nexthop or view.value("relayhost")).strip()
    if off and view.is_set(off) and not relay and not view.value("transport_maps"):
        yield (
            off,
            "no MX record is looked up, and mail goes to the address of each domain",
            "remove it, or set relayhost",
        )
    delimiter = view.value("recipient_delimiter")
    if any(mark.isalnum() for mark in delimiter):
        why = "names are cut at letters and digits, and mail goes to the user of the first part"
        yield "recipient_delimiter", why, "write one character that no name has: recipient_delimiter = +"


def _required(subject: Subject, seen: Seen, sink: Sink) -> None:
    """TLS that is required for the servers of all domains."""
    view, service = seen
    transport, _, nexthop = view.value("default_transport").partition(":")
    if service is not None and (service.name != transport or service.kind != "unix"):
        return
    elsewhere = ("relayhost", "sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps")
    if level_of(view) not in _STRICT or nexthop or any(view.value(name) for name in elsewhere):
        return
    if any(use.role == "transport_maps" for use in subject.site.tables):
        return  # it may have * for all domains
    name = setter(view, ("smtp_tls_security_level", "smtp_enforce_tls"))
    message = f"{name} is {view.value(name)}: mail for servers without TLS, or without the certificate, is not sent"
    hint = f"set {name} = may (or dane), and require TLS of some domains by smtp_tls_policy_maps"
    sink.report(PF246, message, view.place(name), hint=hint)


def _mappings(subject: Subject, sink: Sink) -> None:
    """receive_override_options, on the two sides of a content filter."""
    main = subject.configuration
    seen = seen_by(subject, "smtpd")
    used = [name for name in _MAPPINGS if main.is_set(name) and main.value(name)]
    name = "receive_override_options"
    if seen and used and all(_NO_MAPPINGS in each.view.words(name) for each in seen):
        span = place_of(main, name, _NO_MAPPINGS, main.value(name).find(_NO_MAPPINGS))
        message = f"{name} has {_NO_MAPPINGS} everywhere: {used[0]} is never looked at"
        hint = f"set it at the service before the filter, and add -o {name}= to the service that takes the mail back"
        if not any(each.view.value("content_filter") for each in seen):
            hint = f"remove {_NO_MAPPINGS}"
        sink.report(PF246, message, span, hint=hint)
    before = [each for each in seen if each.view.value("content_filter")]
    after = [
        each
        for each in seen
        if each.service is not None
        and not each.view.value("content_filter")
        and {"content_filter", "cleanup_service_name"} & set(each.service.overrides) == {"content_filter"}
    ]
    for copied in (copied for copied in _COPIES if main.is_set(copied) and main.value(copied)):
        if before and after and all(_NO_MAPPINGS not in each.view.words(name) for each in (*before, *after)):
            message = f"{copied}: each message is copied twice, before the content filter and after it"
            hint = f"add -o {name}={_NO_MAPPINGS} to the service {after[0].service.name}" if after[0].service else ""
            sink.report(PF246, message, main.place(copied), hint=hint, severity=Severity.WARNING)

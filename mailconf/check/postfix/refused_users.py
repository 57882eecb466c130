"""Restrictions that refuse the users of this host: a permit that comes too late, or that a service does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailconf.check.postfix.relaying import GUARDS
from mailconf.check.postfix.written import each_word, is_on, place_of, seen_by
from mailconf.check.subject import Subject
from mailconf.diagnostics import Related, Sink, warning
from mailconf.model.site import Service
from mailconf.postfix.settings.configuration import Configuration
from mailconf.source import Span

PF245 = warning("PF245", "restrictions that refuse the users of this host")
"""Why: restrictions are asked in their order, and each list has to let the client pass. After
reject_unauth_destination only mail for the domains of this host is left: a permit that follows comes too late for mail
to other domains, which is refused with "Relay access denied". A submission service has the lists of main.cf that it
does not override: a list in the DNS of dialup addresses refuses the users at home, and a list for relaying without
permit_sasl_authenticated everybody.

Example:
    # main.cf
    smtpd_relay_restrictions = reject_unauth_destination, permit_mynetworks

Remedy: put the permit before reject_unauth_destination; override the list in the service, such as -o
smtpd_client_restrictions=permit_sasl_authenticated,reject

Source: SMTPD_ACCESS_README; postconf(5) smtpd_relay_restrictions; observed with Postfix 3.7.11.
"""

_PERMITS = ("permit_mynetworks", "permit_sasl_authenticated", "permit_tls_clientcerts", "permit_tls_all_clientcerts")
_GUARDED = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
_BEFORE = ("smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions")
_SASL = "permit_sasl_authenticated"
# Lists in the DNS that have addresses of homes, and tests of names that a mail program's computer fails.
_HOMES = (
    *("reject_rbl_client", "reject_rbl", "reject_unknown_client_hostname", "reject_unknown_client"),
    *("reject_unknown_reverse_client_hostname", "reject_unknown_helo_hostname", "reject_unknown_hostname"),
)
_OTHERWISE = ("check_policy_service", "check_sasl_access", "permit", "permit_auth_destination")


def refused(subject: Subject, sink: Sink) -> None:
    """Report lists that refuse those whom another word of them, or another list, is to let pass (PF245)."""
    told: set[tuple[str, int]] = set()
    for view, service in seen_by(subject, "smtpd"):
        late = list(_late(view))
        for name, word, offset, guard, at in late:
            span, before = place_of(view, name, word, offset), place_of(view, name, guard, at)
            related = (Related(f"{guard} is here", before),) if before else ()
            message = f"{word} comes after {guard} in {name}: mail to other domains is refused before it"
            _tell(span, message, f"put {word} before {guard}", told, sink, related)
        if service is not None and is_on(view, "smtpd_sasl_auth_enable") and _is_for_users(subject, service):
            _submission(view, service, {name for name, *_ in late}, told, sink)


def _tell(
    span: Span | None,
    message: str,
    hint: str,
    told: set[tuple[str, int]],
    sink: Sink,
    related: tuple[Related, ...] = (),
) -> None:
    key = (span.source.name, span.start) if span else ("", 0)
    if key not in told:
        told.add(key)
        sink.report(PF245, message, span, hint=hint, related=related)


def _late(view: Configuration) -> Iterator[tuple[str, str, int, str, int]]:
    """The permits that only follow a guard: list, word, offset, guard, its offset."""
    for name in _GUARDED:
        words = list(each_word(view, name))
        lowered = [word.lower() for word, _ in words]
        at = _guard(lowered)
        if at is None or lowered[at] in ("reject", "defer"):
            continue  # what follows these is PF203's
        for (word, offset), low in zip(words[at + 1 :], lowered[at + 1 :], strict=True):
            if low in _PERMITS and low not in lowered[:at] and "permit" not in lowered[:at]:
                yield name, word, offset, *words[at]


def _guard(words: Sequence[str]) -> int | None:
    """Where a list first refuses mail for other domains."""
    for at, word in enumerate(words):
        if word in GUARDS and (at == 0 or words[at - 1] != "warn_if_reject"):
            return at
    return None


def _is_for_users(subject: Subject, service: Service) -> bool:
    """Whether mail programs hand in mail at the service: a port of RFC 6409 or RFC 8314."""
    _, _, port = service.address.rpartition(":")
    return service.kind == "inet" and subject.site.ports.number(port) in (587, 465)


def _submission(view: Configuration, service: Service, late: set[str], told: set[tuple[str, int]], sink: Sink) -> None:
    for name in _GUARDED:
        words = [word.lower() for word in view.words(name)]
        at = _guard(words)
        if at is None or name in late or any(w in (_SASL, *_OTHERWISE) or w.startswith("check_") for w in words[:at]):
            continue
        if set(words) & set(view.words("smtpd_restriction_classes")) or words[at] == "reject":
            continue
        message = f"the users of the service {service.name} may not send to other domains: {name} has no {_SASL}"
        hint = f"add {_SASL} to {name} before {words[at]}, or -o {name}={_SASL},reject to the service"
        _tell(view.place(name) if view.is_set(name) else service.span, message, hint, told, sink)
    for name in _BEFORE:
        if name in service.overrides:
            continue
        for word, offset in each_word(view, name):
            if word.lower() in (_SASL, "permit", "reject", "defer"):
                break
            if word.lower() in _HOMES:
                message = f"{word} in {name} also refuses the users of the service {service.name}"
                hint = f"add -o {name}={_SASL},reject to the service, or put {_SASL} first"
                _tell(place_of(view, name, word, offset), message, hint, told, sink)
                break

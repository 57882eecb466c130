"""May a stranger send mail to a stranger? What is plainly closed is seen at once, the rest is asked: `relay_proof`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error
from mailconf.model.site import Service
from mailconf.postfix.policy.smtpd import CLASSES, LISTS
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listeners import all_smtpds
from mailconf.source import Span

if TYPE_CHECKING:
    from mailconf.check.postfix.relay_proof import Witness

PF268 = error("PF268", "strangers may send mail to anywhere")
"""Why: a restriction before reject_unauth_destination lets a client pass for what it says of itself. Everybody can say
EHLO mail.partner.example, or write any sender. The server relays spam, and other servers refuse its mail. The message
has a session that gets through; it was found by asking for every value that the lists and tables can tell apart.

Example:
    # main.cf
    smtpd_relay_restrictions =
        check_helo_access hash:/etc/postfix/helo
        reject_unauth_destination
    # /etc/postfix/helo
    mail.partner.example OK

Remedy: write DUNNO in place of OK, or put the restriction after reject_unauth_destination.

Source: SMTPD_ACCESS_README, "Dangerous use of smtpd_recipient_restrictions"; postconf(5) smtpd_relay_restrictions;
observed with Postfix 3.7.11.
"""

PF269 = error("PF269", "a policy service decides who may send mail to anywhere")
"""Why: the service is asked before reject_unauth_destination. If it answers OK, or PERMIT, for whatever reason, the
client may send mail to any domain. Most services are for greylisting or SPF, and are not meant to decide that.

Example:
    # main.cf
    smtpd_relay_restrictions = permit_mynetworks
        check_policy_service inet:127.0.0.1:10023
        reject_unauth_destination

Remedy: put check_policy_service after reject_unauth_destination.

Source: SMTPD_POLICY_README, "Simple policy client/server configuration"; SMTPD_ACCESS_README; observed with Postfix
3.7.11.
"""

# What lets no stranger pass by itself; other words are asked about.
_KNOWN_TO_US = frozenset(
    {"permit_mynetworks", "permit_sasl_authenticated", "permit_tls_clientcerts", "permit_tls_all_clientcerts"}
    | {
        "permit_inet_interfaces",
        "permit_auth_destination",
        "permit_dnswl_client",
        "permit_rhswl_client",
        "warn_if_reject",
    }
)
GUARDS = frozenset({"reject_unauth_destination", "defer_unauth_destination", "reject", "defer"})
_LOOPBACK = ("127.", "localhost", "[::1]", "[127.")
_MOST = 300_000  # characters of the lists of a service that is asked: the Policy of more takes too much memory
_NAMES = (*LISTS, CLASSES, "mynetworks", "smtpd_delay_reject", "smtpd_relay_before_recipient_restrictions")


def strangers(subject: Subject, sink: Sink) -> None:
    """Report what lets strangers relay, for each service that strangers reach."""
    seen: set[tuple[str, ...]] = set()
    told: set[tuple[str, int]] = set()
    for view, service in _views(subject):
        values = tuple(view.value(name) for name in _NAMES)
        if values in seen:
            continue
        seen.add(values)
        if sum(map(len, values)) > _MOST or _is_plainly_closed(view):
            continue
        from mailconf.check.postfix.relay_proof import witnesses

        for found, asks_service in witnesses(subject, service, GUARDS):
            span = found.place if asks_service else found.span or found.place
            key = (span.source.name, span.start) if span else (found.rule, 0)
            if key not in told:
                told.add(key)
                _report(found, span, sink, asks_service=asks_service)


def _views(subject: Subject) -> Iterator[tuple[Configuration, Service | None]]:
    configuration = subject.configuration
    services = all_smtpds(configuration)
    if not configuration.services:
        yield configuration, None
    for service in services:
        if not (service.kind == "inet" and service.name.startswith(_LOOPBACK)):
            changed = bool(service.overrides)
            yield (configuration.for_service(service), service) if changed else (configuration, None)


def _is_plainly_closed(view: Configuration) -> bool:
    """Whether one of the two lists refuses strangers before it asks anything that they can choose."""
    for name in ("smtpd_relay_restrictions", "smtpd_recipient_restrictions"):
        before = ""
        for word in view.words(name):
            restriction, before, warned = word.lower(), word.lower(), before == "warn_if_reject"
            if warned and restriction in GUARDS:
                break  # it is only logged
            if restriction in GUARDS:
                return True
            if restriction not in _KNOWN_TO_US and not restriction.startswith("reject_"):
                break
    return False


def _report(found: Witness, span: Span | None, sink: Sink, *, asks_service: bool) -> None:
    if asks_service:
        message = f"{found.rule} comes before reject_unauth_destination: its OK lets strangers relay"
        hint = "put check_policy_service after reject_unauth_destination"
        sink.report(PF269, message, span, hint=hint, severity=Severity.WARNING)
        return
    what = f"{found.key} of {found.rule}" if found.key else found.rule
    message = f"strangers may relay: {what} lets them pass ({found.session})"
    hint = "write DUNNO in place of OK, or put the restriction after reject_unauth_destination"
    sink.report(PF268, message, span, hint=hint)

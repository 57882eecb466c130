"""Settings that are for a test or a repair, and are forgotten afterwards; domains that cannot be this host's."""

from __future__ import annotations

import re

from mailconf.check.postfix.domains import CLASSES
from mailconf.check.postfix.written import each_word, is_on, place_of, seen_by
from mailconf.check.providers import is_provider
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error, warning
from mailconf.postfix.settings.configuration import Configuration

PF242 = error("PF242", "the domain of a mailbox provider as one of this host's own")
"""Why: mail for a domain of mydestination, virtual_alias_domains or virtual_mailbox_domains stays on this host. What
its users send to anybody at that provider comes back, "User unknown in local recipient table", or lies in a mailbox of
the same name here; the provider never gets it. With relay_domains strangers may send mail to the provider through this
host.

Example:
    # main.cf
    mydestination = $myhostname, localhost, gmail.com

Remedy: take the domain out; for mail that comes from such an address nothing has to be set here.

Source: ADDRESS_CLASS_README; postconf(5) mydestination, relay_domains; observed with Postfix 3.7.11.
"""

PF243 = warning("PF243", "a setting for tests that is on")
"""Why: with soft_bounce every refusal is temporary: senders try unknown users again for days, and nobody is told; mail
of this host that is refused elsewhere stays in the queue as well. A transport of defer_transports does not deliver
until somebody runs `sendmail -q`. What debug_peer_list and -v make Postfix log fills the disk, and holds addresses and
passwords.

Example:
    # main.cf
    soft_bounce = yes

Remedy: remove the setting when the test is over.

Source: postconf(5) soft_bounce, defer_transports, debug_peer_list; DEBUG_README; observed with Postfix 3.7.11: "450
4.1.1 User unknown in local recipient table", "deferred transport".
"""

_CODES = (
    *("unknown_local_recipient_reject_code", "unknown_relay_recipient_reject_code"),
    *("unknown_virtual_alias_reject_code", "unknown_virtual_mailbox_reject_code"),
)
_DIALUP = frozenset({"smtp", "relay"})  # a host that is not always connected may defer these
_VERBOSE = re.compile(r"-v+")


def providers(subject: Subject, sink: Sink) -> None:
    """Report domains of mailbox providers in the lists of this host's domains (PF242)."""
    view = subject.configuration
    told: set[str] = set()
    for name in CLASSES:
        if not view.is_set(name) and name != "mydestination":
            continue
        for word, offset in each_word(view, name):
            if is_provider(word) and word.lower() not in told:
                told.add(word.lower())
                does = "strangers may send mail there through this host"
                if name != "relay_domains":
                    does = "mail for it stays on this host, and the provider never gets it"
                hint = f"take {word} out of {name}"
                for other in ("mydomain", "myhostname"):
                    if name == "mydestination" and view.value(other).lower() == word.lower() and view.is_set(other):
                        hint = f"set {other} to a name of this host"
                message = f"{name} has {word}, the domain of a mailbox provider: {does}"
                sink.report(PF242, message, place_of(view, name, word, offset), hint=hint)


def tests(subject: Subject, sink: Sink) -> None:
    """Report what is for tests alone (PF243)."""
    view = subject.configuration
    for each, _ in [(view, None), *seen_by(subject, "smtpd", "smtp", "lmtp", "local", "virtual", "cleanup")]:
        if each.is_set("soft_bounce") and is_on(each, "soft_bounce"):
            message = "soft_bounce is yes: every refusal is temporary, and mail that is refused stays in the queues"
            sink.report(PF243, message, each.place("soft_bounce"), hint="remove it when the test is over")
    _deferred(view, sink)
    for name in _CODES:
        if view.is_set(name) and view.value(name).startswith("4"):
            message = f"{name} is {view.value(name)}: senders try unknown users again for days"
            sink.report(PF243, message, view.place(name), hint=f"set {name} = 550")
    if view.is_set("debug_peer_list") and view.value("debug_peer_list"):
        message = f"debug_peer_list: all that is said to and by {view.value('debug_peer_list')} is logged"
        sink.report(PF243, message, view.place("debug_peer_list"), hint="remove it", severity=Severity.NOTE)
    for service in view.services:
        if service.span is not None and any(map(_VERBOSE.fullmatch, service.arguments[:1])):
            message = f"the service {service.name} logs all that it does: -v"
            sink.report(PF243, message, service.span, hint="take -v out", severity=Severity.NOTE)


def _deferred(view: Configuration, sink: Sink) -> None:
    for word, offset in each_word(view, "defer_transports") if view.is_set("defer_transports") else ():
        message = f"defer_transports: mail of {word} stays in the queue until somebody runs sendmail -q"
        severity = Severity.NOTE if word in _DIALUP else None
        span = place_of(view, "defer_transports", word, offset)
        sink.report(PF243, message, span, hint=f"take {word} out when it is to be delivered again", severity=severity)

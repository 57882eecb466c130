"""Programs of master.cf that cannot do their work as the service is defined."""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.model.site import Service
from mailconf.postfix.settings.configuration import Configuration

PF253 = error("PF253", "a service whose program cannot work as it is defined")
"""Why: programs that deliver mail, or rewrite addresses, are spoken to by other programs of Postfix, over a socket of
the type unix. On a port a client gets no greeting. pipe(8) with the flags D or O defers a message that has two
recipients there ("pipe flag `D' requires scan_destination_recipient_limit = 1"), and dovecot-lda takes one -d alone.

Example:
    # master.cf
    2525 inet n - n - - smtp

Remedy: run smtpd on a port; set NAME_destination_recipient_limit = 1 in main.cf for the transport NAME.

Source: master(5); pipe(8), flags; observed with Postfix 3.7.11.
"""

_INNER = (
    *("smtp", "lmtp", "local", "virtual", "pipe", "error", "discard", "cleanup", "qmgr", "bounce", "trivial-rewrite"),
    *("pickup", "proxymap", "anvil", "scache", "tlsmgr", "verify", "flush", "showq"),
)
_SEVERAL = ("virtual_transport", "relay_transport", "default_transport")  # local(8) has one recipient at a time
_ONE_BY_ONE = ("dovecot-lda", "deliver")  # programs that take one -d USER
_OF_RECIPIENTS = ("${recipient}", "$recipient", "${user}", "$user", "${mailbox}", "$mailbox")


def misplaced(subject: Subject, sink: Sink) -> None:
    """Report services that their program cannot serve (PF253)."""
    view = subject.configuration
    several = {view.value(name).partition(":")[0] for name in _SEVERAL}
    for service in view.services:
        if service.kind == "inet" and service.program in _INNER:
            message = f"{service.name} runs {service.program} on a port: only programs of Postfix speak with it"
            hint = "write smtpd in the last field, to take mail by SMTP"
            if service.program not in ("smtp", "lmtp"):
                hint = "write unix in the second field"
            sink.report(PF253, message, service.span, hint=hint)
        elif service.program == "pipe" and service.name in several:
            _one_recipient(view, service, sink)


def _one_recipient(view: Configuration, service: Service, sink: Sink) -> None:
    limit = f"{service.name}_destination_recipient_limit"
    if view.value(limit).strip() == "1":
        return
    flags = next((word[6:] for word in service.arguments if word.startswith("flags=")), "")
    flag = next((flag for flag in "DO" if flag in flags), "")
    program = next((word[5:].rpartition("/")[2] for word in service.arguments if word.startswith("argv=")), "")
    several = program in _ONE_BY_ONE and any(word.startswith(_OF_RECIPIENTS) for word in service.arguments)
    if not flag and not several:
        return
    why = f"the flag {flag} of pipe" if flag else program
    message = f"the service {service.name}: {why} takes one recipient at a time, and {limit} is not 1"
    sink.report(PF253, message, service.span, hint=f"set {limit} = 1 in main.cf")

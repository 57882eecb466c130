"""Sizes that have to fit to each other: a mailbox takes at least one message."""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error
from mailconf.postfix.settings.configuration import Configuration

CK088 = error("CK088", "a size limit that is too small for the largest message")
"""Why: local and virtual of Postfix stop at their start where a mailbox may be smaller than a message ("fatal:
configuration error: mailbox_size_limit is smaller than message_size_limit", or "... is limited but message_size_limit
is unlimited"), and mail for them stays in the queue. A queue_minfree below 1.5 times message_size_limit is a warning:
smtpd then accepts messages for which there may be no room. A limit of 0 or less is no limit.

Example:
    # main.cf
    message_size_limit = 104857600
    mailbox_size_limit = 51200000

Remedy: raise the limit of the mailbox to that of a message or more, or set it to 0; lower message_size_limit
otherwise.

Source: postconf(5) mailbox_size_limit, virtual_mailbox_limit, message_size_limit, queue_minfree; measured on 3.7.11.
"""

MESSAGE = "message_size_limit"
# The program: its own limit, the parameter that names its service, the domains whose mail it gets.
MAILBOXES = {
    "local": ("mailbox_size_limit", "local_transport", "mydestination"),
    "virtual": ("virtual_mailbox_limit", "virtual_transport", "virtual_mailbox_domains"),
}


def sizes(subject: Subject, sink: Sink) -> None:
    """Report limits of mailboxes below that of messages, of the services that get mail."""
    configuration = subject.configuration
    for service in configuration.services:
        if service.program == "smtpd":
            _queue(configuration.for_service(service) if service.overrides else configuration, sink)
        limit, transport, domains = MAILBOXES.get(service.program, ("", "", ""))
        if not limit or configuration.value(transport).partition(":")[0] != service.name:
            continue
        if configuration.value(domains):
            view = configuration.for_service(service) if service.overrides else configuration
            _mailboxes(limit, service.program, view, sink)


def _mailboxes(limit: str, program: str, view: Configuration, sink: Sink) -> None:
    mailbox, message = view.integer(limit), view.integer(MESSAGE)
    if mailbox <= 0 or 0 < message <= mailbox:
        return
    name = limit if view.is_set(limit) else MESSAGE
    of_messages = str(message) if message > 0 else "without limit"
    text = f"{program} does not start: {limit} ({mailbox}) is smaller than {MESSAGE} ({of_messages})"
    hint = f"set {limit} to {message} or more, or to 0: no limit" if message > 0 else f"set {limit} to 0: no limit"
    sink.report(CK088, text, view.place(name), hint=hint)


def _queue(view: Configuration, sink: Sink) -> None:
    free, message = view.integer("queue_minfree"), view.integer(MESSAGE)
    if free > 0 and message > 0 and free / 1.5 < message:
        span = view.place("queue_minfree")
        text = f"queue_minfree ({free}) is less than 1.5 times {MESSAGE} ({message})"
        hint = f"set queue_minfree to {-(-message * 3 // 2)} or more, or to 0"
        sink.report(CK088, text, span, hint=hint, severity=Severity.WARNING)

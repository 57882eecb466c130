"""Programs to which Postfix hands mail: are they there?"""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.check.aliases import is_absent
from mailconf.check.postfix.routes import TRANSPORTS
from mailconf.check.postfix.written import place_of, seen_by
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.source import Span

CK096 = error("CK096", "a program that is to take mail does not exist")
"""Why: the mail stays in the queue, "temporary failure. Command output: local: fatal: execvp /usr/bin/procmail: No such
file or directory", until it goes back to its sender. With a character of the shell in the command it goes back at once:
"Command died with status 127".

Example:
    # main.cf
    mailbox_command = /etc/postfix/deliver

Remedy: install the program, correct its name, or remove the setting.

Source: local(8), "EXTERNAL COMMAND DELIVERY"; pipe(8); observed with Postfix 3.7.11.
"""

_TRANSPORTS = (*TRANSPORTS, "fallback_transport", "content_filter")  # that name the service which takes the mail
_ARGV = "argv="


def programs(subject: Subject, sink: Sink) -> None:
    """Report commands of mailbox_command and of pipe services that main.cf names, whose program is not there."""
    for name, what, span in _commands(subject):
        if is_absent(name, subject.root):
            message = f"{what} runs {name}, which does not exist: the mail stays in the queue, or goes back"
            sink.report(CK096, message, span, hint="install the program, or correct its name")


def _commands(subject: Subject) -> Iterator[tuple[str, str, Span | None]]:
    """Programs, what runs each, and its place."""
    for view, _ in seen_by(subject, "local"):
        words = view.value("mailbox_command").split()
        if words and view.is_set("mailbox_command") and not view.value("mailbox_transport"):
            yield words[0], "mailbox_command", place_of(view, "mailbox_command", words[0])
    view = subject.configuration
    used = {view.value(name).partition(":")[0] for name in _TRANSPORTS}
    for service in view.services:
        if service.program == "pipe" and service.name in used:
            for word in service.arguments:
                if word.lower().startswith(_ARGV):
                    yield word[len(_ARGV) :], f"the service {service.name}", service.span
                    break

"""Mail that sendmail is told to send to the host on which it runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mailconf.diagnostics import Severity, error
from mailconf.sendmail.host_names import host_names
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.tables.entry import Entry

SM049 = error("SM049", "a relay that is this host itself")
"""Why: with a mailer before it, or in brackets, a relay is asked for as it is written: sendmail connects to itself,
hears its own name, and returns the mail: "553 5.3.5 config error: mail loops back to me (MX problem?)". A name of class
w alone is left out instead, as if no relay were set: mail for other hosts then goes to them directly.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`confDOMAIN_NAME', `mail.example.com')dnl
    define(`SMART_HOST', `esmtp:[mail.example.com]')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl

Remedy: name the next server, or remove the statement. In a mailertable, mail that is to stay here has the mailer local.

Source: cf/README, SMART_HOST, MAIL_HUB, "USING MAILERTABLES"; the triples observed with sendmail 8.17.1.9 -bt.
"""

_RELAYS = {"S": "SMART_HOST", "H": "MAIL_HUB", "R": "LOCAL_RELAY", "L": "LUSER_RELAY"}
_RELAY = re.compile(r"(?:([\w-]+):)?(?:[^@\s]*@)?(\[[^\]\s]+\]|[\w.-]+)", re.ASCII)
_HERE = frozenset({"local", "prog", "error", "discard", "procmail", "cyrus", "cyrusv2", "usenet"})  # no host is asked
_LOOPBACK = frozenset({"127.0.0.1", "ipv6:::1", "ipv6:0:0:0:0:0:0:0:1", "localhost", "localhost.localdomain"})


def names_of(subject: Written) -> frozenset[str]:
    """The names of this host in lower case: class w, $j, and the loopback; not the name of the machine at hand."""
    machine = {os.uname().nodename.lower()} - {word.value.lower() for word in subject.words("w")}
    found = {decode(name).strip("[]") for name in host_names(subject.cf, subject.root)} - machine
    return frozenset({*found, subject.site.hostname.value.lower(), *_LOOPBACK} - {""})


def relays(subject: Written, sink: Sink) -> None:
    """SM049: relays that are this host."""
    settings = {letter: found for letter in _RELAYS if (found := subject.site.macros.get(letter)) and found.value}
    if not settings:
        return
    own = names_of(subject)
    if "msp" in subject.features:  # the submission program hands mail to the server of this host
        own -= _LOOPBACK
    for letter, setting in settings.items():
        mailer, host, plain = _apart(setting.value)
        if setting.span is None or not _is_own(mailer, host, own):
            continue
        name = _RELAYS[letter]
        if plain:
            message = f"{name} is `{setting.value}', a name of this host: sendmail leaves it out, as if it were not set"
            severity = Severity.WARNING if letter == "S" else Severity.NOTE
            sink.report(SM049, message, setting.span, hint="name another server, or remove it", severity=severity)
        else:
            message = f"{name} is `{setting.value}', which is this host: the mail comes back to it, and is returned"
            sink.report(SM049, message, setting.span, hint="name the next server, or remove it")


def mailertable(found: Iterable[Entry], subject: Written, sink: Sink) -> None:
    """SM049: values of a mailertable that are this host."""
    own: frozenset[str] | None = None
    for entry in found:
        if ":" not in entry.value:
            continue  # another rule reports it
        mailer, host, _ = _apart(entry.value)
        if not host or mailer in _HERE:
            continue
        own = names_of(subject) if own is None else own
        if _is_own(mailer, host, own):
            message = f"{entry.value} is this host: mail for {entry.key} comes back to it, and is returned"
            hint = f"name the next server; mail that is to stay here has: {entry.key} local:"
            sink.report(SM049, message, entry.value_span, hint=hint)


def _apart(text: str) -> tuple[str, str, bool]:
    """A relay's mailer ("" where none is named) and host, and whether the relay is written as a bare host name."""
    found = _RELAY.fullmatch(text.strip())
    if found is None:
        return "", "", False
    host = found[2]
    plain = found[1] is None and not host.startswith("[") and not host.endswith(".") and "@" not in text
    return (found[1] or "").lower(), host.strip("[]").rstrip(".").lower(), plain


def _is_own(mailer: str, host: str, own: frozenset[str]) -> bool:
    return mailer not in _HERE and host in own

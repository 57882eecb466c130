"""Values that Postfix takes as they are, and that mean something else than is written: names, addresses, times."""

from __future__ import annotations

import re

from mailconf.check.postfix.written import place_of, setter
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error, shortened, warning
from mailconf.edits import Fix
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.words import scan, texts

PF278 = error("PF278", "several addresses where Postfix takes one")
"""Why: the value is one address for Postfix, commas and blanks included: copies of the example go to
<"archive@example.com, audit"@example.com>, which does not exist.

Example:
    # main.cf
    always_bcc = archive@example.com, audit@example.com

Remedy: write one address; make an alias of it for several.

Source: postconf(5) always_bcc, bounce_notice_recipient and the other parameters that are described as one address;
observed with Postfix 3.7.11.
"""

PF279 = warning("PF279", "a limit that contradicts another one")
"""Why: the first time or number cannot be reached before the second one: a message is tried again later than the
longest wait, a warning of a delay is due after the message has gone back, clients are cut off before they are slowed
down.

Example:
    # main.cf
    minimal_backoff_time = 2h

Remedy: make the first not larger than the second.

Source: postconf(5), both parameters; qmgr(8).
"""

PF281 = warning("PF281", "a greeting that does not begin with the host's name")
"""Why: the first word of the greeting is the name of the server, and clients compare it and log it. Postfix does not
put it there by itself.

Example:
    # main.cf
    smtpd_banner = ESMTP welcome

Remedy: begin with $myhostname: smtpd_banner = $myhostname ESMTP

Source: RFC 5321 4.2 and 4.3.1; postconf(5) smtpd_banner, "You MUST specify $myhostname at the start of the text".
"""

PF286 = error("PF286", "quotes that become a part of the value")
"""Why: main.cf has no quotes. They are characters of the value: a host, a domain or a file with a quote in its name
does not exist.

Example:
    # main.cf
    relayhost = "[mail.example.net]"

Remedy: leave the quotes out.

Source: postconf(5), "The general format of the main.cf file"; observed with Postfix 3.7.11.
"""

_ADDRESSES = (
    *("always_bcc", "bounce_notice_recipient", "2bounce_notice_recipient", "delay_notice_recipient"),
    *("error_notice_recipient", "address_verify_sender", "double_bounce_sender", "empty_address_recipient"),
)
_TIMES = (
    ("minimal_backoff_time", "maximal_backoff_time"),
    ("maximal_backoff_time", "maximal_queue_lifetime"),
    ("delay_warning_time", "maximal_queue_lifetime"),
)
_NUMBERS = (
    ("smtpd_soft_error_limit", "smtpd_hard_error_limit"),
    ("initial_destination_concurrency", "default_destination_concurrency_limit"),
)
_UNLIMITED = frozenset({"default_destination_concurrency_limit", "maximal_queue_lifetime"})  # where 0 is no limit
_QUOTES = frozenset("\"'\u201c\u201d\u2018\u2019")
_MOST_MENDED = 20_000  # characters of a value whose quotes are taken off: nobody has written more by hand
# Parameters whose values cannot have a quote.
_PLAIN = (
    r"(?:myhostname|mydomain|myorigin|mydestination|mynetworks|relayhost|inet_\w+|relay_domains|home_mailbox"
    r"|\w+_(?:maps|domains|restrictions|directory|file|level|interfaces|enable|transport|milters|database))"
)


def values(subject: Subject, sink: Sink) -> None:
    """Report values of main.cf and of services that mean something else than is written."""
    for view, names in subject.configuration.views():
        given = set(names)
        for name in _ADDRESSES:
            if name in given:
                _one_address(view, name, sink)
        for pairs, read in ((_TIMES, view.seconds), (_NUMBERS, view.integer)):
            for low, high in pairs:
                if low in given or high in given:
                    _order(view, low, high, read(low), read(high), sink)
        if "smtpd_banner" in given:
            _banner(view, sink)
        for name in given:
            _quotes(view, name, sink)


def _one_address(view: Configuration, name: str, sink: Sink) -> None:
    words = texts(view.value(name))
    if len(words) > 1 and '"' not in view.value(name):
        message = f"{name} takes one address, and here are {len(words)}: {', '.join(words[:3])}"
        hint = f"write one address; an alias may stand for several: {name} = {words[0]}"
        sink.report(PF278, message, view.place(name), hint=hint)


def _order(view: Configuration, low: str, high: str, first: float, second: float, sink: Sink) -> None:
    if first <= second or (high in _UNLIMITED and second <= 0):
        return
    severity = None if view.is_set(low) else Severity.NOTE  # nobody has chosen the first
    name = setter(view, (low, high))
    message = f"{low} ({view.value(low)}) is larger than {high} ({view.value(high)})"
    other = high if name == low else low
    hint = f"set {name} to {view.value(other)} or {'less' if name == low else 'more'}, or change {other}"
    sink.report(PF279, message, view.place(name), hint=hint, severity=severity)


def _banner(view: Configuration, sink: Sink) -> None:
    banner = view.value("smtpd_banner")
    first = banner.split(None, 1)[0] if banner.split() else ""
    name = view.value("myhostname").lower()
    if not name or first.lower() == name.partition(" ")[0] or "{{" in banner or "@" in first or first.startswith("<"):
        return
    message = f'smtpd_banner begins with "{first}", and not with the name of this host'
    if not first:
        message = "smtpd_banner is empty, and has not the name of this host"
    severity = Severity.NOTE if "." in first else None  # another name that it has
    hint = f"smtpd_banner = $myhostname {banner if first.lower() == 'esmtp' else 'ESMTP'}"
    sink.report(PF281, message, view.place("smtpd_banner"), hint=hint, severity=severity)


def _quotes(view: Configuration, name: str, sink: Sink) -> None:
    raw = view.raw(name)
    if _QUOTES.isdisjoint(raw) or not re.fullmatch(_PLAIN, name) or name not in view.postfix.parameters:
        return
    for word in (each.text for each in scan(raw)):
        if "{" in word or (":" in word.partition("=")[0] and word.startswith(("pipemap", "unionmap", "inline"))):
            return
        if word[0] in _QUOTES or word[-1] in _QUOTES:
            bare = shortened(raw).translate(str.maketrans("", "", "".join(_QUOTES)))
            better = " ".join(bare.split())
            span = place_of(view, name, word, raw.find(word))
            message = f"{name}: the quotes of {word} are a part of the value"
            fix = _unquoted(view, name, raw)
            sink.report(PF286, message, span, hint=f"leave them out: {name} = {better}", fix=fix)
            return


def _unquoted(view: Configuration, name: str, raw: str) -> Fix:
    """The edits that take the quotes off whole words of a value, or off the value, where they are its only ones."""
    if len(raw) > _MOST_MENDED:
        return ()
    inner = raw[1:-1]
    if raw[0] != raw[-1] or not _QUOTES.isdisjoint(inner):
        words = [each.text for each in scan(raw)]
        plain = all(word[0] == word[-1] and _QUOTES.isdisjoint(word[1:-1]) for word in words if word[0] in _QUOTES)
        inner = "".join(c for c in raw if c not in _QUOTES)
        if not plain or len(raw) - len(inner) != 2 * sum(word[0] in _QUOTES for word in words):
            return ()
    return view.swapped(name, raw, inner) if inner.strip() else ()

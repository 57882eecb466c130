"""The ports that sendmail serves and from which it sends: what it would not understand, and two on one address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import error

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.model.site import Service

SM014 = error("SM014", "DAEMON_OPTIONS or CLIENT_OPTIONS that sendmail does not understand")
"""Why: sendmail stops when it starts at a key that these options do not have. It does not look at a word
without a value, so that a port or an address that was meant is not used.

Example:
    # sendmail.mc
    DAEMON_OPTIONS(`Name=MTA, Bind=127.0.0.1')dnl

Remedy: write Key=value, with commas between them; the keys are Name, Port, Addr, Family, Modify, Listen and others.

Source: Sendmail Installation and Operation Guide, 5.6, DaemonPortOptions; observed with sendmail 8.17.1.9.
"""

SM016 = error("SM016", "two daemons on one port")
"""Why: the second daemon cannot bind the port: sendmail logs "cannot bind" and tries again, and after some attempts it
gives up the daemon. The library adds a daemon on port 587 by itself.

Example:
    # sendmail.mc
    DAEMON_OPTIONS(`Name=MTA')dnl
    DAEMON_OPTIONS(`Name=MTA-v4, Port=25')dnl

Remedy: give the daemons different ports or addresses; write FEATURE(`no_default_msa')dnl before your own daemon on 587.

Source: cf/README, no_default_msa and DAEMON_OPTIONS.
"""

SM047 = error("SM047", "TLS from the first byte on a port where clients begin without, or the other way round")
"""Why: with M=s the server says nothing before TLS. On ports 25 and 587 clients wait for its greeting until they give
up, and so does each server that has mail for this host. On port 465 clients begin with TLS, and a server without M=s
answers with its greeting: the client ends the connection.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`no_default_msa')dnl
    DAEMON_OPTIONS(`Port=587, Name=MSA, M=s')dnl

Remedy: write M=s for port 465 alone; on the others clients use STARTTLS.

Source: Sendmail Installation and Operation Guide, 5.6, DaemonPortOptions, Modifiers; RFC 8314 3.3; RFC 5321 3.1.
"""

_PORTS = {"smtp": "25", "": "25", "submission": "587", "msa": "587", "smtps": "465", "submissions": "465"}
# sendmail looks at the first letter of a key only: Addr, children, DeliveryMode, delayLA, Family, queueLA and so on.
MODIFIERS = frozenset("abcfhrsuACEOS")  # of the Guide
PORT_KEYS = frozenset("AacDdFfIiLlMmNnPpqRrSs")


def daemons(subject: Written, sink: Sink) -> None:
    """SM014, SM016: what sendmail would not understand of its ports, and two daemons on one of them."""
    ports = (("DAEMON_OPTIONS", "DaemonPortOptions", subject.site.listeners),
             ("CLIENT_OPTIONS", "ClientPortOptions", subject.site.clients))  # fmt: skip
    for macro, option, services in ports:
        for service in services:
            _repeated(service, macro, sink)
            for part in service.arguments:
                key, equals, _ = part.partition("=")
                if not equals:
                    message = f"`{part}' in {macro} has no value: sendmail does not look at it"
                    sink.report(SM014, message, service.span, hint="write Key=value, separated by commas")
                elif key[:1] not in PORT_KEYS:
                    message = f"{option} has no key {key}: sendmail does not start"
                    hint = "the keys are Name, Port, Addr, Family, Modify, Listen, InputMailFilters and others"
                    sink.report(SM014, message, service.span, hint=hint)
    _modifiers(subject, sink)
    _wrapped(subject, sink)
    seen: dict[tuple[str, str, str], Service] = {}
    for service in subject.site.listeners:
        keys = {key[:1].lower(): value for key, value in service.overrides.items()}
        port = keys.get("p", "").lower()
        at = (keys.get("f", "inet").lower(), keys.get("a", "").lower(), _PORTS.get(port, port))
        other = seen.setdefault(at, service)
        span = service.span or other.span
        if other is not service and span is not None:
            message = f"two daemons, {other.name or 'one'} and {service.name or 'another'}, on port {at[2]}"
            hint = "give them different ports or addresses"
            if service.span is None:
                message += ": the library adds its own"
                hint = "write FEATURE(`no_default_msa')dnl before DAEMON_OPTIONS and before every MAILER"
            sink.report(SM016, message, span, hint=hint)


def _repeated(service: Service, macro: str, sink: Sink) -> None:
    """SM014: keys that one call has twice, and settings that are a part of another one's value."""
    letters: dict[str, str] = {}
    for part in service.arguments:
        key, equals, value = (text.strip() for text in part.partition("="))
        if not equals:
            continue
        if key[:1].upper() in ("A", "F", "N", "P", "M") and letters.setdefault(key[:1], part) != part:
            message = f"{macro} has {letters[key[:1]]} and {part} in one call: the last one counts"
            sink.report(SM014, message, service.span, hint=f"write a {macro} for each of them")
            return
        if "=" in value and key[:1] in ("A", "F", "N", "P", "M", "L"):
            message = f"`{value}' is the whole value of {key}: settings are parted by commas"
            sink.report(SM014, message, service.span, hint=f"write {', '.join((f'{key}={value}').split())}")


def _modifiers(subject: Written, sink: Sink) -> None:
    """SM014: letters of Modify= that mean nothing to sendmail, where no ruleset of the configuration asks for them."""
    if any("daemon_flags" in text.text for text in subject.site.local_texts):
        return
    for service in subject.site.listeners:
        value = next((value for key, value in service.overrides.items() if key[:1] == "M"), "")
        unknown = [letter for letter in value if letter not in MODIFIERS and not letter.isspace()]
        if unknown and service.span is not None:
            message = f"M={value}: {unknown[0]} is no modifier, and sendmail does not look at it"
            hint = "the letters are a (only with AUTH), E (no ETRN), f, u, b, h, c, C, r, s (TLS at once), S, A and O"
            sink.report(SM014, message, service.span, hint=hint)


def _wrapped(subject: Written, sink: Sink) -> None:
    """SM047: the modifier s on the ports that have names for what it is about."""
    for service in subject.site.listeners:
        keys = {key[:1].upper(): value for key, value in service.overrides.items()}
        written = keys.get("P", "")
        port, wraps = _PORTS.get(written.lower(), written), "s" in keys.get("M", "")
        if service.span is None or wraps is (port == "465") or port not in ("25", "587", "465"):
            continue
        if wraps:
            message = f"M={keys['M']} on port {port}: clients begin without TLS there, and wait for a greeting"
            hint = "take the s out of M=, or serve port 465 (smtps)"
        else:
            message = "port 465 without M=s: clients begin with TLS there"
            hint = f"write M=s{keys.get('M', '')}"
        sink.report(SM047, message, service.span, hint=hint)

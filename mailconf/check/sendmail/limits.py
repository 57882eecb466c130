"""Limits of a .mc with which mail is returned before it can arrive, and passwords for another server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.diagnostics import warning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.tables.entry import Entry

SM068 = warning("SM068", "a limit with which mail is returned")
"""Why: mail whose delivery fails is tried again at each run of the queue, until Timeout.queuereturn is over. With a
time below that of a few runs it goes back at the first failure, to greylisting as well. A warning that comes after that
time never comes. With a low MaxHopCount mail that took its usual way has "too many hops".

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`confTO_QUEUERETURN', `5m')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl

Remedy: remove the statement: the default is five days, and 25 hops.

Source: Sendmail Installation and Operation Guide, Timeout, MaxHopCount; RFC 5321 4.5.4.1, 6.3.
"""

SM067 = warning("SM067", "no password for the smart host")
"""Why: sendmail looks for AuthInfo: with the name of the server that it has reached. It finds none and sends no AUTH.
The server refuses the mail, for example with "530 5.7.0 Authentication required", and it goes back to its sender.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`SMART_HOST', `smtp.example.net')dnl
    FEATURE(`authinfo')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl
    # /etc/mail/authinfo
    AuthInfo:smtp.example.org "U:joe" "P:secret"

Remedy: add an entry for the name of the server.

Source: cf/README, "Providing SMTP AUTH Data when sendmail acts as Client".
"""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TIME = re.compile(r"(?:[0-9]{1,9}[smhdw]?)+", re.IGNORECASE)
_RETURN, _WARN = "Timeout.queuereturn", "Timeout.queuewarn"
_SHORT, _FEW_HOPS = 3600, 10  # seconds; the queue is run every half hour, or less often
_HOST = re.compile(r"(?:\w+:)?\[?([\w.-]+)\]?", re.ASCII)


def limits(subject: Written, sink: Sink) -> None:
    """Report times of the queue and a limit of hops that are too low (SM068)."""
    returned, warned = subject.option(_RETURN), subject.option(_WARN)
    seconds = _seconds(returned.value)
    if seconds is not None and seconds < _SHORT and returned.span is not None:
        message = f"{_RETURN} is {returned.value}: mail that fails once is returned, before it is tried again"
        sink.report(SM068, message, returned.span, hint="remove it: the default is 5d")
    after = _seconds(warned.value)
    whole = _seconds("5d") if seconds is None else seconds
    if after is not None and whole is not None and after > whole and warned.span is not None:
        message = f"{_WARN} is {warned.value}, after the mail is returned ({returned.value or '5d'}): nobody is warned"
        sink.report(SM068, message, warned.span, hint="write a time below that of Timeout.queuereturn, such as 4h")
    hops = subject.option("MaxHopCount")
    if hops.value.isdecimal() and 0 < int(hops.value[:9]) < _FEW_HOPS and hops.span is not None:
        message = f"MaxHopCount is {hops.value}: mail that took its usual way has too many hops"
        sink.report(SM068, message, hops.span, hint="remove it: the default is 25")


def _seconds(text: str) -> int | None:
    """A time as options have it, days without a unit; None for what is none (SM036 reports it)."""
    if not _TIME.fullmatch(text.strip()):
        return None
    parts = re.findall(r"([0-9]+)([smhdw]?)", text.strip().lower())
    return sum(int(number) * _UNITS[unit or "d"] for number, unit in parts)


def passwords(found: Sequence[Entry], subject: Written, sink: Sink) -> None:
    """Report that no entry AuthInfo: is for the smart host (SM067)."""
    smart = subject.site.macros.get("S")
    host = _HOST.fullmatch(smart.value) if smart is not None else None
    hosts = [e.key.partition(":")[2].lower() for e in found if e.key.lower().startswith("authinfo:")]
    if smart is None or host is None or smart.span is None or not hosts or "" in hosts:
        return
    name = host[1].lower()
    if any(name == each or name.endswith(f".{each}") or each.endswith(f".{name}") for each in hosts):
        return
    message = f"SMART_HOST is {smart.value}, and the only password is for {hosts[0]}: none is sent"
    sink.report(SM067, message, smart.span, hint=f"write an entry AuthInfo:{name}, or name {hosts[0]} in SMART_HOST")

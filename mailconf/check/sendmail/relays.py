"""Relays of a sendmail configuration that have a port, which sendmail takes for another host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.diagnostics import error

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink

SM070 = error("SM070", "a port in a relay of a .mc")
"""Why: a relay has no port. sendmail's SMTP mailers take the colon for what separates two hosts, so that mail goes to
port 25 of the first host.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`SMART_HOST', `relay.example.net:587')dnl
    MAILER(`smtp')dnl

Remedy: write the host alone, and the port into define(`RELAY_MAILER_ARGS', `TCP $h 587')dnl before MAILER(`smtp').

Source: cf/README, SMART_HOST, RELAY_MAILER_ARGS; the mailer's triple observed with sendmail 8.17.1.9 -bt.
"""

_RELAYS = {
    "B": "BITNET_RELAY", "C": "DECNET_RELAY", "F": "FAX_RELAY", "H": "MAIL_HUB", "L": "LUSER_RELAY",
    "R": "LOCAL_RELAY", "S": "SMART_HOST", "Y": "UUCP_RELAY",
}  # fmt: skip
# Without a mailer before it; with one, only where the host is in brackets or has a period.
_PORT = re.compile(r"(?:[A-Za-z0-9_-]+:)?((?:\[[^\]\s]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\.?)):(\d{1,5})")


def ports(subject: Written, sink: Sink) -> None:
    """SM070: host:port where a relay is meant."""
    for letter, name in _RELAYS.items():
        setting = subject.site.macros.get(letter)
        found = _PORT.fullmatch(setting.value) if setting is not None else None
        if setting is None or found is None or setting.span is None:
            continue
        message = f"{name} is `{setting.value}': it has no port, and {found[2]} becomes a second host"
        hint = f"write `{found[1]}', and define(`RELAY_MAILER_ARGS', `TCP $h {found[2]}')dnl before MAILER(`smtp')"
        sink.report(SM070, message, setting.span, hint=hint)

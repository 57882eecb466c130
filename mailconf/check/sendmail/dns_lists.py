"""DNS lists that answer no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import error

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink

SM075 = error("SM075", "a DNS list that was shut down")
"""Why: a list that is gone answers nothing, so that the question only costs time, or it answers "listed" for everybody,
so that all mail is refused.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`dnsbl', `relays.ordb.org')dnl

Remedy: remove the line, or use a list that is maintained.

Source: the operators' announcements, mailconf/check/dead_lists.py.
"""


def lists(subject: Written, sink: Sink) -> None:
    """SM075: FEATUREs that ask a DNS list that is gone."""
    from mailconf.check.dead_lists import gone

    for feature in subject.site.features:
        if feature.kind == "FEATURE" and feature.name in ("dnsbl", "enhdnsbl", "rhsbl") and feature.arguments:
            zone = feature.arguments[0].strip("`'").strip()
            if when := gone(zone.lower()):
                message = f'the list {zone} {when}: it answers nothing, or "listed" for everybody'
                sink.report(SM075, message, feature.span, hint="remove it, or use a list that is maintained")

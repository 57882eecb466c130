"""DNS lists that answer no more, or answer another question."""

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

SM042 = error("SM042", "a DNS list of domains that is asked for addresses")
"""Why: FEATURE(dnsbl) asks for the address of the client. A list of domains answers "listed" to that, whatever the
address: mail from every host is refused.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`dnsbl', `dbl.spamhaus.org')dnl

Remedy: name a list of addresses, such as zen.spamhaus.org.

Source: cf/README, dnsbl; the operators' pages that mailconf/check/list_kinds.py names.
"""


def lists(subject: Written, sink: Sink) -> None:
    """SM075, SM042: FEATUREs that ask a DNS list that is gone, or one that lists no addresses."""
    from mailconf.check.dead_lists import gone
    from mailconf.check.list_kinds import answer_to_addresses

    for feature in subject.site.features:
        if feature.kind == "FEATURE" and feature.name in ("dnsbl", "enhdnsbl", "rhsbl") and feature.arguments:
            zone = feature.arguments[0].strip("`'").strip()
            if when := gone(zone.lower()):
                message = f'the list {zone} {when}: it answers nothing, or "listed" for everybody'
                sink.report(SM075, message, feature.span, hint="remove it, or use a list that is maintained")
            if feature.name != "rhsbl" and (answer := answer_to_addresses(zone.lower())):
                message = f"FEATURE({feature.name}): {zone} lists domains, and answers {answer} to every address"
                sink.report(SM042, message, feature.span, hint="name a list of addresses, or remove the line")

"""Lists in the DNS that were shut down, by the domain of the operator.

A year stands where a source gives it: dnsbl.com, "Status of ..." (dsbl.org, dnsbl.inps.de); heise.de of January 2025
(ix.dnsbl.manitu.net); the announcement of ahbl.org; MailCleaner's issue 614 (sorbs.net); reviewmyemails.com, "Which
blocklists have shut down" (ordb.org, njabl.org, ahbl.org, rfc-ignorant.org).
"""

from __future__ import annotations

_GONE = {
    "ordb.org": 2006,
    "dsbl.org": 2008,
    "njabl.org": 2013,
    "ahbl.org": 2015,
    "rfc-ignorant.org": 2012,
    "sorbs.net": 2024,
    "ix.dnsbl.manitu.net": 2025,
    "dnsbl.inps.de": 2020,
    **dict.fromkeys(
        (
            *("osirusoft.com", "relays.monkeys.com", "proxies.monkeys.com", "opm.blitzed.org", "spamcannibal.org"),
            *("tqmcube.com", "moensted.dk", "blackholes.easynet.nl", "bl.emailbasura.org", "orbs.org"),
            *("blackholes.mail-abuse.org", "dialups.mail-abuse.org", "relays.mail-abuse.org", "relays.visi.com"),
            *("sbl.csma.biz", "bl.csma.biz", "dorkslayers.com", "dob.sibl.support-intelligence.net"),
        )
    ),
}


def gone(zone: str) -> str:
    """What a message says of the list ``zone`` (lower case), such as "was shut down in 2006"; "" where it is in use."""
    labels = zone.rstrip(".").split(".")
    parents = (".".join(labels[at:]) for at in range(len(labels)))
    found = next((parent for parent in parents if parent in _GONE), None)
    if found is None:
        return ""
    year = _GONE[found]
    return f"was shut down in {year}" if year else "was shut down"

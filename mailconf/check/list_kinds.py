"""Lists in the DNS that are asked for what they do not list: addresses of a list of domains, or the other way round.

Sources: spamhaus.org, "Spamhaus DBL FAQ" and "ZRD" (127.0.1.255 and 127.0.2.255 for an address); "Spamhaus ZEN", "SBL",
"XBL" and "PBL", which list addresses; spamcop.net and barracudacentral.org, which do so, too.
"""

from __future__ import annotations

# They answer "listed" when an address is asked for, to draw attention to the mistake.
_OF_DOMAINS = {
    "dbl.spamhaus.org": "127.0.1.255",
    "dbl.dq.spamhaus.net": "127.0.1.255",
    "zrd.dq.spamhaus.net": "127.0.2.255",
}
_OF_ADDRESSES = (
    *("zen.spamhaus.org", "sbl.spamhaus.org", "xbl.spamhaus.org", "pbl.spamhaus.org", "sbl-xbl.spamhaus.org"),
    *("zen.dq.spamhaus.net", "bl.spamcop.net", "b.barracudacentral.org", "cbl.abuseat.org", "psbl.surriel.com"),
)


def answer_to_addresses(zone: str) -> str:
    """What the list of domains ``zone`` (lower case) answers to every address; "" for another list."""
    name = zone.rstrip(".")
    return next((answer for each, answer in _OF_DOMAINS.items() if name == each or name.endswith(f".{each}")), "")


def lists_addresses(zone: str) -> bool:
    """Whether ``zone`` (lower case) lists addresses of hosts alone."""
    name = zone.rstrip(".")
    return any(name == each or name.endswith(f".{each}") for each in _OF_ADDRESSES)

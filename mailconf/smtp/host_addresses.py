"""IP addresses as they stand in configurations and commands: which are written as Postfix expects them.

Observed with Postfix 3.7.11, whose valid_hostname(3) this follows (tests/live/test_util_suites.py). The library of the
system reads fewer of them, and some others.
"""

from __future__ import annotations

import re

_GROUP = re.compile(r"[0-9a-fA-F]{0,4}")
_OCTET = re.compile("0*(?:[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])")


def valid_ipv4(text: str) -> bool:
    """Four numbers of 0 to 255, the first of which is 0 only if all are."""
    parts = text.split(".")
    if len(parts) != 4 or not all(_OCTET.fullmatch(part) for part in parts):
        return False
    return int(parts[0]) != 0 or all(int(part) == 0 for part in parts)


def valid_ipv6(text: str) -> bool:
    """Whether Postfix finds nothing wrong with an IPv6 address.

    It does not count groups: two to seven colons will do, one pair of them at most, and an IPv4 address at the end.
    """
    front, dot, _ = text.partition(".")
    *groups, last = front.split(":")
    if not all(_GROUP.fullmatch(group) for group in (*groups, last)):
        return False
    begins = not groups or groups[0] or (groups[1:] or [last])[0] == ""  # with a group, or with a pair of colons
    pairs = groups[1:].count("")
    if not begins or pairs > 1:
        return False
    if dot:
        return 2 <= len(groups) <= 6 and valid_ipv4(text[len(front) - len(last) :])
    return 2 <= len(groups) <= 7 and (last != "" or groups[-1] == "")

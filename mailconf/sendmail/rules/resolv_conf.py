"""resolv.conf(5), as the C library reads it: servers, domains, and how long to wait."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_SERVERS = 3
_DOMAINS = 6
_MOST_SECONDS, _MOST_ATTEMPTS = 30, 5
_TIME = re.compile(r"(\d{1,9})([wdhms]?)", re.IGNORECASE)
_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "": 1}
LONGEST_WAIT, MOST_TRIES = 600, 50  # ours: of what a configuration asks for


class Patience(NamedTuple):
    """How long a server is waited for, in seconds, and how often each is asked; None: as resolv.conf(5) says."""

    seconds: int | None = None
    tries: int | None = None

    def over(self, other: Patience) -> Patience:
        """What is stated here, and else what is stated there."""
        return Patience(
            other.seconds if self.seconds is None else self.seconds, other.tries if self.tries is None else self.tries
        )


class ResolvConf(NamedTuple):
    """What the file says. ``domains`` is None where it names none."""

    servers: tuple[str, ...] = ("127.0.0.1",)
    domains: tuple[str, ...] | None = None
    seconds: int = 5
    attempts: int = 2


def read(text: str) -> ResolvConf:
    """The settings in the text of the file; what is not understood is passed over."""
    servers: list[str] = []
    domains: tuple[str, ...] | None = None
    seconds, attempts = 5, 2
    for line in text.split("\n"):
        words = line.split()
        if words[:1] == ["search"]:
            domains = tuple(words[1 : _DOMAINS + 1])
        elif words[:1] == ["domain"]:
            domains = tuple(words[1:2])
        elif words[:1] == ["nameserver"]:
            servers += [word for word in words[1:2] if _is_address(word)]
        elif words[:1] == ["options"]:
            for word in words[1:]:
                name, colon, value = word.partition(":")
                if name == "timeout" and colon:
                    seconds = _number(value, _MOST_SECONDS)
                elif name == "attempts" and colon:
                    attempts = _number(value, _MOST_ATTEMPTS)
    if domains is not None:
        domains = tuple(domain.rstrip(".") for domain in domains)
    return ResolvConf(tuple(servers[:_SERVERS]) or ("127.0.0.1",), domains, seconds, attempts)


def waits(seconds: int, servers: int) -> Sequence[int]:
    """How long each of the servers is waited for, the first one first: together as long as they are told to."""
    return [max((seconds << at) // (servers if at else 1), 1) for at in range(servers)]


def patience(seconds: str, tries: str) -> Patience:
    """The values of Timeout.resolver.retrans and .retry, or of the flags -d and -r of a map; "" where not given."""
    return Patience(
        min(time(seconds), LONGEST_WAIT) if seconds else None, _number(tries, MOST_TRIES) if tries else None
    )


def time(text: str) -> int:
    """A time of sendmail's, ``1h30m``, in seconds; a number without a unit is of seconds."""
    return sum(int(number) * _SECONDS[unit.lower()] for number, unit in _TIME.findall(text[:100]))


def _number(text: str, most: int) -> int:
    digits = re.match(r"\d{1,9}", text)
    return min(int(digits[0]), most) if digits else 0


def _is_address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

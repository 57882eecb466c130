"""The field that a message gets on its way through this host (RFC 5321 4.4); a dialect has the words for it."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol

from mailconf.model.session import Session
from mailconf.model.site import Site


class Hop(NamedTuple):
    """How a message came.

    arrival     seconds since the epoch
    session     by which it came; None where the MTA made it
    recipients  addresses in internal form, as RCPT TO said them
    user        number of the user whose command left it; None where none did
    """

    queue_id: str
    arrival: float
    session: Session | None = None
    recipients: tuple[str, ...] = ()
    user: int | None = None


class HopField(Protocol):
    def received(self, hop: Hop, site: Site, *, hides_client: bool = False) -> str:
        """The Received field, its lines ended by LF but for the last.

        hides_client  the client is not named (postconf(5) smtpd_hide_client_session)
        """
        ...


def date(seconds: float) -> str:
    """RFC 5322 3.3, with the zone's name as Postfix adds it: ``Sun, 22 Nov 2026 13:55:05 +0000 (UTC)``."""
    t = time.localtime(seconds)
    offset = t.tm_gmtoff // 60
    sign = "-" if offset < 0 else "+"
    day = _DAYS[t.tm_wday]
    month = _MONTHS[t.tm_mon - 1]
    zone = f"{sign}{abs(offset) // 60:02d}{abs(offset) % 60:02d} ({t.tm_zone})"
    return f"{day}, {t.tm_mday} {month} {t.tm_year} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} {zone}"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

"""The macros of dates: ``$a``, ``$b``, ``$d`` and ``$t``.

Source: Sendmail Installation and Operation Guide 5.2.1; sendmail 8.17.1.9.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailconf.sendmail.rules.macros import Macros


def dated(now: float) -> str:
    """The time as sendmail writes it: GMT, or the offset with the zone's name."""
    t = time.localtime(now)
    zone = "GMT" if not t.tm_gmtoff else time.strftime("%z (%Z)", t)
    return f"{time.strftime('%a', t)}, {t.tm_mday} {time.strftime('%b %Y %H:%M:%S', t)} {zone}"


def define_dates(macros: Macros, now: float) -> None:
    """Set them all: ``$a`` of a message and ``$b`` of its arrival, ``$d`` as ctime(3) has it, ``$t`` in digits."""
    date = dated(now)
    at = time.strftime("%Y%m%d%H%M", time.gmtime(now))
    for name, value in (("a", date), ("b", date), ("d", time.ctime(now)), ("t", at)):
        macros.define(name, value)

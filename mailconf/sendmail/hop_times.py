"""How long sendmail waits for other hosts: O Timeout.connect and its like, with their defaults (op.me, 6.4)."""

from __future__ import annotations

from collections.abc import Callable

from mailconf.model.limits import HopTimes


def hop_times(seconds: Callable[[str, float], float]) -> HopTimes:
    """``seconds`` reads an option, and has a default for one that is not set."""
    return HopTimes(
        connect=seconds("Timeout.connect", 300),
        greeting=seconds("Timeout.initial", 300),
        hello=seconds("Timeout.helo", 300),
        mail=seconds("Timeout.mail", 600),
        rcpt=seconds("Timeout.rcpt", 3600),
        data=seconds("Timeout.datainit", 300),
        block=seconds("Timeout.datablock", 3600),
        end=seconds("Timeout.datafinal", 3600),
        reset=seconds("Timeout.rset", 300),
    )

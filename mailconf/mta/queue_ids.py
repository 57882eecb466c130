"""How a message is called in the queue: its queue id, of which its serial number is a part.

A serial number is never given twice in one queue, so that neither is an id.
"""

from __future__ import annotations

import time
from typing import Protocol

_SIXTY = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"


class QueueIds(Protocol):
    def make(self, now: float, serial: int) -> str:
        """The id of the message ``serial`` that comes at ``now``, in seconds since the epoch."""
        ...

    def serial(self, queue_id: str) -> int:
        """The serial number in an id."""
        ...


class ShortIds:
    """Five hexadecimal digits of microseconds, then the serial number in hexadecimal (postconf(5) enable_long_queue_ids
    = no)."""

    def make(self, now: float, serial: int) -> str:
        return f"{int(now * 1_000_000) % 1_000_000:05X}{serial:X}"

    def serial(self, queue_id: str) -> int:
        return int(queue_id[5:], 16)


class DateIds:
    """Year, month, day, hour, minute and second, each a character, two more of the serial number, then at least six
    digits: sendmail's form, whose digits are a process's.
    """

    def make(self, now: float, serial: int) -> str:
        t = time.localtime(now)
        parts = (
            (t.tm_year - 1900) % 60,
            t.tm_mon - 1,
            t.tm_mday,
            t.tm_hour,
            t.tm_min,
            t.tm_sec % 60,
            serial // 60,
            serial,
        )
        return "".join(_SIXTY[part % 60] for part in parts) + f"{serial:06d}"

    def serial(self, queue_id: str) -> int:
        return int(queue_id[8:])

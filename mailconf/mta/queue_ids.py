"""How a message is called in the queue: its queue id, of which its serial number is a part.

A serial number is never given twice in one queue, so that neither is an id.
"""

from __future__ import annotations

import time
from functools import reduce
from typing import Protocol

_DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_MARK, _SERIAL_BASE = "z", 51
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
        """Of either form: a queue may have ids of both. Raises ValueError."""
        time, mark, digits = queue_id.rpartition(_MARK)
        if not mark:
            return int(queue_id[5:], 16)
        if not time or not digits:
            raise ValueError(queue_id)
        return reduce(lambda value, digit: value * _SERIAL_BASE + _DIGITS.index(digit, 0, _SERIAL_BASE), digits, 0)


class LongIds(ShortIds):
    """The second and the microsecond to the base 52, a mark, and the serial number to the base 51, in digits and
    consonants of which the mark is the last: the original's form, where that number is a file's (postconf(5)
    enable_long_queue_ids = yes)."""

    def make(self, now: float, serial: int) -> str:
        second, part = divmod(int(now * 1_000_000), 1_000_000)
        return f"{_digits(second, 52, 6)}{_digits(part, 52, 4)}{_MARK}{_digits(serial, _SERIAL_BASE, 1)}"


def _digits(value: int, base: int, least: int) -> str:
    found = ""
    while value or len(found) < least:
        value, digit = divmod(value, base)
        found = _DIGITS[digit] + found
    return found


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

"""Numbers as m4 reads them from an argument: C's strtol in radix 10, then 32 bits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine

_NUMBER = re.compile(rb"[ \t\n\v\f\r]*([+-]?[0-9]+)?")
LONG = 1 << 63


def to_int32(value: int) -> int:
    """The low 32 bits, signed."""
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value & 0x80000000 else value


def integer(m4: Engine, name: bytes, text: bytes) -> int | None:
    """A numeric argument of the builtin called as ``name``; None with a message if it is no number."""
    if not text:
        m4.complain(f"empty string treated as 0 in builtin `{decode(name)}'")
        return 0
    match = _NUMBER.match(text)
    assert match is not None
    digits = match[1]
    if digits is None or match.end() != len(text):
        m4.complain(f"non-numeric argument to builtin `{decode(name)}'")
        return None
    value = long(digits)
    if match.start(1):
        m4.complain(f"leading whitespace ignored in builtin `{decode(name)}'")
    elif value is None:
        m4.complain(f"numeric overflow detected in builtin `{decode(name)}'")
    return to_int32(clamped(digits) if value is None else value)


def long(digits: bytes) -> int | None:
    """Decimal digits with a sign as a 64-bit number; None where it does not fit."""
    if len(digits.lstrip(b"+-0")) > 19:
        return None
    value = int(digits)
    return value if -LONG <= value < LONG else None


def clamped(digits: bytes) -> int:
    """What strtol gives for digits that do not fit."""
    return -LONG if digits.startswith(b"-") else LONG - 1

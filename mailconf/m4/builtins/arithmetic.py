"""incr, decr, eval (info m4, "Arithmetic")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.m4.macros import builtin
from mailconf.m4.numbers import integer, to_int32

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine

DIGITS = b"0123456789abcdefghijklmnopqrstuvwxyz"


@builtin("incr", 2, 2, blind=True)
def incr(m4: Engine, args: list[bytes]) -> bytes | None:
    value = integer(m4, args[0], args[1])
    return None if value is None else b"%d" % to_int32(value + 1)


@builtin("decr", 2, 2, blind=True)
def decr(m4: Engine, args: list[bytes]) -> bytes | None:
    value = integer(m4, args[0], args[1])
    return None if value is None else b"%d" % to_int32(value - 1)


@builtin("eval", 2, 4, blind=True)
def eval_(m4: Engine, args: list[bytes]) -> bytes | None:
    from mailconf.m4.expression import ExpressionError, evaluate

    radix: int | None = 10
    width: int | None = 1
    if len(args) > 2 and args[2]:
        radix = integer(m4, args[0], args[2])
        if radix is None:
            return None
        if not 1 <= radix <= 36:
            m4.complain(f"radix {radix} in builtin `{args[0].decode('utf-8', 'surrogateescape')}' out of range")
            return None
    if len(args) > 3:
        width = integer(m4, args[0], args[3])
        if width is None:
            return None
        if width < 0:
            m4.complain(f"negative width to builtin `{args[0].decode('utf-8', 'surrogateescape')}'")
            return None
    if not args[1]:
        m4.complain(f"empty string treated as 0 in builtin `{args[0].decode('utf-8', 'surrogateescape')}'")
        value = 0
    else:
        try:
            value = evaluate(m4, args[1])
        except ExpressionError as mistake:
            text = f"{mistake}: {args[1].decode('utf-8', 'surrogateescape')}"
            if mistake.fatal:
                m4.error(text)
            else:
                m4.complain(text)
            return None
    return in_radix(m4, value, radix or 10, width or 0)


def in_radix(m4: Engine, value: int, radix: int, width: int) -> bytes:
    """A number's digits, at least ``width`` of them, the sign not counted. Radix 1 writes as many ones."""
    sign = b"-" if value < 0 else b""
    value = abs(value)
    size = value if radix == 1 else 32
    if max(size, width) > m4.size_left:
        m4.spend(max(size, width))
    if radix == 1:
        digits = b"1" * value
    elif radix == 10:
        digits = b"%d" % value
    else:
        out = bytearray()
        while value:
            value, digit = divmod(value, radix)
            out.append(DIGITS[digit])
        out.reverse()
        digits = bytes(out) or b"0"
    return sign + digits.rjust(width, b"0")

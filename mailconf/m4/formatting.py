"""format: C's printf on m4's arguments (info m4, "Format").

Integers are C longs cut to the specification's size. Decimal floating point is Python's own, which rounds as C does;
`%a` is written here in glibc's form. A byte of value 0 ends a C string and so prints as nothing.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from mailconf.m4.numbers import clamped, long, to_int32
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine

_SPECIFICATION = re.compile(rb"%([-+ 0#']*)(\*|[0-9]*)(?:(\.)(\*|[0-9]*))?(hh|h|l)?(.?)", re.DOTALL)
_INTEGER = re.compile(rb"[ \t\n\v\f\r]*([+-]?[0-9]+)?")
_FLOAT = re.compile(
    rb"[ \t\n\v\f\r]*([+-]?(?:inf(?:inity)?|nan(?:\([A-Za-z0-9_]*\))?"
    rb"|0x(?:[0-9a-f]++\.?[0-9a-f]*+|\.[0-9a-f]+)(?:p[+-]?[0-9]+)?"
    rb"|(?:[0-9]++\.?[0-9]*+|\.[0-9]+)(?:e[+-]?[0-9]+)?))?",
    re.IGNORECASE,
)
# Which flags and sizes go with a conversion.
_ALLOWED: dict[bytes, tuple[bytes, bytes]] = {
    b"c": (b"-", b""),
    b"s": (b"-", b""),
    **dict.fromkeys((b"d", b"i"), (b"-+ 0'", b"hhl")),
    b"u": (b"-0'", b"hhl"),
    **dict.fromkeys((b"o", b"x", b"X"), (b"-0#", b"hhl")),
    **dict.fromkeys((b"a", b"A", b"e", b"E"), (b"-+ 0#", b"l")),
    **dict.fromkeys((b"f", b"F", b"g", b"G"), (b"-+ 0#'", b"l")),
}
_BITS = {b"hh": 8, b"h": 16, b"": 32, b"l": 64}


class _Arguments:
    """The arguments after the format string, taken one by one; those that are missing count as empty or 0."""

    def __init__(self, m4: Engine, values: list[bytes]) -> None:
        self.m4 = m4
        self._left = iter(values)

    def text(self) -> bytes | None:
        return next(self._left, None)

    def _check(self, text: bytes, match: re.Match[bytes], overflow: bool) -> None:
        if not text:
            self.m4.complain("empty string treated as 0")
        elif match[1] is None or match.end() != len(text):
            self.m4.complain(f"non-numeric argument {decode(text)}")
        elif match.start(1):
            self.m4.complain("leading whitespace ignored")
        elif overflow:
            self.m4.complain("numeric overflow detected")

    def integer(self, bits: int = 32) -> int:
        text = self.text()
        if text is None:
            return 0
        match = _INTEGER.match(text)
        assert match is not None
        value = long(match[1] or b"0")
        full = clamped(match[1]) if value is None else value
        result = full if bits == 64 else to_int32(full)
        self._check(text, match, value is None or result != full)
        return result

    def floating(self) -> float:
        text = self.text()
        if text is None:
            return 0.0
        match = _FLOAT.match(text)
        assert match is not None
        digits = match[1]
        value, overflow = (0.0, False) if digits is None else _strtod(digits.lower())
        self._check(text, match, overflow)
        return value


def _strtod(digits: bytes) -> tuple[float, bool]:
    """The number, and whether it is too big or too small for a double."""
    text = digits.decode()
    if "inf" in text:
        return float(text), False
    if "nan" in text:
        return math.copysign(math.nan, -1.0 if text.startswith("-") else 1.0), False
    mantissa = re.sub(r"^[+-]?(0x)?", "", text)
    mantissa = re.split("p" if "0x" in text else "e", mantissa)[0]
    zero = not mantissa.strip("0.")
    try:
        value = float.fromhex(text) if "0x" in text else float(text)
    except (OverflowError, ValueError):
        value = math.copysign(math.inf, -1.0 if text.startswith("-") else 1.0)
    tiny = not zero and abs(value) < 2.0**-1022
    return value, math.isinf(value) or tiny


def formatted(m4: Engine, args: list[bytes]) -> bytes:
    """The expansion of format: ``args`` are the name, the format and its arguments."""
    text = args[1]
    values = _Arguments(m4, args[2:])
    parts: list[bytes] = []
    made = 0
    at = 0
    while True:
        found = text.find(b"%", at)
        if found < 0:
            parts.append(text[at:])
            return b"".join(parts)
        parts.append(text[at:found])
        if text.startswith(b"%%", found):
            parts.append(b"%")
            at = found + 2
            continue
        match = _SPECIFICATION.match(text, found)
        assert match is not None
        at = match.end()
        part = _convert(m4, match, values)
        if part is None:
            m4.warn(f"unrecognized specifier in `{decode(text)}'")
            continue
        parts.append(part)
        made += len(part)
        if made > m4.size_left:
            m4.spend(made)


def _convert(m4: Engine, match: re.Match[bytes], values: _Arguments) -> bytes | None:
    """One specification filled in; None if it is not known."""
    flags, wide, dot, precise, size, kind = match.groups(b"")
    width = values.integer() if wide == b"*" else to_int32(int(wide[-20:] or b"0"))
    precision = -1
    if dot:
        precision = values.integer() if precise == b"*" else to_int32(int(precise[-20:] or b"0"))
    if kind not in _ALLOWED:
        return None
    allowed, sizes = _ALLOWED[kind]
    if flags.strip(allowed) or (size and size not in sizes) or (kind == b"c" and dot):
        return None
    if width < 0:
        flags, width = flags + b"-", -width
    if max(width, precision) > m4.size_left:
        m4.spend(max(width, precision))
    left = b"-" in flags
    if kind == b"c":
        character = bytes([values.integer() & 0xFF])
        padding = b" " * (width - 1)
        return (character + padding if left else padding + character).replace(b"\0", b"")
    if kind == b"s":
        text = (values.text() or b"").partition(b"\0")[0]
        if precision >= 0:
            text = text[:precision]
        return text.ljust(width) if left else text.rjust(width)
    if kind in b"dioxXu":
        body = _integer(values.integer(_BITS[size]), kind, _BITS[size], flags, precision)
        zeros = b"0" in flags and precision < 0
    else:
        value = values.floating()
        body = _floating(value, kind.decode(), flags, precision)
        zeros = b"0" in flags and math.isfinite(value)
    sign, prefix, digits = body
    if left:
        return (sign + prefix + digits).ljust(width)
    if zeros:
        return sign + prefix + digits.rjust(width - len(sign) - len(prefix), b"0")
    return (sign + prefix + digits).rjust(width)


def _sign(negative: bool, flags: bytes) -> bytes:
    return b"-" if negative else b"+" if b"+" in flags else b" " if b" " in flags else b""


def _integer(value: int, kind: bytes, bits: int, flags: bytes, precision: int) -> tuple[bytes, bytes, bytes]:
    value &= (1 << bits) - 1
    sign = prefix = b""
    if kind in b"di":
        if value >> (bits - 1):
            value -= 1 << bits
        sign = _sign(value < 0, flags)
        digits = b"%d" % abs(value)
    elif kind == b"u":
        digits = b"%d" % value
    elif kind == b"o":
        digits = b"%o" % value
    else:
        digits = b"%x" % value if kind == b"x" else b"%X" % value
        if b"#" in flags and value:
            prefix = b"0" + kind
    if precision == 0 and value == 0:
        digits = b""
    digits = digits.rjust(precision, b"0")
    if kind == b"o" and b"#" in flags and not digits.startswith(b"0"):
        digits = b"0" + digits
    return sign, prefix, digits


def _floating(value: float, kind: str, flags: bytes, precision: int) -> tuple[bytes, bytes, bytes]:
    negative = math.copysign(1.0, value) < 0
    sign = _sign(negative, flags)
    value = abs(value)
    if not math.isfinite(value):
        name = b"nan" if math.isnan(value) else b"inf"
        return sign, b"", name.upper() if kind.isupper() else name
    if kind in "aA":
        prefix, text = _hexadecimal(value, precision, b"#" in flags)
        return (sign, prefix.upper(), text.upper()) if kind == "A" else (sign, prefix, text)
    alternate = "#" if b"#" in flags else ""
    return sign, b"", f"%{alternate}.{6 if precision < 0 else precision}{kind}".encode() % value


def _hexadecimal(value: float, precision: int, point: bool) -> tuple[bytes, bytes]:
    """A number in the form of %a, without its sign: ``0x`` and the digits."""
    mantissa, exponent = 0, 0
    if value:
        exponent = max(math.frexp(value)[1] - 1, -1022)
        mantissa = int(math.ldexp(value, 52 - exponent) if exponent > -1022 else value / 5e-324)
    digits = f"{mantissa:014x}"
    if precision < 0:
        tail = digits[1:].rstrip("0")
    elif precision < 13:
        drop = 4 * (13 - precision)
        half, rest = 1 << (drop - 1), mantissa & ((1 << drop) - 1)
        mantissa >>= drop
        if rest > half or (rest == half and mantissa & 1):
            mantissa += 1
        digits = f"{mantissa:0{precision + 1}x}"
        tail = digits[1:]
    else:
        tail = digits[1:].ljust(precision, "0")
    dot = "." if tail or point else ""
    return b"0x", f"{digits[0]}{dot}{tail}p{exponent:+d}".encode()

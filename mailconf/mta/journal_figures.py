"""Numbers and bytes as Postfix's programs log them."""

from __future__ import annotations

from mailconf.smtp.events import COUNTED

_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 92: "\\\\"}


def escaped(data: bytes) -> str:
    """``data`` as smtpd(8) logs it: escapes as in C, octal for what is not printable ASCII."""
    return "".join(_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in data)


def seconds(value: float) -> str:
    """A delay as delivery agents log it: two significant digits, at most two decimals (postconf(5)
    delay_logging_resolution_limit)."""
    return rounded(max(0, int(value * 1_000_000)), significant=2, decimals=2)


def rounded(microseconds: int, *, significant: int, decimals: int) -> str:
    """Seconds with ``significant`` digits and, below one second, at most ``decimals`` after the point; half of the last
    one is rounded up, and zeros at the end are left out."""
    unit, whole = 10 ** (6 - decimals), microseconds // 1_000_000
    if decimals and whole:
        unit = 10 ** (6 - significant + min(len(str(whole)), significant))
    elif decimals:
        while microseconds >= unit * 10**significant:
            unit *= 10
    whole, rest = divmod(microseconds + unit // 2, 1_000_000)
    digits = f"{rest - rest % unit:06}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def counted(counts: dict[str, list[int]], *, bare_lf: bool = False) -> str:
    """The commands of a session, [accepted, all] by name: ``ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4``."""
    parts = [(name, counts[name]) for name in (*COUNTED, "unknown") if name in counts]
    parts.append(("commands", [sum(count[0] for count in counts.values()), sum(count[1] for count in counts.values())]))
    text = " ".join(f"{name}={a}" if a == b and b else f"{name}={a}/{b}" for name, (a, b) in parts)
    return f"{text} notes=bare_lf" if bare_lf else text

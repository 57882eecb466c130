"""Texts in which what means something in an address is ``+XX`` (RFC 3461 4), with more of such signs."""

from __future__ import annotations

_PLAIN = frozenset(chr(code) for code in range(0x21, 0x7F)) - set('+<>()"\\')


def encoded(data: bytes, *, also: str = "") -> str:
    """``data`` without white space, brackets, quotes, and the signs ``also``, as sendmail has it in macros."""
    return "".join(
        character if character in _PLAIN and character not in also else f"+{ord(character):02X}"
        for character in data.decode("latin-1")
    )

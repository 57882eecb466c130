"""ifdef, ifelse, shift (info m4, "Conditionals")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.m4.macros import builtin
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine


@builtin("ifdef", 3, 4, blind=True)
def ifdef(m4: Engine, args: list[bytes]) -> bytes | None:
    if args[1] in m4.macros.top:
        return args[2]
    return args[3] if len(args) > 3 else None


@builtin("ifelse", 2, 0, blind=True)
def ifelse(m4: Engine, args: list[bytes]) -> bytes | None:
    count = len(args)
    if count == 2:  # a comment
        return None
    if count == 3:
        if not m4.options.quiet:
            m4.warn(f"too few arguments to builtin `{decode(args[0])}'")
        return None
    if count % 3 == 0 and not m4.options.quiet:
        m4.warn(f"excess arguments to builtin `{decode(args[0])}' ignored")
    at = 1
    while True:
        if args[at] == args[at + 1]:
            return args[at + 2]
        left = count - at
        if left < 4:
            return None
        if left < 6:
            return args[at + 3]
        at += 3


@builtin("shift", 2, 0, blind=True)
def shift(m4: Engine, args: list[bytes]) -> bytes | None:
    if len(args) < 3:
        return None
    now = m4.syntax
    return now.quote + (now.unquote + b"," + now.quote).join(args[2:]) + now.unquote

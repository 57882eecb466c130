"""Definitions: what a name means, and the builtins' table.

A `Macro` is one definition, of text or of a builtin. Text is taken apart at its first call, so that a call only joins
pieces. `Macros` holds the stack of definitions of each name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mailconf.m4.places import MacroPlace

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine

# An argument is bytes, or a Builtin where the argument was its definition.
Handler = Callable[["Engine", list[Any]], "bytes | None"]

_PARAMETER = re.compile(rb"\$(?:([0-9]+)|([#*@]))")
_PARAMETER_TRADITIONAL = re.compile(rb"\$(?:([0-9])|([#*@]))")
COUNT, LIST, QUOTED_LIST = -1, -2, -3
_SPECIAL = {b"#": COUNT, b"*": LIST, b"@": QUOTED_LIST}


class Builtin:
    """One of m4's own macros.

    ``least`` and ``most`` count the arguments, the name included; ``most`` 0 means any number. ``blind``: recognized
    only with parentheses. ``gnu``: an extension, absent with -G. ``tokens``: takes definitions of builtins among its
    arguments. ``lenient``: called with too few arguments all the same, after the warning.
    """

    __slots__ = ("blind", "function", "gnu", "least", "lenient", "most", "name", "tokens")

    def __init__(
        self,
        name: bytes,
        function: Handler,
        least: int,
        most: int,
        *,
        blind: bool = False,
        gnu: bool = False,
        tokens: bool = False,
        lenient: bool = False,
    ) -> None:
        self.name = name
        self.function = function
        self.least, self.most = least, most
        self.blind, self.gnu, self.tokens, self.lenient = blind, gnu, tokens, lenient

    def __repr__(self) -> str:
        return f"Builtin({self.name!r})"


BUILTINS: dict[bytes, Builtin] = {}


def builtin(
    name: str,
    least: int = 1,
    most: int = 0,
    *,
    blind: bool = False,
    gnu: bool = False,
    tokens: bool = False,
    lenient: bool = False,
) -> Callable[[Handler], Handler]:
    """Enter the decorated function into the table of builtins."""

    def enter(function: Handler) -> Handler:
        key = name.encode()
        BUILTINS[key] = Builtin(key, function, least, most, blind=blind, gnu=gnu, tokens=tokens, lenient=lenient)
        return function

    return enter


class Macro:
    """One definition of ``name``: its ``text``, or a ``builtin``."""

    __slots__ = ("_pieces", "_slots", "blind", "builtin", "constant", "name", "text", "where")

    def __init__(
        self, name: bytes, text: bytes, builtin: Builtin | None = None, where: MacroPlace | None = None
    ) -> None:
        self.name = name
        self.text = text
        self.builtin = builtin
        self.where = where
        self.blind = builtin is not None and builtin.blind
        self.constant = b"$" not in text
        self._pieces: list[bytes] | None = None
        self._slots: list[tuple[int, int]] = []

    def take_apart(self, traditional: bool) -> list[bytes]:
        """The pieces of the text, with an empty one in the place of each parameter, and what goes there."""
        pieces: list[bytes] = []
        at = 0
        for match in (_PARAMETER_TRADITIONAL if traditional else _PARAMETER).finditer(self.text):
            pieces.append(self.text[at : match.start()])
            digits = match[1]
            number = _SPECIAL[match[2]] if digits is None else int(digits) if len(digits) < 10 else 1 << 31
            self._slots.append((len(pieces), number))
            pieces.append(b"")
            at = match.end()
        pieces.append(self.text[at:])
        self._pieces = pieces
        return pieces

    def expand(self, args: list[Any], quote: bytes, unquote: bytes, traditional: bool) -> list[bytes]:
        """The pieces of the text with ``args`` (the name first) in the places of the parameters."""
        pieces = self._pieces
        if pieces is None:
            pieces = self.take_apart(traditional)
        if not self._slots:
            return pieces
        pieces = pieces.copy()
        count = len(args)
        plain: bytes | None = None
        quoted: bytes | None = None
        for slot, number in self._slots:
            if number >= 0:
                if number < count:
                    pieces[slot] = args[number]
            elif number == COUNT:
                pieces[slot] = b"%d" % (count - 1)
            elif number == LIST:
                if plain is None:
                    plain = b",".join(args[1:])
                pieces[slot] = plain
            elif count > 1:
                if quoted is None:
                    quoted = quote + (unquote + b"," + quote).join(args[1:]) + unquote
                pieces[slot] = quoted
        return pieces


class Macros:
    """The definitions in force: ``top`` is what each name means now; those that pushdef hid lie below."""

    def __init__(self) -> None:
        self.top: dict[bytes, Macro] = {}
        self._hidden: dict[bytes, list[Macro]] = {}

    def define(self, macro: Macro) -> None:
        """Replace the meaning of the macro's name."""
        self.top[macro.name] = macro

    def push(self, macro: Macro) -> None:
        """Hide the meaning of the macro's name."""
        name = macro.name
        old = self.top.get(name)
        if old is not None:
            self._hidden.setdefault(name, []).append(old)
        self.top[name] = macro

    def pop(self, name: bytes) -> bool:
        """Back to the meaning before the last push; False if it had no meaning at all."""
        if name not in self.top:
            return False
        hidden = self._hidden.get(name)
        if hidden:
            self.top[name] = hidden.pop()
        else:
            del self.top[name]
        return True

    def undefine(self, name: bytes) -> bool:
        """Forget every meaning of a name; False if it had no meaning."""
        self._hidden.pop(name, None)
        return self.top.pop(name, None) is not None

    def clear(self) -> None:
        """Forget everything."""
        self.top.clear()
        self._hidden.clear()

    def stack(self, name: bytes) -> list[Macro]:
        """All meanings of a name, the one in force last."""
        return [*self._hidden.get(name, ()), self.top[name]]

    def names(self) -> Iterator[bytes]:
        return iter(sorted(self.top))

"""The values of macros, and their expansion: ``$x`` and the conditional ``$?x then $| else $.``.

Source: Sendmail Installation and Operation Guide 5.6; sendmail 8.17.1.9, ``$x`` and ``=S`` of its address test mode.
"""

from __future__ import annotations

from collections.abc import Callable

from mailconf.sendmail.rules.symbols import (
    ELSE,
    END_IF,
    IF,
    MACRO,
    META,
    META_NAMES,
    REPLACED,
    MacroNames,
)

EXPANSION = 4095  # characters of what a text is expanded to
RECURSION = 10  # macros within macros
_CONDITIONALS = (IF, ELSE, END_IF)


class Macros:
    """The macros of a configuration, or those of a session or message above it.

    below  what is asked for a macro that is not defined here
    """

    def __init__(self, names: MacroNames, below: Macros | None = None) -> None:
        self.names = names
        self._below = below
        self._values: dict[str, str | None] = {}
        if below is None:
            self._values.update(META_NAMES)
            self._values.update({digit: REPLACED + digit for digit in "0123456789"})
            self._values["n"] = "MAILER-DAEMON"

    def get(self, character: str) -> str | None:
        """The value of the macro, not expanded; None where it is not defined."""
        values = self._values
        if character in values:
            value = values[character]
            if value is not None:
                return value
        return None if self._below is None else self._below.get(character)

    def named(self, name: str) -> str | None:
        """The value of the macro ``name``, without braces."""
        character = self.names.character(name)
        return self.get(character) if character else None

    def set(self, character: str, value: str | None) -> None:
        """Define the macro; None removes the definition, so that the one below it counts again."""
        self._values[character] = value

    def define(self, name: str, value: str | None) -> None:
        """Define the macro ``name``, without braces."""
        character = self.names.character(name)
        if character:
            self.set(character, value)

    def above(self) -> Macros:
        """Macros above these, for a session or a message: what is defined there ends with it."""
        return Macros(self.names, self)

    def expand(self, text: str, complain: Callable[[str], object], limit: int = EXPANSION) -> str:
        """The text with the values of its macros. ``complain`` takes the message about too many within each other."""
        depth = 0
        while META.search(text):
            text, again = self._once(text)
            if not again:
                break
            if depth == RECURSION:
                complain(f"expand: recursion too deep ({RECURSION} max)")
                break
            depth += 1
        return text[:limit]

    def _once(self, text: str) -> tuple[str, bool]:
        """One level of expansion, and whether values were put in that have to be expanded themselves."""
        parts = text.split(MACRO)
        if any(mark in text for mark in _CONDITIONALS):
            return self._conditional(text)
        out = [parts[0]]
        again = False
        for part in parts[1:]:
            if not part:
                continue
            value = self.get(part[0])
            if value is not None:
                again = again or META.search(value) is not None
                out.append(value)
            out.append(part[1:])
        return "".join(out)[:EXPANSION], again

    def _conditional(self, text: str) -> tuple[str, bool]:
        out: list[str] = []
        again = skipping = False
        skipped = depth = at = 0
        while at < len(text):
            character = text[at]
            at += 1
            value: str | None = character
            if character == IF:
                depth += 1
                name = text[at : at + 1]
                at += 1
                if skipping:
                    skipped += 1
                else:
                    skipping = not self.get(name)
                continue
            if character == ELSE and depth:
                if not skipped:
                    skipping = not skipping
                continue
            if character == END_IF and depth:
                depth -= 1
                if not skipped:
                    skipping = False
                if skipping:
                    skipped -= 1
                continue
            if character == MACRO:
                value = self.get(text[at]) if at < len(text) else None
                at += 1
                if value is not None and not skipping:
                    again = again or META.search(value) is not None
            if value is not None and not skipping:
                out.append(value)
        return "".join(out)[:EXPANSION], again

"""How deep aliases, ~/.forward and :include: files may lie in each other, and what local(8) says where they lie deeper.

Measured on 3.7.11 and 3.10.13 (tests/vectors/nesting@*.jsonl). The recipient of the message is on level 1. An alias, a
~/.forward or luser_relay leads four levels down, an :include: file one. 3.10 counts in two further places, and has
words of its own there; 3.7 reads :include: files in each other without end. Each is read once.
"""

from __future__ import annotations

from typing import NamedTuple

ALIAS, INCLUDE = 4, 1
DEEPEST = 98  # for a recipient
_NAMED = 100  # 3.10: a recipient below this level is refused in other words
_FILES = 101  # 3.10: the deepest level that names an :include: file


class TooDeep(NamedTuple):
    """The text of the bounce, and of the warning in the log."""

    text: str
    warning: str


def deep_recipient(level: int, address: str, local: str, *, named: bool) -> TooDeep | None:
    """What is said of a recipient on ``level``; None where it is not too deep.

    named  the engine has the words of 3.10
    """
    if level <= DEEPEST:
        return None
    if named and level > _NAMED:
        text = "recipient nesting limit exceeded"
        return TooDeep(text, f"{text} for {address}")
    text = f"alias database loop for {local}"
    return TooDeep(text, text)


def deep_include(level: int, path: str, *, named: bool) -> TooDeep | None:
    """What is said of an :include: file that a text on ``level`` names; None where it is not too deep."""
    if not named or level <= _FILES:
        return None
    text = ":include: nesting limit exceeded"
    return TooDeep(text, f"{text} for {path}")

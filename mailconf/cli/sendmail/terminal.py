"""What the sendmail command prints: messages as a terminal shows them, or as replies in the modes that speak SMTP."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailconf.sendmail.rules.problems import CfProblem

SPEAKING = "asd"  # modes whose messages are replies


def write(text: str) -> None:
    """Write latin-1 text to standard output; a metasymbol is written as sendmail's byte for it."""
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        data = bytes(ord(character) & 0xFF for character in text)
    sys.stdout.buffer.write(data)


def hearing(mode: str, to: Callable[[str], object] = write) -> Callable[[CfProblem], object]:
    """What prints a message of a mode, the letter after -b."""
    if mode in SPEAKING:
        return lambda problem: to(_reply(problem))
    return lambda problem: to(f"{problem.line()}\n")


def _reply(problem: CfProblem) -> str:
    """A message as a reply."""
    if not problem.code:
        return f"{problem.line()}\n"
    usual = f"{problem.code[0]}.0.0"
    enhanced = (problem.enhanced or usual) if problem.grave else problem.enhanced
    if not problem.grave and enhanced == usual:
        enhanced = ""
    words = (problem.code, enhanced, problem.line())
    return " ".join(word for word in words if word) + "\r\n"

"""The words of a command that a transport runs: the macros in them, and the flags of its service (pipe(8)).

A macro is ``${name}``, ``$(name)`` or ``$name``; ``$$`` stands for a ``$``. A word in which a macro of a recipient
stands becomes as many words as there are recipients. Nothing that a macro stands for is looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

FLAGS = frozenset("BDFORXhqu.>")
OF_RECIPIENTS = frozenset({"domain", "extension", "mailbox", "original_recipient", "recipient", "user"})
MACROS = OF_RECIPIENTS | {
    "client_address", "client_helo", "client_hostname", "client_port", "client_protocol", "nexthop", "queue_id",
    "sasl_method", "sasl_sender", "sasl_username", "sender", "size",
}  # fmt: skip
_MACRO = re.compile(
    r"\$(?:\$|\{(?P<braced>[^}]*)(?P<end>\}?)|\((?P<round>[^)]*)(?P<last>\)?)|(?P<plain>\w*))", re.ASCII
)


class Macro(NamedTuple):
    """A macro: as it is written, its name ("" of ``$`` alone), and whether its bracket is closed."""

    written: str
    name: str
    closed: bool

    @property
    def is_known(self) -> bool:
        return self.closed and self.name in MACROS


class UnknownMacro(Exception):
    """A word has a macro that does not exist: no command is run."""

    def __init__(self, macro: Macro) -> None:
        super().__init__(macro.written)
        self.macro = macro


def pieces(word: str) -> Iterator[str | Macro]:
    """The texts and macros that a word consists of, in their order."""
    at = 0
    for found in _MACRO.finditer(word):
        if found.start() > at:
            yield word[at : found.start()]
        at = found.end()
        if found[0] == "$$":
            yield "$"
            continue
        name = next((text for text in (found["braced"], found["round"], found["plain"]) if text is not None), "")
        closed = found["end"] if found["braced"] is not None else found["last"] if found["round"] is not None else "."
        yield Macro(found[0], name, bool(closed))
    if at < len(word):
        yield word[at:]


def unknown_macros(word: str) -> Iterator[tuple[str, str]]:
    """The first macro of a word that does not exist: as written, and its name."""
    for piece in pieces(word):
        if isinstance(piece, Macro) and not piece.is_known:
            yield piece.written, piece.name
            return


def expanded(words: Sequence[str], values: Mapping[str, str], recipients: Sequence[Mapping[str, str]]) -> list[str]:
    """The command line that ``words`` come to. Raises UnknownMacro.

    values      of the macros that are the same for all recipients
    recipients  for each recipient the values of its macros (`OF_RECIPIENTS`)
    """
    found: list[str] = []
    for word in words:
        parts = list(pieces(word))
        for part in parts:
            if isinstance(part, Macro) and not part.is_known:
                raise UnknownMacro(part)
        several = any(isinstance(part, Macro) and part.name in OF_RECIPIENTS for part in parts)
        for recipient in recipients if several else ({},):
            texts = (
                (recipient[part.name] if part.name in OF_RECIPIENTS else values[part.name])
                if isinstance(part, Macro)
                else part
                for part in parts
            )
            found.append("".join(texts))
    return found

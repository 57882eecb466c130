"""Replacing the addresses in header fields, as cleanup(8) and smtp(8) do.

A value is cut into tokens (RFC 5322 3.4, and what people write instead), the addresses among them are handed to a
function, and the value is written anew only when one of them changed, in the form in which Postfix writes it: comments
of a bare address move after it, words that follow each other are addresses of their own, an address a piece,
pieces joined up to a width of 70 characters. Unchanged values stay as they are, byte for byte.

Limits, as Postfix 3.7.11 has them (tests/vectors/header_fields.jsonl): the first header_address_token_limit tokens are
looked at, and only they are left of a value that is written anew. An address with more than 250 bytes of other text
around it, up to the commas, is written as ``<address>`` alone.

Departure: a quoted string that holds an ``@`` and has no domain (``"a@b"``) counts as local part and domain, because
the internal form of an address does not distinguish the two.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from mailconf.model.address import external, internal
from mailconf.mta.headers import UNLIMITED, Header, HeaderLimits, cut
from mailconf.source import decode, encode

_WIDTH = 70
_MAX_AROUND = 250  # bytes beside an address

Change = Callable[[str], Awaitable[str]]
Warn = Callable[[str], None]


async def rewrite(
    header: Header, change: Change, limits: HeaderLimits = UNLIMITED, warn: Warn = lambda text: None
) -> Header:
    """``header`` with each address put through ``change`` (internal form in and out); itself when no address changed.

    ``warn`` is told of comments that get lost: how they begin (cleanup(8)).
    """
    value = decode(header.raw.partition(b":")[2])
    text = await rewrite_value(value, change, limits.tokens, warn)
    if text is None:
        return header
    lines = [encode(line) for line in fold(f"{header.name}: {text}")]
    return Header(header.name, b"\n\t".join(cut(lines, limits.size)))


class Token(NamedTuple):
    """kind: "word", "quoted" (with its quotes), "literal" ([..]), "comment", or the special character itself."""

    kind: str
    text: str


def tokens(value: str, limit: int = 0) -> list[Token]:
    """``value`` cut up; white space between tokens is dropped, line ends within them become spaces.

    ``limit`` is how many tokens there may be at most, in Postfix's count (`_pieces`); 0 is no limit.
    """
    found: list[Token] = []
    at, size = 0, len(value)
    room = limit or size
    while at < size and len(found) < room:
        c = value[at]
        if c in " \t\r\n":
            at += 1
        elif c in _ENCLOSED:
            end, text = _enclosed(value, at)
            found.append(Token(_ENCLOSED[c], text.replace("\n", " ")))
            at = end
        elif c in "<>@,;:.":
            found.append(Token(c, c))
            at += 1
        else:
            end = at
            while end < size and value[end] not in ' \t\r\n()<>@,;:".[':
                end += 2 if value[end] == "\\" else 1
            end = max(min(end, size), at + 1)
            word = value[at:end]
            at = end
            if _MORE.search(word):
                pieces = _pieces(word)
                taken = pieces[: room - len(found)]
                room -= len(taken) - 1
                word = "".join(taken)
            found.append(Token("word", word))
    return found


_MORE = re.compile(r"[%!|\]]")
_PIECE = re.compile(r"[%!|\]]|(?:\\.|[^%!|\]\\])+|\\", re.DOTALL)


def _pieces(word: str) -> list[str]:
    """The tokens that Postfix takes a word of ours for: there, some more characters are tokens of their own."""
    return _PIECE.findall(word)


_ENCLOSED = {'"': "quoted", "(": "comment", "[": "literal"}


def _enclosed(value: str, at: int) -> tuple[int, str]:
    """The end and the text of what opens at ``at``; what is not closed extends to the end and is closed there."""
    opening = value[at]
    closing = {'"': '"', "(": ")", "[": "]"}[opening]
    depth, here, size = 1, at + 1, len(value)
    while here < size:
        c = value[here]
        if c == "\\":
            here += 1
        elif c == closing:
            depth -= 1
            if depth == 0:
                return here + 1, value[at : here + 1]
        elif c == "(" == opening:
            depth += 1
        here += 1
    return size, value[at:] + closing * depth


async def rewrite_value(value: str, change: Change, limit: int = 0, warn: Warn = lambda text: None) -> str | None:
    """The value with its addresses changed, pieces ended by newlines (see `fold`), or None when nothing changed."""
    printer = _Printer(warn)
    changed = await _Rewriter(tokens(value, limit), change, printer).run()
    return printer.text() if changed else None


class _Rewriter:
    """One pass over the tokens of a value."""

    def __init__(self, found: list[Token], change: Change, printer: _Printer) -> None:
        self.tokens = found
        self.change = change
        self.out = printer
        self.changed = False
        # From the right: whether a ">" or a ";" lies ahead decides what "<" and ":" mean.
        self.closes: list[bool] = [False] * len(found)
        self.groups: list[bool] = [False] * len(found)
        # A group's name reaches back to the comma before it, over everything between.
        self.names: list[bool] = [False] * len(found)
        angle = group = name = False
        for at in range(len(found) - 1, -1, -1):
            self.closes[at], self.groups[at], self.names[at] = angle, group, name
            kind = found[at].kind
            name = (kind == ":" and group) or (name and kind != ",")
            angle = kind == ">" or (angle and kind != "<")
            group = kind == ";" or (group and kind != ":")

    async def run(self) -> bool:
        run: list[Token] = []
        at = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if self.names[at] and token.kind != ",":
                run.append(token if token.kind != ":" else Token("colon", ":"))
            elif token.kind == "<" and self.closes[at]:
                await self._phrase(run)
                run = []
                at = await self._angle(at + 1)
                continue
            elif token.kind == ":" and self.groups[at]:
                self.out.plain([*run, token])
                run = []
            elif token.kind == "," or token.kind == ";":
                await self._bare(run)
                self.out.plain([token])
                run = []
            else:
                run.append(token)
            at += 1
        await self._bare(run)
        return self.changed

    async def _angle(self, at: int) -> int:
        """The address between ``<`` and ``>``; returns the place after it."""
        inside: list[Token] = []
        while self.tokens[at].kind != ">":
            inside.append(self.tokens[at])
            at += 1
        comments = [t for t in inside if t.kind == "comment"]
        text = "".join(t.text for t in inside if t.kind != "comment")
        self.out.angle(await self._address(text) if text else "", comments)
        return at + 1

    async def _phrase(self, run: list[Token]) -> None:
        """The words before ``<``; a colon that names no group separates them from addresses."""
        at = max((n for n, token in enumerate(run) if token.kind == ":"), default=-1)
        if at >= 0:
            await self._bare(run[:at])
            self.out.plain([Token("colon", ":")])
        self.out.plain(run[at + 1 :])

    async def _bare(self, run: list[Token]) -> None:
        """Addresses without brackets: adjacent words are separate ones.

        A comment follows the address in which, or before which, it is written; at the end of the list, the last one.
        """
        address: list[Token] = []
        comments: list[Token] = []  # of this address
        pending: list[Token] = []  # since its last word
        for token in run:
            if token.kind == "comment":
                pending.append(token)
                continue
            if address and _is_word(token) and _is_word(address[-1]):
                await self._flush(address)
                self.out.plain(comments)
                address, comments = [], []
            address.append(token)
            comments += pending
            pending = []
        await self._flush(address)
        self.out.plain([*comments, *pending])

    async def _flush(self, address: list[Token]) -> None:
        if address:
            if self.out.after_address:
                self.out.plain([Token(",", ",")])
            text = "".join(" <" if t.kind == "<" and n else t.text for n, t in enumerate(address))
            self.out.address(await self._address(text) or '""')

    async def _address(self, text: str) -> str:
        """The external form of what stands for the address written as ``text``."""
        plain = internal(text)
        new = await self.change(plain)
        if new == plain and (external(new) == text or "\\" in text):
            return text
        self.changed = True
        return external(new)


def _is_word(token: Token) -> bool:
    return token.kind in ("word", "quoted", "literal")


_SPACED = frozenset(("word", "quoted", "literal", "comment"))


class _Printer:
    """Puts tokens back together with Postfix's white space."""

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._out: list[str] = []
        self._begin = 0  # of what follows the last comma, in ``_out``
        self._address: str | None = None  # the last one since then
        self._last = ""
        self.after_address = False  # an address or a group ended, and no comma since

    def text(self) -> str:
        self._strip()
        return "".join(self._out)

    def plain(self, run: Iterable[Token]) -> None:
        for token in run:
            kind = token.kind
            spaced = kind in _SPACED
            if (spaced and self._last in _SPACED) or (kind == "<" and self._last not in ("", ",", ":")):
                self._out.append(" ")
            if kind == ",":
                self._strip()
            self._out.append({",": ",\n", ":": ": "}.get(kind, token.text))
            if kind == ",":
                self._begin = len(self._out)
            self._last = kind
            if kind != "comment":
                self.after_address = kind == ";"

    def address(self, text: str) -> None:
        if self._last in _SPACED:
            self._out.append(" ")
        self._out.append(text)
        self._address = text
        self._last = "word"
        self.after_address = True

    def angle(self, text: str, comments: list[Token]) -> None:
        if self._last not in ("", ",", ":"):
            self._out.append(" ")
        inner = " ".join(token.text for token in comments)
        self._out.append(f"<{text} {inner}>" if inner and text else f"<{text}{inner}>")
        self._address = text
        self._last = ">"
        self.after_address = True

    def _strip(self) -> None:
        """Leave only the address of what follows the last comma, where too much is around it."""
        address, self._address = self._address, None
        if address is None:
            return
        text = "".join(self._out[self._begin :])
        if len(encode(text)) - len(encode(address)) > _MAX_AROUND:
            shown = "".join(c if c.isprintable() else "?" for c in text[:100])
            self._warn(shown)
            self._out[self._begin :] = [f"<{address}>"]


def fold(text: str) -> list[str]:
    """Pieces (ended by newlines) joined while they stay below 70 characters: the lines, without the tab before them."""
    lines: list[str] = []
    width = 0
    line: list[str] = []
    for piece in text.split("\n"):
        if line and width + 1 + len(piece) >= _WIDTH:
            lines.append(" ".join(line))
            line, width = [piece], len(piece)
        else:
            width += len(piece) + bool(line)
            line.append(piece)
    return [*lines, " ".join(line)]

"""Message headers: taking them apart, and replacing the addresses in them.

Header fields (RFC 5322 2.2) are handled as text that keeps its bytes (`mailconf.source.decode`). A line that is neither
a field nor the continuation of one ends the headers, as cleanup(8) has it: the body begins there.

Addresses: a value is cut into tokens (RFC 5322 3.4, and what people write instead), the addresses among them are
handed to a function, and the value is written anew only when one of them changed, in the form in which Postfix writes
it: comments of a bare address move behind it, words that stand beside each other are addresses of their own, an address
a piece, pieces joined up to a width of 70 characters. Unchanged values stay as they are, byte for byte.

Departure: a quoted string that holds an ``@`` and has no domain (``"a@b"``) counts as local part and domain, because
the internal form of an address cannot tell the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from mailconf.model.address import external, internal
from mailconf.source import decode, encode

_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_MAILBOX_LINE = re.compile(rb">?From ")
_WIDTH = 70

SENDERS = frozenset(
    (
        "from", "sender", "reply-to", "errors-to", "return-receipt-to", "disposition-notification-to",
        "mail-followup-to", "resent-from", "resent-sender", "resent-reply-to",
    )
)  # fmt: skip
RECIPIENTS = frozenset(("to", "cc", "bcc", "apparently-to", "resent-to", "resent-cc", "resent-bcc"))

Change = Callable[[str], Awaitable[str]]


@dataclass(slots=True)
class Header:
    """A header field. ``name`` is as written; ``raw`` the whole field without its last newline."""

    name: str
    raw: bytes

    @property
    def key(self) -> str:
        return self.name.lower()

    @property
    def value(self) -> str:
        """What stands behind the colon, folding included, outer white space stripped."""
        return decode(self.raw.partition(b":")[2]).strip()


def guard(content: bytes) -> bytes:
    """A client's message as it may be put behind trace fields of ours (smtpd(8)).

    "From " lines at its beginning become X-Mailbox-Line fields; a first line that begins with white space continues
    nothing, so an empty line ends the headers before it.
    """
    at = 0
    while match := _MAILBOX_LINE.match(content, at):
        content = content[:at] + b"X-Mailbox-Line: " + content[at:]
        end = content.find(b"\n", match.end())
        at = len(content) if end < 0 else end + 1
    return content[:at] + b"\n" + content[at:] if content[at : at + 1] in (b" ", b"\t") else content


def split(content: bytes) -> tuple[list[Header], bytes]:
    """The header fields and the rest: the empty line and the body, or the line that is no header and what follows.

    Lines are ended by LF. ``Name :`` becomes ``Name:``.
    """
    headers: list[Header] = []
    at, size = 0, len(content)
    while at < size:
        end = content.find(b"\n", at)
        end = size if end < 0 else end
        line = content[at:end]
        if line[:1] in (b" ", b"\t") and line.strip() and headers:
            headers[-1].raw += b"\n" + line
        else:
            match = _NAME.match(line)
            if match is None:
                break
            headers.append(Header(decode(match[1]), match[1] + b":" + line[match.end() :]))
        at = end + 1
    return headers, content[at:]


def join(headers: Iterable[Header], rest: bytes) -> bytes:
    """The message again; a rest that does not begin with an empty line is set off by one."""
    top = b"".join(header.raw + b"\n" for header in headers)
    return top + (b"\n" if rest and not rest.startswith(b"\n") else b"") + rest


async def rewrite(header: Header, change: Change) -> Header:
    """``header`` with each address put through ``change`` (internal form in and out); itself when none changed."""
    value = decode(header.raw.partition(b":")[2])
    text = await rewrite_value(value, change)
    if text is None:
        return header
    return Header(header.name, encode(fold(f"{header.name}: {text}")))


class Token(NamedTuple):
    """kind: "word", "quoted" (with its quotes), "literal" ([..]), "comment", or the special character itself."""

    kind: str
    text: str


def tokens(value: str) -> list[Token]:
    """``value`` cut up; white space between tokens is dropped, line ends within them become spaces."""
    found: list[Token] = []
    at, size = 0, len(value)
    while at < size:
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
            found.append(Token("word", value[at:end]))
            at = end
    return found


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


async def rewrite_value(value: str, change: Change) -> str | None:
    """The value with its addresses changed, pieces ended by newlines (see `fold`), or None when nothing changed."""
    printer = _Printer()
    changed = await _Rewriter(tokens(value), change, printer).run()
    return printer.text if changed else None


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
        # A group's name reaches back to the comma before it, over whatever stands there.
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
        """The address between ``<`` and ``>``; returns the place behind it."""
        inside: list[Token] = []
        while self.tokens[at].kind != ">":
            inside.append(self.tokens[at])
            at += 1
        comments = [t for t in inside if t.kind == "comment"]
        text = "".join(t.text for t in inside if t.kind != "comment")
        self.out.angle(await self._address(text) if text else "", comments)
        return at + 1

    async def _phrase(self, run: list[Token]) -> None:
        """The words before ``<``; a colon that names no group parts them from addresses."""
        at = max((n for n, token in enumerate(run) if token.kind == ":"), default=-1)
        if at >= 0:
            await self._bare(run[:at])
            self.out.plain([Token("colon", ":")])
        self.out.plain(run[at + 1 :])

    async def _bare(self, run: list[Token]) -> None:
        """Addresses without brackets: adjacent words are separate ones.

        A comment follows the address in which, or before which, it stands; at the end of the list, the last one.
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
            text = "".join(t.text for t in address)
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

    def __init__(self) -> None:
        self.text = ""
        self._last = ""
        self.after_address = False  # an address or a group ended, and no comma since

    def plain(self, run: Iterable[Token]) -> None:
        for token in run:
            kind = token.kind
            spaced = kind in _SPACED
            if (spaced and self._last in _SPACED) or (kind == "<" and self._last not in ("", ",", ":")):
                self.text += " "
            self.text += {",": ",\n", ":": ": "}.get(kind, token.text)
            self._last = kind
            if kind != "comment":
                self.after_address = kind == ";"

    def address(self, text: str) -> None:
        if self._last in _SPACED:
            self.text += " "
        self.text += text
        self._last = "word"
        self.after_address = True

    def angle(self, text: str, comments: list[Token]) -> None:
        if self._last not in ("", ",", ":"):
            self.text += " "
        inner = " ".join(token.text for token in comments)
        self.text += f"<{text} {inner}>" if inner and text else f"<{text}{inner}>"
        self._last = ">"
        self.after_address = True


def fold(text: str) -> str:
    """Pieces (ended by newlines) joined while they stay below 70 characters; a continuation's tab does not count."""
    first, *pieces = text.split("\n")
    lines = [first]
    for piece in pieces:
        if len(lines[-1]) + 1 + len(piece) < _WIDTH:
            lines[-1] += " " + piece
        else:
            lines.append(piece)
    return "\n\t".join(lines)

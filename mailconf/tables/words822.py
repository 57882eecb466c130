"""RFC 822 words as Postfix's alias tools cut them up and put them together (postalias 3.7, by experiment).

- Special characters stand alone: ``< > @ % ! . , ; : |`` and a closing ``)`` or ``]`` that closes nothing.
- ``"..."``, ``[...]`` and ``(...)`` are tokens; comments nest; what is not closed extends to the end.
- A backslash takes the next character as it is; at the very end it stands for nothing.
- Everything else up to white space or one of these is an atom.

Put together: a blank between two tokens that are not special characters and before each ``<``; ", " for a comma; an
atom that came to hold a special character, a blank or a control character is quoted; tab and carriage return are
blanks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

ATOM, QUOTED, LITERAL, COMMENT = "atom", "quoted", "literal", "comment"
SPECIAL = frozenset("<>@%!.,;:|)]")

_BLANK = " \t\r\n"
_WORDS = frozenset((ATOM, QUOTED, LITERAL, COMMENT))
_UNQUOTED_STOPS = SPECIAL | frozenset('"([') | frozenset(_BLANK)
_NEEDS_QUOTES = _UNQUOTED_STOPS | frozenset(map(chr, range(0x20))) | {"\x7f", "\\"}
_SPACES = str.maketrans("\t\r\n", "   ")


class Word(NamedTuple):
    """kind: ATOM, QUOTED, LITERAL, COMMENT or the special character; ``text`` is without quotes and backslashes.

    ``end`` is the offset behind the word in what was cut up.
    """

    kind: str
    text: str
    end: int


def cut(text: str) -> list[Word]:
    """The words of ``text``."""
    words = []
    at = 0
    while at < len(text):
        if text[at] in _BLANK:
            at += 1
            continue
        word = _next(text, at)
        words.append(word)
        at = word.end
    return words


def _next(text: str, at: int) -> Word:
    c = text[at]
    if c == '"':
        return _enclosed(QUOTED, text, at, '"')
    if c == "[":
        return _enclosed(LITERAL, text, at, "]")
    if c == "(":
        return _comment(text, at)
    if c in SPECIAL:
        return Word(c, c, at + 1)
    plain: list[str] = []
    while at < len(text) and text[at] not in _UNQUOTED_STOPS:
        if text[at] == "\\":
            at += 1
        plain.append(text[at : at + 1])
        at += 1
    return Word(ATOM, "".join(plain).translate(_SPACES), min(at, len(text)))


def _enclosed(kind: str, text: str, at: int, closing: str) -> Word:
    plain: list[str] = []
    at += 1
    while at < len(text):
        if text[at] == closing:
            return Word(kind, "".join(plain).translate(_SPACES), at + 1)
        if text[at] == "\\":
            at += 1
        plain.append(text[at : at + 1])
        at += 1
    return Word(kind, "".join(plain).translate(_SPACES), len(text))


def _comment(text: str, at: int) -> Word:
    start, depth = at, 0
    while at < len(text):
        c = text[at]
        at += 2 if c == "\\" else 1
        depth += (c == "(") - (c == ")")
        if depth == 0:
            break
    at = min(at, len(text))
    return Word(COMMENT, text[start:at], at)


def put_together(words: Iterable[Word], *, quoted: bool = True) -> str:
    """The words as text: with the quotes of the external form, as postalias stores values, or without, as names."""
    out: list[str] = []
    last = ""
    for word in words:
        spaced = word.kind in _WORDS and last in _WORDS
        if spaced or (word.kind == "<" and last not in ("", ",")):
            out.append(" ")
        out.append(_written(word, quoted))
        last = word.kind
    return "".join(out)


def _written(word: Word, quoted: bool) -> str:
    if word.kind == ",":
        return ", "
    if word.kind == LITERAL:
        return "[" + word.text.replace("\\", "\\\\") + "]"
    if quoted and (word.kind == QUOTED or (word.kind == ATOM and any(c in _NEEDS_QUOTES for c in word.text))):
        return '"' + word.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return word.text


def plain(words: Iterable[Word]) -> str:
    """The internal form of an address: no quotes, no comments."""
    return put_together((word for word in words if word.kind != COMMENT), quoted=False)


def addresses(words: Iterable[Word]) -> list[list[Word]]:
    """The addresses in a list (RFC 822 6.1): commas part them, and so do words that stand beside each other.

    ``phrase <address>`` is the address between the brackets, blanks left out; a phrase ends, leftwards, at a colon. The
    name of a group (a colon with a semicolon behind it) and comments are nobody's address.
    """
    every = [word for word in words if word.kind != COMMENT]
    found: list[list[Word]] = []
    comma = start = 0  # where the addresses since the last comma, or the last closing bracket, begin in ``found``
    current: list[Word] = []
    last_semicolon = max((n for n, word in enumerate(every) if word.kind == ";"), default=-1)

    def flush() -> None:
        nonlocal current
        if current:
            found.append(current)
        current = []

    at = 0
    while at < len(every):
        word = every[at]
        kind = word.kind
        closing = next((n for n in range(at + 1, len(every)) if every[n].kind in "<>"), None) if kind == "<" else None
        if closing is not None and every[closing].kind == ">":
            found[start:] = _without_phrase([*found[start:], current])
            text = "".join(_written(inside, quoted=False) for inside in every[at + 1 : closing])
            current = [Word(ATOM, text, every[closing].end)] if closing > at + 1 else []
            flush()
            start, at = len(found), closing
        elif kind in (",", ";", ">"):
            flush()
            start = len(found)
            comma = comma if kind == ">" else start
        elif kind == ":" and at < last_semicolon:
            current = []
            del found[comma:]
            start = comma
        else:
            if current and kind in _WORDS and current[-1].kind in _WORDS:
                flush()
            current.append(word)
        at += 1
    flush()
    return found


def _without_phrase(words: list[list[Word]]) -> list[list[Word]]:
    """What is left of ``words`` in front of an address in brackets: all up to the last colon."""
    for number in reversed(range(len(words))):
        for at in reversed(range(len(words[number]))):
            if words[number][at].kind == ":":
                return [one for one in (*words[:number], words[number][:at]) if one]
    return []

"""RFC 822 words as Postfix's alias tools cut them up and put them together (postalias 3.7, by experiment).

- Special characters are words of their own: ``< > @ % ! . , ; : |`` and a closing ``)`` or ``]`` that closes nothing.
- ``"..."``, ``[...]`` and ``(...)`` are tokens; comments nest; what is not closed extends to the end.
- A backslash takes the next character as it is; at the very end it stands for nothing.
- Everything else up to white space or one of these is an atom.

Put together: a blank between two tokens that are not special characters and before each ``<``; ", " for a comma; an
atom that came to hold a special character, a blank or a control character is quoted; tab and carriage return are
blanks.

A text of any length is cut up as it is read: at no time is there more of it than a word and what was put together.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mailconf import possessive
from mailconf.tables.entry import joined

ATOM, QUOTED, LITERAL, COMMENT = "atom", "quoted", "literal", "comment"
SPECIAL = frozenset("<>@%!.,;:|)]")

_WORDS = frozenset((ATOM, QUOTED, LITERAL, COMMENT))
_NOT_BLANK = re.compile(r"[^ \t\r\n]")
# What is between quotes or brackets, and an atom; a backslash at the very end is a word of its own.
_INSIDE = {
    QUOTED: possessive.compile(r'(?:[^"\\]++|\\.?)*+', re.DOTALL),
    LITERAL: possessive.compile(r"(?:[^\]\\]++|\\.?)*+", re.DOTALL),
}
_ATOM = possessive.compile(r"""(?:[^<>@%!.,;:|)\]"([ \t\r\n\\]++|\\.?)*+""", re.DOTALL)
_OF_COMMENT = re.compile(r"\\.?|[()]", re.DOTALL)
_NEEDS_QUOTES = re.compile(r"""[<>@%!.,;:|)\]"([\x00-\x20\x7f\\]""")
_OPENS = {'"': QUOTED, "[": LITERAL, "(": COMMENT}
_SPACE = re.compile(r"[\t\r\n]")


class Word822(NamedTuple):
    """kind: ATOM, QUOTED, LITERAL, COMMENT or the special character; ``text`` is without quotes and backslashes.

    ``end`` is the offset after the word in what was cut up.
    """

    kind: str
    text: str
    end: int


def cut(text: str, start: int = 0, end: int | None = None) -> Iterator[Word822]:
    """The words of ``text[start:end]``, which must not begin or end within a word."""
    for kind, at, stop in _places(text, start, len(text) if end is None else end):
        yield _word(text, kind, at, stop)


def _places(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """The kind of each word and where it begins and ends."""
    at = start
    while (found := _NOT_BLANK.search(text, at, end)) is not None:
        at = found.start()
        c = text[at]
        kind = _OPENS.get(c)
        if kind is None:
            kind = c if c in SPECIAL else ATOM
            stop = at + 1 if kind is c else _end(_ATOM, text, at, end)
        elif kind is COMMENT:
            stop = _end_of_comment(text, at, end)
        else:
            stop = min(_end(_INSIDE[kind], text, at + 1, end) + 1, end)
        yield kind, at, stop
        at = stop


def _end(pattern: re.Pattern[str], text: str, at: int, end: int) -> int:
    found = pattern.match(text, at, end)
    assert found is not None  # it matches the empty text
    return found.end()


def _end_of_comment(text: str, at: int, end: int) -> int:
    depth = 0
    for found in _OF_COMMENT.finditer(text, at, end):
        depth += (found[0] == "(") - (found[0] == ")")
        if depth == 0:
            return found.end()
    return end


def _word(text: str, kind: str, at: int, stop: int) -> Word822:
    if kind == COMMENT:
        return Word822(kind, text[at:stop], stop)
    if kind == ATOM:
        return Word822(kind, _taken(text, at, stop), stop)
    if kind not in _WORDS:
        return Word822(kind, kind, stop)
    inside = _INSIDE[kind].match(text, at + 1, stop)
    assert inside is not None  # it matches the empty text
    return Word822(kind, _taken(text, at + 1, inside.end()), stop)


def _taken(text: str, at: int, stop: int) -> str:
    """The stretch without its backslashes, all white space as blanks."""
    found = text[at:stop]
    if "\\" in found:
        found = joined(_between_backslashes(text, at, stop))
    return found.replace("\t", " ").replace("\r", " ").replace("\n", " ") if _SPACE.search(found) else found


def _between_backslashes(text: str, at: int, stop: int) -> Iterator[str]:
    while True:
        backslash = text.find("\\", at, stop)
        if backslash < 0:
            yield text[at:stop]
            return
        yield text[at:backslash]
        yield text[backslash + 1 : min(backslash + 2, stop)]
        at = backslash + 2


def put_together(words: Iterable[Word822], *, quoted: bool = True) -> str:
    """The words as text: with the quotes of the external form, as postalias stores values, or without, as names."""
    return joined(_parts(words, quoted))


def _parts(words: Iterable[Word822], quoted: bool) -> Iterator[str]:
    last = ""
    for word in words:
        kind = word.kind
        if (kind in _WORDS and last in _WORDS) or (kind == "<" and last not in ("", ",")):
            yield " "
        yield _written(word, quoted)
        last = kind


def _written(word: Word822, quoted: bool) -> str:
    if word.kind == ",":
        return ", "
    if word.kind == LITERAL:
        return "[" + word.text.replace("\\", "\\\\") + "]"
    if quoted and (word.kind == QUOTED or (word.kind == ATOM and _NEEDS_QUOTES.search(word.text))):
        return '"' + word.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return word.text


class Address822(NamedTuple):
    """An address in a list: its place in the text, or that of the brackets around it."""

    text: str
    start: int
    end: int
    in_brackets: bool

    def words(self) -> Iterator[Word822]:
        """What it consists of, without comments; one atom for what is in brackets."""
        if not self.in_brackets:
            return _no_comments(cut(self.text, self.start, self.end))
        return iter((Word822(ATOM, _together(self._inside()), self.end),))

    def _inside(self) -> Iterator[Word822]:
        """The words in the brackets, without comments."""
        return _no_comments(cut(self.text, self.start + 1, self.end - 1))

    @property
    def plain(self) -> str:
        """The internal form: no quotes, no comments."""
        return put_together(self.words(), quoted=False)

    def sides(self) -> tuple[str, str | None]:
        """What precedes and what follows the last ``@`` between a user and a domain; None without one."""
        words = self._inside() if self.in_brackets else self.words()
        last = max((word.end for word in words if word.kind == "@"), default=None)
        if last is not None and self.in_brackets:
            return (
                _together(word for word in self._inside() if word.end < last),
                _together(word for word in self._inside() if word.end > last),
            )
        if last is None:
            return self.plain, None
        user, domain = (self._replace(end=last - 1), self._replace(start=last))
        return user.plain, domain.plain


def _together(words: Iterable[Word822]) -> str:
    """The internal form of words between which there are no blanks."""
    return joined(_written(word, quoted=False) for word in words)


def _no_comments(words: Iterable[Word822]) -> Iterator[Word822]:
    return (word for word in words if word.kind != COMMENT)


def addresses(text: str) -> Iterator[Address822]:
    """The addresses in a list (RFC 822 6.1): commas separate them, and so do words that follow each other.

    ``phrase <address>`` is the address between the brackets, blanks left out; a phrase ends, leftwards, at a colon. The
    name of a group (a colon with a semicolon after it) and comments are no addresses.
    """
    last_semicolon = -1
    if ";" in text:
        last_semicolon = max((at for kind, at, _ in _places(text, 0, len(text)) if kind == ";"), default=-1)
    found = _Found(text)
    places = _places(text, 0, len(text))
    for kind, at, stop in places:
        if kind == COMMENT:
            continue
        if kind == "<" and (inside := _closing(text, stop)) is not None:
            empty, closing = inside
            found.close(at, closing, empty=empty)
            for _, other, _ in places:
                if other == closing:
                    break
        elif kind in (",", ";"):
            yield from found.take()
        elif kind == ">":
            found.flush()
            found.start = len(found)
            found.colon = None
        elif kind == ":" and at < last_semicolon:
            found.clear()
        else:
            found.add(kind, at, stop)
    yield from found.take()


def _closing(text: str, at: int) -> tuple[bool, int] | None:
    """Whether nothing precedes the ``>`` that closes a ``<`` that ends at ``at``, and where it is; None without one."""
    empty = True
    for kind, start, _ in _places(text, at, len(text)):
        if kind == ">":
            return empty, start
        if kind == "<":
            return None
        empty = empty and kind == COMMENT
    return None


class _Found:
    """The addresses since the last comma, as offsets: there may be as many as there are words.

    start  the number of addresses up to the last closing bracket
    colon  the number of the address in which the last colon since then is, and where
    """

    def __init__(self, text: str) -> None:
        self.text = text
        # Where each begins and ends; its end is negative where it is in brackets.
        self.starts = array("i" if len(text) < 1 << 31 else "q")
        self.ends = array("i" if len(text) < 1 << 31 else "q")
        self.start = 0
        self.colon: tuple[int, int] | None = None
        self.first = self.last = -1  # where the address at hand begins and ends
        self.ends_in_word = False

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, kind: str, at: int, stop: int) -> None:
        if self.first >= 0 and kind in _WORDS and self.ends_in_word:
            self.flush()
        if kind == ":":
            self.colon = (len(self), at)
        if self.first < 0:
            self.first = at
        self.last = stop
        self.ends_in_word = kind in _WORDS

    def flush(self) -> None:
        """The address at hand is complete."""
        if self.first >= 0:
            self.starts.append(self.first)
            self.ends.append(self.last)
        self.first = -1

    def clear(self) -> None:
        """What there is since the last comma was the name of a group."""
        del self.starts[:], self.ends[:]
        self.first, self.start, self.colon = -1, 0, None

    def close(self, at: int, closing: int, *, empty: bool) -> None:
        """An address in brackets takes the place of the phrase before it: all up to the last colon."""
        self.flush()
        number, colon = self.colon or (self.start, 0)
        kept = number < len(self) and self.starts[number] < colon
        if kept:
            self.ends[number] = colon
        del self.starts[number + kept :], self.ends[number + kept :]
        if not empty:
            self.starts.append(at)
            self.ends.append(-closing - 1)
        self.start, self.colon = len(self), None

    def take(self) -> Iterator[Address822]:
        """All of them, at a comma."""
        self.flush()
        for start, end in zip(self.starts, self.ends, strict=True):
            yield Address822(self.text, start, abs(end), end < 0)
        self.clear()

"""Which answers of a list in the DNS count: ``zone=127.0.0.[2..4;9]`` (postconf(5) reject_rbl_client).

A pattern has four fields with dots between them; each is a number of 0 to 255, or in brackets numbers and ranges
``n..m`` with semicolons between them. Brackets around the whole are ignored. Observed with Postfix 3.7.11, where
smtpd(8) ends when it first meets an invalid pattern.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(r"[0-9]+|.", re.DOTALL | re.ASCII)


class _Broken(Exception):
    """The message is what is wrong."""


class AnswerPattern(NamedTuple):
    """fields   the numbers of each of four fields; none at all takes every answer
    problem  what is wrong with the pattern, in the engine's words; "" for a good one
    """

    fields: tuple[frozenset[int], ...] = ()
    problem: str = ""

    @classmethod
    def parse(cls, text: str | None) -> AnswerPattern:
        """The pattern ``text``; None for one that was not given."""
        if text is None:
            return cls()
        try:
            return cls(_Parser(text).fields())
        except _Broken as broken:
            return cls((), str(broken))

    def accepts(self, address: str) -> bool:
        """Whether an answer, an IPv4 address, counts."""
        octets = address.split(".")
        if not self.fields:
            return True
        return len(octets) == 4 and all(int(o) in field for o, field in zip(octets, self.fields, strict=True))


def _without_brackets(text: str) -> str:
    """``text`` without a pair of brackets around all of it."""
    if not text.startswith("["):
        return text
    depth = 0
    for at, letter in enumerate(text):
        depth += letter == "["
        if letter == "]":
            depth -= 1
            if depth == 0:
                return text[1:at] if at + 1 == len(text) else text
    raise _Broken('missing "]" character')


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = _without_brackets(text)
        if not self.text:
            raise _Broken("empty address pattern")
        self.start = self.at = 0  # of the last token, and behind it

    def next(self) -> str:
        """The next token: digits, or one character; "" at the end."""
        self.start = self.at
        found = _TOKEN.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def number(self, token: str) -> int | None:
        """The number that a token is; None for one that is no number, or no number of an address."""
        if not token.isdigit() or not token.isascii():
            return None
        value = int(token[-4:]) if not token[:-4].strip("0") else 256
        return value if value <= 255 else None

    def broken(self, problem: str) -> _Broken:
        before, here, after = self.text[: self.start], self.text[self.start : self.at], self.text[self.at :]
        return _Broken(f'{problem} at "{before}>{here}<{after}"')

    def fields(self) -> tuple[frozenset[int], ...]:
        found: list[frozenset[int]] = []
        while True:
            token = self.next()
            value = self.number(token)
            if value is not None:
                found.append(frozenset({value}))
            elif token == "[":
                found.append(frozenset(self._group()))
            else:
                raise self.broken('need decimal number 0..255 or "["')
            if len(found) == 4:
                if self.next():
                    raise self.broken("garbage after pattern")
                return tuple(found)
            if self.next() != ".":
                raise self.broken('need "."')

    def _group(self) -> set[int]:
        numbers: set[int] = set()
        while True:
            first = self.number(self.next())
            if first is None:
                raise self.broken("need decimal number 0..255")
            last, token = first, self.next()
            if token == ".":
                end = self.number(self.next()) if self.next() == "." else None
                if end is None or end < first:
                    raise self.broken("numeric range error")
                last, token = end, self.next()
            numbers.update(range(first, last + 1))
            if token == "]":
                return numbers
            if token != ";":
                raise self.broken('need ";" or "]"')

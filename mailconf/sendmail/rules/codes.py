"""Workspaces as strings of one character a token, and left sides as regular expressions over them.

What sendmail does to match a left side is what a regular expression with lazy repetitions does: as little as possible
first, the last operator extended first. So a left side that is tried often becomes one, and `re` finds what its
operators stand for. Two tokens that differ in the case of their letters only have the same character.

An operator ``$=x`` compares the joined text of several tokens with the words of a class. There is one way to write a
word in tokens only where these are plain and no two atoms follow each other. In other workspaces a token that has a
character that is in no word, and atoms between which BlankSub puts such a one, spell no word either. For those that
are left, which `Expression.odd` finds, the expression of a side with ``$=x`` is not used.

`re` counts no steps. An expression is therefore used only for workspaces for which it cannot take many: short ones, and
those that have the literals of the side so seldom that its operators can end in few places (`Expression.few`). Others,
classes of many words and ``$&x`` are left to `mailconf.sendmail.rules.matching`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import factorial, prod
from typing import NamedTuple

from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.matching import ANY, CLASS, EMPTY, LITERAL, NOT_CLASS, ONE, SPELLED, ZERO, Pattern
from mailconf.sendmail.rules.symbols import CALL, HOST, MAP_BEGIN, MAP_END, NAME_BEGIN, NAME_END, USER
from mailconf.sendmail.rules.tokens import Tokeniser

MOST_CODES = 40_000  # tokens; then all characters are given anew
_MOST_WORDS = 200  # of a class in an expression
_LONGEST_WORD = 255
_MOST_TRIES = 4000  # extensions of operators that an expression may take
# The first characters of each sort of tokens; unusual ones have a character that no plain word has.
_OPERATORS, _ASKERS, _ATOMS, _OTHERS, _UNUSUAL = 0x100, 0x800, 0x1000, 0x10000, 0x80000
_ASKING = "".join((MAP_BEGIN, MAP_END, NAME_BEGIN, NAME_END, CALL, HOST, USER))
_ASKS = re.compile("[\u0800-\u0fff]")
_ODD = re.compile("[\u1000-\ud7ff]{2}|[\U00010000-\U0010ffff]").search
_ADJACENT = re.compile("[\u1000-\ud7ff]{2}|[\U00010000-\U0007ffff]").search  # the same, but for unusual tokens
_SEVERAL = re.compile("[\U00010000-\U0007ffff]").search  # a token that may be spelled by several
_NEVER = "(?!)"


class Expression(NamedTuple):
    """A left side as a regular expression.

    match    finds what the operators stand for
    longest  tokens of a workspace for which it may always be used
    odd      finds workspaces for which it is not used, because of a ``$=x``; None where it has none
    ends     of each operator that can be extended, the literal that follows it, or ""; but for the last one
    ways     in how many ways all ``$=x`` can match at one place
    """

    match: Callable[[str], re.Match[str] | None]
    longest: int
    odd: Callable[[str], re.Match[str] | None] | None
    ends: Sequence[str]
    ways: int

    def few(self, text: str) -> bool:
        """Whether it takes few steps for a workspace that is longer than ``longest``."""
        length = len(text)
        tries = length * self.ways
        for code in self.ends:
            tries *= (text.count(code) or 1) if code else length
        return tries <= _MOST_TRIES


class Codes(dict[str, str]):
    """The character of each token, given when it is first asked for.

    changes  for which state of the classes the expressions hold that are made with it
    """

    def __init__(self, tokeniser: Tokeniser, changes: int) -> None:
        self.changes = changes
        self._tokeniser = tokeniser
        self._next = {sort: sort for sort in (_OPERATORS, _ASKERS, _ATOMS, _OTHERS, _UNUSUAL)}

    def __missing__(self, token: str) -> str:
        low = folded(token)
        code = self.get(low)
        if code is None:
            sort = self._sort(low)
            code = self[low] = chr(self._next[sort])
            self._next[sort] += 1
        self[token] = code
        return code

    def _sort(self, token: str) -> int:
        if token and token[0] in _ASKING:
            return _ASKERS
        if self._tokeniser.is_operator(token):
            return _OPERATORS
        if self._tokeniser.is_atom(token):
            return _ATOMS
        return _OTHERS if not token or self._tokeniser.plain_tokens(token) else _UNUSUAL

    def text(self, workspace: Sequence[str]) -> str:
        """The characters of a workspace."""
        return "".join(map(self.__getitem__, workspace))

    def asks(self, text: str) -> bool:
        """Whether a metasymbol of lookups and calls is among the tokens."""
        return _ASKS.search(text) is not None

    def expression(self, pattern: Pattern) -> Expression | None:
        """The expression of a left side; None where it cannot have one."""
        operators = pattern.operators
        last = max((at for at, operator in enumerate(operators) if operator in (ZERO, ANY, CLASS)), default=-1)
        parts: list[str] = []
        for at, (operator, argument, words) in enumerate(zip(operators, pattern.arguments, pattern.sets, strict=True)):
            if operator == SPELLED or len(words) > _MOST_WORDS or any(len(word) > _LONGEST_WORD for word in words):
                return None
            if operator == LITERAL:
                parts.append(self[argument])
            elif operator == ONE or (operator == NOT_CLASS and not words):
                parts.append("(.)")
            elif operator == ZERO:
                parts.append("(.*)" if at == last else "(.*?)")
            elif operator == ANY:
                parts.append("(.+)" if at == last else "(.+?)")
            elif operator == NOT_CLASS:
                parts.append(f"([^{''.join(sorted(self[word] for word in words))}])")
            elif operator == CLASS:
                parts.append(f"({self._words(words)})")
            else:
                assert operator == EMPTY
        wild = sum(operator in (ZERO, ANY, CLASS) for operator in operators) - 1
        longest = 1000 if wild < 1 else int((_MOST_TRIES * factorial(wild)) ** (1 / wild))
        ends = [
            self[pattern.arguments[at + 1]] if operators[at + 1] == LITERAL else ""
            for at in range(last)
            if operators[at] in (ZERO, ANY)
        ]
        ways = prod(len(pattern.sets[at]) + 1 for at, operator in enumerate(operators) if operator == CLASS)
        joined = [word for at, operator in enumerate(operators) if operator == CLASS for word in pattern.sets[at]]
        odd = self._finds_odd(joined) if CLASS in operators else None
        return Expression(re.compile("".join(parts)).fullmatch, longest, odd, ends, ways)

    def _finds_odd(self, words: Sequence[str]) -> Callable[[str], re.Match[str] | None]:
        """What finds workspaces in which tokens may spell one of the words otherwise than it is usually spelled."""
        blank = self._tokeniser.blank
        if not all(map(self._tokeniser.plain_tokens, words)):
            return _ODD
        return _SEVERAL if blank and not any(blank in word for word in words) else _ADJACENT

    def _words(self, words: set[str]) -> str:
        """What matches a word of a class, by few tokens first."""
        several = map(self._tokeniser.plain_tokens, words)
        single = "".join(sorted(self[word] for word in words))
        texts = sorted((self.text(tokens) for tokens in several if len(tokens) > 1), key=lambda text: (len(text), text))
        return "|".join([f"[{single}]", *texts]) if words else _NEVER

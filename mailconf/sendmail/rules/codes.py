"""Workspaces as strings of one character a token, and left sides as regular expressions over them.

What sendmail does to match a left side is what a regular expression with lazy repetitions does: as little as possible
first, the last operator extended first. So a left side that is tried often becomes one, and `re` finds what its
operators stand for. Two tokens that differ in the case of their letters only have the same character.

An operator ``$=x`` compares the joined text of several tokens with the words of a class. There is one way to write a
word in tokens only where these are plain and no two atoms follow each other: `Codes.odd` finds the workspaces in which
that is not so, for which the expression of a side with ``$=x`` is not used.

`re` counts no steps. An expression is therefore used for workspaces so short alone that it cannot take many
(`Expression.longest`); longer ones, classes of many words and ``$&x`` are left to `mailconf.sendmail.rules.matching`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import factorial
from typing import NamedTuple

from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.matching import ANY, CLASS, EMPTY, LITERAL, NOT_CLASS, ONE, SPELLED, ZERO, Pattern
from mailconf.sendmail.rules.symbols import CALL, HOST, MAP_BEGIN, MAP_END, NAME_BEGIN, NAME_END, USER
from mailconf.sendmail.rules.tokens import Tokeniser

MOST_CODES = 40_000  # tokens; then all characters are given anew
_MOST_WORDS = 200  # of a class in an expression
_LONGEST_WORD = 255
_MOST_TRIES = 4000  # extensions of operators that an expression may take
_OPERATORS, _ASKERS, _ATOMS, _OTHERS = 0x100, 0x800, 0x1000, 0x10000  # the first characters of each sort of tokens
_ASKING = "".join((MAP_BEGIN, MAP_END, NAME_BEGIN, NAME_END, CALL, HOST, USER))
_ASKS = re.compile("[\u0800-\u0fff]")
_ODD = re.compile("[\u1000-\ud7ff]{2}|[\U00010000-\U0010ffff]")
_NEVER = "(?!)"


class Expression(NamedTuple):
    """A left side as a regular expression.

    match    finds what the operators stand for
    longest  tokens of a workspace for which it may be used
    joins    whether it has ``$=x``, so that it is not for odd workspaces
    """

    match: Callable[[str], re.Match[str] | None]
    longest: int
    joins: bool


class Codes(dict[str, str]):
    """The character of each token, given when it is first asked for.

    changes  for which state of the classes the expressions hold that are made with it
    """

    def __init__(self, tokeniser: Tokeniser, changes: int) -> None:
        self.changes = changes
        self._tokeniser = tokeniser
        self._next = {_OPERATORS: _OPERATORS, _ASKERS: _ASKERS, _ATOMS: _ATOMS, _OTHERS: _OTHERS}

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
        return _ATOMS if self._tokeniser.is_atom(token) else _OTHERS

    def text(self, workspace: Sequence[str]) -> str:
        """The characters of a workspace."""
        return "".join(map(self.__getitem__, workspace))

    def odd(self, text: str) -> bool:
        """Whether several of the tokens may spell a word that is usually spelled by others."""
        return _ODD.search(text) is not None

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
        return Expression(re.compile("".join(parts)).fullmatch, longest, CLASS in operators)

    def _words(self, words: set[str]) -> str:
        """What matches a word of a class, by few tokens first."""
        several = map(self._tokeniser.plain_tokens, words)
        single = "".join(sorted(self[word] for word in words))
        texts = sorted((self.text(tokens) for tokens in several if len(tokens) > 1), key=lambda text: (len(text), text))
        return "|".join([f"[{single}]", *texts]) if words else _NEVER

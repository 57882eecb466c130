"""Texts taken apart into tokens, and tokens put together.

Three ways of reading a text differ in what parentheses and metasymbols are:

EXTERNAL  parentheses enclose comments, which are dropped; a metasymbol is a character like any other
INTERNAL  the same, but each metasymbol is a token
KEEPING   each metasymbol is a token, and so is each parenthesis: no comments (rules, from level 9 on)

An operator (OperatorChars, and ``()<>,;``) is a token by itself. So is a quoted string, quotes included. White space
parts tokens and is dropped. A backslash stays, and the character after it means nothing special; ``\\!`` is ``!``.

Unbalanced quotes, comments and angle brackets are mended, with a message.

Source: Sendmail Installation and Operation Guide 5.1.1; sendmail 8.17.1.9 -bt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum

from mailconf.sendmail.rules.symbols import BASE

MOST_TOKENS = 1000
LONGEST_TOKEN = 256
LONGEST_TEXT = 1256  # bytes of an address, with a NUL after each token
LONGEST_LINE = 3048  # the same of a side of a rule
KEY = 1024  # bytes of a map's key
DELIMITERS = "()<>,;\r\n"
DEFAULT_OPERATORS = ".:@[]"
_MOST_OPERATORS = 41  # characters
_MARGIN = 5
_SPACES = "\t\n\v\f\r "

_OPERATOR, _ATOM, _QUOTED, _SPACE, _ONE = range(5)
_DROP, _BREAK = 16, 32
_KIND = 15
# What a character of a kind does in a state: the next state, whether a token ends before it, whether it is dropped.
_STATES = (
    (_OPERATOR | _BREAK, _ATOM | _BREAK, _QUOTED | _BREAK, _SPACE | _DROP | _BREAK, _ONE | _BREAK),
    (_OPERATOR | _BREAK, _ATOM, _QUOTED | _BREAK, _SPACE | _DROP | _BREAK, _ONE | _BREAK),
    (_QUOTED, _QUOTED, _OPERATOR, _QUOTED, _QUOTED),
    (_OPERATOR, _ATOM, _QUOTED, _SPACE | _DROP, _ONE),
    (_OPERATOR, _OPERATOR, _OPERATOR, _OPERATOR, _OPERATOR),
)
_WITH_NAME = frozenset((0x82, 0x93, 0x94, 0x95))  # metasymbols that the next character belongs to
_UNUSUAL = r'"\\\x80-\x9f\xff'

Report = Callable[[str, str], object]  # a message about a text, and the text


class Reading(Enum):
    EXTERNAL = "external"
    INTERNAL = "internal"
    KEEPING = "keeping"


class Tokeniser:
    """See the module. ``operators`` is OperatorChars, expanded."""

    def __init__(self, operators: str = DEFAULT_OPERATORS, blank: str = " ") -> None:
        self.blank = blank
        operators = operators[:_MOST_OPERATORS] + DELIMITERS
        self._kinds = {reading: _kinds(operators, reading) for reading in Reading}
        ops = "".join(re.escape(c) for c in dict.fromkeys(operators) if c not in '" \t\n\v\f\r()')
        none = rf"{ops}()\s"
        plain = rf"[^{_UNUSUAL}()<>\uf700-\uf7ff]*"
        self._fast = re.compile(f"{plain}(?:<{plain}>{plain})?")
        self._tokens = re.compile(rf"[{ops}]|[^{none}]+", re.ASCII)
        kept = rf"[^{_UNUSUAL}\0<>\uf700-\uf7ff]*"
        self._fast_kept = re.compile(f"{kept}(?:<{kept}>{kept})?")
        self._fast_side = re.compile(rf"[^{_UNUSUAL}]*")
        self._side_tokens = re.compile(
            rf"[\uf782\uf793-\uf795].?|[\uf780-\uf79f]|[{ops}()]|[^{none}\uf780-\uf79f]+", re.ASCII | re.DOTALL
        )
        kinds = self._kinds[Reading.INTERNAL]
        self._atoms = frozenset(chr(c) for c in range(256) if kinds.get(chr(c), _ATOM) == _ATOM)
        self._operator = re.compile(f"[{ops}()\uf780-\uf79f]")
        self._atom = re.compile(rf"[^{none}{_UNUSUAL}\x80-\xff\uf700-\uf7ff]+", re.ASCII)
        self._plain = re.compile(rf"[{ops}()]|{self._atom.pattern}", re.ASCII)

    def tokens(self, text: str, report: Report, reading: Reading = Reading.EXTERNAL) -> list[str] | None:
        """The tokens of a whole text. None if it has none, or too many: the message is reported then."""
        if len(text) < LONGEST_TOKEN and self._fast.fullmatch(text):
            return self._tokens.findall(text) or None
        return self.scan(text, report, reading)[0]

    def quick(self, text: str) -> list[str] | None:
        """The tokens of a text about which there is nothing to report; None for others, and where it has none."""
        if len(text) < LONGEST_TOKEN and self._fast.fullmatch(text):
            return self._tokens.findall(text) or None
        return None

    def is_operator(self, token: str) -> bool:
        """Whether a token is an operator or a metasymbol, of one character."""
        return self._operator.fullmatch(token) is not None

    def is_atom(self, token: str) -> bool:
        """Whether a token is a word without any character that can mean more than itself."""
        return self._atom.fullmatch(token) is not None

    def plain_tokens(self, text: str) -> list[str]:
        """The operators and atoms that make up a text; none where other characters are in it."""
        found = self._plain.findall(text)
        return found if sum(map(len, found)) == len(text) else []

    def side(self, text: str, keeping: bool) -> list[str] | None:
        """The tokens of a side of a rule; None where it has none, or too many."""
        reading = Reading.KEEPING if keeping else Reading.INTERNAL
        if keeping and len(text) <= LONGEST_TOKEN and self._fast_side.fullmatch(text):
            return self._side_tokens.findall(text) or None
        found, _ = self.scan(text, lambda message, about: None, reading, ignore=True, most=LONGEST_LINE)
        return found

    def scan(
        self,
        text: str,
        report: Report,
        reading: Reading = Reading.EXTERNAL,
        *,
        delimiter: str = "",
        ignore: bool = False,
        most: int = LONGEST_TEXT,
    ) -> tuple[list[str] | None, int]:
        """The tokens up to ``delimiter``, and where that is (or the end).

        ignore  leave what is unbalanced as it is
        most    bytes, with one for each token
        """
        if len(text) < LONGEST_TOKEN and not ignore and "\0" not in text and (not delimiter or delimiter not in text):
            if reading is Reading.KEEPING:
                if self._fast_kept.fullmatch(text):
                    return self._side_tokens.findall(text) or None, len(text)
            elif self._fast.fullmatch(text):
                return self._tokens.findall(text) or None, len(text)
        return _Scan(self._kinds[reading], text, report, delimiter, ignore, most).run()

    def joined(self, tokens: Sequence[str], most: int, blank: str | None = None) -> str:
        """The text of the tokens, with ``blank`` (BlankSub by default) between two that are no operators.

        most  bytes that there is room for, two of which are kept
        """
        if len(tokens) == 1:
            return tokens[0][: max(most - 3, 0)]
        blank = self.blank if blank is None else blank
        atoms = self._atoms
        parts: list[str] = []
        before = False
        for token in tokens:
            atom = token[:1] in atoms
            if before and atom:
                parts.append(blank)
            parts.append(token)
            before = atom
        text, room = "".join(parts), max(most - 3, 0)
        return text if len(text) <= room else text[: room + _ends_before_blank(parts, blank, room)]


def _ends_before_blank(parts: Sequence[str], blank: str, room: int) -> bool:
    """Whether ``room`` is used up where a blank follows: there is always room for that."""
    for part in parts:
        if room <= 0:
            return room == 0 and part == blank
        room -= len(part)
    return False


def _kinds(operators: str, reading: Reading) -> dict[str, int]:
    kinds = dict.fromkeys(_SPACES, _SPACE)
    kinds['"'] = _QUOTED
    kinds.update(dict.fromkeys("()", _OPERATOR if reading is Reading.KEEPING else _SPACE))
    for character in operators:
        kinds.setdefault(character, _OPERATOR)
    if reading is not Reading.EXTERNAL:
        for code in range(0x80, 0xA0):
            kinds[chr(BASE + code)] = _ONE if code in _WITH_NAME else _OPERATOR
            kinds[chr(code)] = _OPERATOR
        kinds["\xff"] = _ONE
    return kinds


class _Scan:
    """One text as it is read, character by character."""

    def __init__(
        self, kinds: dict[str, int], text: str, report: Report, delimiter: str, ignore: bool, most: int
    ) -> None:
        self._kinds = kinds
        self._text = text.partition("\0")[0]
        self._report = report
        self._delimiter = delimiter
        self._ignore = ignore
        self._room = most - _MARGIN
        self._comments = kinds["("] == _SPACE
        self._at = 0
        self._used = 0
        self._state = _ATOM
        self._comment = self._angle = 0
        self._escaped = self._route = False
        self._character: str | None = None  # None: nothing read yet, or dropped
        self._token: list[str] = []

    def run(self) -> tuple[list[str] | None, int]:
        found: list[str] = []
        while True:
            self._token = []
            if not self._read_token():
                return self._failed("Address too long")
            if self._token:
                if self._used >= self._room:
                    return self._failed("Address too long")
                self._used += 1
                if len(found) >= MOST_TOKENS:
                    return self._failed("prescan: too many tokens")
                if len(self._token) > LONGEST_TOKEN:
                    return self._failed("prescan: token too long")
                found.append("".join(self._token))
            if self._character == "" or (self._character == self._delimiter and self._angle <= 0):
                break
        return found or None, self._end()

    def _end(self) -> int:
        return min(self._at - 1 if self._at else 0, len(self._text))

    def _failed(self, message: str) -> tuple[None, int]:
        self._report(message, self._text)
        return None, self._end()

    def _unbalanced(self, character: str) -> None:
        self._report(f"Unbalanced '{character}'", self._text)

    def _store(self, character: str) -> bool:
        if self._used >= self._room:
            return False
        self._token.append("\x7f" if character == "\xff" else character)
        self._used += 1
        return True

    def _read_token(self) -> bool:
        """Read on to the end of a token; whether there was room for it."""
        while True:
            character = self._character
            if character is not None and not self._escaped and not self._store(character):
                return False
            if self._next_ends():
                return True
            character = self._character
            if self._escaped:
                self._escaped = False
                if self._comment > 0:
                    self._character = None
                    continue
                if character != "!" or self._state == _QUOTED:
                    if not self._store("\\"):
                        return False
                    continue
            self._weigh()
            character = self._character
            if character is None:
                continue
            if character == self._delimiter and self._angle <= 0 and self._state != _QUOTED:
                return True
            step = _STATES[self._state][self._kinds.get(character, _ATOM)]
            self._state = step & _KIND
            if step & _DROP:
                self._character = None
            if step & _BREAK:
                return True

    def _next_ends(self) -> bool:
        """Read the next character; whether the text, or this part of it, is at its end."""
        if self._at < len(self._text):
            self._character = self._text[self._at]
            self._at += 1
            if self._character != self._delimiter or self._comment > 0 or self._state == _QUOTED:
                return False
            if self._angle <= 0:
                return True
            if self._delimiter == "," and not self._route and not self._ignore:
                self._unbalanced("<")
                self._character = ">"
                self._at -= 1
            return False
        self._character = ""
        self._at = len(self._text) + 1
        if self._ignore:
            return True
        if self._state == _QUOTED:
            self._unbalanced('"')
            self._character = '"'
        elif self._comment > 0:
            self._unbalanced("(")
            self._character = ")"
        elif self._angle > 0:
            self._unbalanced("<")
            self._character = ">"
        else:
            return True
        self._at -= 1
        return False

    def _weigh(self) -> None:
        """Count quotes, comments and brackets at a character, which may be dropped for it."""
        character = self._character
        if character == "\\":
            self._escaped = True
        elif self._state == _QUOTED:
            pass
        elif character == "(" and self._comments:
            self._comment += 1
            self._character = None
        elif character == ")" and self._comments:
            if self._comment > 0:
                self._comment -= 1
            elif not self._ignore:
                self._unbalanced(")")
                self._character = None
        elif self._comment > 0:
            self._character = None
        elif character == "<":
            self._angle += 1
            if self._text[self._at :].lstrip(_SPACES).startswith("@"):
                self._route = True
        elif character == ">":
            if self._angle > 0:
                self._angle -= 1
            elif not self._ignore:
                self._unbalanced(">")
                self._character = None
            self._route = False

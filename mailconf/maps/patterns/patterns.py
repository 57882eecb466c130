"""What regexp and pcre tables share: how a rule is written, and how text from the match comes into the result.

    /pattern/flags result      !/pattern/flags result      IF /pattern/flags      IF !/pattern/flags      ENDIF

The delimiter is the first character after the negations; a backslash takes the next character's meaning as a
delimiter and stays in the pattern. Flags are letters up to the next whitespace, each of which turns its option over. In
the result ``$1``, ``${1}`` and ``$(1)`` stand for a group of the match, empty where it took no part, and ``$$`` for a
dollar sign. regexp_table(5), pcre_table(5); the words of the warnings are those of Postfix 3.7.

The subject is the key as a C string: a key that contains NUL is never matched beyond it.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from copy import copy
from typing import ClassVar, NamedTuple, Protocol

from mailconf.maps.core.contents import NoContent
from mailconf.maps.core.opening import Opening, silent
from mailconf.maps.patterns.late import LateRules
from mailconf.maps.patterns.rules import RuleTable, quoted
from mailconf.source import decode
from mailconf.tables.lines import SPACE

Spans = list[tuple[int, int]]
MOST_SIFTED = 64  # texts that are looked for together
MOST_KEPT = 12 << 20

_NAME = re.compile(rb"[A-Za-z0-9_]*")


class Expression(Protocol):
    """A compiled pattern."""

    groups: int

    def match(self, subject: bytes) -> Spans | None:
        """The places of the whole match and of each group, (-1, -1) for one that took no part; None: no match.

        Raises TemporaryFailure when a limit stopped the search; the message names it.
        """


class BadExpression(Exception):
    """The pattern cannot be compiled; the message is the engine's."""


class _BadRule(Exception):
    """The rule is skipped; the message has the reason."""


class _Pattern(NamedTuple):
    text: bytes
    options: int
    negated: bool
    rest: bytes  # what follows on the line


class PatternTable(RuleTable[bytes]):
    """A table of patterns; a type adds the engine and its flags.

    Compiled patterns of `MOST_KEPT` bytes, by an estimate, are kept. Those of later rules are compiled when the table
    is opened, for what is wrong with them, and again where they may match (`mailconf.maps.patterns.late`).
    """

    flags: ClassVar[dict[int, int]]  # letter: the option that it turns over
    default: ClassVar[int]  # the options of a pattern without flags
    letters: ClassVar[re.Pattern[bytes]]  # what is taken for flags
    zero_index: ClassVar[str]  # how the original calls $0
    unclosed: ClassVar[str]  # what becomes of a rule without its second delimiter
    memory: ClassVar[tuple[int, int]]  # about how many bytes a compiled pattern takes, and for each of its own more

    def __init__(self, name: str, opening: Opening) -> None:
        self._taken = 0
        self._needle: bytes | None = None
        self._needles: set[bytes] = set()  # of the rules that have an answer
        self._late: LateRules | None = None
        super().__init__(name, opening)

    @abstractmethod
    def _compile(self, pattern: bytes, options: int) -> Expression:
        """Raises BadPattern."""

    @abstractmethod
    def _needle_of(self, pattern: bytes, options: int) -> bytes:
        """What every text that the pattern matches contains, in lower case; b"" where that is not known."""

    def _subject(self, key: bytes) -> bytes:
        return key.partition(b"\0")[0]

    def _take(self, line: int, start: int, text: bytes) -> None:
        if self._taken < MOST_KEPT:
            super()._take(line, start, text)
            return
        if self._late is None:
            self._late = LateRules(len(self._rules))
        self._late.begin(line, start)
        super()._take(line, start, text)

    def sieve(self) -> re.Pattern[bytes] | None:
        """What is found in each text, in lower case, for which there is an answer; None where that is not known.

        Much sooner asked than `lookup`.
        """
        if b"" in self._needles or len(self._needles) > MOST_SIFTED:
            return None
        return re.compile(b"|".join(map(re.escape, sorted(self._needles))) or b"(?!)")

    def _add(self, line: int, test: Callable[[bytes], bytes | None], *, opens: bool = False) -> None:
        if not opens and len(self._needles) <= MOST_SIFTED:
            self._needles.add(self._needle or b"")
        if self._late is None:
            super()._add(line, test, opens=opens)
            return
        if opens:
            self._open.append(self._count())
        self._late.add(self._needle or b"", opens=opens)

    def _keep(self, whole: bytes) -> None:
        if self._late is not None:
            self._late.text = whole

    def _count(self) -> int:
        return len(self._rules) + (len(self._late) if self._late is not None else 0)

    def _line_of(self, number: int) -> int:
        if self._late is None or number < self._late.first:
            return super()._line_of(number)
        return self._late.line_of(number)

    def _close(self, number: int, following: int) -> None:
        if self._late is None or number < self._late.first:
            super()._close(number, following)
        else:
            self._late.close(number, following)

    def _continue(self, subject: bytes, number: int) -> bytes | None:
        return self._late.lookup(subject, number, self._again, self._place) if self._late is not None else None

    def _again(self, text: bytes) -> Callable[[bytes], bytes | None] | None:
        """The test of a rule that is compiled again."""
        other = copy(self)  # in which it is the only one
        other._rules, other._open, other._late, other._tell, other._needles = [], [], None, silent, set()
        other._parse(0, text)
        return other._rules[0].test if other._rules else None

    def _compiled(self, pattern: _Pattern) -> Expression:
        """The compiled pattern; the first of a rule decides where it need not be asked."""
        if self._needle is None:
            self._needle = b"" if pattern.negated else self._needle_of(pattern.text, pattern.options)
        each, more = self.memory
        self._taken += each + more * len(pattern.text)
        return self._compile(pattern.text, pattern.options)

    def _parse(self, line: int, text: bytes) -> None:
        self._needle = None
        if not text:  # a NUL hides it, and that is not reported
            return
        try:
            if not text[:1].isalnum():
                self._parse_rule(line, text)
            elif text[:2].lower() == b"if" and not text[2:3].isalnum():
                self._parse_if(line, text)
            elif text[:5].lower() == b"endif" and not text[5:6].isalnum():
                self._parse_endif(line, text)
            else:
                raise _BadRule("ignoring unrecognized request")
        except (_BadRule, BadExpression) as problem:
            self._warn(line, str(problem))

    def _parse_rule(self, line: int, text: bytes) -> None:
        patterns = [self._pattern(line, text)]
        if patterns[0].rest.startswith(b"!"):  # only where ``letters`` leaves it
            patterns.append(self._pattern(line, patterns[0].rest))
        result = patterns[-1].rest.lstrip(SPACE)
        if not result:
            self._warn(line, "no replacement text: using empty string")
        try:
            result = self._value(result)
        except NoContent as missing:
            raise _BadRule(f"{missing}: skipping this rule") from missing
        parts = self._parts(line, result)
        indexes = [part for part in parts if isinstance(part, int)]
        if patterns[0].negated and indexes:
            raise _BadRule("$number found in negative match replacement text: skipping this rule")
        if indexes and not self._trust.substitution:
            raise _BadRule("regular expression substitution is not allowed: skipping this rule")
        expression = self._compiled(patterns[0])
        highest = max(indexes, key=lambda index: index & 0xFFFFFFFF, default=0)
        if not 0 <= highest <= expression.groups:
            raise _BadRule(f'out of range replacement index "{highest}": skipping this rule')
        test = _answer(expression, patterns[0].negated, parts)
        for second in patterns[1:]:
            test = _both(test, self._compiled(second), second.negated)
        self._add(line, test)

    def _parse_if(self, line: int, text: bytes) -> None:
        rest = text[2:].lstrip(SPACE)
        pattern = self._pattern(line, rest)
        extra = pattern.rest.lstrip(SPACE)
        if extra:
            self._warn(line, f"ignoring extra text after IF statement: {quoted(extra)}")
            self._warn(line, "do not prepend whitespace to statements between IF and ENDIF")
        expression = self._compiled(pattern)
        self._add(line, _answer(expression, pattern.negated, [b""]), opens=True)

    def _parse_endif(self, line: int, text: bytes) -> None:
        if not self._close_if():
            raise _BadRule("ignoring ENDIF without matching IF")
        if text[5:].strip(SPACE):
            self._warn(line, "ignoring extra text after ENDIF")

    def _flag(self, line: int, letter: int) -> int:
        """The option that a flag turns over."""
        if letter not in self.flags:
            raise _BadRule(f"unknown regexp option {quoted(bytes([letter]))}: skipping this rule")
        return self.flags[letter]

    def _pattern(self, line: int, text: bytes) -> _Pattern:
        """The pattern at the start of ``text``."""
        body = text.lstrip(b"!" + SPACE)
        negated = text[: len(text) - len(body)].count(b"!") % 2 == 1
        if not body:
            raise _BadRule("no regexp: skipping this rule")
        delimiter = body[:1]
        end = 1
        while end < len(body) and (body[end] == 0x5C or body[end : end + 1] != delimiter):
            end += 2 if body[end] == 0x5C else 1
        if end >= len(body):
            shown = decode(delimiter)
            raise _BadRule(f'no closing regexp delimiter "{shown}": {self.unclosed} this rule')
        letters = self.letters.match(body, end + 1)
        assert letters is not None  # it matches the empty word
        options = self.default
        for letter in letters[0]:
            options ^= self._flag(line, letter)
        return _Pattern(body[1:end], options, negated, body[letters.end() :])

    def _parts(self, line: int, text: bytes) -> list[bytes | int]:
        """The result as literal texts and numbers of groups."""
        parts: list[bytes | int] = []
        at, good = 0, True
        while at < len(text):
            dollar = text.find(b"$", at)
            if dollar < 0:
                dollar = len(text)
            if dollar > at:
                parts.append(text[at:dollar])
            if dollar == len(text):
                break
            if text[dollar + 1 : dollar + 2] == b"$":
                parts.append(b"$")
                at = dollar + 2
                continue
            name, at = _name(text, dollar + 1)
            if not good and name is not None and text[dollar + 1 : dollar + 2] in (b"{", b"("):
                break
            if not name:
                self._tell(f"{'truncated macro reference' if name is None else 'empty macro name'}: {quoted(text)}")
                good = False
                break
            index = self._index(line, name)
            good &= index is not None
            parts.append(index or 0)
        if not good:
            raise _BadRule("bad replacement syntax: skipping this rule")
        return parts

    def _index(self, line: int, name: bytes) -> int | None:
        """A group's number, in 32 bits as the original's atoi() gives it."""
        if not name.isdigit():
            self._warn(line, f"non-numeric replacement index {quoted(name)}")
            return None
        value = int(name) if len(name) < 20 else 2**63 - 1
        number = (min(value, 2**63 - 1) + 2**31) % 2**32 - 2**31
        if number == 0:
            self._warn(line, f"{self.zero_index} replacement index {quoted(name)}")
            return None
        return number


def _name(text: bytes, at: int) -> tuple[bytes | None, int]:
    """The name of a macro after its dollar sign and the place after it; None when its bracket is not closed."""
    closing = {b"{": b"}", b"(": b")"}.get(text[at : at + 1])
    if closing is None:
        word = _NAME.match(text, at)
        assert word is not None  # it matches the empty name
        return word[0], word.end()
    depth = 0
    for end in range(at, len(text)):
        byte = text[end : end + 1]
        depth += (byte == text[at : at + 1]) - (byte == closing)
        if depth == 0:
            return text[at + 1 : end], end + 1
    return None, len(text)


def _answer(expression: Expression, negated: bool, parts: list[bytes | int]) -> Callable[[bytes], bytes | None]:
    """The test of a rule (`Rule.test`)."""
    match = expression.match
    if all(isinstance(part, bytes) for part in parts):
        constant = b"".join(part for part in parts if isinstance(part, bytes))
        if negated:
            return lambda subject: constant if match(subject) is None else None
        return lambda subject: None if match(subject) is None else constant

    def substituted(subject: bytes) -> bytes | None:
        spans = match(subject)
        if spans is None:
            return None
        return b"".join(part if isinstance(part, bytes) else subject[slice(*spans[part])] for part in parts)

    return substituted


def _both(test: Callable[[bytes], bytes | None], second: Expression, negated: bool) -> Callable[[bytes], bytes | None]:
    """The test of a rule with a second pattern."""

    def both(subject: bytes) -> bytes | None:
        answer = test(subject)
        return None if answer is None or (second.match(subject) is None) is not negated else answer

    return both

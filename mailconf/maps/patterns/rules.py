"""What the tables of rules share: regexp, pcre and cidr (regexp_table(5), pcre_table(5), cidr_table(5)).

A table of rules is read whole when it is opened. Its text is a file, or is in the name itself: the name
``{ {rule} {rule} }`` makes a text of one line a rule ("INLINE SPECIFICATION"). Logical lines are those of
`mailconf.tables.lines`; one that starts with whitespace is dropped with a warning.

Rules are asked in order and the first that matches answers. ``IF`` and ``ENDIF`` bracket rules that are asked only when
the IF matches. An IF without ENDIF reaches to the end of the table.

What is wrong with a rule is a warning in the words of the original, which skips that rule and goes on; it reaches the
caller through the `Opening`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from mailconf.files import Tree
from mailconf.maps.core.opening import Opening, Warn
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.core.words import balanced, split_braced
from mailconf.source import decode, encode
from mailconf.tables.lines import SPACE, LineNumbers, LogicalLine, NullLines, logical_lines

Subject = TypeVar("Subject")


def quoted(text: bytes) -> str:
    """A piece of a table as warnings show it."""
    return f'"{decode(text)}"'


def text_of(kind: str, name: str, root: Tree) -> bytes:
    """The text of the table ``kind:name``."""
    if name.startswith("{"):
        words = split_braced(_unbraced(kind, name))
        return encode("".join(_unbraced(kind, word).strip(decode(SPACE)) + "\n" for word in words))
    try:
        return root.read(name)
    except IsADirectoryError as problem:
        if kind == "cidr":
            raise TemporaryFailure(f"{kind} map {name}: read error: {problem.strerror}") from problem
        return b""  # the original reads nothing and reports nothing
    except OSError as problem:
        raise TemporaryFailure(f"open {name}: {problem.strerror}") from problem


def _unbraced(kind: str, text: str) -> str:
    if not text.startswith("{"):
        raise UnsupportedMap(f"{kind} map: no '{{' at start of text in \"{text}\"")
    length = balanced(text)
    if not length:
        raise UnsupportedMap(f"{kind} map: missing '}}' in \"{text}\"")
    if text[length:].strip(decode(SPACE)):
        raise UnsupportedMap(f"{kind} map: syntax error after '}}' in \"{text}\"")
    return text[1 : length - 1]


def numbered_lines(name: str, text: bytes, warn: Warn, nulls: str = "") -> Iterator[tuple[int, int, bytes]]:
    """The logical lines of a text, without whitespace at the end, each with the number of its first line and the offset
    of that.

    nulls  gets the messages about lines with NULs
    """
    number_of = LineNumbers(text)
    told = NullLines(text if nulls else b"")
    for line in logical_lines(text):
        if lines := told.take(line.start):
            warn(f"{name}, line {lines}: {nulls}")
        if line.text[0] in SPACE:
            shown = quoted(line.text[:30] + (b"..." if len(line.text) > 30 else b""))
            warn(f"{name}: logical line must not start with whitespace: {shown}")
            continue
        yield number_of(line.start), line.start, meaning(line)
    if lines := told.take(0):
        warn(f"{name}, line {lines}: {nulls}")


def meaning(line: LogicalLine) -> bytes:
    """What is read of a logical line."""
    return line.text.rstrip(SPACE).partition(b"\0")[0]


@dataclass(slots=True)
class PatternRule(Generic[Subject]):
    """One rule. ``test`` returns the answer of a rule that applies, and None of one that does not.

    An IF has ``skip_to``, the index of the rule to go on with when it does not apply, and any answer when it does.
    """

    test: Callable[[Subject], bytes | None]
    line: int
    skip_to: int | None = None


class RuleTable(ABC, Generic[Subject]):
    """A table of rules; a type adds how a line is parsed and what a rule is asked about.

    answered  the line of the rule that gave the last answer, 0 where it is not known
    """

    type: str
    answered = 0

    def __init__(self, name: str, opening: Opening) -> None:
        """``name`` is a file or an inline specification."""
        self.name = name
        self._tell = opening.warn
        self._value = opening.value
        self._trust = opening.trust
        self._rules: list[PatternRule[Subject]] = []
        self._open: list[int] = []  # the numbers of the IFs that are open
        whole = text_of(self.type, name, opening.root)
        for line, start, text in numbered_lines(name, whole, opening.warn, opening.nulls):
            self._take(line, start, text)
        for number in reversed(self._open):
            self._close(number, self._count())
            self._warn(self._line_of(number), "IF has no matching ENDIF")
        self._keep(whole)

    def lookup(self, key: bytes) -> bytes | None:
        """The answer of the first rule that applies to ``key``; None when none does. Raises TemporaryFailure."""
        subject = self._subject(key)
        if subject is None:
            return None
        rules, at = self._rules, 0
        while at < len(rules):
            rule = rules[at]
            try:
                answer = rule.test(subject)
            except TemporaryFailure as problem:
                raise TemporaryFailure(f"{self._place(rule.line)}: {problem}") from problem
            if rule.skip_to is None:
                if answer is not None:
                    self.answered = rule.line
                    return answer
                at += 1
            else:
                at = rule.skip_to if answer is None else at + 1
        self.answered = 0
        return self._continue(subject, at)

    def _continue(self, subject: Subject, number: int) -> bytes | None:
        """The answer of rules that are not among ``_rules``, from ``number`` on."""
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def _take(self, line: int, start: int, text: bytes) -> None:
        """Add the rule of the logical line that begins at the offset ``start``."""
        self._parse(line, text)

    def _keep(self, whole: bytes) -> None:
        """The text of the table has been read."""

    def _count(self) -> int:
        return len(self._rules)

    def _line_of(self, number: int) -> int:
        """The line of a rule."""
        return self._rules[number].line

    def _close(self, number: int, following: int) -> None:
        """The rule to go on with where an IF does not apply."""
        self._rules[number].skip_to = following

    @abstractmethod
    def _subject(self, key: bytes) -> Subject | None:
        """What the rules are asked about; None when no rule can apply."""

    @abstractmethod
    def _parse(self, line: int, text: bytes) -> None:
        """Add the rule of a logical line."""

    def _warn(self, line: int, message: str) -> None:
        self._tell(f"{self._place(line)}: {message}")

    def _place(self, line: int) -> str:
        return f"{self.type} map {self.name}, line {line}"

    def _add(self, line: int, test: Callable[[Subject], bytes | None], *, opens: bool = False) -> None:
        if opens:
            self._open.append(self._count())
        self._rules.append(PatternRule(test, line, 0 if opens else None))

    def _close_if(self) -> bool:
        """End the innermost IF; False when none is open."""
        if not self._open:
            return False
        self._close(self._open.pop(), self._count())
        return True

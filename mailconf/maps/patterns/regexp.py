"""``regexp`` tables: POSIX regular expressions (regexp_table(5)), answered by the C library as in the original.

Flags: ``i`` ignore case (on), ``m`` newlines are line ends for ``^`` and ``$`` (off), ``x`` extended syntax (on).

A second pattern can follow the first's flags, ``/pattern/!/second/ result``: the rule applies to what the first matches
and the second does not. (It is in no manual.)

Departure: the C library's search has no limit of its own. It can take time that grows with the square of the text's
length, and with back-references without any bound; nested repetitions such as ``((a{255}){255}){255}`` take gigabytes
to compile. What may be expensive, by an estimate from above, is done by a process that is ended after two seconds
(`mailconf.maps.patterns.regexp_worker`): a rule that is too big to compile is skipped with a warning, a search that is
stopped is a temporary failure. Everything else is answered in this process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from mailconf.maps.patterns.late import needle
from mailconf.maps.patterns.patterns import Expression as AnyExpression
from mailconf.maps.patterns.patterns import PatternTable, Spans
from mailconf.maps.patterns.posix_regex import EXTENDED, IGNORE_CASE, NEWLINE, PosixExpression

if TYPE_CHECKING:
    from mailconf.maps.patterns.regexp_worker import GuardedExpression

CHEAP_PATTERN = 2_000  # elements, repetitions multiplied out
MOST_REPETITIONS = 32_767  # RE_DUP_MAX of the C library
CHEAP_SEARCH = 100_000_000  # elements times the square of the text's length: a tenth of a second or less

_BACKREFERENCE = re.compile(rb"\\[1-9]")
_TOKEN = re.compile(rb"\[\^?\]?(?:\[[:.=].*?[:.=]\]|[^]])*\]|\\.|.", re.DOTALL)
_SYNTAX = {True: (b"(", b")", b"{", b"}"), False: (b"\\(", b"\\)", b"\\{", b"\\}")}


class Regexp(PatternTable):
    """A table of POSIX regular expressions."""

    type = "regexp"
    flags: ClassVar = {ord("i"): IGNORE_CASE, ord("m"): NEWLINE, ord("x"): EXTENDED}
    default: ClassVar = EXTENDED | IGNORE_CASE
    letters: ClassVar = re.compile(rb"[^ \t\n\v\f\r!]*")
    zero_index: ClassVar = "out-of-range"
    unclosed: ClassVar = "skipping"
    memory: ClassVar = (3_000, 200)

    def _needle_of(self, pattern: bytes, options: int) -> bytes:
        return needle(pattern) if options & EXTENDED else b""

    def _compile(self, pattern: bytes, options: int) -> AnyExpression:
        size = elements(pattern, extended=bool(options & EXTENDED))
        if size > CHEAP_PATTERN or _BACKREFERENCE.search(pattern):
            return _guarded(pattern, options)
        return _Measured(pattern, options, size)


class _Measured:
    """A pattern that is cheap for short texts."""

    def __init__(self, pattern: bytes, options: int, size: int) -> None:
        self._pattern, self._options, self._size = pattern, options, size
        self._here = PosixExpression(pattern, options)
        self._guarded: GuardedExpression | None = None
        self.groups = self._here.groups

    def match(self, subject: bytes) -> Spans | None:
        if self._size * len(subject) ** 2 <= CHEAP_SEARCH:
            return self._here.match(subject)
        if self._guarded is None:
            self._guarded = _guarded(self._pattern, self._options)
        return self._guarded.match(subject)


def _guarded(pattern: bytes, options: int) -> GuardedExpression:
    from mailconf.maps.patterns.regexp_worker import GuardedExpression  # rarely needed, and not small

    return GuardedExpression(pattern, options)


def elements(pattern: bytes, *, extended: bool) -> int:
    """How many elements a pattern stands for when its repetitions are written out: an estimate from above."""
    opening, closing, brace, unbrace = _SYNTAX[extended]
    words = _TOKEN.findall(pattern)
    sums, last, at = [0], 0, 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == opening:
            sums[-1] += last
            sums.append(1)
            last = 0
        elif word == closing and len(sums) > 1:
            last += sums.pop()
        elif word == brace:
            bounds = words[at : at + 16]
            if unbrace in bounds:
                del bounds[bounds.index(unbrace) :]
                last *= max([1, *map(int, re.findall(rb"\d+", b"".join(bounds)))])
                at += len(bounds) + 1
            else:
                last *= MOST_REPETITIONS
        else:
            sums[-1] += last
            last = 1
    return sum(sums) + last

"""Rules of a large table of patterns that are not kept compiled: that takes kilobytes for a line of twenty bytes.

Each is remembered by its place in the text, with a needle: bytes that every text contains which the pattern matches. A
lookup compiles only those whose needle its subject has.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable

from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.patterns.rules import meaning
from mailconf.tables.lines import logical_lines
from mailconf.tables.rows import offsets

Test = Callable[[bytes], bytes | None]

_NO_IF, _OPEN = 0, (1 << 32) - 1  # instead of the rule to go on with
# What of a pattern is understood: text, escaped marks, classes and sets, and marks that stand for other text or none.
_TOKEN = re.compile(
    rb"[A-Za-z0-9_@,:;=~%&<>/ '\"#!-]+|\\[-.@/+*?$^]|\\[wWsSdDbB]|\[\^?\]?[^]\\[]*\]|\{[0-9]+,?[0-9]*\}|[.^$*+?()|]"
)
_PLAIN = re.compile(rb"[A-Za-z0-9_@,:;=~%&<>/ '\"#!-]")
_ESCAPED = re.compile(rb"\\[^a-zA-Z]")
_MAY_DROP = b"*?+{"
_SPECIAL = re.compile(rb"\((?:\?[^:]|\*)")  # what may change the meaning of all that follows, or look about


def needle(pattern: bytes) -> bytes:
    """The longest text, in lower case, that is in each text which an extended regular expression matches.

    Groups are passed over. b"" where there is none, and where something in the expression is not understood.
    """
    if _SPECIAL.search(pattern):
        return b""
    best = run = b""
    at = depth = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None:
            return b""
        token, at = found[0], found.end()
        depth += (token == b"(") - (token == b")")
        if depth < 0 or (token == b"|" and not depth):
            return b""
        if _PLAIN.match(token) or _ESCAPED.match(token):
            run += token.removeprefix(b"\\") if not depth else b""
            continue
        if token[0] in _MAY_DROP:
            run = run[:-1]
        best, run = max(best, run, key=len), b""
    return max(best, run, key=len).lower() if not depth else b""


class LateRules:
    """The rules from number ``first`` on; ``text`` is the table's."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.text = b""
        self._line = self._start = 0
        self._lines, self._starts = offsets(0), array("Q")
        self._following = array("I")  # of an IF, the rule to go on with where it does not apply
        self._needles, self._ends = bytearray(), offsets(0)

    def __len__(self) -> int:
        return len(self._lines)

    def begin(self, line: int, start: int) -> None:
        """What is added next is of this line, at this offset."""
        self._line, self._start = line, start

    def add(self, needle: bytes, *, opens: bool) -> None:
        self._lines.append(self._line)
        self._starts.append(self._start)
        self._following.append(_OPEN if opens else _NO_IF)
        self._needles += needle
        self._ends.append(len(self._needles))

    def line_of(self, number: int) -> int:
        return self._lines[number - self.first]

    def close(self, number: int, following: int) -> None:
        self._following[number - self.first] = following

    def lookup(
        self, subject: bytes, number: int, compiled: Callable[[bytes], Test | None], place: Callable[[int], str]
    ) -> bytes | None:
        """The answer of the first rule from ``number`` on that applies. Raises TemporaryFailure.

        compiled  gives the test of a rule, of its text
        """
        lowered, needles, ends = subject.lower(), bytes(self._needles), self._ends
        at = number - self.first
        while at < len(ends):
            wanted = needles[ends[at - 1] if at else 0 : ends[at]]
            answer = None
            if wanted in lowered:  # b"" is in each
                try:
                    test = compiled(meaning(next(logical_lines(self.text, self._starts[at]))))
                    answer = None if test is None else test(subject)
                except TemporaryFailure as problem:
                    raise TemporaryFailure(f"{place(self._lines[at])}: {problem}") from problem
            following = self._following[at]
            if following == _NO_IF:
                if answer is not None:
                    return answer
                at += 1
            else:
                at = following - self.first if answer is None else at + 1
        return None

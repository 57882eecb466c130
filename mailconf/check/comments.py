"""A comment after a value of main.cf is one mistake, whatever its words are taken for: one finding."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from mailconf.diagnostics import Diagnostic, Severity
from mailconf.source import Span

_COMMENT, _END = "CK073", "PF229"  # a comment after a value; one in a list of patterns, which ends there
# What the words of a comment are, each by itself; and what a whole value is that has one.
_OF_WORDS = frozenset({"PF201", "PF202", "PF203", "CK076"})
_OF_VALUES = frozenset({"PF007", "PF008", "PF009", "PF013", "PF228", "PF251", "PF278", "CK075", "CK080"})


def as_one(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The findings; those that only follow from a comment after a value (CK073) are left out, and it is an error.

    Lists of patterns end where a comment begins (PF229): there that is the finding. Where a later line of a list is
    wrong, that is another mistake.
    """
    listed = list(found)
    comments = _Comments(listed)
    if not comments.places:
        return listed
    ended = {_line(each.span) for each in listed if each.code == _END and each.span is not None}
    followed: set[tuple[str, int]] = set()
    left: list[Diagnostic] = []
    for each in listed:
        place = comments.before(each)
        if place is not None:
            followed.add(place)
        elif not (each.code == _COMMENT and each.span is not None and _line(each.span) in ended):
            left.append(each)
    return [_raised(each, followed) for each in left]


class _Comments:
    """The comments after values: where they begin, and what they say."""

    def __init__(self, found: Iterable[Diagnostic]) -> None:
        self.places: dict[str, list[int]] = {}  # by file: where the comments begin
        self._lines: dict[tuple[str, int], int] = {}
        self._texts: set[str] = set()
        for each in found:
            if each.code == _COMMENT and each.span is not None:
                self.places.setdefault(each.span.source.name, []).append(each.span.start)
                self._lines[_line(each.span)] = each.span.start
                self._texts.add(each.span.text.strip())
        for starts in self.places.values():
            starts.sort()

    def before(self, found: Diagnostic) -> tuple[str, int] | None:
        """The comment that is the cause of a finding: its file, and where it begins."""
        span = found.span
        if span is None:
            return None
        name = span.source.name
        if found.code in _OF_WORDS:
            start = self._lines.get(_line(span))
            return (name, start) if start is not None and span.start >= start else None
        starts = self.places.get(name, [])
        at = bisect_left(starts, span.start)
        if found.code in _OF_VALUES and at < len(starts) and starts[at] < span.end:
            return name, starts[at]
        # A list that a default fills from a value with a comment has it as well.
        by_default = found.code == _END and span.start == 0
        return (name, -1) if by_default and found.message.rpartition(": ")[2].strip() in self._texts else None


def _line(span: Span) -> tuple[str, int]:
    return span.source.name, span.line


def _raised(found: Diagnostic, followed: set[tuple[str, int]]) -> Diagnostic:
    if found.code != _COMMENT or found.span is None or (found.span.source.name, found.span.start) not in followed:
        return found
    return found._replace(severity=Severity.ERROR)

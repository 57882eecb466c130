"""Findings with one cause are one finding, with the other places beside it."""

from __future__ import annotations

from mailconf.check.causes import MOST_PLACES, joined
from mailconf.diagnostics import Diagnostic, Edit, Severity
from mailconf.source import Source

SOURCE = Source("/etc/postfix/main.cf", "a\n" * 500)


def finding(line: int, cause: str, code: str = "CK070", *, fix: bool = False) -> Diagnostic:
    span = SOURCE.line_span(line)
    edits = (Edit(span, "b"),) if fix else ()
    return Diagnostic(code, Severity.WARNING, f"in line {line}", span, fix=edits, cause=cause)


def test_the_first_has_the_places_of_the_others() -> None:
    found = [
        finding(5, "x"),
        finding(3, "x"),
        finding(4, "y"),
        finding(1, "x", "CK061"),
        finding(2, ""),
        finding(6, ""),
    ]
    shown = [(d.code, d.span and d.span.line, [other.span.line for other in d.related]) for d in joined(found)]
    assert shown == [("CK061", 1, []), ("CK070", 2, []), ("CK070", 3, [5]), ("CK070", 4, []), ("CK070", 6, [])]


def test_the_edits_of_all_are_made_where_each_has_some() -> None:
    (one,) = joined([finding(1, "x", fix=True), finding(2, "x", fix=True)])
    assert [edit.span.line for edit in one.fix] == [1, 2]
    (one,) = joined([finding(1, "x", fix=True), finding(2, "x")])
    assert [edit.span.line for edit in one.fix] == [1]


def test_places_are_bounded() -> None:
    (one,) = joined([finding(line, "x") for line in range(1, 400)])
    assert len(one.related) == MOST_PLACES

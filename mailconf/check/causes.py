"""Findings with one cause become one finding, with the other places beside it."""

from __future__ import annotations

from collections.abc import Iterable

from mailconf.check.comments import as_one
from mailconf.diagnostics import Diagnostic, Related, ordered

MOST_PLACES = 100  # of one finding that are named


def joined(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The findings; of those with one code and one cause the first by place, with places and edits of the others.

    What follows from a comment after a value is left out (`mailconf.check.comments`).
    """
    left: list[Diagnostic] = []
    together: dict[tuple[str, str], list[Diagnostic]] = {}
    for diagnostic in ordered(as_one(found)):
        if diagnostic.cause and diagnostic.span is not None:
            together.setdefault((diagnostic.code, diagnostic.cause), []).append(diagnostic)
        else:
            left.append(diagnostic)
    return ordered([*left, *map(_as_one, together.values())])


def _as_one(alike: list[Diagnostic]) -> Diagnostic:
    first, *others = alike
    places = [Related(other.message, other.span) for other in others[:MOST_PLACES] if other.span is not None]
    fix = tuple(dict.fromkeys(edit for each in alike for edit in each.fix)) if all(each.fix for each in alike) else ()
    return first._replace(related=(*first.related, *places), fix=fix or first.fix)

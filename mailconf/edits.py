"""The edits of fixes: made where a mistake is found, applied by ``mailconf check --fix``.

Each function here returns the edits of one fix, and none where the text at the place is not what the rule has seen:
a value of several lines, one that comes from another parameter. A fix is offered only where one correction is certain.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mailconf.diagnostics import Edit
from mailconf.source import Source, Span

Fix = tuple[Edit, ...]

_SHORTEST = 4  # letters of a word that may be taken for a misspelling


def swapped(span: Span | None, old: str, new: str, at: int = 0) -> Fix:
    """``old``, which is at character ``at`` of ``span``, becomes ``new``."""
    if span is None or span.origin is not None or old == new:
        return ()
    found = span.source.span(span.start + at, span.start + at + len(old))
    return (Edit(found, new),) if found.text == old else ()


def comment_moved(span: Span | None) -> Fix:
    """What begins with the ``#`` at ``span``, up to the end of its line, becomes a line of its own above that line."""
    if span is None or span.origin is not None:
        return ()
    text = span.source.text
    start, end = _line(text, span.start)
    before = text[start : span.start].rstrip()
    if text[span.start : span.start + 1] != "#" or not before:
        return ()
    comment = text[span.start : end].rstrip()
    source = span.source
    return (Edit(source.span(start), f"{comment}\n"), Edit(source.span(start + len(before), end), ""))


def comment_removed(span: Span) -> Fix:
    """The comment ``span``, which ends its line, goes: with the line where there is nothing else on it."""
    text = span.source.text
    start, end = _line(text, span.start)
    before = text[start : span.start].rstrip()
    if span.origin is not None or span.end != end or "\n" in span.text:
        return ()
    return (Edit(span.source.span(start + len(before), end), ""),) if before else lines_removed(span)


def lines_removed(span: Span | None) -> Fix:
    """The lines of ``span`` go, with their ends. Not where one of them after the first is a comment."""
    if span is None or span.origin is not None:
        return ()
    text = span.source.text
    start, end = _line(text, span.start)[0], _line(text, max(span.end - 1, span.start))[1]
    if any(line.lstrip().startswith("#") for line in text[start:end].split("\n")[1:]):
        return ()
    return (Edit(span.source.span(start, min(end + 1, len(text))), ""),)


def blanks_removed(source: Source, at: int) -> Fix:
    """The blanks at the beginning of the line of character ``at`` go."""
    start, end = _line(source.text, at)
    line = source.text[start:end]
    blanks = len(line) - len(line.lstrip(" \t"))
    return (Edit(source.span(start, start + blanks), ""),) if 0 < blanks < len(line) else ()


def misspelled(word: str, names: Collection[str]) -> str:
    """The one of ``names`` from which ``word`` differs in one letter, or ""; also where two of them are as near.

    One letter is wrong, missing or too many, or changes places with the next; the case of letters does not count.
    """
    lower = word.lower()
    if len(word) < _SHORTEST or word in names:
        return ""
    near = {name for name in names if abs(len(name) - len(word)) <= 1 and _is_one_off(lower, name.lower())}
    return near.pop() if len(near) == 1 else ""


def _is_one_off(one: str, other: str) -> bool:
    """Whether at most one letter differs, or two neighbours are exchanged."""
    if len(one) > len(other):
        one, other = other, one
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    swapped_pair = one[at : at + 2][::-1] == other[at : at + 2] and one[at + 2 :] == other[at + 2 :]
    return one[at + 1 :] == other[at + 1 :] or swapped_pair


def _line(text: str, at: int) -> tuple[int, int]:
    """Where the line of character ``at`` begins and ends, its newline not included."""
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    return start, len(text) if end < 0 else end


def applied(text: str, edits: Sequence[Edit]) -> str:
    """The text with ``edits`` made, which do not overlap."""
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        parts += [text[at : edit.span.start], edit.text]
        at = edit.span.end
    return "".join([*parts, text[at:]])

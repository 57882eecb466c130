"""Comments that take a finding back, with a reason: ``mailconf: ignore[CODE, ...] reason``.

A comment on a line of its own is about the logical line below it; there may be other comments and empty lines between
them. In a .mc, where ``dnl`` begins a comment, and in a .cf, where `` #`` does, one may also be at the end of the line
that it is about. main.cf, master.cf and tables have no such comments: there the text behind a value is part of the
value. ``mailconf: ignore-file[CODE, ...] reason`` is about the whole file. A code may be shortened: ``PF2`` is every
code that begins with it.

A comment that takes back nothing is itself reported (CK121), for the mistake that it was about is gone, or it never
was about the line that its author meant.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailconf.diagnostics import Diagnostic, Sink, ordered, warning
from mailconf.edits import comment_removed
from mailconf.files import Tree
from mailconf.source import Source, Span

CK121 = warning("CK121", "a comment that ignores findings, of which there are none")
"""Why: the comment takes back a finding that does not exist: the mistake was corrected, the line was moved, or the
code is not the finding's. A finding that comes later would be taken back without anybody's having decided so.

Example:
    # main.cf
    # mailconf: ignore[PF999] our filter needs it
    smtpd_banner = $myhostname ESMTP

Remedy: remove the comment, or move it to the line above the one that it is about.

Source: docs/ci.md.
"""
CK122 = warning("CK122", "a comment that is meant to ignore findings, and does not")
"""Why: a comment says what it ignores in brackets: `mailconf: ignore[CODE] reason`. One that names no code ignores
nothing, for it would take back what nobody has seen yet.

Example:
    # main.cf
    # mailconf: ignore our filter needs it
    smtpd_banner = $myhostname ESMTP

Remedy: write the code of the finding in brackets.

Source: docs/ci.md.
"""

_MARK = "mailconf:"
_LONGEST = 4096  # characters of a line in which a comment is looked for
_COMMENT = re.compile(r"(?P<begin>^[ \t]*#+[ \t]*|\bdnl\b[ \t#]*|[ \t]#+[ \t]*)mailconf:[ \t]*(?P<rest>.*)$")
# Findings about the machine and what is built on it: where only a folder is looked at, no one of them is found.
_OF_THE_MACHINE = ("CK01", "CK05", "CK06", "CK084", "CK09", "BD", "MP")
_PASSWD = "/etc/passwd"
_IGNORE = re.compile(r"(ignore|ignore-file)\[([^\]]*)\]")
_CODE = re.compile(r"[A-Z][A-Z0-9]\d{0,3}")


@dataclass
class _Ignore:
    """One comment: the codes, or beginnings of codes, and the first and last line that it is about."""

    span: Span
    codes: tuple[str, ...]
    first: int
    last: int
    everywhere: bool = False
    used: bool = field(default=False)

    def covers(self, diagnostic: Diagnostic) -> bool:
        assert diagnostic.span is not None
        return self.first <= diagnostic.span.line <= self.last and diagnostic.code.startswith(self.codes)


def without_ignored(found: Iterable[Diagnostic], names: Iterable[str], tree: Tree) -> tuple[list[Diagnostic], int]:
    """The findings that no comment takes back, and the number of the others.

    names  of the files that comments are looked for in, and reported from where they ignore nothing
    """
    kept: list[Diagnostic] = []
    sink = Sink()
    ignores: dict[str, _Ignores] = {}
    for name in names:
        place = tree.place(name)
        if place not in ignores:
            ignores[place] = _Ignores(_read(name, place, tree, sink))
    ignored = 0
    for diagnostic in found:
        name = diagnostic.file if diagnostic.span is None else diagnostic.span.source.name
        covering = ignores[name].covering(diagnostic) if name in ignores else []
        for ignore in covering:
            ignore.used = True
        if covering:
            ignored += diagnostic.stands_for
        else:
            kept.append(diagnostic)
    apart = not tree.covers(_PASSWD)  # a folder of a repository, beside which there is no machine
    for ignore in (one for some in ignores.values() for one in some.all if not one.used):
        if apart and any(code.startswith(_OF_THE_MACHINE) for code in ignore.codes):
            continue
        codes = ", ".join(ignore.codes)
        message = f"nothing is found that this comment could ignore ({codes})"
        sink.report(CK121, message, ignore.span, hint="remove it", fix=comment_removed(ignore.span))
    return ordered([*kept, *sink]), ignored


def _read(name: str, place: str, tree: Tree, sink: Sink) -> list[_Ignore]:
    try:
        data = tree.read(name)
    except (OSError, ValueError):  # reported by the rule that needs the file
        return []
    if _MARK.encode() not in data:
        return []
    source = Source.read(tree, name, place)
    return list(_ignores(source, sink))


def _ignores(source: Source, sink: Sink) -> Iterable[_Ignore]:
    lines = source.text.split("\n")
    macros, rules = source.name.endswith((".mc", ".m4")), source.name.endswith(".cf") and _is_sendmails(lines)
    logical = _Logical(lines, macros)
    for number, line in enumerate(lines, 1):
        if _MARK not in line or len(line) > _LONGEST or not (found := _COMMENT.search(line)):
            continue
        alone = not line[: found.start("begin")].strip() and line.lstrip()[:1] in ("#", "d")
        if not alone and not (macros and "dnl" in found["begin"]) and not (rules and "#" in found["begin"]):
            continue
        start = source.offset(number, found.start("begin") + 1)
        start += len(found["begin"]) - len(found["begin"].lstrip())
        span = source.span(start, source.offset(number) + len(line))
        meant = _IGNORE.match(found["rest"])
        codes = tuple(word for word in re.split(r"[\s,]+", meant[2]) if word) if meant else ()
        if not meant or not codes or not all(map(_CODE.fullmatch, codes)):
            hint = "write the codes in brackets: mailconf: ignore[PF012] the reason"
            sink.report(CK122, "this comment names no code that it could ignore", span, hint=hint)
            continue
        if meant[1] == "ignore-file":
            yield _Ignore(span, codes, 1, len(lines), everywhere=True)
        elif alone:
            first, last = logical.below(number)
            yield _Ignore(span, codes, first, last)
        else:
            yield _Ignore(span, codes, number, number)


def _is_sendmails(lines: list[str]) -> bool:
    return any(line[:1] in ("V", "O", "M", "S", "K") and line[1:2].isascii() for line in lines)


class _Logical:
    """The logical lines of a text; what was looked for once is remembered, so that many comments cost no more."""

    def __init__(self, lines: list[str], macros: bool) -> None:
        self._lines = lines
        self._macros = macros
        self._ends: dict[int, int] = {}
        self._next = array("I", bytes(4 * (len(lines) + 1)))
        self._next[-1] = len(lines)
        for at in range(len(lines) - 1, -1, -1):
            self._next[at] = self._next[at + 1] if _is_beside(lines[at], macros) else at

    def below(self, number: int) -> tuple[int, int]:
        """The one below line ``number`` (from 1): its first and its last line; (0, -1) where there is none."""
        first = self._next[number]
        if first == len(self._lines):
            return 0, -1
        if first not in self._ends:
            self._ends[first] = self._end(first)
        return first + 1, self._ends[first] + 1

    def _end(self, first: int) -> int:
        last = first
        if self._macros:
            depth = _depth(self._lines[first])
            while depth > 0 and last + 1 < len(self._lines):
                last += 1
                depth += _depth(self._lines[last])
            return last
        for at in range(first + 1, len(self._lines)):
            if not _is_beside(self._lines[at], self._macros):
                if not self._lines[at].startswith((" ", "\t")):
                    break
                last = at
        return last


_ByCodes = dict[tuple[str, ...], list[_Ignore]]


class _Ignores:
    """The comments of one file, found by the lines that they are about: such stretches are disjoint, or the same."""

    def __init__(self, found: Iterable[_Ignore]) -> None:
        self.all = list(found)
        self._everywhere: _ByCodes = {}
        self._at: dict[int, _ByCodes] = {}
        for one in self.all:
            if one.first <= one.last:
                by_codes = self._everywhere if one.everywhere else self._at.setdefault(one.first, {})
                by_codes.setdefault(one.codes, []).append(one)
        self._firsts = sorted(self._at)

    def covering(self, diagnostic: Diagnostic) -> list[_Ignore]:
        """Those that take a finding back."""
        if diagnostic.span is None:
            return []
        at = bisect_right(self._firsts, diagnostic.span.line) - 1
        here = self._at[self._firsts[at]] if at >= 0 else {}
        found = [some for by_codes in (self._everywhere, here) for codes, some in by_codes.items()
                 if diagnostic.code.startswith(codes) and some[0].covers(diagnostic)]  # fmt: skip
        return [one for some in found for one in some]


def _is_beside(line: str, macros: bool) -> bool:
    """Whether it is empty, or a comment."""
    text = line.strip()
    return not text or text.startswith("#") or (macros and re.match(r"dnl\b", text) is not None)


def _depth(line: str) -> int:
    return line.count("`") - line.count("'")

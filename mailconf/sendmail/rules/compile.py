"""Rules as the interpreter runs them: a pattern for the left side, a plan for the right one.

What is wrong with a rule is reported as sendmail does, line by line; a rule with a mistake stays, as far as it can be
read, because sendmail's address test mode goes on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mailconf.sendmail.rules.classes import Classes
from mailconf.sendmail.rules.maps import DefinedMap
from mailconf.sendmail.rules.matching import Pattern
from mailconf.sendmail.rules.programs import Builder, Program, builder, program_of
from mailconf.sendmail.rules.symbols import (
    CALL,
    END_IF,
    EXACTLY_ONE,
    HOST,
    IF,
    IN_CLASS,
    LATE_MACRO,
    MAP_BEGIN,
    MAP_END,
    NAME_BEGIN,
    NAME_END,
    NOT_IN_CLASS,
    ONE_OR_MORE,
    REPLACED,
    USER,
    ZERO_OR_MORE,
)

MOST_WILDCARDS = 9
MOST_ARGUMENTS = 10  # of a lookup, the key included
_WILDCARDS = frozenset((ZERO_OR_MORE, ONE_OR_MORE, EXACTLY_ONE, IN_CLASS, NOT_IN_CLASS))
_NOT_LEFT = {
    REPLACED: "$1-$9",
    USER: "$:",
    CALL: "$>",
    IF: "$?",
    END_IF: "$.",
    NAME_BEGIN: "$[",
    NAME_END: "$]",
    MAP_BEGIN: "$(",
    MAP_END: "$)",
}
_NOT_RIGHT = {ZERO_OR_MORE: "$*", ONE_OR_MORE: "$+", EXACTLY_ONE: "$-", IN_CLASS: "$=", NOT_IN_CLASS: "$~"}
_ENDS = {NAME_BEGIN: NAME_END, MAP_BEGIN: MAP_END}

USES_BEFORE = 10  # of a rule until its right side is taken apart beforehand

Complain = Callable[[str], object]
# What a right side is made of: a token; the number of a $n, from 0; or ("&", the character of a macro).
Part = str | int | tuple[str, str]
Piece = list[str] | int | tuple[str, str]


class CompiledRule:
    """One rule.

    left, right  the tokens of both sides
    line         the number of its last line in the file
    pattern      what the left side matches
    once, last   whether the right side begins with ``$:`` or with ``$@``
    pieces       what the right side puts together, tokens that follow each other in a list
    macros       the characters of the ``$&x`` among it, each once
    lookups, calls, asks   whether it asks maps, whether it calls rulesets, whether it does either
    quoted       whether names of rulesets that it calls may have quotes
    literal      the right side, where it has nothing that has to be put in
    build        puts the right side together, once it has been used; None where that needs more than the workspace
    program      its steps, once it has been used; None where it has to be gone through each time
    uses         how often the rule may be used until both are made
    """

    __slots__ = (
        "asks",
        "build",
        "calls",
        "last",
        "left",
        "line",
        "literal",
        "lookups",
        "macros",
        "once",
        "pattern",
        "pieces",
        "program",
        "quoted",
        "right",
        "uses",
    )

    def __init__(self, left: list[str], right: list[str], line: int, pattern: Pattern) -> None:
        self.left, self.right, self.line, self.pattern = left, right, line, pattern
        first = right[0][:1] if right else ""
        self.once, self.last = first == USER, first == HOST
        rest = right[1:] if self.once or self.last else right
        parts = [_part(token) for token in rest]
        firsts = {token[:1] for token in rest}
        self.lookups = not firsts.isdisjoint(_ENDS)
        self.calls = CALL in firsts
        self.asks = self.lookups or self.calls
        self.quoted = self.calls and any('"' in token for token in rest)
        self.literal = rest if all(isinstance(part, str) for part in parts) else None
        self.macros = tuple(dict.fromkeys(part[1] for part in parts if isinstance(part, tuple)))
        self.pieces = _pieces(parts)
        self.uses = USES_BEFORE
        self.build: Builder | None = None
        self.program: Program | None = None

    def make(self, maps: Mapping[str, DefinedMap], ruleset: Callable[[str], int | None]) -> None:
        """Take the right side apart beforehand; as for `mailconf.sendmail.rules.programs.program_of`."""
        self.uses = -1
        groups = self.pattern.groups
        if self.asks:
            self.program = program_of(self.pieces, groups, self.macros, maps, ruleset)
        elif all(0 <= piece < groups for piece in self.pieces if isinstance(piece, int)):
            self.build = builder(self.pieces, self.macros)

    def unquote_calls(self) -> None:
        """Take quotes off the names of rulesets, as sendmail does when it has called one: ``=S`` shows none then."""
        for at, token in enumerate(self.right[:-1]):
            name = self.right[at + 1]
            if token[:1] == CALL and '"' in name:
                self.right[at + 1] = name.replace('"', "")
        rest = self.right[1:] if self.once or self.last else self.right
        if self.literal is not None:
            self.literal = rest
        self.pieces = _pieces([_part(token) for token in rest])
        self.quoted = False


def _pieces(parts: list[Part]) -> list[Piece]:
    """The parts of a right side, with the tokens between others together."""
    pieces: list[Piece] = []
    for part in parts:
        last = pieces[-1] if pieces else None
        if not isinstance(part, str):
            pieces.append(part)
        elif isinstance(last, list):
            last.append(part)
        else:
            pieces.append([part])
    return pieces


def _part(token: str) -> Part:
    if token[:1] == REPLACED:
        return ord(token[1:2] or "0") - ord("1")
    if token[:1] == LATE_MACRO and len(token) > 1:
        return ("&", token[1])
    return token


def check_rule(left: list[str] | None, right: list[str] | None, complain: Complain) -> None:
    """Report what is wrong with the sides of a rule; None is a side without tokens."""
    wildcards = 0
    if left is None:
        complain("R line: null LHS")
    else:
        for token in left:
            first = token[:1]
            if first < "\uf780":
                continue
            if first in _WILDCARDS:
                wildcards += 1
            elif first in _NOT_LEFT:
                complain(f"Inappropriate use of {_NOT_LEFT[first]} on LHS")
    if wildcards > MOST_WILDCARDS:
        complain("R line: too many wildcards")
    if right is None:
        complain("R line: null RHS")
    else:
        _check_right(right, wildcards, complain)


def compile_rule(
    left: list[str] | None,
    right: list[str] | None,
    line: int,
    classes: Classes,
    joined: Callable[[Sequence[str], int], str],
) -> CompiledRule:
    """The rule of two sides that `check_rule` has looked at; with too many wildcards, its left side is empty."""
    left = left or []
    if sum(token[:1] in _WILDCARDS for token in left) > MOST_WILDCARDS:
        left = []
    return CompiledRule(left, right or [], line, Pattern(left, classes, joined))


def _check_right(right: list[str], wildcards: int, complain: Complain) -> None:
    end, arguments, inside = "", 0, False
    for token in right:
        first = token[:1]
        if first < "\uf780":
            continue
        if first == REPLACED:
            number = token[1:2]
            if not "0" < number <= chr(ord("0") + wildcards):
                complain(f"replacement ${number} out of bounds")
        elif first in _NOT_RIGHT:
            complain(f"Inappropriate use of {_NOT_RIGHT[first]} on RHS")
        elif first == HOST and inside:
            arguments += 1
            if arguments >= MOST_ARGUMENTS:
                complain("too many arguments for map lookup")
        elif first in _ENDS:
            if inside:
                complain("cannot nest map lookups")
            end, arguments, inside = _ENDS[first], 0, True
        elif first in (NAME_END, MAP_END) and first == end:
            end, inside = "", False
    if inside:
        complain("missing map closing token")

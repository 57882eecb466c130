"""From a pattern to a program for the matcher, and to Python's notation where that means the same.

The parser keeps its own stack of open groups and joins the program's pieces as it goes (Thompson's construction), so
nesting costs no recursion.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

# Operations of the program: (operation, operand, next) or, for SPLIT, (SPLIT, first choice, second choice).
SET, SPLIT, SAVE, ASSERT, REFERENCE, JUMP, ACCEPT = range(7)

WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
SPACE = frozenset(b" \t\n\v\f\r")
ALL = frozenset(range(256))

ASSERTIONS = {
    "^": rb"(?m:^)",
    "$": rb"(?m:$)",
    "`": rb"\A",
    "'": rb"\Z",
    "<": rb"\b(?=\w)",
    ">": rb"\b(?<=\w)",
    "b": rb"\b",
    "B": rb"(?:\B|\A\Z)",  # Python does not find it in an empty text
}
SETS = {"w": WORD, "W": ALL - WORD, "s": SPACE, "S": ALL - SPACE}


class BadRegex(Exception):
    """The pattern is not valid; the text is the C library's."""


class Program:
    """The compiled pattern. ``branches``: the choices at the top in Python's notation with their groups' numbers, or
    None where that does not mean the same; ``repeats``: the most unbounded repetitions in one of them."""

    def __init__(self) -> None:
        self.code: list[list[int]] = []
        self.sets: list[frozenset[int]] = []
        self.groups = 0
        self.references = False
        self.asserts: set[str] = set()
        self.branches: list[tuple[bytes, list[int]]] | None = None
        self.repeats = 0
        self.repeated: dict[int, int] = {}  # groups that a repetition applies to, and which


class _Piece(NamedTuple):
    """A part of the program: its first instruction, and the places that should lead to what follows it."""

    start: int
    ends: list[tuple[int, int]]


class _Level:
    """An open group, or the whole pattern."""

    def __init__(self, number: int, closed: set[int]) -> None:
        self.number = number
        self.choices: list[_Piece] = []
        self.items: list[_Piece] = []
        self.closed = closed  # the groups that a reference may name at the start of a choice
        self.closing: set[int] = set()  # those that all choices have closed


def notation(codes: frozenset[int]) -> bytes:
    """A set of bytes in Python's notation."""
    if not codes:
        return b"(?!)"
    if len(codes) == 256:
        return b"[\\x00-\\xff]"
    ordered = sorted(codes)
    if len(ordered) == 1:
        return b"\\x%02x" % ordered[0]
    parts, start = [], ordered[0]
    for code, following in zip(ordered, [*ordered[1:], 999], strict=True):
        if following != code + 1:
            parts.append(b"\\x%02x" % start if start == code else b"\\x%02x-\\x%02x" % (start, code))
            start = following
    return b"[" + b"".join(parts) + b"]"


class RegexParser:
    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0
        self.program = Program()
        self.closed: set[int] = set()  # the groups that a reference may name here
        self.levels = [_Level(0, set())]
        # Python's notation of the current branch at the top: one entry an item, so that a repetition can change it.
        self.flat = True
        self.branches: list[tuple[bytes, list[int]]] = []
        self.notation: list[bytes] = []
        self.numbers: list[int] = []
        self.repeats = 0
        self.last: tuple[str, bytes] | None = None  # the item a repetition applies to: kind and notation

    # -- pieces of program

    def emit(self, operation: int, first: int = -1, second: int = -1) -> int:
        self.program.code.append([operation, first, second])
        return len(self.program.code) - 1

    def patch(self, ends: list[tuple[int, int]], target: int) -> None:
        for instruction, slot in ends:
            self.program.code[instruction][slot] = target

    def item(self, operation: int, operand: int) -> _Piece:
        at = self.emit(operation, operand)
        return _Piece(at, [(at, 2)])

    def concatenated(self, items: list[_Piece]) -> _Piece:
        if not items:
            at = self.emit(JUMP)
            return _Piece(at, [(at, 2)])
        for before, after in pairwise(items):
            self.patch(before.ends, after.start)
        return _Piece(items[0].start, items[-1].ends)

    def chosen(self, choices: list[_Piece]) -> _Piece:
        if len(choices) > 1 and self.program.code[choices[0].start][0] == JUMP:
            choices[0], choices[1] = choices[1], choices[0]  # GNU tries an empty first choice after the second
        piece = choices[-1]
        for choice in reversed(choices[:-1]):
            at = self.emit(SPLIT, choice.start, piece.start)
            piece = _Piece(at, choice.ends + piece.ends)
        return piece

    # -- the pattern

    def parse(self) -> Program:
        text, size = self.text, len(self.text)
        while self.at < size:
            code = text[self.at]
            begins = not self.levels[-1].items
            if code == 0x5C:
                self.escape()
            elif code in b"*+?" and self.last is not None:
                self.repeat(code)
            elif code == 0x5B:
                self.at += 1
                self.set(self.bracket())
            elif code == 0x5E and begins and self.caret():
                self.assertion("^", 1)
            elif code == 0x24 and self.dollar():
                self.assertion("$", 1)
            elif code == 0x2E:
                self.at += 1
                self.set(ALL - {0x0A})
            else:
                self.at += 1
                self.set(frozenset((code,)))
        return self.finish()

    def caret(self) -> bool:
        """Whether a `^` here is an anchor: at the beginning, after `\\(` and `\\|`."""
        return self.at == 0 or self.text[self.at - 2 : self.at] in (b"\\(", b"\\|")

    def dollar(self) -> bool:
        """Whether a `$` here is an anchor: at the end, before `\\)` and `\\|`."""
        return self.at + 1 == len(self.text) or self.text[self.at + 1 : self.at + 3] in (b"\\)", b"\\|")

    def escape(self) -> None:
        text = self.text
        if self.at + 1 >= len(text):
            raise BadRegex("Trailing backslash")
        name = chr(text[self.at + 1])
        if name == "(":
            self.open()
        elif name == ")":
            self.close()
        elif name == "|":
            self.choice()
        elif name in "123456789":
            self.reference(int(name))
        elif name in ASSERTIONS and name not in "^$":
            self.assertion(name, 2)
        else:
            self.at += 2
            self.set(SETS.get(name, frozenset((ord(name),))))

    def set(self, codes: frozenset[int]) -> None:
        sets = self.program.sets
        sets.append(codes)
        self.levels[-1].items.append(self.item(SET, len(sets) - 1))
        written = notation(codes)
        self.notation.append(written)
        self.last = ("set", written)

    def assertion(self, name: str, length: int) -> None:
        self.at += length
        self.program.asserts.add(name)
        self.levels[-1].items.append(self.item(ASSERT, ord(name)))
        self.notation.append(ASSERTIONS[name])
        self.last = None  # after an anchor a repetition is a character

    def reference(self, number: int) -> None:
        if number not in self.closed:
            raise BadRegex("Invalid back reference")
        self.at += 2
        self.program.references = True
        self.flat = False
        self.levels[-1].items.append(self.item(REFERENCE, number))
        self.last = ("reference", b"")

    def repeat(self, code: int) -> None:
        self.at += 1
        level = self.levels[-1]
        piece = level.items[-1]
        split = self.emit(SPLIT, piece.start)
        if code == 0x3F:
            level.items[-1] = _Piece(split, [*piece.ends, (split, 2)])
        else:
            self.patch(piece.ends, split)
            level.items[-1] = _Piece(piece.start if code == 0x2B else split, [(split, 2)])
        assert self.last is not None
        kind, written = self.last
        if kind == "group":
            self.program.repeated[int(written)] = code
        if kind != "set":
            self.flat = False
            return
        old = self.notation[-1][len(written) :]
        new = bytes((code,))
        if old and old != new:  # a+* and the like repeat any number of times
            new = b"*"
        if old in (b"", b"?") and new in (b"*", b"+"):
            self.repeats += 1
        self.notation[-1] = written + new

    def open(self) -> None:
        self.at += 2
        self.program.groups += 1
        number = self.program.groups
        self.levels.append(_Level(number, set(self.closed)))
        self.notation.append(b"(")
        self.numbers.append(number)
        self.last = None

    def close(self) -> None:
        if len(self.levels) == 1:
            raise BadRegex("Unmatched ) or \\)")
        self.at += 2
        level = self.levels.pop()
        level.choices.append(self.concatenated(level.items))
        begin = self.item(SAVE, 2 * level.number)
        end = self.item(SAVE, 2 * level.number + 1)
        self.levels[-1].items.append(self.concatenated([begin, self.chosen(level.choices), end]))
        self.closed |= level.closing
        self.closed.add(level.number)
        self.notation.append(b")")
        self.last = ("group", b"%d" % level.number)

    def choice(self) -> None:
        self.at += 2
        level = self.levels[-1]
        level.choices.append(self.concatenated(level.items))
        level.items = []
        level.closing |= self.closed
        self.closed = set(level.closed)
        if len(self.levels) > 1:
            self.flat = False
        else:
            self.end_branch()
        self.last = None

    def end_branch(self) -> None:
        self.branches.append((b"".join(self.notation), self.numbers))
        self.program.repeats = max(self.program.repeats, self.repeats)
        self.notation, self.numbers, self.repeats = [], [], 0

    def finish(self) -> Program:
        if len(self.levels) > 1:
            raise BadRegex("Unmatched ( or \\(")
        level = self.levels[0]
        level.choices.append(self.concatenated(level.items))
        self.end_branch()
        whole = self.chosen(level.choices)
        self.patch(whole.ends, self.emit(ACCEPT))
        self.program.code.append([JUMP, -1, whole.start])
        if self.flat and self.program.groups < 90:
            self.program.branches = self.branches
        return self.program

    # -- bracket expressions

    def bracket(self) -> frozenset[int]:
        """The set that a bracket expression names; `at` is after the open bracket."""
        text, size = self.text, len(self.text)
        negated = self.at < size and text[self.at] == 0x5E
        if negated:
            self.at += 1
        if self.at >= size:
            raise BadRegex("Invalid regular expression")
        codes: set[int] = set()
        first = True
        while True:
            if self.at >= size:
                raise BadRegex("Unmatched [, [^, [:, [., or [=")
            if text[self.at] == 0x5D and not first:
                self.at += 1
                return ALL - codes if negated else frozenset(codes)
            if text[self.at] == 0x2D and not first and self.at + 1 < size and text[self.at + 1] != 0x5D:
                raise BadRegex("Invalid range end")
            first = False
            low = self.element()
            if self.at + 1 < size and text[self.at] == 0x2D and text[self.at + 1] != 0x5D:
                self.at += 1
                high = self.element()
                codes.update(range(low, high + 1))
            else:
                codes.add(low)

    def element(self) -> int:
        """One character of a bracket expression, `[.x.]` and `[=x=]` included."""
        text = self.text
        code = text[self.at]
        if code == 0x5B and text[self.at + 1 : self.at + 2] in (b".", b"="):
            mark = text[self.at + 1 : self.at + 2]
            end = text.find(mark + b"]", self.at + 2)
            if end < 0:
                raise BadRegex("Unmatched [, [^, [:, [., or [=")
            name = text[self.at + 2 : end]
            if len(name) != 1:
                raise BadRegex("Invalid collation character")
            self.at = end + 2
            return name[0]
        self.at += 1
        return code


def parse(text: bytes) -> Program:
    """Compile a pattern; `BadRegex` if it is not valid."""
    return RegexParser(text).parse()

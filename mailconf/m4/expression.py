"""The expressions of eval: C's operators on 32-bit numbers, `**`, and numbers in any radix (info m4, "Eval").

The parser keeps its own stacks, so nesting costs no recursion. As in GNU m4 an arithmetic error is forgiven where
`||` or `&&` does not need the value, and what was not read of that operand then follows the expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mailconf.m4.numbers import to_int32

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine


class ExpressionError(Exception):
    """The expression has no value; the text has the reason. ``fatal``: m4's exit status shows it."""

    fatal = False


class Arithmetic(ExpressionError):
    """A value that does not exist; forgiven where it is not needed."""


class InvalidOperator(ExpressionError):
    fatal = True


BAD = "bad expression in eval"
BAD_INPUT = "bad expression in eval (bad input)"
EXCESS = "bad expression in eval (excess input)"
UNCLOSED = "bad expression in eval (missing right parenthesis)"
INVALID = "invalid operator in eval"

# Kinds of token; an operator is its own kind.
NUMBER, BAD_OPERATOR, ERROR, END = "number", "bad operator", "error", "end"

_TOKEN = re.compile(
    rb"[ \t\n\v\f\r]*(?:(?P<number>[0-9])|(?P<assign>\+\+|--|<<=|>>=|\*=|[-+/%&^|]=)"
    rb"|(?P<operator>\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>=!~&^|()])|(?P<end>\Z)|(?P<error>))",
    re.DOTALL,
)
_RADIX = re.compile(rb"0[rR]([0-9]+):")
_DIGITS = {c: i for i, c in enumerate(b"0123456789abcdefghijklmnopqrstuvwxyz")} | {
    c: i for i, c in enumerate(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)
}

BINARY = {
    "**": 12, "*": 11, "/": 11, "%": 11, "+": 10, "-": 10, "<<": 9, ">>": 9, ">": 8, ">=": 8, "<": 8, "<=": 8,
    "==": 7, "!=": 7, "=": 7, "&": 6, "^": 5, "|": 4, "&&": 3, "||": 2,
}  # fmt: skip
UNARY = 13
PARENTHESIS = 0


def _divide(a: int, b: int) -> int:
    if b == 0:
        raise Arithmetic("divide by zero in eval")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _modulo(a: int, b: int) -> int:
    if b == 0:
        raise Arithmetic("modulo by zero in eval")
    return a - b * _divide(a, b)


def _power(a: int, b: int) -> int:
    if a == 0 and b == 0:
        raise Arithmetic("divide by zero in eval")
    if b < 0:
        raise Arithmetic("negative exponent in eval")
    return pow(a, b, 1 << 32)


OPERATE: dict[str, Callable[[int, int], int]] = {
    "**": _power,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": _modulo,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "<<": lambda a, b: a << (b & 31),
    ">>": lambda a, b: a >> (b & 31),
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "=": lambda a, b: a == b,
    "&": lambda a, b: a & b,
    "^": lambda a, b: a ^ b,
    "|": lambda a, b: a | b,
    "&&": lambda a, b: bool(a and b),
    "||": lambda a, b: bool(a or b),
}
PREFIX: dict[str, Callable[[int], int]] = {
    "+": lambda a: a,
    "-": lambda a: -a,
    "~": lambda a: ~a,
    "!": lambda a: not a,
}


class _Pending(NamedTuple):
    """An operator that waits for its right operand, or an open parenthesis."""

    operator: str
    strength: int


class _Parser:
    def __init__(self, m4: Engine, text: bytes) -> None:
        self.m4 = m4
        self.text = text
        self.at = 0
        self.kind = ""
        self.value = 0
        self.values: list[int] = []
        self.pending: list[_Pending] = []

    def lex(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        kind = match.lastgroup
        if kind == "operator":
            self.kind = match["operator"].decode()
        elif kind == "number":
            self.at -= 1
            self.kind = NUMBER if self.number() else ERROR
        else:
            self.kind = {"assign": BAD_OPERATOR, "end": END}.get(kind or "", ERROR)

    def number(self) -> bool:
        """A number from `at` on into `value`; False if its radix makes no sense."""
        text, at, radix = self.text, self.at, 10
        if text[at] == 0x30:
            second = text[at + 1 : at + 2].lower()
            if second == b"r":
                match = _RADIX.match(text, at)
                radix = int(match[1]) if match is not None and len(match[1]) < 9 else 0
                if match is None or not 1 <= radix <= 36:
                    return False
                at = match.end()
            elif second == b"x":
                radix, at = 16, at + 2
            elif second == b"b":
                radix, at = 2, at + 2
            else:
                radix = 8
        value, size = 0, len(text)
        if radix == 1:
            while at < size and text[at] == 0x30:
                at += 1
            start = at
            while at < size and text[at] == 0x31:
                at += 1
            value = at - start
        else:
            while at < size:
                digit = _DIGITS.get(text[at], 99)
                if digit >= radix:
                    break
                value = (value * radix + digit) & 0xFFFFFFFF
                at += 1
        self.value, self.at = to_int32(value), at
        return True

    def parse(self) -> int:
        self.lex()
        first = True
        while True:
            self.operand(first)
            first = False
            try:
                if not self.operators(UNARY):
                    break
            except Arithmetic:
                strength = self.forgiven()
                if not strength:
                    raise
                # The operand is abandoned at this place; its operator has its value.
                if not self.operators(strength):
                    break
        return self.values[-1]

    def operand(self, first: bool) -> None:
        """Prefix operators, open parentheses, a number; then the token after it."""
        while True:
            kind = self.kind
            if kind == NUMBER:
                self.values.append(self.value)
                self.lex()
                return
            if kind == "(":
                self.pending.append(_Pending("(", PARENTHESIS))
            elif kind in PREFIX:
                self.pending.append(_Pending(kind, UNARY))
            elif kind == BAD_OPERATOR:
                raise InvalidOperator(INVALID)
            elif kind == ERROR and not first:
                raise ExpressionError(BAD_INPUT)
            else:
                raise ExpressionError(BAD)
            first = False
            self.lex()

    def operators(self, strongest: int) -> bool:
        """What follows an operand: True after a binary operator, False at the end of the expression.

        Operators that bind more strongly than ``strongest`` do not count here.
        """
        while True:
            if self.kind == ERROR:
                raise ExpressionError(BAD_INPUT)
            strength = BINARY.get(self.kind, 1)
            if strength > strongest:
                strength = 1
            strongest = UNARY
            self.reduce(strength + (self.kind == "**"))
            if strength > 1:
                self.pending.append(_Pending(self.kind, strength))
                self.lex()
                return True
            if self.pending:  # an open parenthesis
                if self.kind != ")":
                    raise ExpressionError(UNCLOSED)
                self.pending.pop()
                self.lex()
                continue
            if self.kind == END:
                return False
            raise InvalidOperator(INVALID) if self.kind == BAD_OPERATOR else ExpressionError(EXCESS)

    def reduce(self, strength: int) -> None:
        """Carry out the pending operators that bind at least as strongly."""
        values, pending = self.values, self.pending
        while pending and pending[-1].strength >= strength:
            operator = pending[-1].operator
            if pending[-1].strength == UNARY:
                values[-1] = to_int32(PREFIX[operator](values[-1]))
            else:
                result = OPERATE[operator](values[-2], values[-1])
                if operator == "=":
                    self.m4.warn("recommend ==, not =, for equality operator")
                values.pop()
                values[-1] = to_int32(result)
            pending.pop()

    def forgiven(self) -> int:
        """Back to the innermost `||` or `&&` that is decided by its left side: its strength; 0 without one."""
        # Every pending binary operator has its left operand on the stack; the last one has its right one, too.
        depth = len(self.values)
        for index in range(len(self.pending) - 1, -1, -1):
            operator, strength = self.pending[index]
            if operator == "(" or strength == UNARY:
                continue
            depth -= 1
            left = self.values[depth - 1]
            if (operator == "||" and left) or (operator == "&&" and not left):
                del self.pending[index:]
                del self.values[depth - 1 :]
                self.values.append(int(bool(left)))
                return strength
        return 0


def evaluate(m4: Engine, text: bytes) -> int:
    """The value of an expression; `ExpressionError` if it has no value."""
    return _Parser(m4, text).parse()

"""A text that a pattern matches: a witness for a rule of a regexp or pcre table, made from the pattern itself."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

LONGEST = 200  # characters of a specimen
_CHARACTERS = "axm01.@-_ "


def specimen(pattern: str) -> str | None:
    """A text that ``pattern`` (without its delimiters) matches; None where none was found.

    The pattern is read as Python's `re` reads it, which differs from POSIX and PCRE in little that tables use; the
    text is tried out, so that what is returned does match.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern, re.IGNORECASE)
            from re import _parser as parser  # type: ignore[attr-defined]

            text = _sequence(parser.parse(pattern, re.IGNORECASE))
    except (re.error, RecursionError, OverflowError, ValueError, AttributeError, ImportError):
        return None
    if len(text) > LONGEST or compiled.search(text) is None:
        return None
    return text


def _sequence(items: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_MAKERS[str(operator)](argument) for operator, argument in items if str(operator) in _MAKERS)


def _one_of(members: Iterable[tuple[Any, Any]]) -> str:
    """A character of a set; of one that is negated, the first usual one that is not in it."""
    listed = list(members)
    if listed and str(listed[0][0]) == "NEGATE":
        return next((c for c in _CHARACTERS if not any(_has(member, c) for member in listed[1:])), "")
    operator, argument = listed[0]
    if str(operator) == "RANGE":
        return chr(argument[0])
    return _MAKERS.get(str(operator), _nothing)(argument)


def _has(member: tuple[Any, Any], character: str) -> bool:
    operator, argument = str(member[0]), member[1]
    if operator == "LITERAL":
        return bool(ord(character) == argument)
    if operator == "RANGE":
        return bool(argument[0] <= ord(character) <= argument[1])
    return operator == "CATEGORY" and _category(argument) == _category_of(character)


def _category(name: object) -> str:
    return {"CATEGORY_DIGIT": "0", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}.get(str(name), "-")


def _category_of(character: str) -> str:
    return "0" if character.isdigit() else " " if character.isspace() else "a" if character.isalnum() else "-"


def _repeated(argument: tuple[int, int, Any]) -> str:
    least, most, items = argument
    times = max(least, 1 if most and least == 0 and len(list(items)) == 1 else 0)
    return _sequence(items) * min(times, LONGEST + 1)


def _nothing(argument: object) -> str:
    return ""


_MAKERS: dict[str, Callable[[Any], str]] = {
    "LITERAL": chr,
    "NOT_LITERAL": lambda code: next(c for c in _CHARACTERS if ord(c) != code),
    "ANY": lambda argument: "a",
    "IN": _one_of,
    "CATEGORY": _category,
    "BRANCH": lambda argument: _sequence(argument[1][0]),
    "SUBPATTERN": lambda argument: _sequence(argument[3]),
    "MAX_REPEAT": _repeated,
    "MIN_REPEAT": _repeated,
    "POSSESSIVE_REPEAT": _repeated,
    "ATOMIC_GROUP": _sequence,
}

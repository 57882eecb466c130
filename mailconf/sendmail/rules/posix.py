"""Regular expressions of ``regex`` maps: POSIX's, by the C library."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mailconf.maps.patterns.posix_regex import PosixExpression

MOST_FIELDS = 32
LONGEST = 255  # characters of what the groups come to


class Regex(NamedTuple):
    """A compiled pattern.

    negated    -n: it answers where the pattern does not match
    fields     -s: the groups that the answer is made of; None without -s
    delimiter  -d: what is put between them
    """

    expression: PosixExpression
    negated: bool
    fields: tuple[int, ...] | None
    delimiter: str


def compiled(pattern: str, *, extended: bool, fold: bool) -> PosixExpression:
    """The expression of a pattern. Raises `mailconf.maps.patterns.patterns.BadPattern`."""
    from mailconf.maps.patterns.posix_regex import EXTENDED, IGNORE_CASE, PosixExpression

    options = (EXTENDED if extended else 0) | (IGNORE_CASE if fold else 0)
    return PosixExpression(pattern.encode("latin-1", "replace"), options)


class BadFields(Exception):
    """A list of groups has one that there is not; the message is sendmail's."""


def read_fields(text: str, groups: int) -> tuple[int, ...]:
    """The numbers of a list of groups. Raises BadFields."""
    fields: list[int] = []
    for word in text.split(","):
        digits = word.strip()
        sign = -1 if digits.startswith("-") else 1
        digits = digits.lstrip("+-")
        number = sign * int("".join(_leading_digits(digits))[:6] or "0")
        if number < 0 or number > groups:
            raise BadFields(f"field ({number}) out of range, only {groups + 1} substrings in pattern")
        if len(fields) >= MOST_FIELDS:
            raise BadFields(f"too many fields, {MOST_FIELDS} max")
        fields.append(number)
    return tuple(fields)


def _leading_digits(text: str) -> list[str]:
    found: list[str] = []
    for character in text:
        if character not in "0123456789":
            break
        found.append(character)
    return found

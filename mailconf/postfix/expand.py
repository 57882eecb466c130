"""$-expansion, as main.cf, master.cf and map names have it (postconf(5), introduction).

    $name  ${name}  $(name)        the value of name, itself expanded; "" when name is not defined
    ${name?text}  ${name?{text}}   text if name has a non-empty value
    ${name:text}  ${name:{text}}   text if it has not
    ${name?{text}:{text}}          both; only the last text may stand without braces
    ${{left} OP {right}}           "true" or "", and with ?text, :text as above
    $$                             a dollar

OP is one of == != < <= > >=; two runs of decimal digits compare as numbers, anything else as bytes. With the suffix
"level" (``<=level``) the operands are compatibility levels: 1, 2 or major.minor.patch, compared part by part.
Names are ASCII letters, digits and underscores.

Errors are the engine's: `MacroError` carries the words that it warns with. A reference nested more than 100 deep
is an error, which is how cycles end. Departure: an expansion that grows beyond `MAX_SIZE` characters or takes more
than `MAX_STEPS` references is an error as well (the engine goes on until memory or patience runs out).
"""

from __future__ import annotations

MAX_DEPTH = 100
MAX_SIZE = 16_000_000
MAX_STEPS = 200_000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lookup = Callable[[str], str | None]

_SPACE = " \t\n\v\f\r"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DIGITS = frozenset("0123456789")
_OPERATOR_CHARACTERS = "<>!=?+-*/~&|%"
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
_OPERATOR_EXPECTED = '"==" or "!="" or "<"" or "<="" or ">="" or ">" expected'
_CLOSING = {"{": "}", "(": ")"}


class MacroError(Exception):
    """An expression that cannot be expanded; ``message`` is the engine's warning.

    ``fatal`` is set where the engine stops with these words instead of "macro processing error".
    """

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.fatal = fatal


def expand(text: str, lookup: Lookup) -> str:
    """``text`` with every reference replaced; ``lookup`` gives a name's raw value, or None. Raises MacroError."""
    if "$" not in text:
        return text
    return _Expansion(lookup, recurse=True).text(text, 1)


def scan(text: str, seen: Callable[[str], None]) -> None:
    """Call ``seen`` with each name that ``text`` refers to, in both branches of a condition. Raises MacroError."""

    def lookup(name: str) -> None:
        seen(name)

    if "$" in text:
        _Expansion(lookup, recurse=False).text(text, 1)


def references(text: str) -> list[str]:
    """The names that ``text`` refers to, as far as it can be read."""
    names: list[str] = []
    try:
        scan(text, names.append)
    except MacroError:
        pass
    return names


class _Expansion:
    """One expansion; without ``recurse``, values are not expanded and both branches of a condition are read."""

    def __init__(self, lookup: Lookup, *, recurse: bool) -> None:
        self._lookup = lookup
        self._recurse = recurse
        self._steps = 0
        self._size = 0

    def text(self, text: str, depth: int) -> str:
        if "$" not in text:
            self._check(text, depth)
            return text
        out = []
        for is_reference, part in _parts(text):
            self._check(part, depth)
            out.append(self._reference(part, depth) if is_reference else part)
        result = "".join(out)
        self._size += len(result)
        return result

    def _check(self, part: str, depth: int) -> None:
        self._steps += 1
        if depth > MAX_DEPTH and part:
            raise MacroError(f'unreasonable macro call nesting: "{part}"')
        if self._steps > MAX_STEPS or self._size > MAX_SIZE:
            raise MacroError(f'unreasonable macro expansion size: "{_clip(part, 80)}"')

    def _reference(self, reference: str, depth: int) -> str:
        """The value of what stands between the braces."""
        value: str | None
        at = _skip(reference, 0)
        if reference[at : at + 1] == "{":
            value, at = self._condition(reference, at, depth)
        else:
            value, at = self._name(reference, at, depth)
        operator = reference[at : at + 1]
        if not operator:
            return value if value is not None else ""
        yes, no = _branches(reference, at)
        if not self._recurse:
            for branch in (yes, no):
                if branch is not None:
                    self.text(branch, depth + 1)
            return ""
        chosen = yes if value else no
        return "" if chosen is None else self.text(chosen, depth + 1)

    def _name(self, reference: str, start: int, depth: int) -> tuple[str | None, int]:
        """The value of the name at ``start``, and the place of the operator behind it."""
        end = start
        while end < len(reference) and reference[end] in _NAME:
            end += 1
        at = _skip(reference, end)
        if at < len(reference) and reference[at] not in "?:":
            raise MacroError(f'attribute name syntax error at: "...{reference[:at]}>>>{_clip(reference[at:], 20)}"')
        name = reference[start:end]
        raw = self._lookup(name)
        if raw is None or not self._recurse:
            return None, at
        if at < len(reference) and "$" not in raw:
            return raw, at
        return self.text(raw, depth + 1), at

    def _condition(self, reference: str, start: int, depth: int) -> tuple[str, int]:
        """The truth of ``{left} OP {right}`` ("true" or ""), and the place of the operator behind it."""
        left, at = _payload(reference, start)
        operator_at = at
        while at < len(reference) and reference[at] in _OPERATOR_CHARACTERS:
            at += 1
        operator = reference[operator_at:at]
        if operator not in _OPERATORS:
            rest = _clip(reference[operator_at:], 20)
            raise MacroError(f'{_OPERATOR_EXPECTED} at: "...{left}}}>>>{rest}"')
        suffix_end = at
        while suffix_end < len(reference) and reference[suffix_end] in _NAME - {"_"}:
            suffix_end += 1
        suffix = reference[at:suffix_end]
        if suffix and suffix != "level":
            raise MacroError(f'bad operator suffix at: "...{operator}>>>{suffix}"')
        at = _skip(reference, suffix_end)
        if reference[at : at + 1] != "{":
            rest = _clip(reference[suffix_end:], 20)
            raise MacroError(f'"{{expression}}" expected at: "...{{{left}}} {operator}{suffix}>>>{rest}"')
        right, at = _payload(reference, at)
        if at < len(reference) and reference[at] not in "?:":
            raise MacroError(f'"?" or ":" expected at: "...}}>>>{_clip(reference[at:], 20)}"')
        left_value = self.text(left, depth + 1)
        right_value = self.text(right, depth + 1)
        if not self._recurse:
            return "", at
        holds = (_compare_levels if suffix else _compare)(left_value, operator, right_value)
        return "true" if holds else "", at


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """The literals (False, text) and references (True, text between the braces) of ``text``, in order."""
    literal = []
    at = 0
    while True:
        dollar = text.find("$", at)
        if dollar < 0:
            literal.append(text[at:])
            break
        literal.append(text[at:dollar])
        at = dollar + 1
        following = text[at : at + 1]
        if following == "$":
            literal.append("$")
            at += 1
            continue
        if pending := "".join(literal):
            yield False, pending
        literal.clear()
        if following in ("{", "("):
            end = _balanced(text, at)
            if end is None:
                raise MacroError(f'truncated macro reference: "{text}"')
            name = text[at + 1 : end - 1]
        else:
            end = at
            while end < len(text) and text[end] in _NAME:
                end += 1
            name = text[at:end]
        if not name:
            raise MacroError(f'empty macro name: "{text}"')
        yield True, name
        at = end
    if pending := "".join(literal):
        yield False, pending


def _balanced(text: str, start: int) -> int | None:
    """The place behind the bracket that closes the one at ``start``; the other kind of bracket does not count."""
    opening = text[start]
    closing = _CLOSING[opening]
    level = 0
    at = start
    while True:
        shut = text.find(closing, at)
        if shut < 0:
            return None
        level += text.count(opening, at, shut) - 1
        at = shut + 1
        if level == 0:
            return at


def _payload(text: str, start: int) -> tuple[str, int]:
    """What stands between the braces that open at ``start``, and the place of what follows behind blanks."""
    end = _balanced(text, start)
    if end is None:
        raise MacroError(f'unbalanced {{}} in attribute expression: "{text[start:]}"')
    return text[start + 1 : end - 1], _skip(text, end)


def _branches(reference: str, at: int) -> tuple[str | None, str | None]:
    """The texts behind the ``?`` or ``:`` at ``at``: for a value, and for none."""
    yes: str | None = None
    if reference[at] == "?":
        brace = _skip(reference, at + 1)
        if reference[brace : brace + 1] != "{":
            return reference[at + 1 :], None
        yes, at = _payload(reference, brace)
        if at == len(reference):
            return yes, None
        if reference[at] != ":":
            raise MacroError(f'":" expected at: "...{yes}}}>>>{_clip(reference[at:], 20)}"')
    brace = _skip(reference, at + 1)
    if reference[brace : brace + 1] != "{":
        return yes, reference[at + 1 :]
    no, at = _payload(reference, brace)
    if at < len(reference):
        raise MacroError(f'unexpected input at: "...{no}}}>>>{_clip(reference[at:], 20)}"')
    return yes, no


def _compare(left: str, operator: str, right: str) -> bool:
    if left and right and _DIGITS.issuperset(left) and _DIGITS.issuperset(right):
        for text in (left, right):
            if int(text[:40]) > 0x7FFFFFFFFFFFFFFF:
                raise MacroError(f"mac_exp_eval: bad conversion: {text}", fatal=True)
        return _holds(int(left) - int(right), operator)
    a, b = _bytes(left), _bytes(right)
    return _holds((a > b) - (a < b), operator)


def _compare_levels(left: str, operator: str, right: str) -> bool:
    a, b = parse_level(left), parse_level(right)
    return _holds((a > b) - (a < b), operator)


def _holds(difference: int, operator: str) -> bool:
    if operator == "==":
        return difference == 0
    if operator == "!=":
        return difference != 0
    if operator == "<":
        return difference < 0
    if operator == "<=":
        return difference <= 0
    return difference > 0 if operator == ">" else difference >= 0


def parse_level(text: str) -> tuple[int, int, int]:
    """A compatibility level as three numbers (postconf(5) compatibility_level). Raises MacroError."""
    parts = text.split(".")
    if 1 <= len(parts) <= 3 and all(part and len(part) < 10 and _DIGITS.issuperset(part) for part in parts):
        numbers = [int(part) for part in parts] + [0, 0]
        return numbers[0], numbers[1], numbers[2]
    raise MacroError(f'malformed compatibility level syntax: "{text}"')


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _clip(text: str, size: int) -> str:
    """The first ``size`` bytes of ``text``, as the engine's messages cut them."""
    if len(text) <= size and text.isascii():
        return text
    return _bytes(text)[:size].decode("utf-8", "surrogateescape")

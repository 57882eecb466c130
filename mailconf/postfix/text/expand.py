"""$-expansion, as main.cf, master.cf and map names have it (postconf(5), introduction).

    $name  ${name}  $(name)        the value of name, itself expanded; "" when name is not defined
    ${name?text}  ${name?{text}}   text if name has a non-empty value
    ${name:text}  ${name:{text}}   text if it has not
    ${name?{text}:{text}}          both; only the last text may be without braces
    ${{left} OP {right}}           "true" or "", and with ?text, :text as above
    ${name{text}}                  the function name of text (from Postfix 3.11 on)
    $$                             a dollar

OP is one of == != < <= > >=; two runs of decimal digits compare as numbers, anything else as bytes. With the suffix
"level" (``<=level``, from Postfix 3.6 on) the operands are compatibility levels: 1, 2 or major.minor.patch, compared
part by part.
Names are ASCII letters, digits and underscores.

``?`` and ``:`` look at the raw value.

Errors are the engine's: `MacroError` carries the words that it warns with. A reference nested more than 100 deep is an
error, which is how cycles end. Departure: an expansion that grows beyond `MAX_SIZE` characters, takes more than
`MAX_STEPS` references or nests more than `MAX_BRACKETS` brackets is an error as well (the engine goes on until memory
or patience runs out).
"""

from __future__ import annotations

LEVELS_SINCE, FUNCTIONS_SINCE, USUAL = (3, 6), (3, 11), (3, 7)
MAX_DEPTH = 101
MAX_OPERANDS = 50
MAX_MAJOR, MAX_MINOR = (1 << 43) - 1, 1023
MAX_SIZE = 16_000_000
MAX_STEPS = 200_000
MAX_MESSAGES = 1000
MAX_BRACKETS = 2000
MANY = 8  # open brackets
MAX_READ = 1_000_000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Lookup = Callable[[str], str | None]

_SPACE = " \t\n\v\f\r"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DIGITS = frozenset("0123456789")
_OPERATOR_CHARACTERS = "<>!=?+-*/~&|%"
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
_OPERATOR_EXPECTED = '"==" or "!="" or "<"" or "<="" or ">="" or ">" expected'
_CLOSING = {"{": "}", "(": ")"}


class MacroError(Exception):
    """Text that cannot be expanded; ``messages`` are the engine's warnings, of which there is at least one.

    ``fatal`` is set where the engine stops with the only message instead of "macro processing error", ``given_up``
    where the expansion took too long.
    """

    def __init__(self, messages: list[str], *, fatal: bool = False, given_up: bool = False) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages
        self.fatal = fatal
        self.given_up = given_up


def expand(text: str, lookup: Lookup, *, version: tuple[int, int] = USUAL, steps: int = MAX_STEPS) -> str:
    """``text`` with every reference replaced; ``lookup`` gives a name's raw value, or None. Raises MacroError.

    ``version`` is that of Postfix; ``steps`` is how many references to follow before giving up.
    """
    if "$" not in text:
        return text
    return _Expansion(lookup, recurse=True, version=version, steps=steps).run(text)


def scan(
    text: str, seen: Callable[[str], None], told: Callable[[str], None], *, version: tuple[int, int] = USUAL
) -> None:
    """Call ``seen`` with each name that ``text`` refers to, in both branches of a condition, and ``told`` with what is
    wrong, all in the order of the text."""

    def lookup(name: str) -> None:
        seen(name)

    if "$" not in text:
        return
    expansion = _Expansion(lookup, recurse=False, version=version, told=told)
    try:
        expansion.run(text)
    except MacroError as failure:
        if failure.messages != expansion.messages:
            told(failure.messages[0])  # it was given up


def references(text: str) -> list[str]:
    """The names that ``text`` refers to, as far as it can be read."""
    names: list[str] = []
    scan(text, names.append, lambda _: None)
    return names


class _Failed(Exception):
    """Ends the evaluation of one reference; the message is already noted."""


class _Expansion:
    """One expansion; without ``recurse``, values are not expanded and both branches of a condition are read.

    After an error the engine still reads on for more syntax errors, without evaluating, and its count of the depth
    stays where it was; which errors it then reports follows from that.
    """

    def __init__(
        self,
        lookup: Lookup,
        *,
        recurse: bool,
        version: tuple[int, int],
        steps: int = MAX_STEPS,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self._lookup = lookup
        self._max_steps = steps
        self._told = told
        self._recurse = recurse
        self._functions = version >= FUNCTIONS_SINCE
        self._levels = version >= LEVELS_SINCE
        self._depth = 1
        self._operands = 0
        self._failed = False
        self._steps = 0
        self._read = 0
        self._size = 0
        self.messages: list[str] = []

    def run(self, text: str) -> str:
        result = self._text(text)
        if self.messages:
            raise MacroError(self.messages)
        return result

    def _note(self, message: str) -> None:
        self._failed = True
        if len(self.messages) < MAX_MESSAGES:
            self.messages.append(message)
            if self._told:
                self._told(message)

    def _fail(self, message: str) -> _Failed:
        self._note(message)
        return _Failed()

    def _text(self, text: str) -> str:
        """Evaluate the parts of ``text`` in order."""
        out: list[str] = []
        literal: list[str] = []
        begun = len(self.messages)
        at = 0
        while (dollar := text.find("$", at)) >= 0:
            literal.append(text[at:dollar])
            at = dollar + 1
            following = text[at : at + 1]
            if following == "$":
                literal.append("$")
                at += 1
                continue
            self._literal("".join(literal), out)
            literal.clear()
            name, end = self._reference(text, at)
            if end is None:
                self._note(f'truncated macro reference: "{text}"')
                break
            if self._failed and following in _CLOSING and (name or len(self.messages) > begun):
                break
            if not name:
                self._note(f'empty macro name: "{text}"')
                break
            if self._enter(name):
                try:
                    out.append(self._evaluate(name))
                    self._depth -= 1
                except _Failed:
                    pass
            at = end
        literal.append(text[at:])
        if not self._failed:
            self._literal("".join(literal), out)
        result = "".join(out)
        self._size += len(result)
        return result

    def _reference(self, text: str, at: int) -> tuple[str, int | None]:
        """What the reference after the dollar before ``at`` is to, and where it ends; None when it is never closed."""
        if text[at : at + 1] in _CLOSING:
            end = self._balanced(text, at)
            return (text[at + 1 : end - 1], end) if end is not None else ("", None)
        end = _name_end(text, at)
        return text[at:end], end

    def _balanced(self, text: str, start: int) -> int | None:
        """The place after the bracket that closes the one at ``start``; the other kind of bracket does not count."""
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
            while level > MANY:
                self._spend(level, text)
                # It cannot end before as many brackets are closed as are open: look at all of these at once.
                chunk = text[at : at + 8 * level]
                pieces = chunk.split(closing, level)
                if len(pieces) == 1:
                    break
                end = len(chunk) - len(pieces[-1])
                level += chunk.count(opening, 0, end) - len(pieces) + 1
                at += end
            if level == 0:
                return at
            self._spend(level, text)

    def _spend(self, level: int, text: str) -> None:
        """Count a step of reading; MacroError when a text nests too deep, or takes too many steps."""
        self._read += 1
        if level > MAX_BRACKETS or self._read > MAX_READ:
            raise MacroError([f'unreasonable macro call nesting: "{_clip(text, 80)}"'])

    def _literal(self, text: str, out: list[str]) -> None:
        if text and self._enter(text):
            out.append(text)
            self._depth -= 1

    def _enter(self, part: str) -> bool:
        """One level deeper; False when ``part`` is not to be evaluated any more."""
        self._steps += 1
        if self._depth > MAX_DEPTH or self._operands > MAX_OPERANDS:
            self._note(f'unreasonable macro call nesting: "{part}"')
        if self._steps > self._max_steps or self._size > MAX_SIZE:
            raise MacroError([f'unreasonable macro expansion size: "{_clip(part, 80)}"'], given_up=True)
        self._depth += 1
        return not self._failed

    def _evaluate(self, reference: str) -> str:
        """The value of the text between the braces."""
        at = _skip(reference, 0)
        value: str | None
        is_condition = reference[at : at + 1] == "{"
        if self._functions and not is_condition:
            end = _name_end(reference, at)
            brace = _skip(reference, end)
            if reference[brace : brace + 1] == "{":
                return self._call(reference, reference[at:end], brace)
        value, at = self._condition(reference, at) if is_condition else self._name(reference, at)
        if at == len(reference):
            if value is None or not self._recurse or is_condition:
                return value or ""
            return self._text(value)
        return self._choose(reference, at, bool(value))

    def _choose(self, reference: str, at: int, holds: bool) -> str:
        """The text that the ``?`` or ``:`` at ``at`` selects, evaluated before what follows it is read."""
        result = ""
        if reference[at] == "?":
            brace = _skip(reference, at + 1)
            if reference[brace : brace + 1] != "{":
                return self._branch(reference[at + 1 :], holds)
            branch, at = self._payload(reference, brace)
            result = self._branch(branch, holds)
            if at == len(reference):
                return result
            if reference[at] != ":":
                raise self._fail(f'":" expected at: "...{branch}}}>>>{_clip(reference[at:], 20)}"')
        brace = _skip(reference, at + 1)
        if reference[brace : brace + 1] != "{":
            return result + self._branch(reference[at + 1 :], not holds)
        branch, at = self._payload(reference, brace)
        result += self._branch(branch, not holds)
        if at < len(reference):
            raise self._fail(f'unexpected input at: "...{branch}}}>>>{_clip(reference[at:], 20)}"')
        return result

    def _branch(self, text: str, wanted: bool) -> str:
        return self._text(text) if wanted or not self._recurse else ""

    def _name(self, reference: str, start: int) -> tuple[str | None, int]:
        """The raw value of the name at ``start``, and the place of the operator after it."""
        end = _name_end(reference, start)
        at = _skip(reference, end)
        if at < len(reference) and reference[at] not in "?:":
            raise self._fail(f'attribute name syntax error at: "...{reference[:end]}>>>{_clip(reference[end:], 20)}"')
        return self._lookup(reference[start:end]), at

    def _call(self, reference: str, name: str, brace: int) -> str:
        """The value of a function, whose argument is in the braces at ``brace``."""
        from mailconf.postfix.text.functions import FUNCTIONS, DomainError

        argument, at = self._payload(reference, brace)
        if at < len(reference):
            raise self._fail(f'unexpected input at: "...{argument}}}>>>{_clip(reference[at:], 20)}"')
        argument = argument.strip(_SPACE)
        if name not in FUNCTIONS:
            raise self._fail(f'unknown function "{name}" at"...>>>{name}{{{argument}}}"')
        value = self._text(argument)
        if not self._recurse or self._failed:
            return ""
        try:
            return FUNCTIONS[name](value)
        except DomainError as failure:
            self._note(str(failure))
            raise self._fail(f"bad domain argument in: '{name}{{{value}}}'") from None

    def _condition(self, reference: str, start: int) -> tuple[str, int]:
        """The truth of ``{left} OP {right}`` ("true" or ""), and the place of the operator after it."""
        left, at = self._payload(reference, start)
        operator_at = at
        while at < len(reference) and reference[at] in _OPERATOR_CHARACTERS:
            at += 1
        operator = reference[operator_at:at]
        if operator not in _OPERATORS:
            rest = _clip(reference[operator_at:], 20)
            raise self._fail(f'{_OPERATOR_EXPECTED} at: "...{left}}}>>>{rest}"')
        suffix_end = at
        while self._levels and suffix_end < len(reference) and reference[suffix_end] in _NAME - {"_"}:
            suffix_end += 1
        suffix = reference[at:suffix_end]
        if suffix and suffix != "level":
            raise self._fail(f'bad operator suffix at: "...{operator}>>>{suffix}"')
        at = _skip(reference, suffix_end)
        if reference[at : at + 1] != "{":
            rest = _clip(reference[suffix_end:], 20)
            raise self._fail(f'"{{expression}}" expected at: "...{{{left}}} {operator}>>>{rest}"')
        right, at = self._payload(reference, at)
        left_value, right_value = self._operand(left), self._operand(right)
        holds = self._recurse and self._holds(left_value, operator, suffix, right_value)
        if self._failed:
            raise _Failed
        if at < len(reference) and reference[at] not in "?:":
            raise self._fail(f'"?" or ":" expected at: "...}}>>>{_clip(reference[at:], 20)}"')
        return "true" if holds else "", at

    def _operand(self, text: str) -> str:
        """An operand's value; it is expanded on its own, even after an earlier fault."""
        depth, failed = self._depth, self._failed
        self._depth, self._failed = 1, False
        self._operands += 1
        value = self._text(text)
        self._operands -= 1
        self._depth = depth
        self._failed |= failed
        return value

    def _holds(self, left: str, operator: str, suffix: str, right: str) -> bool:
        if not suffix:
            return _compare(left, operator, right)
        levels = []
        for text in (left, right):
            level = parse_level(text)
            if level is None:
                raise self._fail(f'malformed compatibility level syntax: "{text}"')
            levels.append(level)
        return _holds((levels[0] > levels[1]) - (levels[0] < levels[1]), operator)

    def _payload(self, text: str, start: int) -> tuple[str, int]:
        """The text between the braces that open at ``start``, and the place of what follows after blanks."""
        end = self._balanced(text, start)
        if end is None:
            raise self._fail(f'unbalanced {{}} in attribute expression: "{text[start:]}"')
        return text[start + 1 : end - 1], _skip(text, end)


def _name_end(text: str, at: int) -> int:
    while at < len(text) and text[at] in _NAME:
        at += 1
    return at


def _compare(left: str, operator: str, right: str) -> bool:
    if left and right and _DIGITS.issuperset(left) and _DIGITS.issuperset(right):
        for text in (left, right):
            if int(text[:40]) > 0x7FFFFFFFFFFFFFFF:
                raise MacroError([f"mac_exp_eval: bad conversion: {text}"], fatal=True)
        return _holds(int(left) - int(right), operator)
    a, b = _bytes(left), _bytes(right)
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


def parse_level(text: str) -> tuple[int, int, int] | None:
    """A compatibility level as three numbers (postconf(5) compatibility_level), or None when it is malformed.

    Each is what strtol(3) takes, blanks and a sign before it included; minor and patch are at most 1023.
    """
    parts = text.split(".")
    if len(parts) > 3:
        return None
    numbers = [0, 0, 0]
    for at, part in enumerate(parts):
        text = part.lstrip(_SPACE)
        digits = text[1:] if text[:1] in ("+", "-") else text
        number = digits.lstrip("0")
        if not digits or len(number) > 20 or not _DIGITS.issuperset(digits) or (number and text[0] == "-"):
            return None
        numbers[at] = int(number or "0")
    if numbers[0] > MAX_MAJOR or max(numbers[1:]) > MAX_MINOR:
        return None
    return numbers[0], numbers[1], numbers[2]


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

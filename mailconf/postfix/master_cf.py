"""master.cf: eight fields on a logical line, the command's arguments behind them (master(5)).

    service type private unprivileged chroot wakeup process_limit command [arguments]

A field or argument that begins with ``{`` runs to the brace that closes it and may hold blanks; an argument loses the
braces and the blanks inside them. ``-o name=value`` and ``-o { name = value }`` override main.cf for the service, up
to the first argument that is no option.
"""

from __future__ import annotations

from mailconf.postfix.lines import BLANKS, LogicalLine, logical_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command")
TYPES = ("inet", "unix", "unix-dgram", "fifo", "pass")
COMMAND = len(FIELDS) - 1


class Word:
    """A field or an argument: its text (an argument's without braces), and where it stands in the file."""

    __slots__ = ("end", "start", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end


class Override:
    """``-o name=value``; ``word`` is the argument that says it."""

    __slots__ = ("name", "value", "word")

    def __init__(self, name: str, value: str, word: Word) -> None:
        self.name = name
        self.value = value
        self.word = word


class Problem:
    """Something wrong with an entry: the engine's words, where, and whether the engine stops there."""

    __slots__ = ("end", "fatal", "message", "start")

    def __init__(self, message: str, start: int, end: int, *, fatal: bool) -> None:
        self.message = message
        self.start = start
        self.end = end
        self.fatal = fatal


class Entry:
    """One service as it stands in the file: ``fields`` (eight, the command's name last) and ``arguments``."""

    __slots__ = ("arguments", "fields", "logical", "overrides", "problems")

    def __init__(self, logical: LogicalLine) -> None:
        self.logical = logical
        self.fields: list[Word] = []
        self.arguments: list[Word] = []
        self.overrides: list[Override] = []
        self.problems: list[Problem] = []

    @property
    def usable(self) -> bool:
        """False when the engine would stop at this entry."""
        return len(self.fields) == len(FIELDS) and not any(p.fatal for p in self.problems)

    @property
    def name(self) -> str:
        return self.fields[0].text

    @property
    def type(self) -> str:
        return self.fields[1].text

    @property
    def line(self) -> int:
        return self.logical.line


def read(text: str) -> Iterator[Entry]:
    """The entries of a master.cf, in order, those that are broken included."""
    for logical in logical_lines(text):
        yield parse(logical)


def parse(logical: LogicalLine) -> Entry:
    entry = Entry(logical)
    start, end = logical.place(0), logical.end
    if logical.orphan:
        message = "logical line must not start with whitespace"
        entry.problems.append(Problem(message, start, end, fatal=False))
        return entry
    words = list(_words(logical))
    entry.fields = [Word(text, logical.place(at), logical.place(at + len(text) - 1) + 1) for text, at in words[:8]]
    if len(words) < len(FIELDS):
        entry.problems.append(Problem("bad field count", start, end, fatal=True))
        return entry
    _check_fields(entry)
    for text, at in words[8:]:
        word = Word(text, logical.place(at), logical.place(at + len(text) - 1) + 1)
        if text[0] == "{":
            word.text = _unbrace(entry, word)
        entry.arguments.append(word)
    _find_overrides(entry)
    return entry


def _words(logical: LogicalLine) -> Iterator[tuple[str, int]]:
    """Blank-separated words with their offsets; a word that begins with ``{`` runs to its closing brace."""
    line = logical.text
    at = 0
    while True:
        while at < len(line) and line[at] in BLANKS:
            at += 1
        if at == len(line):
            return
        start = at
        level = 0
        while at < len(line):
            char = line[at]
            if char == "{":
                level += line[start] == "{"
            elif char == "}" and level:
                level -= 1
            elif char in BLANKS and level == 0:
                break
            at += 1
        yield line[start:at], start


def _check_fields(entry: Entry) -> None:
    """What the engine checks of the fields, in its order; it stops at the first that is wrong."""
    fields = entry.fields
    checks = (
        (1, fields[1].text in TYPES),
        *((field, fields[field].text in ("-", "y", "n")) for field in (2, 3, 4)),
        (5, _is_number(fields[5].text.removesuffix("?"))),
        (6, _is_number(fields[6].text)),
    )
    for field, good in checks:
        if not good:
            word = fields[field]
            message = f'invalid {FIELDS[field]} field "{word.text}"'
            entry.problems.append(Problem(message, word.start, word.end, fatal=True))


def _is_number(text: str) -> bool:
    return text == "-" or (text.isascii() and text.isdigit())


def _unbrace(entry: Entry, word: Word) -> str:
    """The text inside an argument's braces."""
    text = word.text
    level = 0
    for at, char in enumerate(text):
        level += (char == "{") - (char == "}")
        if level == 0:
            if at < len(text) - 1:
                entry.problems.append(_warning(word, "syntax error after '}' in \"" + text + '"'))
            return text[1:at].strip(BLANKS)
    entry.problems.append(_warning(word, "missing '}' in \"" + text + '"'))
    return text[1:].strip(BLANKS)


def _find_overrides(entry: Entry) -> None:
    arguments = iter(entry.arguments)
    for word in arguments:
        if not word.text.startswith("-") or word.text == "--":
            return
        if not word.text.startswith("-o"):
            continue
        value = word if len(word.text) > 2 else next(arguments, None)
        if value is None:
            return
        text = value.text.removeprefix("-o") if value is word else value.text
        name, equals, rest = text.partition("=")
        name = name.strip(BLANKS)
        if not equals:
            continue
        if not name:
            entry.problems.append(_warning(value, f'missing attribute name: "{text}"'))
            continue
        entry.overrides.append(Override(name, rest.strip(BLANKS), value))


def _warning(word: Word, message: str) -> Problem:
    return Problem(message, word.start, word.end, fatal=False)

"""master.cf: eight fields on a logical line, the command's arguments behind them (master(5)).

    service type private unprivileged chroot wakeup process_limit command [arguments]

Words are separated by blanks; braces, nested, hold a word together. An argument that begins with ``{`` loses the
braces and the blanks inside them. ``-o name=value`` and ``-o { name = value }`` override main.cf for the service, up to
the first argument that is no option. Option letters may stand together, ``-vo name=value``: the first ``o`` of a word
ends it, and what follows is its value.
"""

from __future__ import annotations

from mailconf.postfix.lines import BLANKS, ORPHAN, LogicalLine, logical_lines, shortened, split_name_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command")
TYPES = ("inet", "unix", "unix-dgram", "fifo", "pass")
COMMAND = len(FIELDS) - 1
FILE = "\0"


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
    """Something wrong with an entry: what, where, and whether the engine stops there.

    ``engine`` is what the engine says, with `FILE` where it names the file.
    """

    __slots__ = ("end", "engine", "fatal", "message", "start")

    def __init__(self, message: str, engine: str, start: int, end: int, *, fatal: bool) -> None:
        self.message = message
        self.engine = engine
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
    """The entry on a logical line, as far as it can be read, and what is wrong with it."""
    entry = Entry(logical)
    start, end = logical.place(0), logical.end
    if logical.orphan:
        engine = f'{FILE}: {ORPHAN}: "{shortened(logical.text)}"'
        entry.problems.append(Problem(ORPHAN, engine, start, end, fatal=False))
        return entry
    words = [
        Word(text, logical.place(at), logical.place(at + len(text) - 1) + 1) for text, at in split_words(logical.text)
    ]
    entry.fields = words[: len(FIELDS)]
    if len(words) < len(FIELDS):
        engine = f"file {FILE}: line {logical.line}: bad field count"
        entry.problems.append(Problem("bad field count", engine, start, end, fatal=True))
        return entry
    _check_fields(entry)
    entry.arguments = _normalized(entry, words[len(FIELDS) :])
    entry.overrides = list(_overrides(entry.arguments))
    return entry


def split_words(text: str, separators: str = " \t\r\n") -> Iterator[tuple[str, int]]:
    """The words between ``separators``, with their offsets; braces, nested, hold a word together."""
    at, end = 0, len(text)
    while at < end:
        if text[at] in separators:
            at += 1
            continue
        start, depth = at, 0
        while at < end and (depth > 0 or text[at] not in separators):
            if text[at] == "{":
                depth += 1
            elif text[at] == "}" and depth > 0:
                depth -= 1
            at += 1
        yield text[start:at], start


def _check_fields(entry: Entry) -> None:
    """What the engine checks of the fields; it stops at the first that is wrong."""
    fields = entry.fields
    checks = (
        (1, fields[1].text in TYPES),
        *((field, fields[field].text in ("-", "y", "n")) for field in (2, 3, 4)),
        (5, _is_number(fields[5].text.removesuffix("?"))),
        (6, _is_number(fields[6].text) and fields[6].text != ""),
    )
    for field, good in checks:
        if not good:
            word = fields[field]
            message = f'invalid {FIELDS[field]} field "{word.text}"'
            engine = f'{message} in "{entry.logical.text}"'
            entry.problems.append(Problem(message, engine, word.start, word.end, fatal=True))


def _is_number(text: str) -> bool:
    return text in ("-", "") or (text.isascii() and text.isdigit())


def unbrace(text: str) -> tuple[str, str]:
    """The text inside the braces that ``text`` begins with, and what the engine says when they are wrong, or ""."""
    level = 0
    for at, char in enumerate(text):
        level += (char == "{") - (char == "}")
        if level == 0:
            problem = "" if at == len(text) - 1 else f"syntax error after '}}' in \"{text}\""
            return text[1:at].strip(BLANKS), problem
    return text[1:].strip(BLANKS), f"missing '}}' in \"{text}\""


def _normalized(entry: Entry, words: list[Word]) -> list[Word]:
    """The arguments as the engine keeps them: options apart, ``-o`` and its value too, braces gone."""
    out: list[Word] = []
    rest = iter(words)
    for word in rest:
        text = word.text
        if text[0] != "-" or text in ("-", "--"):
            out.append(_unbraced(entry, word))
            break
        at = text.find("o", 1)
        if at < 0:
            out.append(word)
            continue
        if at > 1:
            out.append(Word(text[:at], word.start, word.end))
        out.append(Word("-o", word.start, word.end))
        value = Word(text[at + 1 :], word.start, word.end) if text[at + 1 :] else next(rest, None)
        if value is None:
            break
        if value.text.startswith("{"):
            value = _unbraced(entry, value)
            pair = split_name_value(value.text)
            if isinstance(pair, str):
                entry.problems.append(_warning(value, f'{pair}: "{value.text}"'))
            else:
                value.text = f"{pair[0]}={pair[1]}"
        out.append(value)
    out += (_unbraced(entry, word) for word in rest)
    return out


def _unbraced(entry: Entry, word: Word) -> Word:
    if not word.text.startswith("{"):
        return word
    text, problem = unbrace(word.text)
    if problem:
        entry.problems.append(_warning(word, problem))
    return Word(text, word.start, word.end)


def _overrides(arguments: list[Word]) -> Iterator[Override]:
    words = iter(arguments)
    for word in words:
        if not word.text.startswith("-") or word.text in ("-", "--"):
            return
        if word.text == "-o":
            value = next(words, None)
            if value is None:
                return
            pair = split_name_value(value.text)
            if not isinstance(pair, str):
                yield Override(pair[0], pair[1], value)


def _warning(word: Word, message: str) -> Problem:
    return Problem(message, f"master.cf: {message}", word.start, word.end, fatal=False)

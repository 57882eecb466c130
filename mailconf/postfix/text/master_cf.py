"""master.cf: eight fields on a logical line, the command's arguments after them (master(5)).

    service type private unprivileged chroot wakeup process_limit command [arguments]

Words are separated by blanks; braces, nested, hold a word together. An argument that begins with ``{`` loses the
braces and the blanks inside them. ``-o name=value`` and ``-o { name = value }`` override main.cf for the service, up to
the first argument that is no option. Option letters may stand together, ``-vo name=value``: the first letter that takes
a value ends the word, and what follows is the value.
"""

from __future__ import annotations

from mailconf.postfix.text.lines import BLANKS, ORPHAN, LogicalLine, config_lines, shortened, split_name_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command")
TYPES = ("inet", "unix", "unix-dgram", "fifo", "pass")
COMMAND = len(FIELDS) - 1
FILE = "\0"
# The options of the daemons (3.7.11, each asked for every letter); all but ``o`` are the master's own business.
FLAGS, TAKES_VALUE = "DSVcdluvz", "imnost"


class Word:
    """A field or an argument: its text (an argument's without braces), and its place in the file."""

    __slots__ = ("end", "start", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end


class Override:
    """``-o name=value``; ``word`` is the argument that has it."""

    __slots__ = ("name", "value", "word")

    def __init__(self, name: str, value: str, word: Word) -> None:
        self.name = name
        self.value = value
        self.word = word


class Option:
    """One option letter of a service's command line: ``word`` holds it, ``value`` is None where it has no value."""

    __slots__ = ("letter", "value", "word")

    def __init__(self, letter: str, word: Word, value: Word | None = None) -> None:
        self.letter = letter
        self.word = word
        self.value = value


class Problem:
    """Something wrong with an entry: what, where, and whether the engine stops there.

    ``engine`` is the engine's message, with `FILE` where it names the file.
    """

    __slots__ = ("end", "engine", "fatal", "message", "start")

    def __init__(self, message: str, engine: str, start: int, end: int, *, fatal: bool) -> None:
        self.message = message
        self.engine = engine
        self.start = start
        self.end = end
        self.fatal = fatal


class ServiceEntry:
    """One service as it is in the file: ``fields`` (eight, the command's name last) and the command line.

    words      the command's arguments as master(8) passes them: braces gone
    arguments  the same as postconf keeps them, see `_normalized`; ``overrides`` is what it finds among them
    """

    __slots__ = ("arguments", "fields", "logical", "overrides", "problems", "words")

    def __init__(self, logical: LogicalLine) -> None:
        self.logical = logical
        self.fields: list[Word] = []
        self.words: list[Word] = []
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


def read(text: str) -> Iterator[ServiceEntry]:
    """The entries of a master.cf, in order, those that are broken included."""
    for logical in config_lines(text):
        yield parse(logical)


def parse(logical: LogicalLine) -> ServiceEntry:
    """The entry on a logical line, as far as it can be read, and what is wrong with it."""
    entry = ServiceEntry(logical)
    start, end = logical.place(0), logical.end
    if logical.orphan:
        engine = f'{FILE}: {ORPHAN}: "{shortened(logical)}"'
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
    entry.words = [_plain(word) for word in words[len(FIELDS) :]]
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


def _check_fields(entry: ServiceEntry) -> None:
    """What the engine checks of the fields; it stops at the first that is wrong."""
    for at, word in enumerate(entry.fields):
        message = field_problem(at, word.text)
        if message:
            engine = f'{message} in "{entry.logical.text}"'
            entry.problems.append(Problem(message, engine, word.start, word.end, fatal=True))


def field_problem(at: int, text: str) -> str:
    """What is wrong with ``text`` as field number ``at``, or ""."""
    if at == 1:
        good = text in TYPES
    elif 2 <= at <= 4:
        good = text in ("", "-", "y", "n")
    elif at == 5:
        good = _is_limit(text.removesuffix("?"))
    else:
        good = at != 6 or _is_limit(text)
    return "" if good else f'invalid {FIELDS[at]} field "{text}"'


def _is_limit(text: str) -> bool:
    return text in ("", "-") or (text.isascii() and text.isdigit())


def unbrace(text: str) -> tuple[str, str]:
    """The text inside the braces that ``text`` begins with, and the engine's message when they are wrong, or ""."""
    level = 0
    for at, char in enumerate(text):
        level += (char == "{") - (char == "}")
        if level == 0:
            problem = "" if at == len(text) - 1 else f"syntax error after '}}' in \"{text}\""
            return text[1:at], problem
    return text[1:], f"missing '}}' in \"{text}\""


def _normalized(entry: ServiceEntry, words: list[Word]) -> list[Word]:
    """The arguments as postconf keeps them: options apart, ``-o`` and its value too, braces gone."""
    out: list[Word] = []
    rest = words[::-1]
    while rest:
        word = rest.pop()
        text = word.text
        if text[0] != "-" or text == "--":
            out.append(_unbraced(entry, word))
            break
        if text == "-":
            out.append(word)
            if rest:
                out.append(_unbraced(entry, rest.pop()))
            continue
        if (at := text.find("o", 2)) > 0:
            rest.append(Word("-" + text[at:], word.start, word.end))
            word = Word(text[:at], word.start, word.end)
        if not word.text.startswith("-o"):
            out.append(word)
            continue
        out.append(Word("-o", word.start, word.end))
        if len(word.text) > 2:
            rest.append(Word(word.text[2:], word.start, word.end))
        if rest:
            out.append(_setting(entry, rest.pop()))
    out += (_unbraced(entry, word) for word in reversed(rest))
    return out


def _setting(entry: ServiceEntry, word: Word) -> Word:
    """The value of a ``-o``; ``{ name = value }`` as ``name=value``."""
    if not word.text.startswith("{"):
        return word
    word = _unbraced(entry, word)
    pair = split_name_value(word.text)
    if isinstance(pair, str):
        entry.problems.append(_warning(word, f'{pair}: "{word.text}"'))
        return word
    return Word(f"{pair[0]}={pair[1]}", word.start, word.end)


def _unbraced(entry: ServiceEntry, word: Word) -> Word:
    if not word.text.startswith("{"):
        return word
    text, problem = unbrace(word.text)
    if problem:
        entry.problems.append(_warning(word, problem))
    return Word(text.strip(BLANKS), word.start, word.end)


def _plain(word: Word) -> Word:
    text = unbrace(word.text)[0].strip(BLANKS) if word.text.startswith("{") else word.text
    return Word(text, word.start, word.end)


def settings(entry: ServiceEntry) -> Iterator[Override]:
    """What ``-o`` sets, as the daemon's getopt(3) sees it.

    postconf, of which `ServiceEntry.overrides` is the view, takes an ``o`` within ``-oNAME=VALUE`` for another option.
    """
    for word in _setting_words(entry):
        pair = split_name_value(_plain(word).text)
        if not isinstance(pair, str):
            yield Override(pair[0], pair[1], word)


def wrong_settings(entry: ServiceEntry) -> Iterator[Problem]:
    """The ``-o`` at which the daemon would stop."""
    for word in _setting_words(entry):
        text = _plain(word).text
        pair = split_name_value(text)
        if isinstance(pair, str):
            message = f"invalid parameter override: {text}: {pair}"
            yield Problem(message, message, word.start, word.end, fatal=True)


def _setting_words(entry: ServiceEntry) -> Iterator[Word]:
    for option in command_line(entry)[0]:
        if option.letter == "o" and option.value is not None:
            yield option.value


def command_line(entry: ServiceEntry) -> tuple[list[Option], list[Word]]:
    """The options of an entry's command line, as getopt(3) gives them to the daemon, and the words after them."""
    found: list[Option] = []
    words, at = entry.words, 0
    while at < len(words):
        word = words[at]
        if not word.text.startswith("-") or word.text == "-":
            break
        at += 1
        if word.text == "--":
            break
        for place, letter in enumerate(word.text[1:], 2):
            if letter not in TAKES_VALUE:
                found.append(Option(letter, word))
                continue
            value = Word(word.text[place:], word.start, word.end) if word.text[place:] else None
            if value is None and at < len(words):
                value = words[at]
                at += 1
            found.append(Option(letter, word, value))
            break
    return found, words[at:]


def options(arguments: list[Word]) -> Iterator[tuple[str, Word | None]]:
    """The options, as postconf sees them, each with its value: what begins with ``-o``, and a lone ``-``, has one."""
    words = iter(arguments)
    for word in words:
        text = word.text
        if not text.startswith("-") or text == "--":
            return
        yield text, next(words, None) if text == "-" or text.startswith("-o") else None


def _overrides(arguments: list[Word]) -> Iterator[Override]:
    for text, value in options(arguments):
        if text == "-o" and value is not None:
            pair = split_name_value(value.text)
            if not isinstance(pair, str):
                yield Override(pair[0], pair[1], value)


def _warning(word: Word, message: str) -> Problem:
    return Problem(message, f"master.cf: {message}", word.start, word.end, fatal=False)

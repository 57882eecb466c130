"""master.cf: eight fields on a logical line, the command's arguments after them (master(5)).

    service type private unprivileged chroot wakeup process_limit command [arguments]

Words are separated by blanks; braces, nested, hold a word together. An argument that begins with ``{`` loses the
braces and the blanks inside them. ``-o name=value`` and ``-o { name = value }`` override main.cf for the service, up to
the first argument that is no option. Option letters may stand together, ``-vo name=value``: the first letter that takes
a value ends the word, and what follows is the value.
"""

from __future__ import annotations

from array import array

from mailconf.postfix.text.lines import BLANKS, ORPHAN, LogicalLine, config_lines, shortened, split_name_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FIELDS = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command")
TYPES = ("inet", "unix", "unix-dgram", "fifo", "pass")
COMMAND = len(FIELDS) - 1
FILE = "\0"
_LONG = 10_000  # characters that are worth a regular expression
# The options of the daemons (3.7.11, each asked for every letter); all but ``o`` are the master's own business.
FLAGS, TAKES_VALUE = "DSVcdluvz", "imnost"


class ServiceWord:
    """A field or an argument: its text (an argument's without braces), and its place in the file."""

    __slots__ = ("end", "start", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end


class Words:
    """Arguments of a logical line by their places, for a line may have a hundred thousand; each is made when asked for.

    Without ``plain`` they are as written, with it as master(8) passes them: braces gone.
    """

    __slots__ = ("_ends", "_logical", "_plain", "_starts")

    def __init__(self, logical: LogicalLine, starts: array[int], ends: array[int], *, plain: bool) -> None:
        self._logical = logical
        self._starts = starts
        self._ends = ends
        self._plain = plain

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, at: int) -> ServiceWord:
        word = _word(self._logical, self._starts[at], self._ends[at])
        return _plain(word) if self._plain else word

    def __iter__(self) -> Iterator[ServiceWord]:
        return (self[at] for at in range(len(self)))

    def since(self, at: int) -> Words:
        """Those from number ``at`` on."""
        return Words(self._logical, self._starts[at:], self._ends[at:], plain=self._plain)


class Arguments:
    """The arguments as postconf keeps them, see `_normalized`; they are made each time that they are asked for."""

    __slots__ = ("_words",)

    def __init__(self, words: Words) -> None:
        self._words = words

    def __iter__(self) -> Iterator[ServiceWord]:
        return _normalized(self._words, lambda _: None)


class Override:
    """``-o name=value``; ``word`` is the argument that has it."""

    __slots__ = ("name", "value", "word")

    def __init__(self, name: str, value: str, word: ServiceWord) -> None:
        self.name = name
        self.value = value
        self.word = word


class Option:
    """One option letter of a service's command line: ``word`` holds it, ``value`` is None where it has no value."""

    __slots__ = ("letter", "value", "word")

    def __init__(self, letter: str, word: ServiceWord, value: ServiceWord | None = None) -> None:
        self.letter = letter
        self.word = word
        self.value = value


class ServiceProblem:
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


_NO_PLACES = array("I")


class ServiceEntry:
    """One service as it is in the file: ``fields`` (eight, the command's name last) and the command line.

    words      the command's arguments as master(8) passes them: braces gone
    arguments  the same as postconf keeps them, see `_normalized`; ``overrides`` is what it finds among them
    """

    __slots__ = ("arguments", "fields", "logical", "problems", "words")

    def __init__(self, logical: LogicalLine) -> None:
        self.logical = logical
        self.fields: list[ServiceWord] = []
        self.words = Words(logical, _NO_PLACES, _NO_PLACES, plain=True)
        self.arguments: Iterable[ServiceWord] = ()
        self.problems: list[ServiceProblem] = []

    @property
    def overrides(self) -> Iterator[Override]:
        return _overrides(self.arguments)

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


class Entries:
    """Entries of one file by their places: each is read when it is asked for, as there may be one for 20 bytes."""

    __slots__ = ("_lines", "_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts, self._lines = array("I"), array("I")

    def add(self, entry: ServiceEntry) -> None:
        """Append an entry of the file's."""
        self._starts.append(entry.logical.beginning)
        self._lines.append(entry.line)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, at: int) -> ServiceEntry:
        return entry_at(self._text, self._starts[at], self._lines[at])

    def __iter__(self) -> Iterator[ServiceEntry]:
        return (self[at] for at in range(len(self)))


def entry_at(text: str, start: int, line: int = 1) -> ServiceEntry:
    """The entry that `read` gives of the logical line that begins at ``start``, in the line of this number."""
    return parse(next(config_lines(text, start, line)))


def parse(logical: LogicalLine) -> ServiceEntry:
    """The entry on a logical line, as far as it can be read, and what is wrong with it."""
    entry = ServiceEntry(logical)
    start, end = logical.place(0), logical.end
    if logical.orphan:
        engine = f'{FILE}: {ORPHAN}: "{shortened(logical)}"'
        entry.problems.append(ServiceProblem(ORPHAN, engine, start, end, fatal=False))
        return entry
    starts, ends = array("I"), array("I")
    for text, at in split_words(logical.text):
        starts.append(at)
        ends.append(at + len(text))
    first = len(FIELDS)
    entry.fields = [_word(logical, *place) for place in zip(starts[:first], ends[:first], strict=True)]
    if len(starts) < first:
        engine = f"file {FILE}: line {logical.line}: bad field count"
        entry.problems.append(ServiceProblem("bad field count", engine, start, end, fatal=True))
        return entry
    _check_fields(entry)
    if len(starts) > first:
        written = Words(logical, starts[first:], ends[first:], plain=False)
        entry.words = Words(logical, starts[first:], ends[first:], plain=True)
        entry.arguments = Arguments(written)
        if "{" in logical.text:  # nothing else in an argument can be wrong
            for _ in _normalized(written, entry.problems.append):
                pass
    return entry


def _word(logical: LogicalLine, start: int, end: int) -> ServiceWord:
    """The word between two offsets in a logical line."""
    return ServiceWord(logical.text[start:end], logical.place(start), logical.place(end - 1) + 1)


def split_words(text: str, separators: str = " \t\r\n") -> Iterator[tuple[str, int]]:
    """The words between ``separators``, with their offsets; braces, nested, hold a word together."""
    if len(text) > _LONG and "{" not in text:
        import re  # here: start-up time

        for found in re.finditer(f"[^{separators}]+", text):
            yield found[0], found.start()
        return
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
            entry.problems.append(ServiceProblem(message, engine, word.start, word.end, fatal=True))


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


def _normalized(words: Words, report: Callable[[ServiceProblem], None]) -> Iterator[ServiceWord]:
    """The arguments as postconf keeps them: options apart, ``-o`` and its value too, braces gone.

    What is wrong with one goes to ``report`` as it is come to.
    """
    rest = iter(words)
    pushed: list[ServiceWord] = []  # what precedes the rest: parts of a word
    while (word := pushed.pop() if pushed else next(rest, None)) is not None:
        text = word.text
        if text[0] != "-" or text == "--":
            yield _unbraced(word, report)
            break
        if text == "-":
            yield word
            if (value := next(rest, None)) is not None:
                yield _unbraced(value, report)
            continue
        if (at := text.find("o", 2)) > 0:
            pushed.append(ServiceWord("-" + text[at:], word.start, word.end))
            word = ServiceWord(text[:at], word.start, word.end)
        if not word.text.startswith("-o"):
            yield word
            continue
        yield ServiceWord("-o", word.start, word.end)
        if len(word.text) > 2:
            pushed.append(ServiceWord(word.text[2:], word.start, word.end))
        if (value := pushed.pop() if pushed else next(rest, None)) is not None:
            yield _setting(value, report)
    yield from (_unbraced(word, report) for word in rest)


def _setting(word: ServiceWord, report: Callable[[ServiceProblem], None]) -> ServiceWord:
    """The value of a ``-o``; ``{ name = value }`` as ``name=value``."""
    if not word.text.startswith("{"):
        return word
    word = _unbraced(word, report)
    pair = split_name_value(word.text)
    if isinstance(pair, str):
        report(_warning(word, f'{pair}: "{word.text}"'))
        return word
    return ServiceWord(f"{pair[0]}={pair[1]}", word.start, word.end)


def _unbraced(word: ServiceWord, report: Callable[[ServiceProblem], None]) -> ServiceWord:
    if not word.text.startswith("{"):
        return word
    text, problem = unbrace(word.text)
    if problem:
        report(_warning(word, problem))
    return ServiceWord(text.strip(BLANKS), word.start, word.end)


def _plain(word: ServiceWord) -> ServiceWord:
    text = unbrace(word.text)[0].strip(BLANKS) if word.text.startswith("{") else word.text
    return ServiceWord(text, word.start, word.end)


def settings(entry: ServiceEntry) -> Iterator[Override]:
    """What ``-o`` sets, as the daemon's getopt(3) sees it.

    postconf, of which `ServiceEntry.overrides` is the view, takes an ``o`` within ``-oNAME=VALUE`` for another option.
    """
    for word in _setting_words(entry):
        pair = split_name_value(_plain(word).text)
        if not isinstance(pair, str):
            yield Override(pair[0], pair[1], word)


def wrong_settings(entry: ServiceEntry) -> Iterator[ServiceProblem]:
    """The ``-o`` at which the daemon would stop."""
    for word in _setting_words(entry):
        text = _plain(word).text
        pair = split_name_value(text)
        if isinstance(pair, str):
            message = f"invalid parameter override: {text}: {pair}"
            yield ServiceProblem(message, message, word.start, word.end, fatal=True)


def _setting_words(entry: ServiceEntry) -> Iterator[ServiceWord]:
    for option in command_line(entry)[0]:
        if option.letter == "o" and option.value is not None:
            yield option.value


def command_line(entry: ServiceEntry) -> tuple[list[Option], Words]:
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
            value = ServiceWord(word.text[place:], word.start, word.end) if word.text[place:] else None
            if value is None and at < len(words):
                value = words[at]
                at += 1
            found.append(Option(letter, word, value))
            break
    return found, words.since(at)


def options(arguments: Iterable[ServiceWord]) -> Iterator[tuple[str, ServiceWord | None]]:
    """The options, as postconf sees them, each with its value: what begins with ``-o``, and a lone ``-``, has one."""
    words = iter(arguments)
    for word in words:
        text = word.text
        if not text.startswith("-") or text == "--":
            return
        yield text, next(words, None) if text == "-" or text.startswith("-o") else None


def _overrides(arguments: Iterable[ServiceWord]) -> Iterator[Override]:
    for text, value in options(arguments):
        if text == "-o" and value is not None:
            pair = split_name_value(value.text)
            if not isinstance(pair, str):
                yield Override(pair[0], pair[1], value)


def _warning(word: ServiceWord, message: str) -> ServiceProblem:
    return ServiceProblem(message, f"master.cf: {message}", word.start, word.end, fatal=False)

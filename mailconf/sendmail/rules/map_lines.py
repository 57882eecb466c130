"""The arguments of K lines, by type of map: flags, a file, and what follows.

Arguments are read from left to right. A flag's letter is the first character after ``-``; what follows it up to the
next blank is its value. For most types an unknown flag is a mistake, for some it is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mailconf.sendmail.rules.maps import DefinedMap, MapFlags
from mailconf.sendmail.rules.posix import MOST_FIELDS, BadFields, Regex, compiled, read_fields
from mailconf.sendmail.rules.resolv_conf import patience
from mailconf.sendmail.rules.symbols import ELSE

_BLANKS = " \t\n\v\f\r"
_ESCAPES = {"n": "\n", "t": "\t"}
_PRIORITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
RECORDS = ("A", "AAAA", "AFSDB", "CNAME", "MX", "NS", "PTR", "SRV", "TXT", "TLSA")
TIME_UNITS = "wdhms"

Complain = Callable[[str], object]


class _Words:
    """Arguments as they are read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _BLANKS:
            self.at += 1

    def word(self) -> str:
        """What comes up to the next blank, which is passed over."""
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _BLANKS:
            self.at += 1
        word = self.text[start : self.at]
        self.at = min(self.at + 1, len(self.text))
        return word

    def flags(self, apart: str = "") -> Iterator[tuple[str, str]]:
        """Letter and value of each flag; the values of those in ``apart`` may be the next word."""
        while True:
            self.skip()
            if self.text[self.at : self.at + 1] != "-":
                return
            self.at += 1
            letter = self.text[self.at : self.at + 1]
            if not letter or letter in _BLANKS:
                self.word()
                yield "", ""
                continue
            self.at += 1
            if letter in apart:
                self.skip()
            yield letter, self.word()

    def rest(self) -> str:
        self.skip()
        return self.text[self.at :]


def time_unit_problems(value: str, units: str) -> Iterator[str]:
    """What sendmail complains of in a time: letters that are no units."""
    text = value.removeprefix("-")
    if text.lower() == "now":
        return
    for character in text:
        if character not in "0123456789" and character not in TIME_UNITS:
            yield f"Invalid time unit `{character}'"


def _delimiter(value: str) -> str:
    if value.startswith("\\"):
        return _ESCAPES.get(value[1:2], "\\")
    return value[:1]


def _common(flags: MapFlags, letter: str, value: str) -> bool:
    """Set a flag that many types have; whether it is one."""
    if letter == "a":
        flags.append = value
    elif letter == "D":
        flags.defers = True
    elif letter == "f":
        flags.folds = False
    elif letter == "m":
        flags.matches = True
    elif letter == "N":
        flags.nul, flags.plain = True, False
    elif letter == "O":
        flags.nul = False
    elif letter == "o":
        flags.optional = True
    elif letter == "q":
        flags.quotes = True
    elif letter == "T":
        flags.failing = value
    elif letter == "t":
        flags.never_defers = True
    elif letter == "z":
        flags.delimiter = _delimiter(value)
    else:
        return letter == "A"
    return True


def parse_file(map_: DefinedMap, text: str, complain: Complain) -> bool:
    """hash, btree, text, stab, implicit, user, program, switch, null, socket and others: flags, a file, the rest."""
    flags = map_.flags
    flags.plain = flags.nul = True
    words = _Words(text)
    for letter, value in words.flags("kv"):
        if letter == "d":
            for problem in time_unit_problems(value, "s"):
                complain(problem)
        elif letter == "S":
            flags.blank = value[:1] or None
        elif letter == "k":
            flags.key_column = value
        elif letter == "v":
            flags.value_column = value
        elif not _common(flags, letter, value):
            complain(f"Illegal option {letter} map {map_.name}" if letter else "Illegal option ")
    words.skip()
    file = words.word()
    map_.file = file or map_.file
    map_.rest = words.rest() or map_.rest
    if not map_.file and map_.kind.needs_file:
        complain(f"No file name for {map_.kind.name} map {map_.name}")
        return False
    return True


def parse_plain(map_: DefinedMap, text: str, complain: Complain) -> bool:
    """dequote, arith, macro: few flags, and nothing is a mistake."""
    map_.flags.quotes = True
    for letter, value in _Words(text).flags():
        if letter == "a":
            map_.flags.append = value
        elif letter == "D":
            map_.flags.defers = True
        elif letter in "Ss" and letter:
            map_.flags.blank = value[:1] or None
    return True


def parse_host(map_: DefinedMap, text: str, complain: Complain) -> bool:
    seconds = tries = ""
    for letter, value in _Words(text).flags("dr"):
        if letter in ("a", "T", "m", "t", "D"):
            _common(map_.flags, letter, value)
        elif letter == "S":
            map_.flags.blank = value[:1] or None
        elif letter == "d":
            seconds = value
            for problem in time_unit_problems(value, "s"):
                complain(problem)
        elif letter == "r":
            tries = value
    map_.patience = patience(seconds, tries)
    return True


def parse_dns(map_: DefinedMap, text: str, complain: Complain) -> bool:
    map_.flags.plain = map_.flags.nul = True
    known = False
    seconds = tries = ""
    words = _Words(text)
    for letter, value in words.flags("BrZR"):
        if letter == "B":
            map_.base = value
        elif letter == "d":
            seconds = value
            for problem in time_unit_problems(value, "s"):
                complain(problem)
        elif letter == "Z":
            digits = "".join(c for c in value if c in "0123456789")
            map_.most = int(digits[:9] or "0")
        elif letter == "R":
            known = value.upper() in RECORDS
            map_.record = value.upper() if known else ""
            if not known:
                follows = text[words.at - 1 :]
                more = follows if follows[:1] in tuple(_BLANKS) else ""  # all that is left of the line is shown
                complain(f"dns map {map_.name}: wrong type {value}{more}")
        elif letter == "r":
            tries = value
        elif letter != "S":
            _common(map_.flags, letter, value)
    map_.patience = patience(seconds, tries)
    if not known:
        complain(f"dns map {map_.name}: missing -R type")
    return True


def parse_syslog(map_: DefinedMap, text: str, complain: Complain) -> bool:
    """Its flags may touch each other; what follows one that takes no value ends them."""
    priority, at = "", 0
    while True:
        at += len(text[at:]) - len(text[at:].lstrip(_BLANKS))
        if text[at : at + 1] != "-":
            break
        letter = text[at + 1 : at + 2]
        at += 2
        if letter == "D":
            map_.flags.defers = True
        elif letter == "S":
            map_.flags.blank = text[at : at + 1] or None
            at += 1
        elif letter == "L":
            words = text[at:].split(None, 1)
            priority = words[0] if words else priority
            at = len(text) - len(words[1]) if len(words) > 1 else len(text)
        else:
            complain(f"Illegal option {letter} map syslog" if letter else "Illegal option ")
    if priority:
        found = priority.lower().removeprefix("log_")
        if found not in _PRIORITIES:
            name = priority[4:] if priority[:4].upper() == "LOG_" else priority
            complain(f"syslog_map_parseargs: Unknown priority {name}")
            return False
        map_.priority = found
    return True


def parse_regex(map_: DefinedMap, text: str, complain: Complain) -> bool:
    flags = map_.flags
    words = _Words(text)
    negated, extended, groups, delimiter = False, True, None, ELSE
    for letter, value in words.flags():
        if letter == "n":
            negated = True
        elif letter == "b":
            extended = False
        elif letter == "s":
            groups = value
        elif letter == "d":
            delimiter = value
        elif letter == "S":
            flags.blank = value[:1] or None
        elif letter in ("f", "a", "m", "q", "D"):
            _common(flags, letter, value)
    from mailconf.maps.patterns.patterns import BadExpression

    try:
        expression = compiled(words.rest(), extended=extended, fold=flags.folds)
    except BadExpression as bad:
        complain(f"pattern-compile-error: {bad}")
        return False
    fields: tuple[int, ...] | None = None
    if groups is not None:
        if expression.groups + 1 >= MOST_FIELDS:
            complain(f"too many substrings, {MOST_FIELDS} max")
            return False
        try:
            fields = read_fields(groups, expression.groups) if groups else tuple(range(expression.groups + 1))
        except BadFields as bad_fields:
            complain(str(bad_fields))
            return False
    map_.regex = Regex(expression, negated, fields, delimiter)
    return True


def sequence_words(text: str) -> Iterator[str]:
    """The names of maps that a sequence lists; whatever is no letter, digit, ``_`` or ``.`` parts them."""
    at = 0
    while at < len(text):
        while at < len(text) and text[at] in _BLANKS:
            at += 1
        start = at
        while at < len(text) and text[at].isascii() and (text[at].isalnum() or text[at] in "_."):
            at += 1
        word = text[start:at]
        at += 1
        while at < len(text) and not (text[at].isascii() and text[at].isalnum()):
            at += 1
        if word:
            yield word

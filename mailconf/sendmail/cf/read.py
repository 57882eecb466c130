"""Reads a .cf: each logical line becomes an item, or a mistake (`mailconf.sendmail.cf`)."""

from __future__ import annotations

import re

from mailconf.sendmail.cf.configuration import Cf
from mailconf.sendmail.cf.items import (
    CfHeader,
    CfMap,
    CfMistake,
    CfOption,
    CfRule,
    EnvironmentVariable,
    Equate,
    Filter,
    Item,
    Macro,
    Mailer,
    Member,
    Members,
    MembersFile,
    Precedence,
    QueueGroup,
    RulesetStart,
    Version,
    is_map_spec,
)
from mailconf.sendmail.cf.lines import BLANK, BLANKS, WORD, CfLine, folded_lines
from mailconf.sendmail.cf.maps import read_map
from mailconf.sendmail.cf.options import LETTERS, WITH_SUB_OPTIONS, full_name
from mailconf.sendmail.cf.quotes import end_of_value
from mailconf.source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RULESETS = 100  # numbers from here on are not a configuration's
_NAMED = {"C": "class", "D": "macro", "F": "class"}
_EQUATED: dict[str, tuple[type[Mailer] | type[QueueGroup] | type[Filter], str]] = {
    "M": (Mailer, "mailer"),
    "Q": (QueueGroup, "queue group"),
    "X": (Filter, "mail filter"),
}
_LEVEL = re.compile(r"[ \t\v\f\r\n]*([0-9]{1,9})[0-9]*(?:/([A-Za-z]*))?")
_HEADER = re.compile(r"(?:\?([^?]*)\?)?((?!:)[!-#%-9;-~]+)[ \t]*:")
_LONG_NAME = re.compile(r"\{([^}]*)(\}?)")
_NAME_CHARACTERS = re.compile(r"[A-Za-z0-9_]+")
_NUMBERED = re.compile(r"([A-Za-z0-9_]+)[ \t\v\f\r\n]*=[ \t\v\f\r\n]*([0-9]{0,9})")
_NUMBER = re.compile(r"[0-9]{1,9}")
_ATOI = re.compile(r"[ \t\v\f\r\n]*([+-]?[0-9]{1,9})")
_REPLACED = re.compile(r"\$[0-9]")
_TABS = re.compile(r"\t+")
_SOURCE_PART = re.compile(r'[^" ]+|"[^"]*"?')
_OF_TABLES = (CfMap, CfOption, Members, MembersFile)
_LETTERS_OF_TABLES = frozenset("KOCTF")
_ALNUM = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


class Wrong(Exception):
    """A line cannot be made out; the message is the mistake's text."""


def read_cf(source: Source) -> Cf:
    """Everything that is in a .cf. Nothing is opened or run."""
    return Cf(source, tuple(items(source)))


def read_tables(source: Source) -> Cf:
    """The same with no more than options, maps and classes: of a file with much else it takes less memory."""
    lines = (line for line in folded_lines(source) if line.text and line.letter in _LETTERS_OF_TABLES)
    found = (_item(line) for line in lines)
    return Cf(source, tuple(item for item in found if isinstance(item, _OF_TABLES)))


def mistakes(source: Source) -> Iterator[CfMistake]:
    """The lines of a .cf at which sendmail stops, without those that follow from another one; no line is kept."""
    return (item for item in items(source) if isinstance(item, CfMistake) and item.kind != "follows")


def items(source: Source) -> Iterator[Item]:
    """What each logical line is, in their order; empty lines and comments are left out."""
    in_ruleset: bool | None = False  # None after an S line that is a mistake itself
    for line in folded_lines(source):
        if not line.text:
            continue
        if line.letter == "R":
            yield _rule(line, in_ruleset)
            continue
        item = _item(line)
        if line.letter == "S":
            in_ruleset = None if isinstance(item, CfMistake) else True
        yield item


def _item(line: CfLine) -> Item:
    """What a line is that is no rule."""
    reader = _READERS.get(line.letter)
    if reader is None:
        return CfMistake(line, "unknown", "unknown configuration line")
    try:
        return reader(line)
    except Wrong as wrong:
        return CfMistake(line, "value", str(wrong))


def _rule(line: CfLine, in_ruleset: bool | None) -> CfRule | CfMistake:
    text = line.text
    if in_ruleset is None:
        return CfMistake(line, "follows", "a rule after a ruleset that is a mistake")
    if not in_ruleset:
        return CfMistake(line, "rule", "a rule that is in no ruleset: there is no S line before it")
    tabs = _TABS.search(text, 1)
    if tabs is None:
        return CfMistake(line, "rule", "a rule without a tab between its two sides")
    left = text[1 : tabs.start()]
    if _REPLACED.search(left.replace("$$", "")):
        return CfMistake(line, "rule", "a rule with a $ and a digit in its left side")
    if not left.strip(BLANKS):
        return CfMistake(line, "rule", "a rule whose left side is empty")
    end = text.find("\t", tabs.end())
    end = len(text) if end < 0 else end
    comment = text[end:].strip("\t")
    return CfRule(line, left, text[tabs.end() : end], comment, line.span(1, tabs.start()), line.span(tabs.end(), end))


def _name(line: CfLine) -> tuple[str, int]:
    """The name of a macro or class, and where it ends: one character, or characters in braces."""
    text = line.text
    what = _NAMED[line.letter]
    start = 1
    if not text[1:].lstrip(BLANKS):
        raise Wrong(f"the name of a {what} is missing")
    found = _LONG_NAME.match(text, start)
    if found is None:
        return text[start], start + 1
    if not found[2]:
        raise Wrong(f"the name of a {what} has no closing brace")
    if not found[1]:
        raise Wrong(f"the name of a {what} is missing")
    if not _NAME_CHARACTERS.fullmatch(found[1]):
        raise Wrong(f"the name of a {what} has a character that is not allowed")
    return found[1], found.end()


def _macro(line: CfLine) -> Macro:
    name, end = _name(line)
    return Macro(line, name, line.text[end:])


def _members(line: CfLine) -> Members:
    name, end = ("t", 1) if line.letter == "T" else _name(line)
    return Members(line, name, _words(line, end))


def _words(line: CfLine, start: int) -> tuple[Member, ...]:
    return tuple(Member(line, found[0], line.span(*found.span())) for found in WORD.finditer(line.text, start))


def _members_file(line: CfLine) -> MembersFile:
    name, at = _name(line)
    text = line.text
    at = _behind_blanks(text, at)
    optional = text.startswith("-o", at)
    if optional:
        word = WORD.match(text, at)
        at = _behind_blanks(text, word.end() if word else at)
    if is_map_spec(text[at:]):
        return MembersFile(line, name, text[at:], "%s", optional, line.span(at))
    parts, end = [], at
    while (found := _SOURCE_PART.match(text, end)) is not None:
        parts.append(found[0].strip('"') if found[0].startswith('"') else found[0])
        end = found.end()
    if text.count('"', at, end) % 2:
        raise Wrong("the file of a class has a quote that is not closed")
    if not any(parts):
        raise Wrong("the file of a class is missing")
    words = text[end:].strip(" ")
    format = words if words and not parts[0].startswith("|") else "%s"
    return MembersFile(line, name, "".join(parts), format, optional, line.span(at, end))


def _behind_blanks(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at


def _option(line: CfLine) -> CfOption:
    text = line.text
    if not text[1:].strip(BLANKS):
        raise Wrong("an option without a name")
    if text[1] != " ":
        return CfOption(line, text[1], LETTERS.get(text[1], ""), "", text[2:])
    equals = text.find("=", 2)
    equals = len(text) if equals < 0 else equals
    written, at = text[2:equals], equals + 1
    while text.startswith(" ", at):
        at += 1
    written, period, sub = written.rstrip(" ").partition(".")
    written = written.rstrip(" ")
    if written and not written.strip(BLANKS):  # a line that is empty, and continued
        raise Wrong("an option without a name")
    name = full_name(written)
    if name and name not in WITH_SUB_OPTIONS:  # sendmail complains of a sub-option, and sets the option
        sub = ""
    return CfOption(line, written, name, sub if period else "", text[at:])


def _equated(line: CfLine) -> Mailer | QueueGroup | Filter:
    kind, what = _EQUATED[line.letter]
    text = line.text
    at = 1
    while at < len(text) and text[at] != "," and text[at] not in BLANKS:
        at += 1
    name = text[1:at]
    if not name and (kind is not QueueGroup or len(text) == 1):
        raise Wrong(f"the name of a {what} is missing")
    equates = []
    at += 1
    while at < len(text):
        while at < len(text) and (text[at] == "," or text[at] in BLANKS):
            at += 1
        start = at
        equals, comma = text.find("=", at), text.find(",", at)
        if equals < 0 or 0 <= comma < equals:
            raise Wrong(f"a part of a {what} without `='")
        at = _behind_blanks(text, equals + 1)
        end = end_of_value(text, at)
        equates.append(Equate(text[start:equals].rstrip(BLANKS), text[at:end], line.span(start, end)))
        at = end
    item = kind(line, name, tuple(equates))
    if kind is Mailer and not item.get("A").strip(BLANKS):
        raise Wrong("a mailer without a command (A=)")
    return item


def _ruleset(line: CfLine) -> RulesetStart:
    text = line.text[1:].strip(BLANKS)
    if text[:1] not in _ALNUM and not text.startswith("$"):
        raise Wrong("a ruleset whose name does not begin with a letter or a digit")
    found = _NUMBERED.match(text)
    if found:
        name, number = found[1], found[2]
        if not number:
            raise Wrong("a ruleset whose number is missing")
    else:
        name = text if text.startswith("$") else text[: _end_of_name(text)]
        digits = _NUMBER.match(name)
        number = digits[0] if digits else ""
    if number and int(number) >= RULESETS and (found or name.isdigit()):
        raise Wrong(f"a ruleset whose number is not below {RULESETS}")
    return RulesetStart(line, name, int(number) if number else None)


def _end_of_name(text: str) -> int:
    found = _NAME_CHARACTERS.match(text)
    return found.end() if found else 0


def _header(line: CfLine) -> CfHeader:
    found = _HEADER.match(line.text, 1)
    if found is None:
        raise Wrong("a header without a name and a colon")
    return CfHeader(line, found[1] or "", found[2], line.text[found.end() :])


def _version(line: CfLine) -> Version:
    found = _LEVEL.match(line.text, 1)
    if found is None:
        raise Wrong("a version that is no number")
    return Version(line, int(found[1]), found[2] or "")


def _precedence(line: CfLine) -> Precedence | CfMistake:
    name, equals, value = line.text[1:].partition("=")
    if not equals:
        return CfMistake(line, "unknown", "unknown configuration line")
    found = _ATOI.match(value)
    return Precedence(line, name, int(found[1]) if found else 0)


def _environment(line: CfLine) -> EnvironmentVariable:
    name, equals, value = line.text[1:].partition("=")
    return EnvironmentVariable(line, name, value if equals else None)


def _map(line: CfLine) -> Item:
    found = read_map(line)
    if isinstance(found, str):
        raise Wrong(found)
    return found


_READERS: dict[str, Callable[[CfLine], Item]] = {
    "C": _members,
    "D": _macro,
    "E": _environment,
    "F": _members_file,
    "H": _header,
    "K": _map,
    "M": _equated,
    "O": _option,
    "P": _precedence,
    "Q": _equated,
    "S": _ruleset,
    "T": _members,
    "V": _version,
    "X": _equated,
}
KNOWN = frozenset((*_READERS, "R"))  # the first characters of lines that sendmail knows

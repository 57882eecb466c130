"""The lines of a sendmail.cf as sendmail reads them, and those at which it stops.

A line that begins with a blank or a tab continues the one before it, also where that is empty or a comment; a carriage
return before the newline is dropped; a NUL ends what is seen of a line. A line whose first character is "#" is a
comment. Elsewhere "#" begins one that ends with its own line (not with those that continue it), from the V line on,
unless a "$" or a backslash is before it. Blanks at the end are dropped.

The first character of what remains says what the line is. At one that it does not know, or that it cannot make out,
sendmail reports a mistake, reads on, and exits with 70 in the end: no daemon runs. `mistakes` finds the lines of that
kind that can be judged without the machine that sendmail runs on; unknown options, missing files and the values of
options are not among them.

Source: sendmail 8.17.1.9 -bt, which was given each form (tests/vectors/sendmail_cf.json); "Sendmail Installation and
Operation Guide" 5, "The whole scoop on the configuration file".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

KNOWN = frozenset(b"CDEFHKMOPQRSTVX")  # the first characters of lines that sendmail knows
_COMMENTS_FROM = 3  # the level, as the V line has it, from which on "#" within a line begins a comment
_BLANKS = b" \t\v\f\r"
_RULESETS = 100  # numbers from here on are not a configuration's
_NAMED = {67: "class", 68: "macro", 70: "class"}  # C, D, F
_DEFINED = {77: "mailer", 81: "queue group", 88: "mail filter"}  # M, Q, X
_LAST_NEWLINE = re.compile(rb"\n(?![ \t])")  # of a line and those that continue it
_LEVEL = re.compile(rb"V\s*(\d{1,9})")
_HEADER = re.compile(rb"(?:\?[^?]*\?)?(?!:)[!-#%-9;-~]+[ \t]*:")
_LONG_NAME = re.compile(rb"\{([^}]*)(\}?)")
_NAME_CHARACTERS = re.compile(rb"\w+", re.ASCII)
_MAP = re.compile(rb"\s*([A-Za-z0-9][\w.]*)?([^A-Za-z0-9]+[A-Za-z0-9])?", re.ASCII)
_NUMBERED = re.compile(rb"\w+\s*=\s*(\d{0,9})", re.ASCII)
_REPLACED = re.compile(rb"\$[0-9]")
_COMMAND = re.compile(rb",\s*A[^=,]*=")


class Folded(NamedTuple):
    """A line with those that continue it.

    number  of its first line, from 1; ``start``: the offset of that in the data; ``end``: behind its last newline
    text    what sendmail makes of it, without its comments; b"" for a comment
    """

    number: int
    start: int
    end: int
    text: bytes

    @property
    def letter(self) -> bytes:
        return self.text[:1]


class Mistake(NamedTuple):
    """A line at which sendmail stops.

    kind  "unknown", "rule" (an R line) or "value" (a line of a known kind that cannot be made out)
    text  what sendmail would say of it, without the line's text
    """

    line: Folded
    kind: str
    text: str


def folded(data: bytes) -> Iterator[Folded]:
    """The lines of a .cf, continuation lines joined; empty ones and comments included."""
    start, number, level = 0, 1, 0
    while start < len(data):
        last = _LAST_NEWLINE.search(data, start)
        end = last.end() if last else len(data)
        raw = data[start:end]
        text = b"" if raw[:1] == b"#" else _seen(raw, level >= _COMMENTS_FROM)
        if text[:1] == b"V" and (found := _LEVEL.match(text)):
            level = int(found[1])
        yield Folded(number, start, end, text)
        start, number = end, number + raw.count(b"\n")


def _seen(raw: bytes, comments: bool) -> bytes:
    """What sendmail sees of joined lines."""
    raw = raw.replace(b"\r\n", b"\n").removesuffix(b"\n").partition(b"\0")[0]
    if raw.startswith(b"#"):
        return b""
    if comments and b"#" in raw:
        raw = _without_comments(raw)
        if raw.startswith(b"\\#"):  # the backslash is dropped, and then it is a comment
            return b""
    return raw[:1] + raw[1:].rstrip(_BLANKS + b"\n")


def _without_comments(text: bytes) -> bytes:
    kept, at = [], 0
    find = 1
    while (sharp := text.find(b"#", find)) >= 0:
        before = text[max(at, sharp - 1) : sharp]
        find = sharp + 1
        if before == b"\\":
            continue
        if before == b"$":
            first = sharp
            while first > at and text[first - 1 : first] == b"$":
                first -= 1
            if (sharp - first) % 2 == 1:  # two of them are one plain dollar
                continue
        end = text.find(b"\n", sharp)
        kept.append(text[at:1] + text[max(at, 1) : sharp].rstrip(_BLANKS))
        at = find = len(text) if end < 0 else end
    kept.append(text[at:])
    return b"".join(kept)


def mistakes(data: bytes) -> Iterator[Mistake]:
    """The lines of a .cf at which sendmail stops, in their order."""
    in_ruleset: bool | None = False  # None behind an S line that is a mistake itself
    for line in folded(data):
        text = line.text
        if not text:
            continue
        if text[0] not in KNOWN or (text[:1] == b"P" and b"=" not in text):
            yield Mistake(line, "unknown", "unknown configuration line")
        elif text[:1] == b"R":
            if in_ruleset is not None:
                found = _rule(text, in_ruleset)
                if found:
                    yield Mistake(line, "rule", found)
        else:
            found = _value(text)
            if text[:1] == b"S":
                in_ruleset = None if found else True
            if found:
                yield Mistake(line, "value", found)


def _rule(text: bytes, in_ruleset: bool) -> str:
    if not in_ruleset:
        return "a rule that is in no ruleset: there is no S line before it"
    left, tab, _ = text[1:].partition(b"\t")
    if not tab:
        return "a rule without a tab between its two sides"
    if _REPLACED.search(left.replace(b"$$", b"")):
        return "a rule with a $ and a digit in its left side"
    return "" if left.strip() else "a rule whose left side is empty"


def _value(text: bytes) -> str:
    """What sendmail cannot make out of a line of a kind that it knows, but for R; "" for nothing."""
    letter, rest = text[0], text[1:]
    if letter in _NAMED:
        return _name(rest, _NAMED[letter]) or _class_file(text)
    if letter in _DEFINED:
        if not rest or (letter != ord("Q") and (rest[:1].isspace() or rest[:1] == b",")):
            return f"the name of a {_DEFINED[letter]} is missing"
        return "a mailer without a command (A=)" if letter == ord("M") and not _COMMAND.search(rest) else ""
    if letter == ord("S"):
        return _ruleset(rest.strip())
    if letter == ord("H"):
        return "" if _HEADER.match(rest) else "a header without a name and a colon"
    if letter == ord("V"):
        return "" if _LEVEL.match(text) else "a version that is no number"
    if letter == ord("O"):
        return "" if rest.strip() else "an option without a name"
    if letter == ord("K"):
        found = _MAP.match(rest)
        missing = "name" if not found or not found[1] else "type" if not found[2] else ""
        return missing and f"the {missing} of a map is missing"
    return ""


def _name(rest: bytes, what: str) -> str:
    rest = rest.lstrip()
    if not rest:
        return f"the name of a {what} is missing"
    found = _LONG_NAME.match(rest)
    if found is None:
        return ""
    if not found[2]:
        return f"the name of a {what} has no closing brace"
    if not found[1]:
        return f"the name of a {what} is missing"
    return "" if _NAME_CHARACTERS.fullmatch(found[1]) else f"the name of a {what} has a character that is not allowed"


def _class_file(text: bytes) -> str:
    if text[:1] != b"F":
        return ""
    rest = text[1:].lstrip()
    found = _LONG_NAME.match(rest)
    behind = rest[found.end() :] if found else rest[1:]
    words = behind.split()
    return "" if words[:2] not in ([], [b"-o"]) else "the file of a class is missing"


def _ruleset(name: bytes) -> str:
    if not name[:1].isalnum():
        return "a ruleset whose name does not begin with a letter or a digit"
    if name.isdigit() and int(name[:9]) >= _RULESETS:
        return f"a ruleset whose number is not below {_RULESETS}"
    found = _NUMBERED.match(name)
    if found and not found[1]:
        return "a ruleset whose number is missing"
    return f"a ruleset whose number is not below {_RULESETS}" if found and int(found[1]) >= _RULESETS else ""

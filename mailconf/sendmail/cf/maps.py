"""Maps: K lines, the alias files of AliasFile, and the files of UserDatabaseSpec.

`mailconf.sendmail.cf`, "Maps", describes how their arguments are read.
"""

from __future__ import annotations

import re

from mailconf.sendmail.cf.items import CfMap, CfOption, Flag
from mailconf.sendmail.cf.lines import BLANK, WORD, CfLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailconf.source import Span

IMPLICIT = "implicit"  # the type of an alias file without one
BUILT_AS = {IMPLICIT: "hash"}  # what sendmail builds for it
# Map types that compute or ask the machine: nothing that a configuration keeps.
COMPUTED_TYPES = frozenset(
    {"arith", "bestmx", "dequote", "dns", "host", "macro", "null", "regex", "stab", "syslog", "user"}
)
MOST_ALIAS_FILES = 128
ALIASES = "aliases"
USER_DATABASE = "userdb"

_HEAD = re.compile(r"[ \t\v\f\r\n]*([A-Za-z0-9][A-Za-z0-9_.]*)?", re.DOTALL)
# The word in the place of a type, even a path or a flag, is taken for a type that sendmail does not have.
_TYPE = re.compile(r"(?s:.)?[ \t\v\f\r\n]*([A-Za-z0-9]+|[^ \t\v\f\r\n]*[A-Za-z0-9][^ \t\v\f\r\n]*)(?s:.)?")
_FLAG = re.compile(r"-([^ \t\v\f\r\n]?)([^ \t\v\f\r\n]*)")
_APART = {"dns": "R", "syslog": "L"}  # flags whose value may follow after blanks, besides k and v
_LISTED = re.compile(r"[^ \t\v\f\r\n,]+")
_CLASS_END = re.compile(r"[ ,/:]")
_COMMA = re.compile(r'[",]')


def read_map(line: CfLine) -> CfMap | str:
    """The map of a K line; what is missing where it is no map."""
    head = _HEAD.match(line.text, 1)
    if head is None or not head[1]:
        return "the name of a map is missing"
    found = _TYPE.match(line.text, head.end())
    if found is None:
        return "the type of a map is missing"
    kind = found[1].lower() if found[1].isalnum() else found[1]
    return _arguments(line, head[1], kind, found.end(), len(line.text))


def _arguments(
    line: CfLine, name: str, kind: str, start: int, end: int, given: tuple[Flag, ...] = (), whole: str = ""
) -> CfMap:
    """The flags, the file and the rest of ``line.text[start:end]``, which is ``whole`` if that is given."""
    text = line.text
    apart = "kv" + _APART.get(kind, "")
    flags = list(given)
    at = start
    while True:
        at = _behind_blanks(text, at, end)
        found = _FLAG.match(text, at, end)
        if found is None:
            break
        letter, value, at, stop = found[1], found[2], found.end(), found.end()
        if letter and letter in apart and not value:
            at = _behind_blanks(text, at, end)
            word = WORD.match(text, at, end)
            value, at, stop = (word[0], word.end(), word.end()) if word else ("", at, stop)
        flags.append(Flag(letter, value, line.span(found.start(), stop)))
    word = WORD.match(text, at, end)
    value_at = _behind_blanks(text, start, end)
    value = whole if whole and value_at == start else text[value_at:end]
    file = "" if word is None else value if word.span() == (value_at, end) else word[0]  # it may be of megabytes
    rest = text[_behind_blanks(text, word.end(), end) : end] if word else ""
    span = line.span(*word.span()) if word else None
    return CfMap(line, name, kind, value, tuple(flags), file, rest, span)


def _behind_blanks(text: str, at: int, end: int) -> int:
    found = BLANK.match(text, at, end)
    return found.end() if found else at


def alias_files(options: Iterable[CfOption]) -> Iterator[CfMap]:
    """The alias files that the AliasFile options name, each as a map: ``type:flags file, ...``.

    One without a type is `IMPLICIT`, and its entries end with a NUL.
    """
    for option in options:
        line = option.line
        text = line.text
        at = len(text) - len(option.value)
        if not option.value:
            yield CfMap(line, ALIASES, IMPLICIT, "", (_nul(line.span()),), "aliases", "", None)
        while (at := _behind_blanks(text, at, len(text))) < len(text):
            start, kind = at, ""
            found = _CLASS_END.search(text, at)
            typed = found is not None and found[0] == ":"
            if found is not None and typed:
                kind, start = text[at : found.start()].lower(), found.end()
            end = _end_of_file(text, found.end() if found and typed else found.start() if found else len(text))
            given = () if typed else (_nul(line.span(at, end)),)
            whole = option.value if end == len(text) and end - start == len(option.value) else ""
            yield _arguments(line, ALIASES, kind if typed else IMPLICIT, start, end, given=given, whole=whole)
            at = end + 1


def _nul(span: Span) -> Flag:
    return Flag("N", "", span)


def _end_of_file(text: str, at: int) -> int:
    """Where the specification of an alias file ends: at a comma that is not quoted."""
    quoted = False
    for found in _COMMA.finditer(text, at):
        if found[0] == '"':
            quoted = not quoted
        elif not quoted:
            return found.start()
    return len(text)


def user_databases(option: CfOption | None) -> Iterator[CfMap]:
    """The files of UserDatabaseSpec, which are B-trees and may be missing; what is no file is asked over a network."""
    if option is None:
        return
    line = option.line
    for found in _LISTED.finditer(line.text, len(line.text) - len(option.value)):
        if found[0].startswith("/"):
            span = line.span(*found.span())
            flags = (Flag("o", "", span),)
            yield CfMap(line, USER_DATABASE, "btree", found[0], flags, found[0], "", span)

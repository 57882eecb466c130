"""aliases(5) as postalias(1) reads it: ``name: value`` on logical lines (mailconf.tables.lines).

Both sides are cut into RFC 822 words (`mailconf.tables.words822`). The first colon that is a word of its own ends the
name; a name has at least one word, no comma, and neither ``@`` nor ``%`` outside of quotes; a value has at least one
word. The name is stored without quotes, in lower case; the value is stored put together anew. A line that is not so is
ignored with a warning by postalias; here it is an error, because the administrator meant something by it.

postalias adds entries of its own: ``@: @``, ``YP_LAST_MODIFIED`` (seconds) and ``YP_MASTER_NAME`` (the host's name)
(`housekeeping`).

`parse_alias` reads a line by hand, `parse_alias_by_grammar` by grammars/aliases.lark; a property test holds them equal.

A value is a list of targets (aliases(5), "destinations"): an address, ``/file``, ``|command``, ``:include:/file``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from mailconf import possessive
from mailconf.diagnostics import Code, Sink, error
from mailconf.edits import Fix, swapped
from mailconf.source import Source, Span, decode, encode
from mailconf.tables.entry import Entries, joined, without_newlines
from mailconf.tables.lines import SPACE, LogicalLine, Text, logical_lines
from mailconf.tables.postmap import NOT_UTF8, ORPHAN, Nulls
from mailconf.tables.reader import TB001, TB002
from mailconf.tables.rows import Rows
from mailconf.tables.words822 import Word822, addresses, cut, put_together

if TYPE_CHECKING:
    from mailconf.grammar import Grammar

TB030 = error("TB030", "an alias that is not name: value")
"""Why: newaliases and postalias warn of a line that is not "name: value" and leave it out: there is no such alias.

Example:
    # main.cf
    alias_maps = hash:/etc/aliases
    # /etc/aliases
    postmaster root

Remedy: write a colon after the name.

Source: aliases(5), "SYNTAX"; postalias(1); observed with Postfix 3.7.11.
"""

TB031 = error("TB031", "an alias whose name is no local name")
"""Why: local looks up the local part of an address only. postalias warns of a name with a domain, and the entry is
never found.

Example:
    # main.cf
    alias_maps = hash:/etc/aliases
    # /etc/aliases
    info@example.com: ann

Remedy: write the name without its domain, or put the address into virtual_alias_maps.

Source: aliases(5); postalias(1); observed with Postfix 3.7.11.
"""

NO_PAIR = "need name:value pair"
NOT_LOCAL = "name must be local"

_BLANKS = re.compile(r"[ \t\r\n]*")
# The common case, which needs no cutting up: a plain name, and targets with commas between them that are written
# without blanks, or wholly in quotes; a backslash before a name is all that does not stay as it is.
_TARGET = r'(?:(?:\\(?=\w))?+[\w+=.@/:%!|-]++|"[^"\\\t\r\n\0]*+")'
_PLAIN = possessive.compile(rf"([\w+=.-]+):[ \t]*({_TARGET}(?:,[ \t]*+{_TARGET})*+)[ \t\r]*", re.ASCII)
_TARGETS = re.compile(_TARGET, re.ASCII)
_QUICK = possessive.compile(rf"(?!.*\\){_TARGET}(?:, *+{_TARGET})*+", re.ASCII)  # of a value


class AliasKind(Enum):
    ADDRESS = "address"
    COMMAND = "command"
    FILE = "file"
    INCLUDE = "include"


class AliasTarget(NamedTuple):
    """One destination of an alias: an address in internal form, a command line, a file's name, or an include's."""

    kind: AliasKind
    text: str


class Alias(NamedTuple):
    """A line as postalias stores it; ``value_at`` is the offset of the value in the line, in characters."""

    name: str
    value: str
    value_at: int


def parse_alias_value(text: str) -> list[AliasTarget]:
    """What a value stands for, in its order."""
    return list(alias_targets(text))


def alias_targets(text: str) -> Iterator[AliasTarget]:
    """The same, one after the other: a value may have millions."""
    if _QUICK.fullmatch(text):
        return (_target(found[0].strip('"')) for found in _TARGETS.finditer(text))
    return cut_targets(text)


def cut_targets(text: str) -> Iterator[AliasTarget]:
    """The same of any value, by its words."""
    return (_target(address.plain) for address in addresses(text))


def _target(text: str) -> AliasTarget:
    if text.startswith("|"):
        return AliasTarget(AliasKind.COMMAND, text[1:])
    if text.startswith("/"):
        return AliasTarget(AliasKind.FILE, text)
    if text.lower().startswith(":include:"):
        return AliasTarget(AliasKind.INCLUDE, text[len(":include:") :])
    return AliasTarget(AliasKind.ADDRESS, text)


def parse_alias(text: str) -> Alias | str:
    """One logical line; what is wrong with it (NO_PAIR, NOT_LOCAL) otherwise."""
    if plain_line := _PLAIN.fullmatch(text):
        value = plain_line[2]
        if "," in value:
            value = joined(_between(value))
        if "\\" in value:
            value = value.replace("\\", "")
        return Alias(plain_line[1], value, plain_line.start(2))
    local, words = True, 0
    for word in cut(text):
        if word.kind in (":", ","):
            break
        local = local and word.kind not in ("@", "%")
        words += 1
    else:
        return NO_PAIR
    if word.kind != ":" or not words or next(cut(text, word.end), None) is None:
        return NO_PAIR
    if not local:
        return NOT_LOCAL
    name = put_together(cut(text, 0, word.end - 1), quoted=False)
    blanks = _BLANKS.match(text, word.end)
    assert blanks is not None  # it matches the empty text
    return Alias(name, put_together(cut(text, word.end)), blanks.end())


def _between(value: str) -> Iterator[str]:
    """The targets of a plain value, and what is between them when they are put together."""
    for number, found in enumerate(_TARGETS.finditer(value)):
        if number:
            yield ", "
        yield found[0]


def _alias(name: list[Word822], value: list[Word822], value_at: int) -> Alias | str:
    if not name or not value:
        return NO_PAIR
    if any(word.kind in ("@", "%") for word in name):
        return NOT_LOCAL
    return Alias(put_together(name, quoted=False), put_together(value), value_at)


def parse_alias_by_grammar(text: str) -> Alias | str:
    """The same as `parse_alias`, by grammars/aliases.lark."""
    from mailconf.grammar import ParseFailure, Token

    try:
        sides = _grammar().parse(text).children
    except ParseFailure:
        return NO_PAIR
    starts: list[int] = []
    words: list[list[Word822]] = []
    for side in sides:
        assert not isinstance(side, Token)
        starts.append(side.start_pos)
        words.append([word for at in side.children for word in cut(text[at.start_pos : at.end_pos])])
    return _alias(words[0], words[1], starts[1])


def read_lines(
    data: bytes,
    *,
    utf8: bool = True,
    parse: Callable[[str], Alias | str] = parse_alias,
    nulls: bool = False,
) -> Iterator[tuple[LogicalLine, Alias | str]]:
    """Every logical line of an alias file, and its meaning or what is wrong with it. ``utf8`` is smtputf8_enable.

    A line that starts with a NUL is empty for postalias: it reports nothing. With ``nulls`` it reports "",
    and what NULs hide need not be UTF-8.
    """
    for line in logical_lines(data):
        if line.text[0] in SPACE:
            yield line, ORPHAN
        elif utf8 and line.not_utf8(hidden=not nulls) is not None:
            yield line, NOT_UTF8
        elif line.visible:
            yield line, parse(decode(line.visible))
        elif nulls:
            yield line, ""


def read_aliases(
    source: Source, sink: Sink, *, utf8: bool = True, parse: Callable[[str], Alias | str] = parse_alias
) -> Entries:
    """The aliases of a file, in its order, duplicates included; names as stored except for their case."""
    text = Text(source)

    def sides(text: str, start: int, value_at: int, end: int) -> tuple[str, str]:
        nul = text.find("\0", start, end)
        found = parse(without_newlines(text[start : end if nul < 0 else nul]))
        return ("", "") if isinstance(found, str) else (found.name, found.value)

    entries = Entries(source, sides)
    for line, found in read_lines(text.data, utf8=utf8, parse=parse):
        if isinstance(found, str):
            _report(found, text.span(*line.stretch(0, len(line.text))), sink)
            continue
        at = found.value_at if line.text.isascii() else len(encode(decode(line.text)[: found.value_at]))
        end = line.offset(len(line.text.rstrip(SPACE)) - 1) + 1
        start, value_at = text.offset(line.start), text.offset(line.offset(at))
        if b"\\" in line.text:  # one at the end may take a blank that no longer counts
            entries.add_entry(found.name, found.value, start, value_at, text.offset(end))
        else:
            entries.add(start, value_at, text.offset(end))
    return entries


def read_alias_rows(data: bytes, *, utf8: bool = True, nulls: bool = False) -> Rows:
    """The same for postalias: entries and problems as `mailconf.tables.postmap.read_rows` gives a table's."""
    rows = Rows(data, places=False)
    told = Nulls(data, rows.problems) if nulls and b"\0" in data else None
    for line, found in read_lines(data, utf8=utf8, nulls=nulls):
        if told is not None:
            told.tell(line.start, len(rows))
        if not found:
            continue
        if isinstance(found, Alias):
            rows.keys.append(encode(found.name))
            rows.values.append(encode(found.value))
        else:
            rows.problems.append(found, len(rows), line.start, *line.stretch(0, len(line.text)))
    if told is not None:
        told.tell(0, len(rows))
    return rows


def housekeeping(now: float, host: str, end: bytes = b"\0") -> list[tuple[bytes, bytes]]:
    """The entries that postalias adds, as they are stored: those of NIS never end with a NUL.

    ``now`` in seconds since the epoch, ``host`` is myhostname, ``end`` is what ends the map's other entries.
    """
    return [
        (b"@" + end, b"@" + end),
        (b"YP_LAST_MODIFIED", b"%010d" % int(now)),
        (b"YP_MASTER_NAME", encode(host)),
    ]


_WORDS: dict[str, tuple[Code, str, str]] = {
    ORPHAN: (
        TB001,
        "this line starts with white space, but there is no line before it that it could continue",
        "postalias ignores it; start it in the first column",
    ),
    NOT_UTF8: (
        TB002,
        "this line is not UTF-8",
        "postalias ignores it while smtputf8_enable = yes; save the file as UTF-8",
    ),
    NOT_LOCAL: (
        TB031,
        "the name of an alias is a local name, without a domain",
        "postalias ignores it; addresses with a domain belong into virtual_alias_maps",
    ),
}


def _report(problem: str, span: Span, sink: Sink) -> None:
    if problem in _WORDS:
        code, message, hint = _WORDS[problem]
    else:
        code, (_, message, hint) = TB030, _grammar().named(TB030.name)
    sink.report(code, message, span, hint=hint, fix=colon_added(span) if code is TB030 else ())


def colon_added(span: Span) -> Fix:
    """The edit of an alias that lacks its colon, where it consists of one name and one local name or address."""
    found = re.fullmatch(r"([\w.-]+)([ \t]+[\w.+-]+(?:@[\w.-]+)?)\s*", span.text, re.ASCII)
    return swapped(span, found[1], f"{found[1]}:") if found else ()


@cache
def _grammar() -> Grammar:
    from mailconf.grammar import Grammar

    return Grammar("aliases")

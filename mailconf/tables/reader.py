"""Entries as text, with places and Diagnostics: the postmap(1) format by the bulk path and by its grammar.

Both report, for each line that postmap would ignore or doubt, the same Diagnostic at the same place. postmap goes on
after a bad line and exits 0; here a line that gets lost is an error, because the administrator meant something by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from mailconf.arrays import arrays
from mailconf.diagnostics import Code, Related, Sink, error, warning
from mailconf.edits import blanks_removed, lines_removed, swapped
from mailconf.source import Source, Span, decode
from mailconf.tables.entry import Entries, Entry, without_newlines
from mailconf.tables.lines import SPACE, LogicalLine, Text, logical_lines
from mailconf.tables.postmap import COLON, NO_VALUE, NOT_UTF8, ORPHAN, UNBALANCED, blocks, read_rows
from mailconf.tables.postmap import KEY as KEY_BYTES
from mailconf.tables.rows import Progress

if TYPE_CHECKING:
    from mailconf.grammar import Grammar, Tree

TB001 = error("TB001", "a line that starts with white space and continues nothing")
"""Why: a line that begins with white space continues the entry before it. At the beginning of a table no entry precedes
it: postmap and newaliases warn and leave the line out.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
      info@example.com ann@example.com

Remedy: begin the entry in the first column.

Source: postmap(1), "INPUT FILE FORMAT"; sendmail's aliases(5); observed with Postfix 3.7.11 and newaliases 8.17.1.9.
"""

TB002 = error("TB002", "a line that is not UTF-8")
r"""Why: postmap warns of a line that is not UTF-8 and leaves it out of the map, where smtputf8_enable is yes, which is
the default.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    $ printf 'andr\351@example.com ann@example.com\n' > /etc/postfix/virtual

Remedy: save the file as UTF-8.

Source: postmap(1); SMTPUTF8_README; observed with Postfix 3.7.11.
"""

TB003 = error("TB003", "quotes that are not closed")
"""Why: a key with white space is written in quotes. Where they are not closed, postmap warns of the line and leaves it
out.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    "ann smith@example.com ann@example.com

Remedy: close the quotes after the user's name: "ann smith"@example.com

Source: postmap(1), "INPUT FILE FORMAT"; observed with Postfix 3.7.11.
"""

TB004 = error("TB004", "a key without a value")
"""Why: postmap takes an entry to be a key, white space and a value. It warns of a key alone and leaves it out, so that
a lookup of it finds nothing.

Example:
    # main.cf
    relay_domains = hash:/etc/postfix/relay_domains
    # /etc/postfix/relay_domains
    example.com

Remedy: write a value after the key; where only the key counts, any word will do, such as OK.

Source: postmap(1), "INPUT FILE FORMAT".
"""

TB005 = warning("TB005", "a key that ends with a colon, as in an alias file")
"""Why: the colon is a part of the key, as postmap itself warns: the table has an entry for "root:", which is never
looked up. Alias files are written so; they are built by postalias.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    root: ann@example.com

Remedy: leave the colon out.

Source: postmap(1), "INPUT FILE FORMAT"; postalias(1); observed with Postfix 3.7.11.
"""

TB006 = warning("TB006", "a key that the table has already")
"""Why: postmap keeps the first of two entries with the same key, which it compares without regard to capitals, and
warns of the second, which has no effect.

Example:
    # main.cf
    virtual_alias_maps = hash:/etc/postfix/virtual
    # /etc/postfix/virtual
    info@example.com ann@example.com
    INFO@example.com bob@example.com

Remedy: remove one of the two; write several addresses after one key.

Source: postmap(1), -r and -w; observed with Postfix 3.7.11.
"""

_WORDS: dict[str, tuple[Code, str, str]] = {
    ORPHAN: (
        TB001,
        "this line starts with white space, but there is no line before it that it could continue",
        "postmap ignores it; start it in the first column",
    ),
    NOT_UTF8: (
        TB002,
        "this line is not UTF-8",
        "postmap ignores it while smtputf8_enable = yes; save the file as UTF-8",
    ),
    COLON: (
        TB005,
        "the colon is part of the key",
        "leave it out here; only alias files have a colon after the name",
    ),
}
_WHITE = decode(SPACE)
_PART = 1 << 16  # bytes that are read at a time
_MANY, _SOME = 50_000, 1 << 12  # entries that are worth numpy; how many of them are looked at together
_KEY = re.compile(decode(KEY_BYTES.pattern), re.DOTALL)
_PLAIN_COLON = re.compile(r"[\w.+@-]+:", re.ASCII)
# What the grammar finds too has its words beside it, in grammars/postmap.bad.yaml.
_BY_GRAMMAR = {UNBALANCED: TB003, NO_VALUE: TB004}


def read_postmap(source: Source, sink: Sink, *, utf8: bool = True, progress: Progress | None = None) -> Entries:
    """The entries of a table in the format of postmap(1), in the file's order, duplicates included.

    Keys are as written: folding is for the caller (`mailconf.tables.postmap.fold`). ``utf8`` is smtputf8_enable.
    """
    text = Text(source)
    entries = Entries(source, _sides)
    offset = text.offset
    for start, end in blocks(text.data, _PART):  # of all at once, there would be an object for each key and value
        rows = read_rows(text.data, utf8=utf8, places=True, first=start, stop=end)
        for kind, at, stop in rows.problems.places():
            _report(kind, text.span(at, stop), sink)
        places = rows.places
        if text.same:
            entries.add_all(places.starts, places.values_at, places.ends)
        else:
            for row in places:
                entries.add(offset(row.start), offset(row.value_at), offset(row.end))
        if progress is not None:
            progress(end, len(text.data), len(entries))
    return entries


def _sides(text: str, start: int, value_at: int, end: int) -> tuple[str, str]:
    """Key and value of an entry as it is in the file."""
    if text.find("\n", start, end) < 0 and text.find("\\", start, value_at) < 0:
        return text[start:value_at].rstrip(_WHITE), text[value_at:end]
    text = without_newlines(text[start:end])
    found = _KEY.match(text)
    assert found is not None  # it matches the empty text
    return found[0], text[found.end() :].lstrip(_WHITE)


def parse_postmap(source: Source, sink: Sink, *, utf8: bool = True) -> list[Entry]:
    """The same by grammars/postmap.lark, a line at a time: slower, and the measure of `read_postmap`."""
    text = Text(source)
    entries = []
    for line in logical_lines(text.data):
        if line.text[0] in SPACE:
            _report(ORPHAN, text.span(*line.stretch(0, len(line.text))), sink)
            continue
        logical = decode(line.visible.rstrip(SPACE))
        if utf8 and (bad := line.not_utf8()) is not None:
            _report(NOT_UTF8, text.span(*line.stretch(bad, 1)), sink)
            continue
        tree = parse_line(_grammar(), logical, lambda a, b, t=text, n=line, s=logical: place(t, n, s, a, b), sink)  # type: ignore[misc]
        if tree is None:
            continue
        key, value = (str(token) for token in tree.children)
        if key.endswith(":"):
            _report(COLON, place(text, line, logical, len(key) - 1, len(key)), sink)
        at = len(logical) - len(value)
        start = place(text, line, logical, at, at).start
        end = place(text, line, logical, len(logical) - 1, len(logical)).end
        entries.append(Entry(key, value, source, text.offset(line.start), start, end))
    return entries


def parse_line(
    grammar: Grammar, text: str, span: Callable[[int, int], Span], sink: Sink, start: str | None = None
) -> Tree | None:
    """The tree of one logical line; None, and a Diagnostic, when it does not parse.

    ``span`` gives the place in the file of a stretch of ``text``.
    """
    from mailconf.diagnostics import CODES
    from mailconf.grammar import GR001, ParseFailure

    try:
        return grammar.parse(text, start)
    except ParseFailure as failure:
        begin, end = failure.start, failure.end
        mistake = grammar.mistake(failure, start)
        if mistake is None:
            hint = "compare it with the lines around it"
            sink.report(GR001, "this text is not understood", span(begin, end), hint=hint)
        else:
            sink.report(CODES[mistake.code], mistake.message, span(begin, end), hint=mistake.hint)
        return None


def place(text: Text, line: LogicalLine, logical: str, begin: int, end: int) -> Span:
    """The span of the characters ``[begin:end]`` of a logical line, cut at the end of the physical line."""
    if len(logical) != len(line.visible.rstrip(SPACE)):
        end = len(_encode(logical[:end]))
        begin = len(_encode(logical[:begin]))
    return text.span(*line.stretch(begin, end - begin))


def report_duplicates(entries: Sequence[Entry], sink: Sink, fold: Callable[[str], str]) -> None:
    """Report each entry whose folded key an earlier entry has: postmap keeps the first."""
    for known, entry in repeated(entries, fold):
        sink.report(
            TB006,
            f"the table has {entry.key!r} already; this entry has no effect",
            entry.key_span,
            hint="the first one counts; remove one of the two",
            related=(Related("first given here", known.key_span),),
            fix=lines_removed(entry.span) if entry.value == known.value else (),
        )


def repeated(entries: Sequence[Entry], fold: Callable[[str], str]) -> Iterator[tuple[Entry, Entry]]:
    """The first entry of a folded key, and each later one of the same, in their order."""
    first: dict[str, int] = {}
    for number in _candidates(entries, fold):
        entry = entries[number]
        if (known := first.setdefault(fold(entry.key), number)) != number:
            yield entries[known], entry


def _candidates(entries: Sequence[Entry], fold: Callable[[str], str]) -> Iterator[int]:
    """The numbers of the entries whose key has the same hash as that of another, in their order."""
    np = arrays() if len(entries) > _MANY else None
    if np is None:
        several = _repeated_hashes(entries, fold)
        if several:
            yield from (number for number, entry in enumerate(entries) if hash(fold(entry.key)) in several)
        return
    numbers = np.fromiter((hash(fold(entry.key)) for entry in entries), np.int64, len(entries))
    numbers.sort()
    again = numbers[1:][numbers[1:] == numbers[:-1]]
    again = again[np.append(True, again[1:] != again[:-1])[: again.size]]
    del numbers
    hashes = (hash(fold(entry.key)) for entry in entries if again.size)
    for start in range(0, len(entries) if again.size else 0, _SOME):
        some = np.fromiter(islice(hashes, _SOME), np.int64)
        at = np.minimum(np.searchsorted(again, some), again.size - 1)
        yield from (start + np.flatnonzero(again[at] == some)).tolist()


def _repeated_hashes(entries: Sequence[Entry], fold: Callable[[str], str]) -> Collection[int]:
    """The hashes that several keys have."""
    hashes = {hash(fold(entry.key)) for entry in entries}
    if len(hashes) == len(entries):
        return ()
    hashes.clear()
    several: set[int] = set()
    for entry in entries:
        number = hash(fold(entry.key))
        (several if number in hashes else hashes).add(number)
    return several


def _report(kind: str, span: Span, sink: Sink) -> None:
    if kind in _BY_GRAMMAR:
        code = _BY_GRAMMAR[kind]
        _, message, hint = _grammar().named(code.name)
    else:
        code, message, hint = _WORDS[kind]
    fix = blanks_removed(span.source, span.start) if kind == ORPHAN and len(span.text.split()) > 1 else ()
    if kind == COLON:
        line, at = span.source.line(span.line), span.first.column
        fix = swapped(span, ":", "") if _PLAIN_COLON.fullmatch(line[:at]) and line[at : at + 1] in _WHITE else ()
    sink.report(code, message, span, hint=hint, fix=fix)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@cache
def _grammar() -> Grammar:
    from mailconf.grammar import Grammar

    return Grammar("postmap")

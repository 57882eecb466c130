"""Entries as text, with places and Diagnostics: alias files of sendmail, described in
`mailconf.tables.sendmail_aliases`.

newaliases leaves out a line with a mistake and builds the map from the others; here such a line is an error.

A value (`read_targets`) is a list of targets, separated by commas outside of quotes, comments and angle brackets:
addresses, ``/file``, ``|command`` and ``:include:/file``. As ``sendmail -bv`` shows, white space inside of a target
that is not in quotes becomes a dot: ``|/bin/vacation joe`` runs ``/bin/vacation.joe``, and ``alice bob`` is one user.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mailconf import possessive
from mailconf.diagnostics import Sink, error, warning
from mailconf.source import Source, Span, decode
from mailconf.tables.aliases import AliasKind, AliasTarget, colon_added
from mailconf.tables.check import TB025, TB033, TB034, TB035
from mailconf.tables.entry import Entries
from mailconf.tables.lines import Text
from mailconf.tables.reader import TB001
from mailconf.tables.sendmail_aliases import (
    CONTINUES_NOTHING,
    ILLEGAL_NAME,
    LIMIT,
    NO_COLON,
    NO_VALUE,
    NOT_LOCAL,
    TOO_LONG,
    Line,
    alias_lines,
    read_name,
    value_of,
)
from mailconf.tables.sides import Side, SideFault

TB050 = error("TB050", "an alias whose name sendmail refuses")
"""Why: newaliases reports a name that sendmail cannot use as an alias, and leaves the line out.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    ann,bob: carol

Remedy: write the name of one user, in quotes where it has other characters than letters and digits.

Source: sendmail's aliases(5); observed with newaliases 8.17.1.9.
"""

TB051 = error("TB051", "an alias of a name that is not local, for sendmail")
"""Why: an alias is a local name. newaliases reports one with the domain of another machine, and leaves the line out.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    info@example.com: ann

Remedy: leave the domain out, or put the address into the virtusertable.

Source: sendmail's aliases(5); cf/README, virtusertable; observed with newaliases 8.17.1.9.
"""

TB052 = error("TB052", "an alias without a colon, for sendmail")
"""Why: newaliases reports a line without a colon ("missing colon") and leaves it out: there is no such alias.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    postmaster root

Remedy: write a colon after the name.

Source: sendmail's aliases(5); observed with newaliases 8.17.1.9.
"""

TB053 = error("TB053", "an alias without a value, for sendmail")
"""Why: newaliases reports an alias without a value ("missing value for alias") and leaves it out.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    postmaster:

Remedy: write where the mail goes; /dev/null discards it.

Source: sendmail's aliases(5); observed with newaliases 8.17.1.9.
"""

TB054 = warning("TB054", "an alias whose name has something left open")
"""Why: newaliases warns of a bracket, quote or comment that is open at the colon, and takes it for closed there: the
alias may have another name than was meant.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    ann(smith: ann

Remedy: close it, or write the name without it.

Source: RFC 5322 3.2.2, 3.2.4; observed with newaliases 8.17.1.9.
"""

TB055 = error("TB055", "a line that sendmail takes for too long, in an alias file")
r"""Why: newaliases reads a line, with those that continue it, into a buffer of 8191 bytes. It reports a longer one and
leaves it out.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    $ printf 'everybody: %08200d\n' 1 > /etc/mail/aliases

Remedy: put the addresses into a file, and write :include: and its name.

Source: sendmail's aliases(5); observed with newaliases 8.17.1.9.
"""

TB056 = warning("TB056", "a command of an alias without quotes")
"""Why: outside of quotes sendmail makes a dot of white space inside of a target: here it runs /usr/local/bin/list.-a,
which does not exist.

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    list: |/usr/local/bin/list -a

Remedy: put quotes around the command and its arguments: "|/usr/local/bin/list -a"

Source: sendmail's aliases(5); observed with sendmail 8.17.1.9 -bv.
"""

SM044 = error("SM044", "an open quote in the value of an alias")
"""Why: sendmail takes the quote for a part of the name, "Unbalanced '\"'", and mail for the alias is returned: "User
unknown".

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    # /etc/mail/aliases
    list: "|/usr/local/bin/list -a

Remedy: close the quote.

Source: sendmail's aliases(5); observed with sendmail 8.17.1.9 -bv.
"""

_QUOTE = re.compile(r"\\.", re.DOTALL)
_IGNORED = "newaliases leaves this line out"
_WORDS = {
    TOO_LONG: (
        TB055,
        f"this line is longer than {LIMIT - 1} bytes with what continues it, or there is a NUL in it",
        f"{_IGNORED}; put the addresses into a file, and :include: that",
    ),
    CONTINUES_NOTHING: (
        TB001,
        "this line starts with white space, but there is no line before it that it could continue",
        f"{_IGNORED}; start it in the first column",
    ),
    NO_COLON: (TB052, "this is not name: value", f"{_IGNORED}; write a name, a colon and where its mail goes"),
    NO_VALUE: (TB053, "this alias has no value", f"{_IGNORED}; write where its mail goes, or /dev/null"),
    NOT_LOCAL: (
        TB051,
        "the name of an alias is local, and this one has the domain of another machine",
        f"{_IGNORED}; addresses with a domain belong into the virtusertable",
    ),
}

_PART = possessive.compile(
    r"""(?:[^"(<,\\]++|\\.?|"(?:[^"\\]++|\\.)*+"?|\((?:[^()\\]++|\\.)*+\)?|<[^>]*+>?)++""", re.DOTALL
)
_QUOTED = possessive.compile(r'"(?:[^"\\]++|\\.)*+"?|\((?:[^()\\]++|\\.)*+\)?|\\.', re.DOTALL)
# Targets of which nothing is to report, unless they are lists.
_QUICK_TARGET = r'(?:[\w+=.@/:%!|-]++|"[^"\\#\r\n]*+")'
_QUICK_PART = re.compile(_QUICK_TARGET, re.ASCII)
_QUICK = possessive.compile(rf"{_QUICK_TARGET}(?:,[ \t]*+{_QUICK_TARGET})*+", re.ASCII)
_SIMPLE_COMMAND = re.compile(r"""\|[^"'\\`$<>|;&()]+""")  # whose quotes are certain
_BLANK_INSIDE = re.compile(r"\S[ \t]+\S")


def read_sendmail_aliases(source: Source, sink: Sink, is_local: Callable[[bytes], bool] = lambda host: True) -> Entries:
    """The aliases of a file, in its order, duplicates included; names as stored, in lower case.

    ``is_local`` decides whether a host is this machine (class w); without it each one is.
    """
    text = Text(source)
    entries = Entries(source, _sides)
    for line in alias_lines(text.data):
        stop = line.offset(max(len(line.text) - 1, 0)) + (1 if line.text else 0)
        start = line.pieces[0][1]
        whole = _span(text, start, stop)
        problem = line.problem or ("" if b":" in line.text else NO_COLON)
        if not problem:
            name, value = read_name(line.text, is_local), value_of(line.text)
            for words in dict.fromkeys(name.warnings):
                hint = "newaliases closes it at the colon; write the name without it"
                sink.report(TB054, f"the name {decode(name.written.rstrip())} has an {words}", whole, hint=hint)
            problem = name.error or ("" if value else NO_VALUE)
        if problem:
            _report(problem, whole, sink)
            continue
        value_at = text.whole(_value_at(line, value))
        entries.add_entry(decode(name.key), decode(value), whole.start, text.offset(value_at), whole.end)
    return entries


def _sides(text: str, start: int, value_at: int, end: int) -> tuple[str, str]:
    """Name and value of an alias as most are written."""
    name = text[start : max(text.find(":", start, end), start)]
    return name.rstrip(" \t").lower(), text[value_at:end]


def _value_at(line: Line, value: bytes) -> int:
    return line.offset(len(line.text) - len(value))


def _span(text: Text, start: int, end: int) -> Span:
    return text.span(text.whole(start), text.whole(end))


def _report(problem: str, span: Span, sink: Sink) -> None:
    if problem in _WORDS:
        code, message, hint = _WORDS[problem]
    else:
        reason = "it is empty or cannot be read" if problem == ILLEGAL_NAME else problem[0].lower() + problem[1:]
        code, message = TB050, f"this is no name of an alias: {reason}"
        hint = f"{_IGNORED}; write the name of a user, in quotes if need be"
    sink.report(code, message, span, hint=hint, fix=colon_added(span) if code is TB052 else ())


def read_targets(text: str) -> Side:
    """The value of an alias: a list of `mailconf.tables.aliases.AliasTarget`."""
    if _QUICK.fullmatch(text):
        found = tuple([_target(part[0]) for part in _QUICK_PART.finditer(text)])
        if not any(target.kind is AliasKind.INCLUDE for target in found):
            return Side(found, ())
    return cut_targets(text)


def cut_targets(text: str) -> Side:
    """The same of any value."""
    targets: list[AliasTarget] = []
    faults: list[SideFault] = []
    for at, part in _parts(text):
        comment = part.find("#")
        if comment >= 0 and (comment == 0 or part[comment - 1] in " \t"):
            hint = "a comment is a line of its own; here it becomes a part of the address"
            faults.append(SideFault(TB025, '"#" starts no comment', hint, at + comment, 1, moved=True))
            break
        target = _target(part)
        targets.append(target)
        if (fault := _fault(target, part)) is not None:
            faults.append(fault._replace(at=at, length=len(part)))
    if _QUOTE.sub("", text).count('"') % 2:
        at = text.rfind('"')
        faults.append(SideFault(SM044, f"a double quote is open in {text[at:]}", "close it, or remove it", at, 1))
    if not targets and not faults:
        faults.append(SideFault(TB035, "this alias has no target", "write where its mail goes, or /dev/null"))
    return Side(tuple(targets), tuple(faults))


def _parts(text: str) -> Iterator[tuple[int, str]]:
    for found in _PART.finditer(text):
        part = found[0].strip()
        if part:
            yield found.start() + len(found[0]) - len(found[0].lstrip()), part


def _target(part: str) -> AliasTarget:
    inside = part[1:-1] if len(part) > 1 and part[0] == part[-1] == '"' else part
    if inside.startswith("|"):
        return AliasTarget(AliasKind.COMMAND, inside[1:].strip())
    if inside.startswith("/"):
        return AliasTarget(AliasKind.FILE, inside)
    if inside.lower().startswith(":include:"):
        return AliasTarget(AliasKind.INCLUDE, inside[len(":include:") :].strip())
    return AliasTarget(AliasKind.ADDRESS, part)


def _fault(target: AliasTarget, part: str) -> SideFault | None:
    blank = _BLANK_INSIDE.search(_QUOTED.sub(lambda found: "" if found[0][0] == "(" else "x", part))
    if target.kind is AliasKind.COMMAND and blank:
        runs = "|" + re.sub(r"[ \t]+", ".", target.text)
        quoted = f'"{part}"' if _SIMPLE_COMMAND.fullmatch(part) else ""
        return SideFault(
            TB056, f"the blanks become dots: {runs}", 'put quotes around it: "|command argument"', better=quoted
        )
    if target.kind is AliasKind.INCLUDE and not target.text.startswith("/"):
        return SideFault(TB033, f':include: of "{target.text}" is no absolute path', "write :include:/the/whole/path")
    if target.kind is AliasKind.ADDRESS and blank and "<" not in part:
        return SideFault(TB034, f"{part} is one address", "separate targets by commas")
    return None

"""The text of tables of rules: regexp_table(5), pcre_table(5), cidr_table(5), as entries with places and Diagnostics.

    /pattern/flags result      !/pattern/flags result      if /pattern/flags      if !/pattern/flags      endif
    network/length result      !network result             if network             if !network             endif

A rule is a logical line of `mailconf.tables.lines`. The delimiter of a pattern is any character that is neither
a letter nor a digit, chosen by each rule, so that no grammar can find where a pattern ends: this reader is written by
hand. ``mailconf.maps`` reads the same text in order to answer; tests hold that both find the same lines wrong. Only the
engine knows whether a pattern compiles, and has the groups that a result asks for: `mailconf.check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from ipaddress import ip_network
from typing import NamedTuple

from mailconf.diagnostics import Code, Sink, error, warning
from mailconf.source import Source, Span, decode
from mailconf.tables.entry import Entries, Entry
from mailconf.tables.lines import SPACE, LogicalLine, Text, logical_lines
from mailconf.tables.reader import TB001, place

TB110 = error("TB110", "a pattern that is not closed")
"""Why: the table skips a rule whose pattern is not closed, with a warning in the log: what it was to refuse gets
through.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    /^Subject: free money REJECT

Remedy: end the pattern with the character that it begins with.

Source: regexp_table(5), pcre_table(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB111 = error("TB111", "a flag that patterns of this type do not have")
"""Why: a letter after the pattern is a flag. The table skips a rule with one that it does not know, with a warning in
the log.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    /^Subject: free money/q REJECT

Remedy: remove the flag; a blank separates the pattern from the result.

Source: regexp_table(5), pcre_table(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB112 = error("TB112", "a line that is no rule")
"""Why: a line of such a table is a pattern and a result, "if" or "endif". The table skips others with a warning in the
log.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    Subject: REJECT

Remedy: write /pattern/ result.

Source: regexp_table(5), pcre_table(5), cidr_table(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB113 = error("TB113", "an endif without its if")
"""Why: the table ignores the line, with a warning in the log. Perhaps the "if" above it is missing or misspelled, so
that the rules hold for everything.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    /^Subject: free money/ REJECT
    endif

Remedy: remove the line, or write the "if" that it ends.

Source: regexp_table(5), pcre_table(5), cidr_table(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB114 = warning("TB114", "an if without its endif")
"""Why: the condition holds to the end of the table, so that the rules below it hold for a part of the texts only.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    if /^Subject:/
    /free money/ REJECT

Remedy: write endif after the last rule of the condition.

Source: regexp_table(5), pcre_table(5), cidr_table(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB115 = error("TB115", "a rule without a result")
"""Why: the rule matches and has no result. In regexp and pcre tables its result is empty, which is no action; a cidr
table skips the rule.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    /^Subject: free money/

Remedy: write the result after the pattern.

Source: regexp_table(5), pcre_table(5), cidr_table(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB116 = error("TB116", "a network that is not valid")
"""Why: the table skips the rule, with a warning in the log, where the network has bits after its length or is no
network at all.

Example:
    # main.cf
    smtpd_client_restrictions = check_client_access cidr:/etc/postfix/clients
    # /etc/postfix/clients
    192.0.2.1/24 REJECT

Remedy: write the network that the hint names, or the address alone.

Source: cidr_table(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB117 = warning("TB117", "text after an if or endif")
"""Why: the table ignores what follows "if /pattern/" and "endif" in the same line; a rule there is not read.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    if /^Subject:/ REJECT
    /free money/ REJECT
    endif

Remedy: write rules on lines of their own.

Source: regexp_table(5), pcre_table(5), "TABLE FORMAT"; observed with Postfix 3.7.11.
"""

TB118 = error("TB118", "the text of a match in the result of a rule for what does not match")
"""Why: $1 stands for what a group of the pattern has matched. A rule that begins with ! is used where the pattern does
not match, and has no such text: the table skips the rule, with a warning in the log.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    !/^Subject: (.*)/ REJECT no $1

Remedy: write the result without $1.

Source: regexp_table(5), "TEXT SUBSTITUTION"; pcre_table(5); observed with Postfix 3.7.11.
"""

PATTERN_TYPES = ("regexp", "pcre")
FLAGS = {"regexp": "imx", "pcre": "imsxAEUX"}

_SKIPPED = "Postfix skips this rule"
_WHITE = decode(SPACE)
_FLAGS = {"regexp": re.compile(r"[^ \t\n\v\f\r!]*"), "pcre": re.compile(r"[^ \t\n\v\f\r]*")}
_GROUP = re.compile(r"\$(?:\$|\{?\(?([0-9]+))")
_NEGATION = re.compile(r"[! \t\n\v\f\r]*")
_IF = re.compile(r"if(?![a-z0-9])", re.IGNORECASE | re.ASCII)
_ENDIF = re.compile(r"endif(?![a-z0-9])", re.IGNORECASE | re.ASCII)
_PATTERN_REQUEST = re.compile(r"[a-z0-9]", re.IGNORECASE | re.ASCII)


class RuleKind(Enum):
    RULE = "rule"
    IF = "if"
    ENDIF = "endif"


class Pattern(NamedTuple):
    """A pattern without its delimiters, or a network as written; ``flags`` as written."""

    text: str
    flags: str = ""
    negated: bool = False


class RuleLine(NamedTuple):
    """A line: its entry (the key is the pattern as written, the value the result) and its kind.

    ``patterns`` is empty for an endif; a regexp rule has two where the second excludes what it matches.
    """

    kind: RuleKind
    patterns: tuple[Pattern, ...]
    entry: Entry


class _Bad(Exception):
    def __init__(self, code: Code, message: str, hint: str, at: int, end: int) -> None:
        super().__init__(message)
        self.code, self.hint, self.at, self.end = code, hint, at, end


class _Line:
    """A logical line as text, with its places."""

    def __init__(self, text: Text, line: LogicalLine) -> None:
        self._text, self._line = text, line
        self.text = decode(line.text.rstrip(SPACE).partition(b"\0")[0])

    def span(self, at: int, end: int) -> Span:
        last = max(len(self.text) - 1, 0)
        return place(self._text, self._line, self.text, min(at, last), max(min(end, len(self.text)), min(at, last)))

    def entry(self, source: Source, value_at: int) -> Entry:
        start, end = self._text.offset(self._line.start), self._offset(len(self.text))
        key = self.text[:value_at].rstrip(_WHITE)
        return Entry(key, self.text[value_at:], source, start, self._offset(value_at), end)

    def _offset(self, at: int) -> int:
        if at < len(self.text):
            return self.span(at, at + 1).start
        return self.span(at - 1, at).end if self.text else self._text.offset(self._line.start)


def read_rules(kind: str, source: Source, sink: Sink) -> list[RuleLine]:
    """The rules of a table of the type ``kind`` (regexp, pcre, cidr), in its order, without those that are skipped."""
    return list(each_rule(kind, source, sink))


def read_results(kind: str, source: Source, sink: Sink) -> Entries:
    """The entries of those rules that have a result: there may be a hundred thousand."""
    found = Entries(source, _sides)
    for rule in each_rule(kind, source, sink):
        entry = rule.entry
        if rule.kind is RuleKind.RULE and entry.value:
            found.add_entry(entry.key, entry.value, entry.start, entry.value_at, entry.end)
    return found


def _sides(text: str, start: int, value_at: int, end: int) -> tuple[str, str]:
    """Key and value of a rule in one line."""
    return text[start:value_at].rstrip(_WHITE), text[value_at:end]


def each_rule(kind: str, source: Source, sink: Sink) -> Iterator[RuleLine]:
    """The same as `read_rules`, one rule at a time."""
    text = Text(source)
    opened: list[RuleLine] = []
    for logical in logical_lines(text.data):
        line = _Line(text, logical)
        if logical.text[0] in SPACE:
            hint = f"{_SKIPPED}; start it in the first column"
            message = "this line starts with white space, but there is no line before it that it could continue"
            sink.report(TB001, message, line.span(0, len(line.text)), hint=hint)
            continue
        if not line.text and kind != "cidr":  # a NUL hides it, and Postfix reports nothing
            continue
        try:
            rule = _read(kind, line, source, sink)
            if rule.kind is RuleKind.ENDIF:
                if not opened:
                    raise _Bad(TB113, "no if is open here", "Postfix ignores this line; remove it", 0, 5)
                opened.pop()
        except _Bad as bad:
            sink.report(bad.code, str(bad), line.span(bad.at, bad.end), hint=bad.hint)
            continue
        yield rule
        if rule.kind is RuleKind.IF:
            opened.append(rule)
    for rule in opened:
        hint = "it holds to the end of the table; write endif after the last of its rules"
        sink.report(TB114, "this if has no endif", rule.entry.key_span, hint=hint)


def _read(kind: str, line: _Line, source: Source, sink: Sink) -> RuleLine:
    text = line.text
    if found := _ENDIF.match(text):
        _tell_extra(line, found.end(), len(text), sink, cidr=kind == "cidr")
        return RuleLine(RuleKind.ENDIF, (), line.entry(source, len(text)))
    if kind == "cidr":
        return _read_cidr(line, source)
    if found := _IF.match(text):
        at = len(text) - len(text[found.end() :].lstrip(_WHITE))
        pattern, end = _pattern(kind, text, at)
        _tell_extra(line, end, len(text), sink)
        return RuleLine(RuleKind.IF, (pattern,), line.entry(source, len(text)))
    if _PATTERN_REQUEST.match(text):
        hint = f"{_SKIPPED}; write /pattern/ result, if /pattern/ or endif"
        raise _Bad(TB112, "this is no rule", hint, 0, len(text.split(None, 1)[0]))
    pattern, end = _pattern(kind, text, 0)
    patterns = [pattern]
    if text.startswith("!", end):
        pattern, end = _pattern(kind, text, end)
        patterns.append(pattern)
    value_at = len(text) - len(text[end:].lstrip(_WHITE))
    result = text[value_at:]
    groups = [found for found in _GROUP.finditer(result) if found[1]]
    if patterns[0].negated and groups:
        at = value_at + groups[0].start()
        hint = f"{_SKIPPED}: what does not match has no groups; write the result without $"
        raise _Bad(TB118, f"{groups[0][0]} stands for nothing in this result", hint, at, at + len(groups[0][0]))
    rule = RuleLine(RuleKind.RULE, tuple(patterns), line.entry(source, value_at))
    if not result:
        hint = "the rule matches with an empty result; write what is to happen"
        sink.report(TB115, "this rule has no result", rule.entry.key_span, hint=hint)
    return rule


def _tell_extra(line: _Line, at: int, end: int, sink: Sink, *, cidr: bool = False) -> None:
    extra = line.text[at:end].strip(_WHITE)
    if not extra:
        return
    start = at + line.text[at:end].index(extra)
    if cidr:
        raise _Bad(TB112, "there is text after endif", "Postfix ignores this line; write endif alone", start, end)
    hint = "remove it; rules between if and endif start in the first column of their own lines"
    sink.report(TB117, f"{extra} is not read", line.span(start, end), hint=hint)


def _pattern(kind: str, text: str, at: int) -> tuple[Pattern, int]:
    """The pattern at ``at``, and where it ends."""
    marks = _NEGATION.match(text, at)
    assert marks is not None  # it matches the empty text
    begin = marks.end()
    if begin >= len(text):
        raise _Bad(TB110, "there is no pattern", f"{_SKIPPED}; write /pattern/ result", at, len(text))
    delimiter, end = text[begin], begin + 1
    while end < len(text) and (text[end] == "\\" or text[end] != delimiter):
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        hint = f"{_SKIPPED}; a pattern ends with the character that it starts with, here {delimiter}"
        raise _Bad(TB110, "this pattern is not closed", hint, begin, len(text))
    flags = _FLAGS[kind].match(text, end + 1)
    assert flags is not None  # it matches the empty text
    for n, letter in enumerate(flags[0]):
        if letter not in FLAGS[kind]:
            hint = f"{_SKIPPED}; {kind} has the flags {' '.join(FLAGS[kind])}; a blank separates the result from them"
            raise _Bad(TB111, f'there is no flag "{letter}"', hint, end + 1 + n, end + 2 + n)
    return Pattern(text[begin + 1 : end], flags[0], marks[0].count("!") % 2 == 1), flags.end()


def _read_cidr(line: _Line, source: Source) -> RuleLine:
    text = line.text
    opens = _IF.match(text)
    at = len(text) - len(text[opens.end() :].lstrip(_WHITE)) if opens else 0
    marks = _NEGATION.match(text, at)
    assert marks is not None  # it matches the empty text
    begin = marks.end()
    words = text[begin:].split(None, 1) if not opens else [text[begin:]]
    network = words[0] if words else ""
    if not network:
        raise _Bad(TB116, "there is no network", f"{_SKIPPED}; write 192.0.2.0/24 result", at, len(text))
    if reason := _network_fault(network):
        raise _Bad(TB116, reason[0], f"{_SKIPPED}; {reason[1]}", begin, begin + len(network))
    pattern = Pattern(network, negated=marks[0].count("!") % 2 == 1)
    if opens:
        return RuleLine(RuleKind.IF, (pattern,), line.entry(source, len(text)))
    if len(words) < 2:
        raise _Bad(TB115, "this rule has no result", f"{_SKIPPED}; write the result after it", begin, len(text))
    return RuleLine(RuleKind.RULE, (pattern,), line.entry(source, len(text) - len(words[1])))


_WRITE = "write an address, or a network with the length of its prefix"


def _network_fault(text: str) -> tuple[str, str] | None:
    """What is wrong with a network of a cidr table, and what to do about it; None when it is right."""
    if text.startswith("["):
        inside, bracket, tail = text[1:].partition("]")
        if not bracket or (tail and not tail.startswith("/")):
            return f"the brackets of {text} are not right", "write [address] or [address]/length"
        text = inside + tail
    address, slash, length = text.partition("/")
    if "%" in address:  # which Python takes for a scope; inet_pton does not
        return f"{text} is no network", _WRITE
    if slash and not (length.isascii() and length.isdigit() and len(length) < 20):
        return f"{text} has no length", _WRITE
    try:
        if slash and ip_network(address).max_prefixlen < int(length):
            return f"the length of {text} is too great", _WRITE
        ip_network(f"{address}/{int(length)}" if slash else address)
    except ValueError:
        try:
            better = ip_network(f"{address}/{length}", strict=False)
        except ValueError:
            return f"{text} is no network", _WRITE
        return f"{text} has bits after its prefix", f"write {better}, or {address} alone"
    return None

"""What is wrong with the text of a .mc: calls that m4 does not see as such, names in quotes that are not m4's.

m4 does not report most of it: what it takes for text becomes text of the .cf. Where the .mc was expanded, it is known
which lines do (``put_out``); elsewhere the diversion is followed in the text alone, as far as that shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Set
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from mailconf.check.sendmail.mc_head import SM012
from mailconf.diagnostics import Related, Sink, error, warning
from mailconf.edits import misspelled, swapped
from mailconf.sendmail.cf_mistakes import nearest
from mailconf.sendmail.mc.library import START
from mailconf.sendmail.mc.mc import KINDS
from mailconf.sendmail.mc.tree import Call, Document, Kind, Node
from mailconf.sendmail.mc.vocabulary import BLIND, SECTIONS, STATEMENTS
from mailconf.source import Span

if TYPE_CHECKING:
    from mailconf.grammar import Grammar

SM003 = error("SM003", "a name in a .mc in quotes that are not m4's")
"""Why: the quotes of m4 are ` and '. In others, the library looks for a FEATURE whose name has the quotes in it, does
not find it, and m4 prints "cannot open"; the FEATURE is not there.

Example:
    # sendmail.mc
    FEATURE("access_db")dnl

Remedy: write FEATURE(`access_db')dnl

Source: cf/README, "A BRIEF INTRODUCTION TO M4"; GNU m4 1.4.19.
"""

SM004 = error("SM004", "a blank between a macro and its parenthesis")
"""Why: m4 calls a macro with arguments only where the parenthesis follows its name at once. Here the macro is called
without arguments, or not at all, and the rest becomes text of the .cf.

Example:
    # sendmail.mc
    define (`SMART_HOST', `mail.example.net')dnl

Remedy: remove the blank.

Source: m4(1); GNU m4 1.4.19.
"""

SM005 = error("SM005", "a call in a .mc of a macro that does not exist")
"""Why: m4 puts a name that it does not know into the .cf as it is, with its parenthesis. sendmail stops at such a
line, or takes it for something else.

Example:
    # sendmail.mc
    DAEMON_OPTION(`Name=MTA')dnl

Remedy: correct the name; m4 distinguishes capitals.

Source: GNU m4 1.4.19; observed with sendmail 8.17.1.9.
"""

SM006 = error("SM006", "a dnl in a .mc that runs into a word")
"""Why: dnl joined with another word is a word of its own, which m4 does not know: it deletes nothing and becomes text
of the .cf, at which sendmail stops.

Example:
    # sendmail.mc
    dnlFEATURE(`access_db')

Remedy: put a blank or a newline between the two.

Source: GNU m4 1.4.19.
"""

SM007 = warning("SM007", 'a macro that is called in a line that begins with "#", which is no comment')
"""Why: the library of sendmail ends m4's comments when it starts. A macro in a line that begins with # is called as
anywhere else: the FEATURE that seems to be switched off is on.

Example:
    # sendmail.mc
    # FEATURE(`access_db')

Remedy: begin the line with dnl.

Source: cf/README, "A BRIEF INTRODUCTION TO M4"; cf/m4/cf.m4 of sendmail 8.17.
"""

SM017 = warning("SM017", "a quoted text in a .mc that holds statements")
"""Why: everything between a ` and its ' is text. A single ` in a comment begins a quote that ends at the next
apostrophe, perhaps many lines later, and the statements between them are not called.

Example:
    # sendmail.mc
    # the `feature
    FEATURE(`virtusertable')dnl
    # it's here

Remedy: begin comments with dnl, and write no ` in them.

Source: m4(1); GNU m4 1.4.19.
"""

SM019 = warning("SM019", "text that the macro before it drops")
"""Why: these macros end with dnl or discard what follows on their line. A statement after them is lost, and
nothing reports it.

Example:
    # sendmail.mc
    EXPOSED_USER(`root') FEATURE(`virtusertable')

Remedy: write each statement on a line of its own.

Source: cf/README; the macros of sendmail 8.17.
"""

# A line as a .cf has it, not a line of prose that begins with the same letter.
_CONFIGURED = re.compile(
    r"D(?:\{\w+\}.*|[A-Za-z]\S*$)|C(?:\{\w+\}|[A-Zmtw])\s*\S|F(?:\{\w+\}|\w)\s*(?:-o\s*)?[/|@]|O\s+[A-Z][\w.]+\s*="
    r"|K\s*\w+\s+\w+\s+-?|H(?:\?[^?]*\?)?[\w-]+:|T[a-z][\w-]*$|[MX]\w+,|[SR]\S*\t|E\w+="
)
_OTHER_QUOTES = re.compile(r"""(?:'|"|\u2018|\u201c|\u00b4)([\w.+-]+)(?:'|"|`|\u2019|\u201d|\u00b4)""", re.ASCII)
_MOST_BLANKS = 200  # between a macro and its parenthesis
_DEPTH = 10  # conditions inside one another
_WORDS = STATEMENTS | SECTIONS | {"define", "undefine", "include", "sinclude", "divert", "ifdef", "ifelse"}


def quotes(document: Document, sink: Sink) -> None:
    """SM003: the argument of FEATURE, MAILER and similar macros in quotes that m4 does not know."""
    from mailconf.grammar import ParseFailure

    for call in _calls(document):
        if call.name not in KINDS or not call.arguments:
            continue
        place = call.arguments[0].place
        if re.fullmatch(r"`[^`']*'|[\w.+-]*", place.text) or re.fullmatch(r"``+[^`']*''+", place.text):
            continue  # quotes that do not match are SM001 or SM002
        try:
            _values().parse(place.text)
        except ParseFailure as failure:
            mistake = _values().mistake(failure)
            if mistake is not None:
                fix = (
                    swapped(place, place.text, f"`{held[1]}'") if (held := _OTHER_QUOTES.fullmatch(place.text)) else ()
                )
                sink.report(SM003, mistake.message, place, hint=mistake.hint, fix=fix)


def words(document: Document, sink: Sink, diversion: str = "0", put_out: Container[int] | None = None) -> None:
    """SM004, SM005, SM006: text that was meant as a call; SM012: other text that was not meant for the .cf's head.

    diversion  where text goes at the beginning; "0" is the .cf's head
    put_out    the numbers of the lines that are in the .cf; SM012 is then left to `mailconf.check.sendmail.mc_head`
    """
    reported = -1
    nodes = document.nodes
    for at, node in enumerate(nodes):
        if isinstance(node, Call):
            diversion = _diversion(node, diversion)
            if node.arguments is None and node.name in _WORDS and _blank_parenthesis(nodes, at):
                _report_blank(node.name_span, node.name, sink)
                reported = at + 1
        elif node.kind is Kind.TEXT:
            begins = at == 0 or isinstance(nodes[at - 1], Call) or nodes[at - 1].text.endswith("\n")
            is_called = at + 1 < len(nodes) and nodes[at + 1].kind is Kind.QUOTED
            for line in islice(_lines(node.span), 0 if begins and at != reported else 1, None):
                if line.start == line.end:
                    continue
                is_dropped = diversion.startswith("-") if put_out is None else line.line not in put_out
                if is_dropped:
                    if is_called and line.end == node.span.end:
                        _dropped_line(line, sink)
                    continue
                where = diversion if put_out is None else ""
                _text_line(line, where, is_called and line.end == node.span.end, document.names, sink)


def _diversion(call: Call, before: str) -> str:
    """Where text goes after a call, as far as the text shows: the library's m4/cf.m4 ends with divert(0)."""
    if call.name in SECTIONS:
        return call.name
    if call.name == "divert":
        return call.literal(1) or "0"
    if call.name in ("include", "sinclude") and (call.literal(1) or "").endswith(START):
        return "0"
    return before


def _dropped_line(line: Span, sink: Sink) -> None:
    """A line that a divert(-1) drops, with a quote after it: a call is missed there as well."""
    head = re.fullmatch(r"([A-Za-z_]\w*)[ \t]+\([ \t]*", line.text)
    if head is not None and head[1] in _WORDS & BLIND:
        _report_blank(line.source.span(line.start, line.start + len(head[1])), head[1], sink)


def _text_line(line: Span, diversion: str, is_called: bool, names: Set[str], sink: Sink) -> None:
    text = line.text
    glued = re.match(r"dnl[A-Za-z0-9_]+|([A-Z_][A-Z_0-9]*)dnl\b", text)
    if glued and (glued[1] is None or glued[1] in names):
        span = line.source.span(line.start, line.start + glued.end())
        hint = "put a blank after dnl" if glued[1] is None else f"write {glued[1]} without dnl, or a blank between them"
        message = f"{glued[0]} is one word to m4, which puts it into the .cf"
        sink.report(SM006, message, span, hint=hint, fix=swapped(span, "dnl", "dnl ") if glued[1] is None else ())
        return
    head = re.match(r"([A-Za-z_]\w*)([ \t]*)\(", text)
    if head is not None:
        span = line.source.span(line.start, line.start + len(head[1]))
        if head[2] and head[1] in _WORDS & BLIND:
            _report_blank(span, head[1], sink)
            return
        near = nearest(head[1], _WORDS) if head[1] not in names else ""
        if near or (is_called and head.end() == len(text) and not head[2]):
            hint = f"did you mean {near}?" if near else "define it before, or correct its name"
            meant = misspelled(head[1], _WORDS)
            fix = swapped(span, head[1], meant) if near and meant else ()
            message = f"there is no macro {head[1]}; its call becomes text of the .cf"
            sink.report(SM005, message, span, hint=hint, fix=fix)
            return
    if diversion == "0" and text.strip() and not text.lstrip().startswith("#") and not _CONFIGURED.match(text):
        word = re.fullmatch(r"([A-Za-z_]\w*)\s*", text)
        near = nearest(word[1], _WORDS) if word else ""
        hint = (
            f"did you mean {near}?" if near else "begin a comment with dnl; write LOCAL_CONFIG before lines of the .cf"
        )
        span = line.source.span(line.start, line.start + len(text.rstrip()))
        sink.report(SM012, "this text goes as it is into the head of the .cf, before its version", span, hint=hint)


def _report_blank(span: Span, name: str, sink: Sink) -> None:
    message = f"m4 takes the parenthesis after {name} for text, not for the call's arguments"
    blanks = re.match(r"[ \t]*", span.source.text[span.end : span.end + _MOST_BLANKS])
    fix = swapped(span, f"{name}{blanks[0]}(", f"{name}(") if blanks else ()
    sink.report(SM004, message, span, hint=f"write {name}( without a blank", fix=fix)


def _blank_parenthesis(nodes: tuple[Node, ...], at: int) -> bool:
    behind = nodes[at + 1] if at + 1 < len(nodes) else None
    return behind is not None and re.match(r"[ \t]+\(", behind.text) is not None


def _lines(span: Span) -> Iterator[Span]:
    text, at = span.text, 0
    while at >= 0:
        end = text.find("\n", at)
        yield span.source.span(span.start + at, span.start + (len(text) if end < 0 else end))
        at = end + 1 if end >= 0 else -1


def comments(document: Document, sink: Sink) -> None:
    """SM007: statements in lines that begin with "#" after the place where comments end."""
    text = document.nodes[0].span.source.text if document.nodes else ""
    for node in document.nodes:
        if isinstance(node, Call) and node.name in _WORDS:
            start = text.rfind("\n", 0, node.span.start) + 1
            if text.startswith("#", start):
                message = f'm4 has no comments after cf.m4: {node.name} is called, though its line begins with "#"'
                lines = "each of its lines" if "\n" in node.text.rstrip("\n") else "the line"
                sink.report(SM007, message, node.name_span, hint=f"begin {lines} with dnl")


def swallowed(document: Document, sink: Sink) -> None:
    """SM017: quotes outside of calls over several lines with what looks like statements in them; SM019."""
    for node in document.nodes:
        if isinstance(node, Call) and node.behind.strip() and not node.behind.lstrip().startswith(("dnl", "#")):
            source, start = node.span.source, node.span.end - len(node.behind.lstrip())
            span = source.span(start, start + len(node.behind.strip()))
            message = f"{node.name} drops what follows it on its line"
            word = re.match(r"[A-Za-z_]\w*", span.text)
            is_statement = word is not None and word[0] in document.names
            hint = "write it in a line of its own" if is_statement else "begin it with dnl"
            blanks = source.text[node.span.end - len(node.behind) : start]
            plain = is_statement and not blanks.strip(" \t")
            fix = swapped(span, f"{blanks}{span.text}", f"\n{span.text}", -len(blanks)) if plain else ()
            sink.report(SM019, message, span, hint=hint, fix=fix)
        if node.kind is not Kind.QUOTED or "\n" not in node.content:
            continue
        held = re.search(r"^(?:dnl\b|([A-Za-z_]\w*)\()", node.content, re.MULTILINE)
        if held and (held[1] is None or held[1] in document.names):
            span = node.span.source.span(node.span.start, node.span.start + 1)
            last = node.span.last.line
            message = f"the quote that begins here ends in line {last}: everything between is text, no call"
            hint = "a ` in a comment begins a quote, too; begin comments with dnl"
            related = (Related("the quote ends here", node.span.source.span(node.span.end - 1, node.span.end)),)
            sink.report(SM017, message, span, hint=hint, related=related)


def _calls(document: Document, depth: int = 0) -> Iterator[Call]:
    """The calls of a text, those in the branches of conditions included, down to `_DEPTH`."""
    for call in document.calls():
        yield call
        if call.name in ("ifdef", "ifelse") and depth < _DEPTH:
            for argument in call.arguments or ():
                for node in argument.nodes:
                    if node.kind is Kind.QUOTED and "(" in node.content:
                        yield from _calls(document.inside(node), depth + 1)


def check_text(
    document: Document, sink: Sink, *, included: bool = False, put_out: Container[int] | None = None
) -> None:
    """Run the rules over a .mc, or over a file that it includes: such a file may be meant for any place in the .cf.

    put_out  as for `words`
    """
    for rule in TEXT_RULES:
        rule(document, sink)
    words(document, sink, "" if included else "0", put_out)


TEXT_RULES: tuple[Callable[[Document, Sink], None], ...] = (quotes, comments, swallowed)


@cache
def _values() -> Grammar:
    from mailconf.grammar import Grammar

    return Grammar("mc_value")

"""Files that are templates: text that another program fills in before an engine reads it.

Placeholders are those of Jinja and Ansible (``{{ name }}``, ``{% if %}``, ``{# #}``), of ERB and EJS (``<%= name %>``),
of autoconf (``@NAME@``) and, in tables, where a dollar means nothing, of envsubst (``${NAME}``). In main.cf and
master.cf that may be a parameter, and in a .mc a macro. In the main.cf that comes with Postfix, lines without a value
are for postfix-install to fill in.

What a placeholder stands for is not known. A finding about a line that has one is left out, and one note (CK095) says
so for each file; everything else is checked as in any file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from mailconf.diagnostics import Diagnostic, Severity, Sink, declare, ordered
from mailconf.files import Tree
from mailconf.source import Source, Span

CK095 = declare("CK095", Severity.NOTE, "a file that is a template")
"""Why: the file has placeholders, in whose place another program writes text before a server reads the file. A server
would take them as they are. What depends on them is not known here, and is not reported; the rest is checked.

Example:
    # main.cf
    relayhost = [{{ mail_relay }}]:587

Remedy: nothing, where the file is a template. Check what is made of it as well, as Ansible's validate does: mailconf
check --as /etc/postfix/main.cf FILE

Source: docs/ci.md.
"""

MOST = 1 << 22  # bytes of a file in which placeholders are looked for
_SAID = r"[^\x00-\x08\n-\x1f\x7f]{0,200}?"  # within a placeholder that need not end in its line; a template is text
_BRACES = re.compile(
    rf"\{{\{{([^{{}}$\n]{{1,200}})\}}\}}|\{{%{_SAID}(?:%\}}|$)|\{{#{_SAID}(?:#\}}|$)|<%{_SAID}(?:%>|$)|@[A-Z][A-Z0-9_]{{1,60}}@",
    re.MULTILINE,
)
_CAPITALS = re.compile(r"\$\{[A-Z][A-Z0-9_]{1,60}\}")
# Words that a script replaces in any file that has no meaning of its own for them: _NAME_, __NAME__, %NAME%.
_SHOUTED = re.compile(
    r"%[A-Z][A-Z0-9_]{1,60}%|(?<!\w)_{1,2}[A-Z][A-Z0-9]{0,60}(?:_[A-Z0-9]{1,60}){0,9}_{1,2}(?!\w)", re.ASCII
)
# What postfix-install fills in, in the main.cf that comes with Postfix: two lines or more that have nothing yet.
_INSTALLED = re.compile(
    r"^(?:(?:sendmail|newaliases|mailq)_path|setgid_group|mail_owner|(?:html|manpage|sample|readme)_directory)"
    r"[ \t]*=(?=[ \t]*$)",
    re.MULTILINE,
)
_EXPRESSION = re.compile(r"[A-Za-z_][\w.]*(?:(?:\[[^\]]{1,60}\]|\([^)]{0,60}\))[\w.]*){0,4}")
_CONTROL = ("{%", "<%")
# Findings that two branches of a condition have for nothing: only one of them is in the file that is made.
_TWICE = frozenset({"PF005", "PF017", "TB006", "BD012", "BD013", "PF262"})
_SETTINGS = ("/main.cf", "/master.cf")
_EXPANDED = (".mc", ".m4", ".cf")  # endings of the files in which a dollar means something


class _Template(NamedTuple):
    """A text with placeholders: those in use, as written, the first one's place, and whether there are conditions."""

    source: Source
    words: frozenset[str]
    first: Span
    number: int
    branches: bool


def without_placeholders(found: Iterable[Diagnostic], names: Iterable[str], tree: Tree) -> list[Diagnostic]:
    """The findings that do not depend on placeholders, and a note for each file that has some.

    names  of the files of the configuration
    """
    templates = {place: made for place, made in ((tree.place(n), _template(n, tree)) for n in names) if made}
    if not templates:
        return list(found)
    words = {word for template in templates.values() for word in template.words}
    left = [d for d in found if not _depends(d, templates, words)]
    sink = Sink()
    for template in templates.values():
        others = f" and {template.number - 1} others" if template.number > 1 else ""
        message = f"this file is a template: what {template.first.text.strip()}{others} will be is not known"
        sink.report(CK095, message, template.first, hint="lines with such text are not judged; the others are")
    return ordered([*left, *sink])


def _template(name: str, tree: Tree) -> _Template | None:
    try:
        source = Source.read(tree, name) if tree.stat(name).st_size <= MOST else None
    except (OSError, ValueError):  # reported by the rule that needs the file
        return None
    if source is None:
        return None
    found = [span for span in _placeholders(source) if not _is_comment(span)]
    if not found:
        return None
    words = frozenset(span.text for span in found)
    branches = any(word.startswith(_CONTROL) for word in words)
    return _Template(source, words, min(found, key=lambda span: span.start), len(found), branches)


def _placeholders(source: Source) -> list[Span]:
    text = source.text
    found = []
    if any(mark in text for mark in ("{{", "{%", "{#", "<%", "@")):
        found += [match.span() for match in _BRACES.finditer(text) if _is_placeholder(match)]
    if "${" in text and not source.name.endswith(_EXPANDED):
        found += [match.span() for match in _CAPITALS.finditer(text)]
    if source.name.endswith(_SETTINGS) or not source.name.endswith(_EXPANDED):
        found += [match.span() for match in _SHOUTED.finditer(text)]
    if source.name.endswith("/main.cf") and len(left := [each.span() for each in _INSTALLED.finditer(text)]) > 1:
        found += left
    return [source.span(*place) for place in found]


def _is_placeholder(match: re.Match[str]) -> bool:
    """Whether what is in two braces is a name with filters, and no key with its value (``inline:{{key=value}}``)."""
    return match[1] is None or _EXPRESSION.fullmatch(match[1].partition("|")[0].strip(" \t-")) is not None


def _is_comment(span: Span) -> bool:
    line = span.source.line(span.line).lstrip()
    return line.startswith(("#", "dnl"))


def _depends(diagnostic: Diagnostic, templates: dict[str, _Template], words: set[str]) -> bool:
    """Whether a finding is about a line with a placeholder, or quotes one."""
    if any(word in diagnostic.message for word in words):
        return True
    span = diagnostic.span
    template = templates.get(span.source.name) if span is not None else None
    if span is None or template is None:
        return False
    if template.branches and diagnostic.code in _TWICE:
        return True
    line = _logical(template.source, span)
    return any(word in line for word in template.words)


def _logical(source: Source, span: Span) -> str:
    """The lines of a finding with those that continue them."""
    text, count = source.text, source.position(len(source.text)).line
    first, last = source.position(span.start).line, source.position(span.end).line
    while first > 1 and source.line(first).startswith((" ", "\t")):
        first -= 1
    while last < count and source.line(last + 1).startswith((" ", "\t")):
        last += 1
    return text[source.offset(first) : source.offset(last) + len(source.line(last))]

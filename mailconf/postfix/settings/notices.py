"""The texts of bounce(8)'s reports, as a configuration has them: postconf(5) bounce_template_file, bounce(5).

What is wrong with a template costs that template, and the built-in one stands in (PF238); what is wrong with the file
costs all of them: bounce(8) ends, and reports are not made until it is mended (PF237).
"""

from __future__ import annotations

from typing import NamedTuple

from mailconf.diagnostics import Code, Sink, error, warning
from mailconf.postfix.parameters.bounce_templates_data import KNOWN
from mailconf.postfix.settings.bounce_templates import (
    OBSOLETE_FROM,
    Names,
    Template,
    TemplateError,
    built_in,
    is_obsolete,
    parse,
    texts,
)
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.lines import MAX_FILE
from mailconf.source import decode

PF237 = error("PF237", "no reports can be made with the file of bounce templates")
"""Why: bounce(8) ends when it cannot read its file of templates, and when a text has a ``$name`` that is not known.
Mail that cannot be delivered then stays in the queue, and its sender is not told.

Example:
    # main.cf
    bounce_template_file = /etc/postfix/bounce.cf
    # /etc/postfix/bounce.cf
    failure_template = <<EOF
    Subject: Returned

    This is $my_hostname.
    EOF

Remedy: name the file that holds the templates, correct the line that is named, or leave the parameter out. ``postconf
-b`` prints what is sent.

Source: bounce(5); postconf(5) bounce_template_file; bounce(8) of Postfix 3.7.11.
"""
PF238 = warning("PF238", "a bounce template does not say what it is meant to")
"""Why: bounce(8) ignores a template with a mistake in it, and senders read the built-in one. A time in a unit that does
not fit is printed as 0, or as a number that nobody reads.

Example:
    # main.cf
    bounce_template_file = /etc/postfix/bounce.cf
    # /etc/postfix/bounce.cf
    delay_template = <<EOF
    Reply-To: postmaster

    Your mail waits for more than $delay_warning_time_days days.
    EOF

Remedy: use the headers Charset, From, Subject and Postmaster-Subject, all of them in ASCII, and another unit.

Source: bounce(5).
"""


class NoticeTemplate(NamedTuple):
    """``headers`` by their names, and the lines of the text with every ``$name`` expanded.

    warnings  what bounce(8) logs when it makes a report of it
    """

    headers: dict[str, str]
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


class Notices(NamedTuple):
    """``templates`` in force by kind ("failure", "delay", "success", "verify").

    warnings      what bounce(8) logs when it starts
    is_utf8       reports are UTF-8 even where the template is ASCII (postconf(5) smtputf8_enable)
    are_threaded  reports refer to the message (postconf(5) enable_threaded_bounces)
    """

    templates: dict[str, NoticeTemplate]
    warnings: tuple[str, ...]
    is_utf8: bool
    are_threaded: bool


def notices(configuration: Configuration, sink: Sink) -> Notices:
    """The templates of a configuration; the built-in ones where its file cannot be used (PF237)."""
    path = configuration.value("bounce_template_file")
    warned: list[str] = []
    given: dict[str, list[str]] = {}
    if path:
        try:
            given = texts(decode(configuration.root.read(path, MAX_FILE)), path, warned.append)
        except OSError as failure:
            _report(configuration, sink, PF237, f"open {path}: {failure.strerror}")
        except TemplateError as failure:
            _report(configuration, sink, PF237, str(failure))
    for text in warned:
        _report(configuration, sink, PF238, text)
    c = configuration
    try:
        obsolete = is_obsolete(c.value("header_from_format"))
    except TemplateError as failure:
        obsolete = False
        _report(c, sink, PF237, str(failure), "header_from_format")
    templates = {
        kind: _expanded(c, path, standard, given.get(kind), sink)
        for kind, standard in built_in(obsolete=obsolete).items()
    }
    threaded = c.is_known("enable_threaded_bounces") and c.boolean("enable_threaded_bounces")
    return Notices(templates, tuple(warned), c.boolean("smtputf8_enable"), threaded)


def _expanded(c: Configuration, path: str, standard: Template, lines: list[str] | None, sink: Sink) -> NoticeTemplate:
    """The template of a kind: what ``lines`` of the file at ``path`` say if they are good, else the built-in one."""

    def value(name: str) -> str | None:
        return c.value(name) if c.is_set(name) or name in KNOWN else None

    def seconds(name: str) -> int:
        return int(c.seconds(name))

    warned: list[str] = []
    obsolete = standard.headers["From"] == OBSOLETE_FROM
    own = None if lines is None else parse(standard.kind, lines, path, warned.append, obsolete=obsolete)
    text_lines: list[str] = []
    unfit: list[str] = []
    try:
        text_lines = Names(value, seconds, path, unfit.append).lines(own or standard, from_file=own is not None)
    except TemplateError as failure:
        _report(c, sink, PF237, str(failure))
    for text in (*warned, *unfit):
        if path and text.startswith(path):  # the other lines are advice
            _report(c, sink, PF238, text)
    return NoticeTemplate((own or standard).headers, tuple(text_lines), (*warned, *unfit))


def _report(c: Configuration, sink: Sink, code: Code, text: str, name: str = "bounce_template_file") -> None:
    hint = "see bounce(5); postconf -b prints the templates that are in force"
    sink.report(
        code, text, c.place(name), hint=hint if name == "bounce_template_file" else "write standard or obsolete"
    )

"""Values of main.cf for which no program of Postfix starts, as the programs see them."""

from __future__ import annotations

from collections.abc import Sequence

from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error
from mailconf.source import Span

CK090 = error("CK090", "a value for which no program of Postfix starts")
"""Why: each program of Postfix reads about a hundred parameters when it starts, one after the other, and ends where it
cannot use one: no mail is accepted or delivered until main.cf is corrected. ``postconf`` shows the value without a
word. A reference to a parameter that is read later has no value at that moment, unless main.cf sets it, although
``postconf -x`` shows one.

Example:
    # main.cf
    syslog_facility = postfix
    mydomain = a.$mail_name

Remedy: write what the parameter takes, and the text itself in place of a reference that has no value there.

Source: postconf(5); what programs read, its order and its limits are those of Postfix 3.7.11.
"""


def values(subject: Subject, sink: Sink) -> None:
    """Report the values of main.cf that no other rule found wrong and for which programs do not start."""
    wrong = [found.span for found in sink if found.span is not None and found.severity is Severity.ERROR]
    configuration = subject.configuration
    for name, problem in configuration.start_problems():
        value = configuration.value(name)
        if value.startswith("/") and not subject.root.covers(value):  # the machine's own file, such as /etc/mailname
            continue
        if configuration.is_reported(name) or _is_among(wrong, configuration.value_span(name)):
            continue
        hint = "write another value, and the text itself in place of a reference"
        sink.report(CK090, f"no program of Postfix starts: {problem}", configuration.place(name), hint=hint)


def _is_among(wrong: Sequence[Span], value: Span | None) -> bool:
    """Whether one of the places that are ``wrong`` is in the value, or in the line where it begins."""
    if value is None:
        return False
    begin = value.source.text.rfind("\n", 0, value.start) + 1
    return any(place.source.name == value.source.name and begin <= place.start <= value.end for place in wrong)

"""Values of main.cf for which no program of Postfix starts, as the programs see them."""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error

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
    wrong = {
        (found.span.source.name, found.span.line)
        for found in sink
        if found.span is not None and found.severity is Severity.ERROR
    }
    for name, problem in subject.configuration.start_problems():
        place = subject.configuration.place(name)
        if subject.configuration.is_reported(name):
            continue
        if place is None or (place.source.name, place.line) not in wrong:
            hint = "write another value, and the text itself in place of a reference"
            sink.report(CK090, f"no program of Postfix starts: {problem}", place, hint=hint)

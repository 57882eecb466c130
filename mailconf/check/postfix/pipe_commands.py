"""Commands of pipe(8) services: the macros in them."""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.edits import misspelled, swapped
from mailconf.model.pipe_words import MACROS, unknown_macros
from mailconf.postfix.text.master_cf import command_line, entry_at

CK092 = error("CK092", "a macro in the command of a pipe service that pipe does not know")
"""Why: pipe(8) knows its own macros alone, in small letters, without the ? and : that main.cf has. At another one it
runs no command: "status=deferred (mail system configuration error)", and the mail of the service waits.

Example:
    # master.cf
    filter unix - n n - - pipe
      user=nobody argv=/usr/local/bin/filter ${receiver}

Remedy: write one of the macros of pipe(8), and $$ for a $.

Source: pipe(8), "argv=command..."; tests/vectors/pipe_macros.py, observed with Postfix 3.7.11.
"""


def commands(subject: Subject, sink: Sink) -> None:
    """Report macros that pipe(8) does not know: of each service the first."""
    source = subject.configuration.sources.get("master.cf")
    for service in subject.configuration.services:
        if source is None or service.span is None or service.program != "pipe":
            continue
        words = command_line(entry_at(source.text, service.span.start))[1]
        first = next((at for at, word in enumerate(words) if word.text.lower().startswith("argv=")), None)
        for word in words.since(first) if first is not None else ():
            for written, name in unknown_macros(word.text):
                span = source.span(word.start, word.end)
                meant = misspelled(name, MACROS)
                fix = swapped(span, name, meant, span.text.find(name)) if meant and span.text.count(name) == 1 else ()
                message = f"{written} in the command of {service.name} is no macro of pipe: its mail is deferred"
                hint = f"did you mean ${{{meant}}}?" if meant else "write a macro of pipe(8), or $$ for a $"
                sink.report(CK092, message, span, hint=hint, fix=fix)

"""The text of every table, in its role: form, then meaning (`mailconf.tables.check`)."""

from __future__ import annotations

from mailconf.build.compile import compile_targets
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink


def contents(subject: Subject, sink: Sink) -> None:
    """Compile every table that is built from a text, and throw the result away: the mistakes are what counts."""
    compile_targets(subject.targets, sink, subject.is_restriction)

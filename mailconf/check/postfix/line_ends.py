"""Line ends: Postfix takes a carriage return for a blank, so that CR LF is no mistake, and CR alone ends no line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailconf.check.postfix.texts import text_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Edit, Sink, error
from mailconf.source import Source

PF222 = error("PF222", "a carriage return that ends no line")
r"""Why: a line ends with LF; CR is a blank. What follows a CR inside a line belongs to that line: to its comment, where
it counts for nothing, or to its value. Files with CR alone come from old editors of the Macintosh. CR LF at the ends of
lines is no mistake: Postfix takes the CR for a blank at the end.

Example:
    $ printf '# the relay\rrelayhost = [mail.example.net]\n' >> /etc/postfix/main.cf

Remedy: save the file with LF, or CR LF, at the end of each line: tr '\r' '\n'.

Source: observed with postconf(1) and postmap(1) of Postfix 3.7.11: tests/live/test_line_ends_of_files_live.py.
"""

_ALONE = re.compile(r"\r+(?!\n|\r|\Z)")


def carriage_returns(subject: Subject, sink: Sink) -> None:
    """Report each file that has such a CR once, at the first."""
    for source in _sources(subject):
        found = _ALONE.search(source.text) if "\r" in source.text else None
        if found is None:
            continue
        count = sum(1 for _ in _ALONE.finditer(source.text))
        others = f", and {count - 1} others in this file" if count > 1 else ""
        message = f"a carriage return is a blank and ends no line: what follows it belongs to this line{others}"
        whole = source.span(0, len(source.text))
        fix = (Edit(whole, source.text.replace("\r", "\n")),) if "\n" not in source.text.rstrip("\r\n") else ()
        hint = "save the file with LF at the end of each line"
        sink.report(PF222, message, source.span(found.start(), found.end()), hint=hint, fix=fix)


def _sources(subject: Subject) -> Iterator[Source]:
    """main.cf, master.cf and the tables' texts, each once."""
    yield from subject.configuration.sources.values()
    first = {use.source: use for use in reversed(subject.site.tables) if use.source}
    for name, use in reversed(first.items()):
        if text := text_of(subject, use):
            yield Source(subject.root.place(name), text)

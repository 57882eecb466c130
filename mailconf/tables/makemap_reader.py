"""Entries as text, with places and Diagnostics: the makemap(8) format, which `mailconf.tables.makemap` describes.

makemap leaves out a line with a mistake, builds the map from the others and exits 65; here such a line is an error.
"""

from __future__ import annotations

import re

from mailconf.diagnostics import Sink, error
from mailconf.edits import blanks_removed
from mailconf.source import Source, decode
from mailconf.tables.entry import Entries
from mailconf.tables.lines import SPACE, Text
from mailconf.tables.makemap import LEADING_SPACE, LIMIT, NO_VALUE, TOO_LONG, Format, Row, read_rows

TB041 = error("TB041", "a line that makemap takes for too long")
r"""Why: makemap reads a line into a buffer of 1024 bytes. It reports a longer line and leaves it out, and takes the
rest for a line of its own.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    $ printf 'From:%01100d REJECT\n' 1 > /etc/mail/access

Remedy: shorten the line.

Source: makemap(8); observed with makemap 8.17.1.9.
"""

TB042 = error("TB042", "a line that starts with white space, in a table for makemap")
"""Why: makemap has no lines that continue others: it reports a line that begins with white space, leaves it out and
exits with 65.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
     Connect:192.0.2.1 REJECT

Remedy: begin the line in the first column.

Source: makemap(8); observed with makemap 8.17.1.9.
"""

TB043 = error("TB043", "a key without a value, in a table for makemap")
"""Why: makemap reports a key without a value, leaves it out and exits with 65, unless -e is given.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    Connect:192.0.2.1

Remedy: write a value after the key.

Source: makemap(8), -e; observed with makemap 8.17.1.9.
"""

_WORDS = {
    TOO_LONG: (
        TB041,
        f"this line is longer than {LIMIT - 2} bytes, or there is a NUL in it",
        "makemap leaves it out, and takes what comes after its first {limit} bytes for a line of its own",
    ),
    LEADING_SPACE: (
        TB042,
        "this line starts with white space",
        "makemap leaves it out: nothing continues the line before, and a blank line has to be empty",
    ),
    NO_VALUE: (TB043, "this key has no value", "makemap leaves it out, unless its option -e allows empty values"),
}


def read_makemap(source: Source, sink: Sink, form: Format | None = None) -> Entries:
    """The entries of a table in makemap's format, in the file's order, duplicates included.

    Keys are as written: folding (ASCII letters, unless ``-f``) is for the caller.
    """
    text = Text(source)
    form = form or Format()
    key = re.compile(f"[^{re.escape(decode(form.delimiter or SPACE))}]*")

    def sides(text: str, start: int, value_at: int, end: int) -> tuple[str, str]:
        found = key.match(text, start, end)
        return found[0] if found else "", text[value_at:end]

    entries = Entries(source, sides)
    for row in read_rows(text.data, form):
        start = text.whole(row.start)
        if row.problem:
            code, message, hint = _WORDS[row.problem]
            end = text.whole(row.start + max(1, _length(row)))
            span = text.span(start, end)
            comment = row.problem == LEADING_SPACE and span.source.line(span.line).lstrip().startswith("#")
            fix = blanks_removed(source, span.start) if comment else ()
            sink.report(code, message, span, hint=hint.format(limit=LIMIT - 1), fix=fix)
            continue
        end = row.value_at + len(row.value)
        places = (text.offset(start), text.offset(row.value_at), text.offset(end))
        if text.same:
            entries.add(*places)
        else:  # a long line may be cut inside of a character
            entries.add_entry(decode(row.key), decode(row.value), *places)
    return entries


def _length(row: Row) -> int:
    return len(row.key) if row.problem == NO_VALUE else len(row.value)

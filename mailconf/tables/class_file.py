"""The files of sendmail's classes (``F{w}/etc/mail/local-host-names``): a word a line, as 8.17 reads them.

With the format ``%s``, which is the default, a line gives its first word, cut off by white space:

- a line whose first character is ``#`` is a comment. Anywhere else ``#`` is a character like any other, so that an
  indented comment makes ``#`` a member of the class;
- what follows the first word is not looked at;
- a line is read in pieces of `LIMIT` bytes, and each piece is a line; a NUL ends it.

The words are compared without regard to case. In classes of host names (w, R, G, VirtHost, M) a name with a dot at its
end is not found: that dot is not compared. Class R also has the first octets of addresses.
"""

from __future__ import annotations

import re

from mailconf.diagnostics import Sink, warning
from mailconf.source import Source, decode
from mailconf.tables.entry import Entries
from mailconf.tables.lines import Text
from mailconf.tables.sides import Side, SideFault

TB070 = warning("TB070", "a comment that is a word, in a class file")
"""Why: in a class file only a line whose first character is # is a comment. With a blank before it, # becomes a member
of the class.

Example:
    # sendmail.mc
    FEATURE(`use_cw_file')dnl
    # /etc/mail/local-host-names
     # our names
    example.com

Remedy: begin the comment in the first column.

Source: Sendmail Installation and Operation Guide, "C and F - Define Classes"; observed with sendmail 8.17.1.9.
"""

TB071 = warning("TB071", "words of a class file that are not read")
"""Why: sendmail takes the first word of each line and does not look at the others: mail for the second name is not
local.

Example:
    # sendmail.mc
    FEATURE(`use_cw_file')dnl
    # /etc/mail/local-host-names
    example.com example.org

Remedy: write each word on a line of its own.

Source: Sendmail Installation and Operation Guide, "C and F - Define Classes"; observed with sendmail 8.17.1.9.
"""

TB072 = warning("TB072", "a word of a class file that no lookup asks for")
"""Why: the word cannot be the name of a host as sendmail looks it up, so that it has no effect.

Example:
    # sendmail.mc
    FEATURE(`use_cw_file')dnl
    # /etc/mail/local-host-names
    *.example.com

Remedy: write the names themselves, in full and without a dot at the end.

Source: cf/README, use_cw_file; observed with sendmail 8.17.1.9 -bt.
"""

TB073 = warning("TB073", "a line that sendmail takes for several, in a class file")
r"""Why: sendmail reads 2047 bytes of a line at a time, and takes the rest for another line with a word of its own.

Example:
    # sendmail.mc
    FEATURE(`use_cw_file')dnl
    $ printf '%02100d.example.com\n' 1 > /etc/mail/local-host-names

Remedy: write a word a line.

Source: observed with sendmail 8.17.1.9.
"""

LIMIT = 2047  # bytes of a line that are read at once

_WORD = re.compile(rb"[ \t\n\v\f\r]*([^ \t\n\v\f\r]+)")
_AGAIN = re.compile(rb"[ \t\v\f\r]+([^ \t\n\v\f\r]+)")
# Several hosts in one word, an address, a mark that only other files know.
_NO_HOST = [
    (re.compile(r".*[,;].*"), "write each name on a line of its own"),
    (re.compile(r".*@.*"), "write the domain alone: example.com"),
    (re.compile(r"[!*].*"), "a class holds names, no patterns: write the name"),
    (re.compile(r"[^#]+#.*"), "put the comment on a line of its own"),
    (re.compile(r"[0-9.]+/[0-9.]+"), "write the first octets: 192.0.2"),
    (re.compile(r"(?![0-9.]+\Z).+\."), "leave out the dot at the end"),
]


def read_class(source: Source, sink: Sink) -> Entries:
    """The words of a file, in its order, each an entry with an empty value."""
    text = Text(source)
    data, entries, at = text.data, Entries(source, lambda file, start, _, end: (file[start:end], "")), 0
    while at < len(data):
        newline = data.find(b"\n", at, at + LIMIT)
        end = newline if newline >= 0 else min(at + LIMIT, len(data))
        end = text.whole(end)  # inside of a character there is no place in the text
        piece = data[at:end].partition(b"\0")[0]
        start, at = at, end + (newline >= 0)
        if piece.startswith(b"#") or (found := _WORD.match(piece)) is None:
            continue
        begin, stop = text.offset(start + found.start(1)), text.offset(start + found.end(1))
        entries.add_entry(decode(found[1]), "", begin, stop, stop)
        if newline < 0 and end < len(data):
            hint = f"it reads {LIMIT} bytes at once; write a word a line"
            sink.report(TB073, "this line goes on in another word of the class", entries[-1].key_span, hint=hint)
        if found[1].startswith(b"#") and found.start(1) > 0:
            continue  # the word itself is reported
        if (more := _AGAIN.match(piece, found.end())) and not more[1].startswith(b"#"):
            place = text.span(start + more.start(1), start + more.end(1))
            hint = "a class file has a word a line; what follows is not looked at"
            sink.report(TB071, f"{decode(more[1])} is not read", place, hint=hint)
    return entries


def read_word(text: str) -> Side:
    """A member of a class of host names."""
    if text.startswith("#"):
        hint = "a comment starts in the first column; here its first word becomes one of the class"
        return Side(text, (SideFault(TB070, f"{text} is a word of the class", hint),))
    for pattern, hint in _NO_HOST:
        if pattern.fullmatch(text):
            return Side(text, (SideFault(TB072, f"{text} matches nothing: no lookup asks for it", hint),))
    return Side(text)

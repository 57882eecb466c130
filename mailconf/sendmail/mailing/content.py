"""What a mailer gets of a message, by its flags and by the lines H of the configuration.

- Lines H are added where the message has no such field and the mailer has one of the line's flags, in their order:
  those before Received on top of it, the others after it.
- Without F=n the line of UnixFromLine is the first. F=E marks lines of the body that begin with "From ". F=b ends the
  message with an empty line. F=X doubles dots at the beginning of lines.
- E= ends lines. L= is the most characters of a line: one that is longer is cut, with ``!`` at the end of each part, and
  a blank before the next. F=L is L=990.

Source: Sendmail Installation and Operation Guide 5.1.4, 5.4; sendmail 8.17.1.9, tests/vectors/sendmail_mailers.jsonl.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mailconf.sendmail.rules.book import DefinedMailer, Rulebook
from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.symbols import MACRO
from mailconf.sendmail.submission.fields import wanted

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)")
_MOST = 8192  # characters of a value
_DEFAULT_FROM = f"From {MACRO}g {MACRO}d"
FILE = "[FILE]"  # P= of a mailer that writes the file that an address names
_LINE = 990  # F=L


def written(book: Rulebook, mailer: DefinedMailer, macros: Macros, content: bytes) -> bytes:
    """The message ``content`` as the mailer reads it. ``macros`` has the values of the message."""
    fields, body = split(content)
    lines = _Lines(mailer)
    out: list[bytes] = []
    if not mailer.has("n"):
        line = macros.expand(book.options.get("UnixFromLine") or _DEFAULT_FROM, lambda message: None)
        out.append(line.encode("latin-1", "replace").replace(b"\n", b" ") + lines.end)
    for field in with_added(book, mailer, macros, fields):
        out += lines.ended(field.removesuffix(b"\n").split(b"\n"))
    out += lines.ended(_body_lines(body, marked=mailer.has("E")))
    if mailer.has("b") or mailer.path == FILE:
        out.append(lines.end)
    return b"".join(out)


def with_added(book: Rulebook, mailer: DefinedMailer, macros: Macros, fields: list[bytes]) -> Iterator[bytes]:
    """The fields of a message, and those of the lines H that it lacks."""
    present = {_name(field) for field in fields}
    top: list[bytes] = []
    after: list[bytes] = []
    found = top
    resent = any(name.startswith(b"resent-") for name in present)
    for line in book.added_headers:
        key = line.name.lower().encode("latin-1")
        if key == b"received":
            found = after
        elif key in present or (key.startswith(b"resent-") and not resent):
            continue
        elif wanted(line, macros, mailer.flags):
            value = macros.expand(line.value, lambda message: None)[:_MOST]
            found.append(f"{line.name}: {value}\n".encode("latin-1", "replace"))
    if not mailer.has("x"):
        fields = [field for field in fields if _name(field) != b"full-name"]
    own = 1 if fields and _name(fields[0]) == b"received" else 0
    yield from top
    yield from fields[:own]
    yield from after
    yield from fields[own:]


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].strip(b" \t").lower()


def split(content: bytes) -> tuple[list[bytes], bytes]:
    """The fields of a message, each with its newline, and what follows them."""
    fields, at = [], 0
    while found := _FIELD.match(content, at):
        fields.append(found[0] if found[0].endswith(b"\n") else found[0] + b"\n")
        at = found.end()
    return fields, content[at:]


def _body_lines(body: bytes, *, marked: bool) -> Iterator[bytes]:
    """The lines after the fields, without their ends; the empty one that ends the fields is the first."""
    if not body.startswith(b"\n"):
        yield b""
    for line in body.removesuffix(b"\n").split(b"\n") if body else ():
        yield b">" + line if marked and line.startswith(b"From ") else line


class _Lines:
    """How a mailer's lines end, and how long they may be."""

    def __init__(self, mailer: DefinedMailer) -> None:
        self.end = mailer.end_of_line.encode("latin-1", "replace") or b"\n"
        self._most = mailer.line or (_LINE if mailer.has("L") else 0)
        self._dots = mailer.has("X")

    def ended(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        for line in lines:
            for part in self._parts(line):
                yield (b"." if self._dots and part.startswith(b".") else b"") + part + self.end

    def _parts(self, line: bytes) -> Iterator[bytes]:
        room = self._most
        while self._most and len(line) > room:
            yield line[: room - 1] + b"!"
            line = b" " + line[room - 1 :]
        yield line

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
from collections.abc import Iterator

from mailconf.sendmail.rules.book import DefinedMailer, Rulebook
from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.symbols import MACRO
from mailconf.sendmail.submission.fields import wanted

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)")
_MOST = 8192  # characters of a value
_DEFAULT_FROM = f"From {MACRO}g {MACRO}d"
FILE = "[FILE]"  # P= of a mailer that writes the file that an address names
_LINE = 990  # F=L
_LEAST = 2  # a shorter limit has no room for what marks a cut


def written(book: Rulebook, mailer: DefinedMailer, macros: Macros, content: bytes) -> bytes:
    """The message ``content`` as the mailer reads it. ``macros`` has the values of the message."""
    fields, body = split(content)
    body = (b"" if body.startswith(b"\n") else b"\n") + body
    body += b"" if body.endswith(b"\n") else b"\n"
    if mailer.has("E"):
        body = body.replace(b"\nFrom ", b"\n>From ")
    end = mailer.end_of_line.encode("latin-1", "replace") or b"\n"
    text = _shaped(mailer, b"".join(with_added(book, mailer, macros, fields)) + body).replace(b"\n", end)
    if mailer.has("b") or mailer.path == FILE:
        text += end
    if mailer.has("n"):
        return text
    line = macros.expand(book.options.get("UnixFromLine") or _DEFAULT_FROM, lambda message: None)
    return line.encode("latin-1", "replace").replace(b"\n", b" ") + end + text


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


def _shaped(mailer: DefinedMailer, text: bytes) -> bytes:
    """A text whose lines are cut, and whose dots are doubled, as the mailer wants it."""
    most = mailer.line or (_LINE if mailer.has("L") else 0)
    if most > _LEAST:
        text = re.sub(rb"[^\n]{%d,}" % (most + 1), lambda line: _cut(line[0], most), text)
    if mailer.has("X"):
        text = (b"\n" + text).replace(b"\n.", b"\n..")[1:]
    return text


def _cut(line: bytes, most: int) -> bytes:
    """A long line in parts: ``!`` ends each but the last, a blank begins each but the first."""
    parts = [line[: most - 1]]
    parts += [b" " + line[at : at + most - 2] for at in range(most - 1, len(line), most - 2)]
    if len(parts) > 1 and len(parts[-2]) + len(parts[-1]) - 1 <= most:
        parts[-2:] = [parts[-2] + parts[-1][1:]]
    return b"!\n".join(parts)

"""Shows diagnostics on standard error: with colour and a caret on a terminal, plain lines otherwise.

Formats for other programs are made by `mailconf.cli.shared.formats`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from mailconf.diagnostics import Diagnostic, Severity, Sink

if TYPE_CHECKING:
    from rich.console import Console

    from mailconf.source import Span

MOST_BEFORE, MOST_BEHIND = 200, 400  # characters of a line that are shown
_COLOUR = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}


def show(found: Iterable[Diagnostic], *, stream: TextIO | None = None) -> None:
    """Print the findings; those of a `Sink` by file and place."""
    stream = stream or sys.stderr
    found = found.sorted() if isinstance(found, Sink) else found
    if stream.isatty():
        from rich.console import Console

        _show_on_terminal(found, Console(file=stream, highlight=False))
    else:
        for line in plain(found):
            stream.write(line + "\n")


def plain(found: Iterable[Diagnostic]) -> Iterable[str]:
    """A line a diagnostic, related places and the hint indented below it."""
    for d in found:
        yield printable(str(d))
        for other in d.related:
            line, column = other.span.first
            yield printable(f"  {other.span.source.name}:{line}:{column}: {other.message}")
        if d.hint:
            yield printable(f"  hint: {d.hint}")


def _show_on_terminal(found: Iterable[Diagnostic], console: Console) -> None:
    from rich.text import Text

    for d in found:
        colour = _COLOUR[d.severity]
        console.print(
            Text.assemble(
                (printable(d.place), "bold"),
                (f"{d.severity.value}: ", colour),
                printable(d.message),
                (f" [{d.code}]", "dim"),
            )
        )
        if d.span is not None:
            line = d.span.line
            before, text = _around(d.span)
            length = min(max(1, d.span.end - d.span.start), max(1, len(text) - len(before)))
            lead = "".join("\t" if c == "\t" else " " for c in before)
            console.print(Text.assemble((f"{line:5} | ", "dim"), printable(text)), soft_wrap=True)
            console.print(Text.assemble(("      | ", "dim"), lead, ("^" * length, colour)), soft_wrap=True)
        for other in d.related:
            line, column = other.span.first
            console.print(Text(printable(f"      {other.span.source.name}:{line}:{column}: {other.message}")))
        if d.hint:
            console.print(Text.assemble(("      hint: ", "bold cyan"), printable(d.hint)))


def _around(span: Span) -> tuple[str, str]:
    """What precedes a finding on its line, and the line; of a very long one, what is near."""
    text, start = span.source.text, min(span.start, len(span.source.text))
    first = max(start - span.first.column + 1, start - MOST_BEFORE)
    last = text.find("\n", start, start + MOST_BEHIND)
    return text[first:start], text[first : min(start + MOST_BEHIND, len(text)) if last < 0 else last]


def printable(text: str) -> str:
    """Bytes that were no UTF-8 and control characters as escapes, so that no file can drive the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else _escape(c) for c in text)


def _escape(c: str) -> str:
    code = ord(c)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

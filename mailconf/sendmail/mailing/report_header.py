"""The lines that stand before the others in a report (option ErrorHeader): a text, or a file that it names.

Source: Sendmail Installation and Operation Guide 5.6; sendmail 8.17.1.9, tests/vectors/sendmail_reports.jsonl.
"""

from __future__ import annotations

from mailconf.files import Tree
from mailconf.sendmail.rules.book import Rulebook
from mailconf.source import decode

_MOST = 64 * 1024  # bytes of the file


def header_of(book: Rulebook, root: Tree | None) -> tuple[str, ...]:
    """The lines, their macros expanded, with an empty one behind them; none where the file cannot be read."""
    value = book.options.get("ErrorHeader", "").strip()
    if not value:
        return ()
    text = value
    if value.startswith("/"):
        try:
            text = decode(root.read(value, _MOST)) if root is not None else ""
        except (OSError, ValueError):
            text = ""
        if not text:
            return ()
    macros = book.macros.above()
    lines = [macros.expand(book.names.marked(line), lambda message: None) for line in text.splitlines()]
    return (*lines, "")

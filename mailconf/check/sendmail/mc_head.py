"""Text of a .mc that becomes part of the .cf's head, before the line with its version (SM012).

Such text is what stands in no LOCAL_ section: sendmail reads it first of all. Lines that it takes for what they are
meant to be are right there (many a .mc has its classes behind the MAILERs); a line that the library's own replaces has
no effect, and of a line of prose sendmail makes something else than a comment, without a word: "Do not edit" sets the
macro o, "This file ..." names trusted users. What sendmail does not take is `mailconf.sendmail.cf_mistakes`'s.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.diagnostics import Sink, warning
from mailconf.sendmail.cf.items import CfOption, Item, Macro
from mailconf.sendmail.cf.options import ADDING

if TYPE_CHECKING:
    from mailconf.sendmail.configuration import McConfiguration

SM012 = warning("SM012", "text in a .mc that becomes part of the .cf's head")

_PROSE = re.compile(
    r"[A-Z][a-z]*(?:'[a-z]+)?(?:[ \t,]+[A-Za-z'`-]+){2,}[ \t]*[.:!,]?"
    r"|(?:This|The|These|To|That|Do|Only|Some|See|Set)\b.*"
)
_FILE = re.compile(r"F(?:\{\w+\}|\S)\s*(?:-o\s*)?[/|@]")
_TAKEN = {
    "C": "members of a class", "D": "a macro's value", "E": "an environment's value", "F": "a class in a file",
    "O": "an option", "S": "a ruleset's name", "T": "names of trusted users",
}  # fmt: skip


def head(configuration: McConfiguration, sink: Sink) -> None:
    """SM012."""
    items = configuration.cf.items
    version = next((at for at, item in enumerate(items) if item.line.letter == "V"), 0)
    later = {_sets(item) for item in items[version:]} if version else set()
    for item in items[:version]:
        letter, span = item.line.letter, None
        if letter in _TAKEN:
            span = configuration.span(item.line)
        if span is None:
            continue
        sets = _sets(item)
        if _is_prose(item.line.text):
            taken = _TAKEN[letter]
            message = f"this text goes as it is into the head of the .cf, where sendmail takes it for {taken}"
            sink.report(SM012, message, span, hint="begin a comment with dnl")
        elif sets and sets in later:
            what = f"macro {sets[1]}" if sets[0] == "D" else f"option {sets[1]}"
            message = f"this line goes into the head of the .cf, and the library's own line sets {what} behind it"
            hint = "it has no effect there: use the definition that cf/README has for it"
            sink.report(SM012, message, span, hint=hint)


def _is_prose(text: str) -> bool:
    if text.startswith("F"):  # sendmail looks for another file in whatever folder it is started in
        return _FILE.match(text) is None
    if text.startswith("C") and re.match(r"C(?:\{|[A-Zmtw]\s)", text):
        return False
    return _PROSE.fullmatch(text) is not None


def _sets(item: Item) -> tuple[str, str] | None:
    """What a line sets to a value of its own, in place of an earlier one's."""
    if isinstance(item, Macro):
        return "D", item.name
    if isinstance(item, CfOption) and item.name not in (*ADDING, "Milter"):
        return "O", item.full_name
    return None

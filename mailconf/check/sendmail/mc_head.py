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
from mailconf.sendmail.mc.places import Line

if TYPE_CHECKING:
    from mailconf.sendmail.mc.mc import Mc

SM012 = warning("SM012", "text in a .mc that becomes part of the .cf's head")

_PROSE = re.compile(
    r"[A-Z][a-z]*(?:'[a-z]+)?(?:[ \t,]+[A-Za-z'`-]+){2,}[ \t]*[.:!,]?"
    r"|(?:This|The|These|To|That|Do|Only|Some|See|Set)\b.*"
)
_FILE = re.compile(r"(?:\{\w+\}|\S)\s*(?:-o\s*)?[/|@]")
_OPTION = re.compile(r"\s+([\w.]+)")
_TAKEN = {
    "C": "members of a class", "D": "a macro's value", "E": "an environment's value", "F": "a class in a file",
    "O": "an option", "S": "a ruleset's name", "T": "names of trusted users",
}  # fmt: skip


def head(mc: Mc, sink: Sink) -> None:
    """SM012."""
    version = next((at for at, line in enumerate(mc.lines) if line.letter == "V"), 0)
    later = {_sets(line) for line in mc.lines[version:]} if version else set()
    for line in mc.lines[:version]:
        if line.letter not in _TAKEN or line.span is None:
            continue
        sets = _sets(line)
        if _is_prose(line):
            taken = _TAKEN[line.letter]
            message = f"this text goes as it is into the head of the .cf, where sendmail takes it for {taken}"
            sink.report(SM012, message, line.span, hint="begin a comment with dnl")
        elif sets and sets in later:
            what = f"macro {sets[1]}" if sets[0] == "D" else f"option {sets[1]}"
            message = f"this line goes into the head of the .cf, and the library's own line sets {what} behind it"
            hint = "it has no effect there: use the definition that cf/README has for it"
            sink.report(SM012, message, line.span, hint=hint)


def _is_prose(line: Line) -> bool:
    if line.letter == "F":  # sendmail looks for another file in whatever folder it is started in
        return _FILE.match(line.text) is None
    if line.letter == "C" and re.match(r"\{|[A-Zmtw]\s", line.text):
        return False
    return _PROSE.fullmatch(line.letter + line.text) is not None


def _sets(line: Line) -> tuple[str, str] | None:
    """What a line sets to a value of its own, in place of an earlier one's."""
    if line.letter == "D":
        return "D", line.named[0]
    found = _OPTION.match(line.text) if line.letter == "O" else None
    if found is None or found[1].lower() in ("aliasfile", "daemonportoptions", "clientportoptions", "milter"):
        return None
    return "O", found[1]

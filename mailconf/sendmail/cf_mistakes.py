"""Reports the lines of a .cf at which sendmail stops, each with the place in the .mc from which it comes.

sendmail exits with 70 after such a line, and no daemon runs; m4 knows nothing of it. Which lines they are,
`mailconf.sendmail.cf.read` finds; the way back to the .mc is in `mailconf.sendmail.mc.places`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mailconf.diagnostics import Sink, alike, error
from mailconf.files import Tree
from mailconf.sendmail.cf.items import CfMistake
from mailconf.sendmail.cf.lines import BLANKS
from mailconf.sendmail.cf.read import mistakes
from mailconf.source import Source, Span

SM023 = error("SM023", "a line of the .cf that sendmail does not know")
"""Why: sendmail stops when it starts: "unknown configuration line". m4 does not notice it.

Example:
    # sendmail.mc
    LOCAL_CONFG

Remedy: correct the word, or begin a comment with dnl.

Source: Sendmail Installation and Operation Guide, 5; observed with sendmail 8.17.1.9, which exits with 70.
"""

SM024 = error("SM024", "a rule of the .cf that sendmail cannot read")
"""Why: sendmail stops when it starts: "invalid rewrite line". The sides of a rule are separated by tabs, of which
editors make blanks.

Example:
    # sendmail.mc
    LOCAL_RULESETS
    Smine
    R$*  $: $1

Remedy: write R, the left side, a tab, and the right side.

Source: Sendmail Installation and Operation Guide, "R and S - Rewriting Rules"; observed with sendmail 8.17.1.9, which
exits with 70.
"""

SM025 = error("SM025", "a line of the .cf without a part that sendmail needs")
"""Why: sendmail stops when it starts, or leaves the line out with a message: a name or a value is missing in it.

Example:
    # sendmail.mc
    LOCAL_CONFIG
    D

Remedy: complete or remove the line.

Source: Sendmail Installation and Operation Guide, 5; observed with sendmail 8.17.1.9.
"""

CODES = (SM023.name, SM024.name, SM025.name)
_KINDS = {"unknown": SM023, "rule": SM024, "value": SM025}
_MOST = 20  # of a text that is no .cf at all, the first lines are enough
_SHOWN = 60  # characters
_RULE_HINT = "write it as R, the left side, a tab, the right side; editors may have made blanks of the tab"
_MARK = "\ufeff"


def report_mistakes(
    source: Source,
    found: Iterable[CfMistake],
    place: Callable[[int], Span | None],
    file: str,
    sink: Sink,
    tree: Tree,
) -> None:
    """What sendmail does not take of a .cf; ``place`` gives the place to report for an offset in its text.

    found  those of ``source``
    file   what is reported where there is no place, in ``tree``
    """
    for count, mistake in enumerate(found):
        if count == _MOST:
            sink.report(SM023, "the .cf has more such lines; they are not reported", file=file, tree=tree)
            return
        span = next(filter(None, map(place, _offsets(source.text, mistake))), None)
        message, hint = _words(mistake)
        sink.report(_KINDS[mistake.kind], message, span, hint=hint, file=file, tree=tree)


def report_cf(source: Source, tree: Tree, sink: Sink) -> None:
    """The same of a .cf that is there, in ``tree``, without a .mc."""
    text = source.text

    def place(offset: int) -> Span:
        end = text.find("\n", offset)
        return source.span(offset, len(text) if end < 0 else end)

    report_mistakes(source, mistakes(source), place, source.name, sink, tree)


def _offsets(data: str, mistake: CfMistake) -> Iterator[int]:
    """The places to look at for what made the line, the best first."""
    start, end = mistake.line.start, mistake.line.end
    if data[start] in "\n\r":
        yield data.find("\n", start) + 1  # the blank that joins the lines
    yield start
    yield from (found.end() for found in re.compile(r"\n(?=.)").finditer(data, start, end))
    yield max(start, end - 1)


def _words(mistake: CfMistake) -> tuple[str, str]:
    line = mistake.line
    if mistake.kind != "unknown":
        hint = _RULE_HINT if mistake.kind == "rule" and "tab" in mistake.text else ""
        if "\n" in line.text and mistake.kind == "rule" and not hint:
            hint = (
                "a line that begins with a blank continues the one before it: remove the blank if it is a line itself"
            )
        if "no S line" in mistake.text:
            hint = "write LOCAL_RULESETS and the line S with a name before the rule"
        what = f"sendmail does not start: {mistake.text}"
        return what, hint or f"correct or remove the line `{_shown(line.text)}'"
    if line.text[:1] == "\n":
        what = "sendmail does not start: in the .cf, this line begins with a blank and continues an empty line"
        return what, "end statements with dnl; leave no blanks at the beginning of a line or after a statement"
    if line.text[0] in BLANKS:
        if line.text[:1] in " \t":
            what = "sendmail does not start: the .cf begins with a blank, and its first line continues no other"
            return what, "remove the blank"
        return f"sendmail does not start: it does not know the line `{_shown(line.text)}' of the .cf", "remove it"
    what = f"sendmail does not start: it does not know the line `{_shown(line.text)}' of the .cf"
    if line.text.startswith(_MARK):
        return what, "the file begins with a byte order mark: save it as UTF-8 without one"
    if line.text.startswith("\x1a"):
        return what, "remove the control-Z at the end of the file"
    return what, _hint(line.text)


def _hint(text: str) -> str:
    from mailconf.sendmail.mc.vocabulary import SECTIONS, STATEMENTS

    word = re.match(r"[A-Za-z_]\w*", text)
    near = nearest(word[0], STATEMENTS | SECTIONS) if word else ""
    if near:
        return f"did you mean {near}?"
    if text.startswith("$"):
        return "write the whole text of a VERSIONID in one line"
    return "begin a comment with dnl; text for the .cf follows LOCAL_CONFIG, and each of its lines begins with a letter"


def _shown(text: str) -> str:
    end = text.find("\n", 0, _SHOWN + 1)  # of what may have five megabytes
    line = text[: _SHOWN + 1 if end < 0 else end]
    shown = line.encode("utf-8", "backslashreplace").decode()
    shown = "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in shown)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """The most similar name that is known, "" when no name is similar."""
    folded = {other.upper(): other for other in sorted(known)}
    if name.upper() in folded:
        return folded[name.upper()]
    near = alike(name.upper(), folded, n=1, cutoff=0.8)
    return folded[near[0]] if near else ""

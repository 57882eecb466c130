"""Reports the lines of a .cf at which sendmail stops, each with the place in the .mc that is behind it.

sendmail exits with 70 after such a line, and no daemon runs; m4 knows nothing of it. What sendmail makes of a line is
`mailconf.sendmail.cf_text`'s; the way back to the .mc, `mailconf.sendmail.mc_lines`'.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from mailconf.diagnostics import Sink, alike, error
from mailconf.m4 import Place
from mailconf.sendmail.cf_text import Mistake, mistakes
from mailconf.sendmail.mc_lines import Origins
from mailconf.source import Source, Span, decode

SM023 = error("SM023", "a line of the .cf that sendmail does not know")
SM024 = error("SM024", "a rule of the .cf that sendmail cannot read")
SM025 = error("SM025", "a line of the .cf without a part that sendmail needs")

CODES = (SM023.name, SM024.name, SM025.name)
_KINDS = {"unknown": SM023, "rule": SM024, "value": SM025}
_MOST = 20  # of a text that is no .cf at all, the first lines are enough
_SHOWN = 60  # characters
_RULE_HINT = "write it as R, the left side, a tab, the right side; editors may have made blanks of the tab"
_MARK = b"\xef\xbb\xbf"


def report_mistakes(pieces: Iterable[tuple[bytes, Place | None]], origins: Origins, mc: str, sink: Sink) -> None:
    """What sendmail does not take of a .cf that came of the .mc at ``mc``, ``pieces`` as in `Expanded.pieces`."""
    kept = list(pieces)
    data = b"".join(text for text, _ in kept)
    starts: list[int] | None = None

    def place(offset: int) -> Span | None:
        nonlocal starts
        starts = starts or [0, *accumulate(len(text) for text, _ in kept)]
        at = bisect_right(starts, offset) - 1
        text, found = kept[at]
        if found is None:
            return None
        if found.block.data.startswith(text, found.offset):  # else the text is only what came of a call there
            found = Place(found.block, found.offset + offset - starts[at])
        return origins.of_output(found)

    _report(data, place, mc, sink)


def report_cf(source: Source, data: bytes, sink: Sink) -> None:
    """The same of a .cf that is there without a .mc."""
    text = source.text

    def place(offset: int) -> Span:
        start = len(decode(data[:offset]))
        end = text.find("\n", start)
        return source.span(start, len(text) if end < 0 else end)

    _report(data, place, source.name, sink)


def _report(data: bytes, place: Callable[[int], Span | None], file: str, sink: Sink) -> None:
    for count, mistake in enumerate(mistakes(data)):
        if count == _MOST:
            sink.report(SM023, "the .cf has more such lines; they are not reported", file=file)
            return
        span = next(filter(None, map(place, _offsets(data, mistake))), None)
        message, hint = _words(data, mistake)
        sink.report(_KINDS[mistake.kind], message, span, hint=hint, file=file)


def _offsets(data: bytes, mistake: Mistake) -> Iterator[int]:
    """The places to look at for what made the line, the best first."""
    start, end, _ = mistake.line.start, mistake.line.end, mistake.line.text
    if data[start : start + 1] in (b"\n", b"\r"):
        yield data.find(b"\n", start) + 1  # the blank that joins the lines
    yield start
    yield from (found.end() + start for found in re.finditer(rb"\n(?=.)", data[start:end]))
    yield max(start, end - 1)


def _words(data: bytes, mistake: Mistake) -> tuple[str, str]:
    line = mistake.line
    if mistake.kind != "unknown":
        hint = _RULE_HINT if mistake.kind == "rule" and "tab" in mistake.text else ""
        if b"\n" in line.text and mistake.kind == "rule" and not hint:
            hint = (
                "a line that begins with a blank continues the one before it: remove the blank if it is a line itself"
            )
        if "no S line" in mistake.text:
            hint = "write LOCAL_RULESETS and the line S with a name before the rule"
        what = f"sendmail does not start: {mistake.text}"
        return what, hint or f"correct or remove the line `{_shown(line.text)}'"
    if line.text[:1] == b"\n":
        what = "sendmail does not start: in the .cf, this line begins with a blank and continues an empty line"
        return what, "end statements with dnl; leave no blanks at the beginning of a line or behind a statement"
    if line.text[:1].isspace():
        if line.text[:1] in b" \t":
            what = "sendmail does not start: the .cf begins with a blank, and its first line continues no other"
            return what, "remove the blank"
        return f"sendmail does not start: it does not know the line `{_shown(line.text)}' of the .cf", "remove it"
    what = f"sendmail does not start: it does not know the line `{_shown(line.text)}' of the .cf"
    if line.text.startswith(_MARK):
        return what, "the file begins with a byte order mark: save it as UTF-8 without one"
    if line.text.startswith(b"\x1a"):
        return what, "remove the control-Z at the end of the file"
    return what, _hint(line.text)


def _hint(text: bytes) -> str:
    from mailconf.sendmail.vocabulary import SECTIONS, STATEMENTS

    word = re.match(r"[A-Za-z_]\w*", decode(text))
    near = nearest(word[0], STATEMENTS | SECTIONS) if word else ""
    if near:
        return f"did you mean {near}?"
    if text.startswith(b"$"):
        return "write the whole text of a VERSIONID in one line"
    return "begin a comment with dnl; text for the .cf follows LOCAL_CONFIG, and each of its lines begins with a letter"


def _shown(text: bytes) -> str:
    shown = decode(text.partition(b"\n")[0]).encode("utf-8", "backslashreplace").decode()
    shown = "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in shown)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """The most similar name that is known, "" when none is similar."""
    folded = {other.upper(): other for other in sorted(known)}
    if name.upper() in folded:
        return folded[name.upper()]
    near = alike(name.upper(), folded, n=1, cutoff=0.8)
    return folded[near[0]] if near else ""

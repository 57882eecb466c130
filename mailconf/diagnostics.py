"""What is wrong with a configuration, as data: `Diagnostic`, collected in a `Sink`.

A diagnostic has a stable code (``PF012``), a severity, one sentence about what is wrong, the place, and a hint about
what to do. Codes are declared once, with `declare`, beside the rule that reports them; docs/checks/ is generated
from the declarations and from the entries below them, whose form `mailconf.check.explanations` gives. Rendering for
terminals lives in cli/.

Prefixes: PF Postfix configuration, SM sendmail, TB tables, MP maps, M4 m4, BD build, CK checks across files, FS files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from mailconf.source import Span, beginning

if TYPE_CHECKING:
    from mailconf.files import Tree

MOST = 1000  # findings of a code in a file that are shown
LONGEST = 600  # characters of a message


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Code(NamedTuple):
    """A declared diagnostic: its stable name, its usual severity, and what it means in a few words."""

    name: str
    severity: Severity
    title: str


CODES: dict[str, Code] = {}


def declare(name: str, severity: Severity, title: str) -> Code:
    """Declare a code; ValueError if the name is taken."""
    if name in CODES:
        raise ValueError(f"diagnostic code {name} is declared twice")
    CODES[name] = code = Code(name, severity, title)
    return code


def error(name: str, title: str) -> Code:
    return declare(name, Severity.ERROR, title)


def warning(name: str, title: str) -> Code:
    return declare(name, Severity.WARNING, title)


class Related(NamedTuple):
    """Another place that helps to understand: "first defined here"."""

    message: str
    span: Span


class Edit(NamedTuple):
    """A replacement of the text of ``span`` by ``text``."""

    span: Span
    text: str


class Diagnostic(NamedTuple):
    """One finding. ``span`` is None only where there is no text to point at (a missing file, the command line).

    ``fix`` are the edits that correct it, given only where they are certain to be what the author meant. Findings of
    one code with the same ``cause`` are shown as one (`mailconf.check.causes`).
    """

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    hint: str = ""
    related: tuple[Related, ...] = ()
    file: str = ""  # the file's name where there is no span: as the user can open it
    stands_for: int = 1  # findings: more than one where a `Sink` had enough of a kind
    fix: tuple[Edit, ...] = ()
    cause: str = ""

    def __str__(self) -> str:
        """The plain form, one line: ``file:line:column: error: message [PF012]``."""
        return f"{self.place}{self.severity.value}: {self.message} [{self.code}]"

    @property
    def place(self) -> str:
        """``file:line:column: ``, as much of it as is known."""
        if self.span is None:
            return f"{self.file}: " if self.file else ""
        line, column = self.span.first
        return f"{self.span.source.name}:{line}:{column}: "

    def as_json(self) -> dict[str, Any]:
        """The object that ``--format json`` prints; ``end`` is the place just after the finding."""
        nowhere: dict[str, Any] = {"file": self.file or None, "line": None, "column": None, "end": None}
        return {
            **(nowhere if self.span is None else _place(self.span)),
            "severity": self.severity.value,
            "code": self.code,
            "message": self.message,
            "hint": self.hint or None,
            "related": [{**_place(other.span), "message": other.message} for other in self.related],
            "fix": [{**_place(edit.span), "text": edit.text} for edit in self.fix],
        }


def _place(span: Span) -> dict[str, Any]:
    (line, column), last = span.first, span.last
    end = {"line": last.line, "column": last.column}
    return {"file": span.source.name, "line": line, "column": column, "end": end}


class Sink:
    """Collects diagnostics; the work goes on and finds the rest.

    Of each code in each file, `MOST` are kept; one more has the number of the others. Of long messages, the
    beginning and the end are kept.
    """

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []
        self._counts: dict[tuple[str, str], int] = {}
        self._others: dict[tuple[str, str], Diagnostic] = {}  # the first that was not kept
        self._failed = False

    def __iter__(self) -> Iterator[Diagnostic]:
        yield from self._found
        for key, first in self._others.items():
            count = self._counts[key] - MOST
            text = "one more like this" if count == 1 else f"{count} more like this"
            yield first._replace(message=text, hint="", related=(), fix=(), stands_for=count)

    def __len__(self) -> int:
        return len(self._found) + len(self._others)

    def add(self, diagnostic: Diagnostic) -> None:
        self._failed = self._failed or diagnostic.severity is Severity.ERROR
        key = (diagnostic.code, diagnostic.file if diagnostic.span is None else diagnostic.span.source.name)
        known = self._counts.get(key, 0)
        self._counts[key] = known + diagnostic.stands_for
        if known >= MOST or diagnostic.stands_for > 1:
            self._counts[key] = max(self._counts[key], MOST + diagnostic.stands_for)
            self._others.setdefault(key, diagnostic)
        else:
            self._found.append(_of_readable_length(diagnostic))

    def report(
        self,
        code: Code,
        message: str,
        span: Span | None = None,
        *,
        hint: str = "",
        related: tuple[Related, ...] = (),
        file: str = "",
        tree: Tree | None = None,
        severity: Severity | None = None,
        fix: tuple[Edit, ...] = (),
        cause: str = "",
    ) -> None:
        """Add a finding under a declared code; ``severity`` overrides the code's usual one.

        ``file`` is, where there is no ``span``, the file or folder that the finding is about as a whole, below --root.
        The place is its first line if ``tree`` has a text there (`mailconf.source.beginning`).
        """
        if span is None and file and tree is not None:
            span = beginning(file, tree)
        usual = severity or code.severity
        self.add(Diagnostic(code.name, usual, message, span, hint, related, file, fix=fix, cause=cause))

    @property
    def failed(self) -> bool:
        """True when there is an error."""
        return self._failed

    def sorted(self) -> list[Diagnostic]:
        return ordered(self)


def ordered(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file and place, those without a place first; the same findings always print in the same order."""

    def key(d: Diagnostic) -> tuple[str, int, int, str, str]:
        if d.span is None:
            return (d.file, 0, 0, d.code, d.message)
        line, column = d.span.first
        return (d.span.source.name, line, column, d.code, d.message)

    return sorted(found, key=key)


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, or what a longer one begins and ends with."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}"


def _of_readable_length(diagnostic: Diagnostic) -> Diagnostic:
    message, hint = shortened(diagnostic.message), shortened(diagnostic.hint)
    if message is diagnostic.message and hint is diagnostic.hint:
        return diagnostic
    return diagnostic._replace(message=message, hint=hint)


def alike(name: str, names: Iterable[str], n: int = 1, cutoff: float = 0.6) -> list[str]:
    """difflib.get_close_matches, but a name that is too long to be like any of ``names`` costs nothing."""
    from difflib import get_close_matches

    known = list(names)
    # What two texts have in common is at most twice the shorter one of both together.
    if len(name) * cutoff > (2 - cutoff) * max(map(len, known), default=0):
        return []
    return get_close_matches(name, known, n, cutoff)

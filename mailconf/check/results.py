"""What check reports in the end: the findings that count, and how many there are of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailconf.diagnostics import Diagnostic, Severity


class Results(NamedTuple):
    """findings by file and place; the numbers of those that a comment ignores and that the baseline has.

    fixed  the findings that were corrected, with the places that they had
    """

    findings: Sequence[Diagnostic]
    ignored: int = 0
    known: int = 0
    fixed: Sequence[Diagnostic] = ()

    @classmethod
    def together(cls, parts: Sequence[Results]) -> Results:
        """Those of several configurations."""
        findings = [diagnostic for part in parts for diagnostic in part.findings]
        fixed = [diagnostic for part in parts for diagnostic in part.fixed]
        return cls(findings, sum(part.ignored for part in parts), sum(part.known for part in parts), fixed)

    @property
    def fixable(self) -> int:
        """How many findings carry a fix."""
        return sum(bool(diagnostic.fix) for diagnostic in self.findings)

    def fixed_lines(self) -> Iterator[str]:
        """A line for each finding that was corrected."""
        for d in self.fixed:
            yield f"{d.place}fixed: {d.message} [{d.code}]"

    def count(self, severity: Severity) -> int:
        return sum(d.stands_for for d in self.findings if d.severity is severity)

    def summary(self) -> dict[str, int]:
        """The object that ``--format json`` prints."""
        counts = {f"{severity.value}s": self.count(severity) for severity in Severity}
        return {**counts, "ignored": self.ignored, "baseline": self.known, "fixed": len(self.fixed)}

    def __str__(self) -> str:
        """ "2 errors, 1 warning", and what else there is."""
        texts = [_count(self.count(Severity.ERROR), "error"), _count(self.count(Severity.WARNING), "warning")]
        if notes := self.count(Severity.NOTE):
            texts.append(_count(notes, "note"))
        if self.fixed:
            texts.append(f"{len(self.fixed)} fixed")
        if self.ignored:
            texts.append(f"{self.ignored} ignored")
        if self.known:
            texts.append(f"{self.known} in the baseline")
        return ", ".join(texts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

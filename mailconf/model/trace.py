"""The evidence for an answer: which rule or table, which key, which value, in which file and line.

A trace is a tree of steps. A rule opens a step (`Trace.step`), and what it asks of the World while the step is open
lands below it by itself (see `mailconf.model.world.Ask`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mailconf.source import Span

_NOTHING = ("", "not found", "dunno")


MOST_OF_FILE = 400  # bytes of it


@dataclass(slots=True)
class Step:
    """One thing that was evaluated or asked.

    subject  what: a restriction, a parameter, a table ("hash:/etc/postfix/access"), "dns"
    detail   with what: the argument or the key that was looked up
    result   what came of it: "REJECT", "not found", "DUNNO", ...; "" while it is open
    span     the place in a file that decided: the restriction's in main.cf, the entry's in the table
    """

    subject: str
    detail: str = ""
    result: str = ""
    span: Span | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether the step, or one below it, came to something other than "not found" or "dunno"."""
        return self.result not in _NOTHING or any(step.counts for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        place = None
        if self.span is not None:
            place = {"file": self.span.source.name, "line": self.span.line, "column": self.span.first.column}
        return {
            "subject": self.subject,
            "detail": self.detail,
            "result": self.result,
            "place": place,
            "steps": [step.as_json() for step in self.steps],
        }


class Trace:
    """The steps of one answer, in the order in which they happened."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._open: list[Step] = []

    @contextmanager
    def step(self, subject: str, detail: str = "", span: Span | None = None) -> Iterator[Step]:
        """Open a step; what is added before the block ends lies below it. The caller sets ``result``."""
        step = self.add(subject, detail, "", span)
        self._open.append(step)
        try:
            yield step
        finally:
            self._open.pop()

    def add(self, subject: str, detail: str = "", result: str = "", span: Span | None = None) -> Step:
        """A step that is already over."""
        step = Step(subject, detail, result, span)
        (self._open[-1].steps if self._open else self.steps).append(step)
        return step

    def walk(self, *, full: bool = True) -> Iterator[tuple[int, Step]]:
        """Every step with its depth, in order; without ``full`` only those that came to something."""
        stack = [(0, step) for step in reversed(self.steps)]
        while stack:
            depth, step = stack.pop()
            if full or step.counts:
                yield depth, step
                stack.extend((depth + 1, below) for below in reversed(step.steps))

    def lines(self, *, full: bool = True) -> list[str]:
        """The trace as plain text, a line a step, indented by depth: ``subject detail -> result  (file:line)``."""
        lines = []
        for depth, step in self.walk(full=full):
            words = " ".join(part for part in (step.subject, step.detail) if part)
            text = f"{'  ' * depth}{words}" + (f" -> {step.result}" if step.result else "")
            lines.append(f"{text}  ({step.span})" if step.span is not None else text)
        return lines

    def as_json(self) -> list[dict[str, Any]]:
        return [step.as_json() for step in self.steps]


def of_file(text: bytes) -> str:
    """What a trace has of a file that names recipients (~/.forward, :include:): its lines, as far as there is room."""
    lines = (line.strip() for line in text[:MOST_OF_FILE].decode("utf-8", "replace").splitlines())
    shown = ", ".join(line.rstrip(",") for line in lines if line and not line.startswith("#"))
    more = " ..." if len(text) > MOST_OF_FILE else ""
    return f"-> {shown}{more}" if shown else f"{len(text)} bytes"

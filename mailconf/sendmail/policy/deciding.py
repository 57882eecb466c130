"""The steps of rulesets that a trace keeps: where a rule decides, which is where a workspace begins with ``$#``."""

from __future__ import annotations

from collections.abc import Callable

from mailconf.sendmail.policy.asked_world import AskedWorld
from mailconf.sendmail.rules.symbols import MAILER, MacroNames, shown
from mailconf.sendmail.rules.trace import RULE_TRIED, Entered, Left, Rewritten, RuleStep, RuleTried
from mailconf.source import Source

_LONGEST = 300


class Deciding:
    """A `Tracer` that writes into the trace of the question at hand.

    source  the sendmail.cf, so that steps have a place
    hear    takes the name of each ruleset that is entered
    """

    rules = RULE_TRIED
    maps = 0

    def __init__(
        self, world: AskedWorld, names: MacroNames, source: Source, hear: Callable[[str], object] | None = None
    ) -> None:
        self._hear = hear
        self._world = world
        self._names = names
        self._source = source
        self._open: list[tuple[str, str]] = []
        self._line = 0
        self._decided = False

    def step(self, step: RuleStep) -> None:
        if isinstance(step, Entered):
            if self._hear is not None:
                self._hear(step.ruleset)
            if not self._open:
                self._decided = False
            self._open.append((step.ruleset, self._text(step.workspace)))
        elif isinstance(step, Left):
            del self._open[-1:]
        elif isinstance(step, RuleTried):
            self._line = step.line
        elif isinstance(step, Rewritten) and not self._decided and step.workspace and step.workspace[0][:1] == MAILER:
            self._decided = True
            self._note(self._text(step.workspace))

    def _text(self, tokens: object) -> str:
        words = [shown(token, self._names) for token in tokens] if isinstance(tokens, list) else []
        return " ".join(words)[:_LONGEST]

    def _note(self, result: str) -> None:
        ask = self._world.ask
        if ask is None:
            return
        ruleset, given = self._open[-1] if self._open else ("", "")
        known = 0 < self._line <= self._source.text.count("\n") + 1
        span = self._source.line_span(self._line) if known else None
        ask.trace.add(f"ruleset {ruleset}", given, result, span)

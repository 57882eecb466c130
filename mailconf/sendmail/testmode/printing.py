"""Steps of rules as address test mode prints them, each as it happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from mailconf.sendmail.rules.symbols import MacroNames, shown
from mailconf.sendmail.rules.trace import (
    CallSkipped,
    Entered,
    Left,
    Looped,
    MacroRead,
    MapAnswered,
    MapAsked,
    Rewritten,
    RuleFailed,
    RuleMatched,
    RuleStep,
    RuleTried,
)

_MOST_SHOWN = 10_000
_LINES = 15  # the level from which on a rule's line is shown


_OtherStep: TypeAlias = (
    Looped | MacroRead | CallSkipped | Rewritten | RuleFailed | RuleMatched | RuleTried | MapAsked | MapAnswered
)


class _Shown(dict[str, str]):
    """Tokens as they are printed, a blank before each; it forgets them all when they are many."""

    def __init__(self, names: MacroNames) -> None:
        self._names = names

    def __missing__(self, token: str) -> str:
        if len(self) >= _MOST_SHOWN:
            self.clear()
        text = self[token] = f" {shown(token, self._names)}"
        return text


class Printer:
    """A `Tracer` that writes. ``rules`` and ``maps`` are the levels of -d21 and -d60."""

    def __init__(self, names: MacroNames, write: Callable[[str], object]) -> None:
        self.rules = 0
        self.maps = 0
        self._names = names
        self._write = write
        self._shown = _Shown(names)

    def tokens(self, tokens: Sequence[str]) -> str:
        """A workspace or a side of a rule, with a blank before each token."""
        return "".join(map(self._shown.__getitem__, tokens)) + "\n"

    def step(self, step: RuleStep) -> None:
        if isinstance(step, Entered):
            self._write(f"{step.ruleset[:16]:<16}   input:{self.tokens(step.workspace)}")
        elif isinstance(step, Left):
            self._write(f"{step.ruleset[:16]:<16} returns:{self.tokens(step.workspace)}")
        else:
            self._write(self._text(step))

    def _text(self, step: _OtherStep) -> str:
        match step:
            case RuleTried():
                place = f" (line {step.line})" if self.rules >= _LINES else ""
                return f"-----trying rule{place}:{self.tokens(step.side)}"
            case RuleFailed():
                return "----- rule fails\n"
            case RuleMatched():
                return f"-----rule matches:{self.tokens(step.side)}"
            case Rewritten():
                return f"rewritten as:{self.tokens(step.workspace)}"
            case Looped():
                return f"workspace: {self.tokens(step.workspace)}"
            case MacroRead():
                value = "(NULL)" if step.value is None else step.value
                return f'rewrite: {step.side} $&{{{step.name}}} => "{value}"\n'
            case CallSkipped():
                return f"-----skip subr {step.ruleset} ({step.number})\n"
            case MapAsked():
                return f"map_lookup({step.map}, {shown(step.key, self._names)}) => "
            case MapAnswered():
                found = "NOT FOUND" if step.value is None else step.value
                text = f"{found} ({step.status}), ad=0\n"
                if step.deferred:
                    text += f"map_lookup({step.map}, {step.key}) tempfail: errno=0\n"
                return text

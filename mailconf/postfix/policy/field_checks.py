"""milter_header_checks: what becomes of a field that a mail filter adds or changes (header_checks(5)).

The actions are those of header_checks, without PASS; PREPEND is logged and has no effect. Recorded from Postfix 3.7.11,
tests/vectors/milters.jsonl.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailconf.model.verdict import Inspection, Reply
from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.policy.content_checks import ACTIONS, LOGGED, UNPRINTABLE, UNWRITTEN, Act, Line, Work, unsupported
from mailconf.postfix.policy.mime_pieces import Kind, Piece
from mailconf.postfix.settings.lookup import Tables
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.postfix.settings.configuration import Configuration

PARAMETER = "milter_header_checks"


@dataclass(slots=True, eq=False)
class _FieldWork(Work):
    def log(self, action: str, line: Line, text: str) -> None:
        shown = UNPRINTABLE.sub("?", line.text[: self.logged])
        self.notes.append(f"milter-header-{action}: header {shown}{self.whose}: {text}")


def _prepend(work: Work, line: Line) -> None:
    work.log("prepend", line, line.argument)
    work.warn("the milter_header/body_checks prepend action is not implemented", line)


_ACTIONS: dict[str, Act] = {**ACTIONS, "PREPEND": _prepend}
del _ACTIONS["PASS"]


class FieldChecks:
    """Those of one configuration."""

    def __init__(self, configuration: Configuration) -> None:
        self._tables = Tables.of(configuration.value(PARAMETER), "regexp")
        self._soft_bounce = configuration.boolean("soft_bounce")

    async def inspect(self, field: bytes, ask: Ask, whose: str) -> Inspection:
        """Look at a field, without the newline at its end; without content it is dropped. ``whose`` stands in the log
        behind it."""
        if not self._tables:
            return Inspection(None, (), field, (), ask.trace)
        text = decode(field)
        work = _FieldWork(ask, whose, LOGGED)
        try:
            answer = await self._tables.find(ask, text)
        except LookupFailed:
            note = f"warning: {PARAMETER} lookup error"
            return Inspection(UNWRITTEN, (), field, (note,), ask.trace)
        if answer is None:
            return Inspection(None, (), field, (), ask.trace)
        word, _, argument = answer.value.strip().partition(" ")
        action = _ACTIONS.get(word.upper(), unsupported)
        piece = Piece(Kind.HEADER, field, field + b"\n")
        action(work, Line(piece, PARAMETER, text, argument.strip(), answer.value.strip()))
        reply = work.reply
        if reply is not None and self._soft_bounce and reply.permanent:
            reply = Reply.of(reply.code - 100, f"4{reply.lines[0][1:]}")
        content = b"".join(work.out).removesuffix(b"\n")
        return Inspection(reply, tuple(work.effects), content, tuple(work.notes), ask.trace)

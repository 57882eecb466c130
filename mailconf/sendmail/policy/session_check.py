"""A ruleset check_* asked about something: accepted, refused, discarded, or put aside.

Source: Sendmail Installation and Operation Guide 5.1.4; sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

from typing import NamedTuple

from mailconf.sendmail.rules.addresses import Parser
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.problems import EX_OK
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import ELSE, HOST, USER
from mailconf.sendmail.rules.tokens import Reading


class Check(NamedTuple):
    """What is asked: the ruleset, its arguments, and how parentheses are read."""

    ruleset: str | int
    arguments: tuple[str, ...]
    reading: Reading = Reading.INTERNAL


class Checked(NamedTuple):
    """What the ruleset wants besides a refusal, which the engine's problems have.

    discards  what it was asked about is thrown away, and nobody is told
    holds     why the message is to be put aside ($#error $@ quarantine); "" where it is not
    workspace the tokens that the ruleset left
    """

    discards: bool = False
    holds: str = ""
    workspace: tuple[str, ...] = ()


async def check(engine: Engine, asked: Check) -> Checked:
    """Ask; a refusal is reported to the engine's problems, in the ruleset's words."""
    number = asked.ruleset if isinstance(asked.ruleset, int) else engine.book.number(asked.ruleset, engine.problems)
    if number is None or not engine.book.rulesets[number]:
        return Checked()
    before = engine.problems.status
    quiet, engine.problems.quiet = engine.problems.quiet, True
    tokens = engine.scan(ELSE.join(asked.arguments), asked.reading)
    engine.problems.quiet = quiet
    if tokens is None:
        return Checked()
    called = await engine.call(number, tokens)
    engine.problems.status = before
    if called is None or not called.resolved:
        return Checked(workspace=tuple(called.workspace) if called else ())
    workspace = called.workspace
    mailer = folded(workspace[1]) if len(workspace) > 1 else ""
    if mailer == "discard":
        return Checked(discards=True, workspace=tuple(workspace))
    if mailer != "error":
        return Checked(workspace=tuple(workspace))
    reason = _quarantine(engine, workspace)
    if reason:
        return Checked(holds=reason, workspace=tuple(workspace))
    await Parser(engine).build(workspace)
    engine.problems.status = EX_OK
    return Checked(workspace=tuple(workspace))


def _quarantine(engine: Engine, workspace: list[str]) -> str:
    """The reason of ``$#error $@ quarantine $: reason``; "" where that is not what it is."""
    if len(workspace) < 4 or workspace[2][:1] != HOST or folded(workspace[3]) != "quarantine":
        return ""
    at = next((at for at, token in enumerate(workspace) if token[:1] == USER), len(workspace))
    return engine.joined(workspace[at + 1 :]).strip('"') or "quarantined"

"""The interpreter of rulesets.

A rule's right side is put together in this order: ``$n`` and ``$&x``, then all lookups from left to right, then the
calls of rulesets from right to left, each of which takes everything to its right.

The interpreter reads and asks nothing by itself: what it needs to know it asks a `RulesWorld`, through the kinds of
maps. Its methods are coroutines that await that world alone; `mailconf.model.world.run` drives them where the world
answers at once.

Limits are sendmail's: a rule matches at most 100 times in a row, rulesets call each other 50 deep, a workspace has 1000
tokens, a side calls 15 rulesets. One is ours: `STEPS`, after which everything fails for the time being, since rulesets
that call each other twice would run for ever.

Source: Sendmail Installation and Operation Guide 5.1; sendmail 8.17.1.9 -bt -d21.14.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mailconf.sendmail.rules.asking import Asking
from mailconf.sendmail.rules.compile import CompiledRule
from mailconf.sendmail.rules.maps import unquoted_key
from mailconf.sendmail.rules.matching import Endless, Match
from mailconf.sendmail.rules.memory import LONG, MOST_NOTED, MOST_REMEMBERED, MacroValue, MapAnswer, Notes, Result
from mailconf.sendmail.rules.problems import (
    EX_CONFIG,
    EX_DATAERR,
    EX_OK,
    EX_TEMPFAIL,
    EX_USAGE,
)
from mailconf.sendmail.rules.programs import ROOM, SHORT, SHORT_ANSWER, Call, Lookup, Program, raw_length
from mailconf.sendmail.rules.ruleset import Plan, Ruleset
from mailconf.sendmail.rules.symbols import (
    CALL,
    MAILER,
)
from mailconf.sendmail.rules.tokens import MOST_TOKENS
from mailconf.sendmail.rules.trace import (
    CALL_SKIPPED,
    LOOPED,
    MACRO_READ,
    REWRITTEN,
    RULE_FAILED,
    RULE_TRIED,
    CallSkipped,
    Entered,
    Left,
    Looped,
    Rewritten,
    RuleFailed,
    RuleMatched,
    RuleTried,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass

LOOPS = 100
DEPTH = 50
CALLS = 16
STEPS = 500_000  # rules that match, or that are tried one by one, for one question


class Called(NamedTuple):
    """What a ruleset made of a workspace.

    workspace  the tokens; a metasymbol (`mailconf.sendmail.rules.symbols.MAILER`) is a token
    status     0, or of sysexits.h: 75 where a map could not answer, 78 where the configuration is wrong
    """

    workspace: list[str]
    status: int

    @property
    def resolved(self) -> bool:
        """Whether the workspace begins with ``$#``."""
        return bool(self.workspace) and self.workspace[0][:1] == MAILER


class Engine(Asking):
    """Runs the rulesets of a configuration; see `Asking` for its arguments.

    keeps        whether results of rulesets are remembered
    steps        how many rules may match for one question; None for `STEPS`
    ended_early  whether a ruleset took more than that, or than ``effort``
    """

    keeps = True
    steps: int | None = None
    ended_early = False
    _remembering = False  # whether results are, for the question at work
    _steps = 0

    # -- calling

    async def call(self, ruleset: str | int, workspace: Sequence[str]) -> Called | None:
        """What a ruleset, by name or number, makes of a workspace; None where there is no such ruleset."""
        number = ruleset if isinstance(ruleset, int) else self.book.number(ruleset, self.problems)
        if number is None:
            return None
        tokens = list(workspace)
        status = await self.rewrite(tokens, number)
        return Called(tokens, status)

    async def rewrite(self, workspace: list[str], number: int) -> int:
        """Run a ruleset on a workspace, which is changed; the status."""
        self._steps = STEPS if self.steps is None else self.steps
        self._odd = False
        tracer = self.tracer
        shown = tracer is not None and (tracer.rules > 0 or tracer.maps > 0)  # more than what rulesets get and return
        self._remembering = self.keeps and not shown and not self.deferring
        outer, self._notes = self._notes, Notes()  # a map may be opened within a question, which asks rulesets itself
        self._note(workspace)
        try:
            return await self._rewrite(workspace, number, 0, MOST_TOKENS)
        except (Endless, RecursionError):
            self.ended_early = True
            self.problems.system(f"rewrite: ruleset {self.book.shown_name(number)} takes too many steps", code="451")
            return EX_TEMPFAIL
        finally:
            outer.reasons += 1
            self._notes = outer

    # -- one ruleset

    async def _rewrite(self, workspace: list[str], number: int, depth: int, most: int) -> int:
        tracer = self.tracer
        if self._odd or len(workspace) > MOST_REMEMBERED or most < ROOM or not self._remembering:
            return await self._work(workspace, number, depth, most)
        notes = self._notes
        key: tuple[int | str, ...] = (number, *workspace)
        known = self.book.memory.get(key)
        if known is not None and await self._recalled(known, workspace, depth):
            return EX_OK
        needs, told, deepest = len(notes.needs), len(notes.told), notes.deepest
        steps, reasons = self._steps, notes.reasons + self.problems.count
        notes.deepest = depth
        status = await self._work(workspace, number, depth, most)
        if status == EX_OK and notes.reasons + self.problems.count == reasons and not self._odd:
            seen = None if tracer is None else tuple(notes.told[told:])
            taken = steps - self._steps
            result = Result(tuple(workspace), tuple(notes.needs[needs:]), seen, taken, notes.deepest - depth)
            self.book.memory.keep(key, result)
        notes.deepest = max(notes.deepest, deepest)
        return status

    async def _recalled(self, known: Result, workspace: list[str], depth: int) -> bool:
        """Do what a remembered result says, if it holds."""
        tracer, notes = self.tracer, self._notes
        if depth + known.deep > DEPTH or self._steps < known.steps or (tracer is not None and known.told is None):
            return False
        for need in known.needs:
            if isinstance(need, MacroValue):
                if self.macros.get(need.character) != need.value:
                    return False
            elif not await self._holds(need):
                return False
        self._steps -= known.steps
        notes.needs += known.needs
        notes.deepest = max(notes.deepest, depth + known.deep)
        if tracer is not None and known.told is not None:
            notes.told += known.told
            for step in known.told:
                tracer.step(step)
        workspace[:] = known.workspace
        return True

    async def _holds(self, answer: MapAnswer) -> bool:
        """Whether a map still answers as it did."""
        map_, arguments, found = answer
        if found is None:
            return not map_.valid
        if not map_.open or map_.broken:
            return False
        if map_.kind.name == "host":
            known = self.hosts.get(arguments[0])
            if known is None or known.until < self.world.now():
                return False
        return await self.find(map_, arguments[0], arguments) == found

    async def _work(self, workspace: list[str], number: int, depth: int, most: int) -> int:
        """Run a ruleset."""
        tracer, notes = self.tracer, self._notes
        level, name = -1, ""
        notes.deepest = max(notes.deepest, depth)
        if tracer is not None:
            level = tracer.rules
            name = self.book.shown_name(number)
            entered = Entered(name, tuple(workspace))
            notes.told.append(entered)
            tracer.step(entered)
        if depth > DEPTH:
            name = self.book.shown_name(number)
            self.problems.system(f"rewrite: excessive recursion (max {DEPTH}), ruleset {name}")
            return EX_CONFIG
        if most <= 0:
            return EX_USAGE
        ruleset = self.book.rulesets[number]
        if level >= MACRO_READ or not ruleset.planned:
            status, ended = await self._each_rule(ruleset, workspace, number, depth, most, level)
        else:
            status, ended = await self._matching_rules(ruleset, workspace, number, depth, most, level)
        if tracer is not None and not ended:
            left = Left(name, tuple(workspace))
            notes.told.append(left)
            tracer.step(left)
        if len(notes.told) > MOST_NOTED or len(notes.needs) > MOST_NOTED:
            notes.reasons += 1
            notes.needs, notes.told = [], []
        return status

    def _looped(self, number: int, at: int, workspace: list[str], level: int) -> None:
        name = self.book.shown_name(number)
        self.problems.system(f"Infinite loop in ruleset {name}, rule {at + 1}")
        if level >= LOOPED:
            self._step(Looped(workspace))

    async def _matching_rules(
        self, ruleset: Ruleset, workspace: list[str], number: int, depth: int, most: int, level: int
    ) -> tuple[int, bool]:
        """Go from one rule that matches to the next; the status, and whether a rule has ended everything."""
        status = EX_OK
        rules, book = ruleset.rules, self.book
        codes = book.codes
        code, plan = codes.__getitem__, ruleset.plan(codes)
        at, loops, size = 0, 0, len(rules)
        while at < size and not (workspace and workspace[0][:1] == MAILER):
            if loops >= LOOPS:
                self._looped(number, at, workspace, level)
                break
            self._steps -= 1
            if self._steps < 0:
                raise Endless
            text = "".join(map(code, workspace))
            matching, match = self._next(rules, plan, at, workspace, text)
            if match is None:
                break
            rule = rules[matching]
            loops = loops + 1 if matching == at else 1
            if rule.once:
                at, loops = matching + 1, 0
            else:
                at = size if rule.last else matching
            if rule.uses >= 0:
                rule.uses -= 1
                if rule.uses < 0 and not rule.quoted:
                    rule.make(book.maps, book.called)
            made: Sequence[str] | None = rule.literal
            program, build = rule.program, rule.build
            values = self._values(rule.macros) if rule.macros and (program or build) else ()
            short = len(text) <= SHORT and most >= ROOM and not self._odd
            if program is not None and values is not None and short and not codes.asks(text):
                failed, changed = await self._carry_out(rule, program, workspace, match, values, depth, most)
                if failed is not None:
                    return failed, True
                if status == EX_OK or changed == EX_TEMPFAIL:
                    status = changed
                continue
            if build is not None and values is not None:
                made = build(workspace, match, values)
            elif made is None:
                put_together = self._substituted(rule, workspace, match, number, most)
                if isinstance(put_together, int):
                    return put_together, True
                made = put_together
            if len(made) > LONG:
                self._notes.reasons += 1
                if len(made) > most:
                    return self._too_long(), True
            if rule.asks or self._odd:
                out = list(made)
                failed, changed = await self._ask(rule, out, workspace, depth, most)
                if failed is not None:
                    return failed, True
                if status == EX_OK or changed == EX_TEMPFAIL:
                    status = changed
                made = out
            workspace[:] = made
        return status, False

    def _next(
        self, rules: Sequence[CompiledRule], plan: Plan, at: int, workspace: list[str], text: str
    ) -> tuple[int, Match | None]:
        """The first rule from ``at`` on that matches, and what its operators stand for; None where none does.

        ``text`` is the workspace as `mailconf.sendmail.rules.codes` writes it.
        """
        expressions, length = plan.expressions, len(text)
        rest = plan.candidates(text, at)
        while rest:
            skipped = (rest & -rest).bit_length()
            at, rest = at + skipped, rest >> skipped
            expression = expressions[at - 1]
            match: Match | None
            if (
                expression is None
                or (length > expression.longest and not expression.few(text))
                or (expression.odd is not None and expression.odd(text))
            ):
                pattern = rules[at - 1].pattern
                plan.tried(at - 1, pattern)
                fold = self._low
                match = pattern.match(workspace, [fold[token] for token in workspace], self._left_value, self.effort)
                if match is not None:
                    return at - 1, match
            else:
                found = expression.match(text)
                if found is not None:
                    return at - 1, found.regs[1:]
        return at, None

    async def _carry_out(
        self,
        rule: CompiledRule,
        program: Program,
        workspace: list[str],
        match: Match,
        values: Sequence[Sequence[str]],
        depth: int,
        most: int,
    ) -> tuple[int | None, int]:
        """Do what the right side of a rule says with the workspace, which is changed; as `_ask`.

        values  the tokens of each of the rule's macros
        """
        status, marks = EX_OK, 0
        out: list[str] = []
        calls: list[tuple[int, Call]] = []
        for place, step in enumerate(program):
            if isinstance(step, Call):
                marks += 2
                if step.number >= 0:
                    calls.append((len(out), step))
            elif isinstance(step, Lookup):
                key, given = step.key(workspace, match, values), step.arguments
                texts = self._texts([build(workspace, match, values) for build in given]) if given else ()
                result, found = await self._asked(step.map, key, texts)
                if found == EX_TEMPFAIL:
                    status = found
                tokens = self._put_in(result, key, step.default and step.default(workspace, match, values))
                if tokens is None:
                    if not depth:
                        workspace.clear()
                    return EX_DATAERR, status
                out += tokens
                if len(tokens) > SHORT_ANSWER:
                    self._notes.reasons += 1
                    rest = sum(raw_length(later, workspace, match, values) for later in program[place + 1 :])
                    if len(out) + marks + rest >= most:
                        return self._too_long(), status
            else:
                out += step(workspace, match, values)
        for before in range(len(calls) - 1, -1, -1):
            at, call = calls[before]
            part = out[at:]
            found = await self._rewrite(part, call.number, depth + 1, MOST_TOKENS - at - 2 * before)
            out[at:] = part
            if status == EX_OK or found != EX_OK:
                status = found
            if found not in (EX_OK, EX_TEMPFAIL):  # calls that were not carried out are left
                for at, call in reversed(calls[:before]):
                    out[at:at] = (CALL, _called_name(call.name))
                self._odd = True
                break
        workspace[:] = out
        return None, status

    async def _each_rule(
        self, ruleset: Ruleset, workspace: list[str], number: int, depth: int, most: int, level: int
    ) -> tuple[int, bool]:
        """The same, one rule after the other: for traces, and for rulesets without a plan."""
        status = EX_OK
        rules = ruleset.rules
        at, loops, size = 0, 0, len(rules)
        fold = self._low
        low = [fold[token] for token in workspace]
        present = set(low)
        while at < size and not (workspace and workspace[0][:1] == MAILER):
            rule = rules[at]
            if level >= RULE_TRIED:
                self._step(RuleTried(rule.left, rule.line))
            loops += 1
            if loops > LOOPS:
                self._looped(number, at, workspace, level)
                break
            self._steps -= 1
            if self._steps < 0:
                raise Endless
            match: Match | None = None
            if level >= MACRO_READ or rule.pattern.may_match(low, present):
                match = rule.pattern.match(workspace, low, self._left_value, self.effort)
            if match is None:
                if level >= RULE_FAILED:
                    self._step(RuleFailed())
                at, loops = at + 1, 0
                continue
            if level >= RULE_TRIED:
                self._step(RuleMatched(rule.right))
            if rule.once:
                at, loops = at + 1, 0
            elif rule.last:
                at = size
            made = rule.literal or self._substituted(rule, workspace, match, number, most)
            if isinstance(made, int):
                return made, True
            if len(made) > LONG:
                self._notes.reasons += 1
                if len(made) > most:
                    return self._too_long(), True
            if rule.asks or self._odd:
                out = list(made)
                failed, changed = await self._ask(rule, out, workspace, depth, most)
                if failed is not None:
                    return failed, True
                if status == EX_OK or changed == EX_TEMPFAIL:
                    status = changed
                made = out
            workspace[:] = made
            if level >= REWRITTEN:
                self._step(Rewritten(workspace))
            low = [fold[token] for token in workspace]
            present = set(low)
        return status, False

    async def _ask(
        self, rule: CompiledRule, out: list[str], workspace: list[str], depth: int, most: int
    ) -> tuple[int | None, int]:
        """Carry out the lookups and calls in a right side, ``out``, which is changed.

        The first of the two is the status with which the ruleset ends at once, None where it goes on; the other that
        of lookups and calls.
        """
        status = EX_OK
        if rule.lookups or self._odd:
            failed, status = await self._looked_up(out, workspace, most, depth)
            if failed is not None:
                return failed, status
        if rule.calls or self._odd:
            if rule.quoted:
                rule.unquote_calls()
            called = await self._call_all(out, depth)
            self._odd = self._odd or called not in (EX_OK, EX_TEMPFAIL)  # calls that were not carried out are left
            if status == EX_OK or called == EX_TEMPFAIL:
                status = called
        return None, status

    def _substituted(
        self, rule: CompiledRule, workspace: list[str], match: Match, number: int, most: int
    ) -> list[str] | int:
        """The right side with ``$n`` and ``$&x`` replaced; a status where that is not possible."""
        out: list[str] = []
        for piece in rule.pieces:
            if isinstance(piece, int):
                if not 0 <= piece < len(match):
                    name, digit = self.book.shown_name(number), chr(ord("1") + piece)
                    self.problems.system(f"rewrite: ruleset {name}: replacement ${digit} out of bounds")
                    return EX_CONFIG
                first, end = match[piece]
                out += workspace[first:end]
            elif isinstance(piece, list):
                out += piece
            else:
                status = self._put_macro(piece[1], out)
                if status != EX_OK:
                    return status
            if len(out) > most:
                return self._too_long()
        return out

    # -- calls

    async def _call_all(self, out: list[str], depth: int) -> int:
        """Carry out the calls in ``out``, the last one first; the status."""
        calls: list[tuple[int, int]] = []
        at = 0
        while (at := _place_of(CALL, out, at)) < len(out) - 1:
            name = out[at + 1]
            number = self._named.get(name)
            if number is None:
                plain = _called_name(name)
                number = self.book.number(plain, self.problems)
                if number is None:
                    self.problems.system(f"Unknown ruleset {plain}")
                    out[at + 1] = plain
                    return EX_CONFIG
                self._named[name] = number
            if '"' in name:  # of calls that are not carried out, the quotes are gone
                out[at + 1] = _called_name(name)
            if not self.book.rulesets[number]:
                if self.tracer is not None and self.tracer.rules >= CALL_SKIPPED:
                    self._step(CallSkipped(_called_name(name), number))
                del out[at : at + 2]
            elif len(calls) + 1 >= CALLS:
                self.problems.system(f"Too many subroutine calls ({CALLS} max)")
                return EX_CONFIG
            else:
                calls.append((at, number))
            at += 1
        status = EX_OK
        for at, number in reversed(calls):
            part = out[at + 2 :]
            found = await self._rewrite(part, number, depth + 1, MOST_TOKENS - at)
            out[at:] = part
            if found not in (EX_OK, EX_TEMPFAIL):
                return found
            if status == EX_OK or found == EX_TEMPFAIL:
                status = found
        return status


# A name in quotes ends at a blank that follows a usual name; what follows that is lost.
_NAME_AND_MORE = re.compile(r"([ \t\v\f\r]*[A-Za-z][A-Za-z0-9_]*)[ \t\v\f\r].*", re.DOTALL)


def _called_name(token: str) -> str:
    """The name of a ruleset in a call that is made at run time."""
    plain = unquoted_key(token)
    more = _NAME_AND_MORE.fullmatch(plain)
    return more[1] if more else plain


def _place_of(token: str, tokens: list[str], at: int) -> int:
    """Where the next such token is; the length where there is none."""
    try:
        return tokens.index(token, at)
    except ValueError:
        return len(tokens)

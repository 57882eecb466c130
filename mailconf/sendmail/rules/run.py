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

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailconf.sendmail.rules.book import Rulebook
from mailconf.sendmail.rules.classes import Folding, folded
from mailconf.sendmail.rules.compile import MOST_ARGUMENTS, CompiledRule
from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.maps import DefinedMap, MapFound, unquoted_key
from mailconf.sendmail.rules.matching import Effort, Endless, Match
from mailconf.sendmail.rules.problems import (
    EX_CONFIG,
    EX_DATAERR,
    EX_OK,
    EX_TEMPFAIL,
    EX_USAGE,
    CfProblem,
    Problems,
)
from mailconf.sendmail.rules.ruleset import MOST_REMEMBERED, Ruleset, Transition
from mailconf.sendmail.rules.symbols import (
    CALL,
    HOST,
    MAILER,
    MAP_BEGIN,
    MAP_END,
    NAME_BEGIN,
    NAME_END,
    USER,
)
from mailconf.sendmail.rules.tokens import KEY, LONGEST_TEXT, MOST_TOKENS, Reading
from mailconf.sendmail.rules.trace import (
    CALL_SKIPPED,
    LOOPED,
    MACRO_READ,
    MAP_ASKED,
    REWRITTEN,
    RULE_FAILED,
    RULE_TRIED,
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
    Tracer,
)
from mailconf.sendmail.rules.world import RulesWorld

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.sendmail.rules.kinds_dns import Remembered

LOOPS = 100
DEPTH = 50
CALLS = 16
STEPS = 500_000  # rules that match, or that are tried one by one, for one question
_BEGIN = {NAME_BEGIN: NAME_END, MAP_BEGIN: MAP_END}
_ASKING = (CALL, NAME_BEGIN, MAP_BEGIN)


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


class Engine:
    """Runs the rulesets of a configuration.

    book      the configuration
    world     what is asked for lookups
    problems  takes messages, and has the exit status
    macros    the macros of the session or message, above those of the configuration
    tracer    is told each step, if there is one
    mode      sendmail's mode: "t" (-bt), "v", "d", ...
    verbose   sendmail's verbosity: 2 in address test mode, where maps have more to say
    steps, effort   how many rules may match for one question, how many extensions all matches may take
    """

    def __init__(
        self,
        book: Rulebook,
        world: RulesWorld,
        hear: Callable[[CfProblem], object] = lambda problem: None,
        *,
        problems: Problems | None = None,
        macros: Macros | None = None,
        tracer: Tracer | None = None,
        verbose: int = 0,
    ) -> None:
        self.book = book
        self.world = world
        self.problems = Problems(hear) if problems is None else problems
        self.macros = book.macros.above() if macros is None else macros
        self.tracer = tracer
        self.verbose = verbose
        self.deferring = False  # DeliveryMode d: maps with -D are not asked
        self.wildcard_mx = "haswildcardmx" in book.options.get("ResolverOptions", "").lower().replace("+", " ").split()
        self.hosts: dict[str, Remembered] = {}  # what the host map remembers
        self.stab: dict[str, str] = {}  # aliases that were read from a text
        self.texts: set[str] = set()  # the maps whose texts were read
        self.lot = int(world.now()) & 0xFFFF or 1  # orders servers of equal preference
        self._tokeniser = book.tokeniser
        self.steps = STEPS
        self.effort: Effort | None = None  # what all matches together may take; None for any
        self.ended_early = False  # whether a ruleset took more
        self._steps = 0
        self._low = Folding()
        self._named: dict[str, int] = {}  # the numbers of rulesets that were called
        self._odd = False  # calls and lookups may be in a workspace that the rule at work has not

    # -- calling

    def scan(self, text: str, reading: Reading = Reading.INTERNAL) -> list[str] | None:
        """The tokens of a text; None, after a message, where it has none."""
        return self._tokeniser.tokens(text, self.problems.about, reading)

    def joined(self, tokens: Sequence[str], most: int = LONGEST_TEXT, blank: str | None = None) -> str:
        """The text of tokens."""
        return self._tokeniser.joined(tokens, most, blank)

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
        self._steps = self.steps
        self._odd = False
        self._note(workspace)
        try:
            return await self._rewrite(workspace, number, 0, MOST_TOKENS)
        except (Endless, RecursionError):
            self.ended_early = True
            self.problems.system(f"rewrite: ruleset {self.book.shown_name(number)} takes too many steps", code="451")
            return EX_TEMPFAIL

    # -- one ruleset

    def _step(self, step: RuleStep) -> None:
        if self.tracer is not None:
            self.tracer.step(step)

    async def _rewrite(self, workspace: list[str], number: int, depth: int, most: int) -> int:
        tracer = self.tracer
        level = -1
        if tracer is not None:
            level = tracer.rules
            tracer.step(Entered(self.book.shown_name(number), workspace))
        if depth > DEPTH:
            name = self.book.shown_name(number)
            self.problems.system(f"rewrite: excessive recursion (max {DEPTH}), ruleset {name}")
            return EX_CONFIG
        if most <= 0:
            return EX_USAGE
        ruleset = self.book.rulesets[number]
        if ruleset.plan is None or level >= MACRO_READ:
            status, ended = await self._each_rule(ruleset, workspace, number, depth, most, level)
        else:
            status, ended = await self._matching_rules(ruleset, workspace, number, depth, most, level)
        if tracer is not None and not ended:
            tracer.step(Left(self.book.shown_name(number), workspace))
        return status

    def _looped(self, number: int, at: int, workspace: list[str], level: int) -> None:
        name = self.book.shown_name(number)
        self.problems.system(f"Infinite loop in ruleset {name}, rule {at + 1}")
        if level >= LOOPED:
            self._step(Looped(workspace))

    async def _matching_rules(
        self, ruleset: Ruleset, workspace: list[str], number: int, depth: int, most: int, level: int
    ) -> tuple[int, bool]:
        """Go from one rule that matches to the next; the status, and whether a rule has ended everything.

        Which rule that is, and what it makes of the workspace, is remembered.
        """
        status = EX_OK
        known = self.book.transitions
        at, loops, size = 0, 0, len(ruleset)
        while at < size and not (workspace and workspace[0][:1] == MAILER):
            if loops >= LOOPS:
                self._looped(number, at, workspace, level)
                break
            self._steps -= 1
            if self._steps < 0:
                raise Endless
            key: tuple[int | str, ...] = (number, at, *workspace)
            step = known.get(key)
            if step is None:
                step = self._next(ruleset, at, workspace)
                if ruleset.steady and len(workspace) <= MOST_REMEMBERED:
                    known.keep(key, step)
            rule = step.rule
            if rule is None:
                break
            loops = loops + 1 if step.at == at else 1
            at = step.at
            if rule.once:
                at, loops = at + 1, 0
            elif rule.last:
                at = size
            made = step.made
            if made is None:
                found = self._substituted(rule, workspace, step.match, number, most)
                if isinstance(found, int):
                    return found, True
                made = found
                if not rule.quoted and not rule.reads:
                    step.made = made
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

    def _next(self, ruleset: Ruleset, at: int, workspace: list[str]) -> Transition:
        """The first rule from ``at`` on that matches."""
        fold, rules, plan = self._low, ruleset.rules, ruleset.plan
        assert plan is not None
        low = [fold[token] for token in workspace]
        present = set(low)
        rest = plan.candidates(low, present) >> at
        while rest:
            skipped = (rest & -rest).bit_length()
            at, rest = at + skipped, rest >> skipped
            rule = rules[at - 1]
            pattern = rule.pattern
            match: Match | None
            if pattern.whole:
                match = [(0, len(low))]
            elif pattern.needed <= present:
                match = pattern.match(workspace, low, self._left_value, self.effort)
            else:
                continue
            if match is not None:
                return Transition(at - 1, rule, match, rule.literal)
        return Transition(at, None, [], None)

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

    def _left_value(self, character: str) -> str | None:
        value = self.macros.get(character)
        if self.tracer is not None and self.tracer.rules >= MACRO_READ:
            self._step(MacroRead("LHS", self.book.names.name(character), value))
        return value

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

    def _put_macro(self, character: str, out: list[str]) -> int:
        """Add the tokens of a macro's value at run time; a status where it has none that can be used."""
        value = self.macros.get(character)
        if self.tracer is not None and self.tracer.rules >= MACRO_READ:
            self._step(MacroRead("RHS", self.book.names.name(character), value))
        if not value:
            return EX_OK
        tokens = self._tokeniser.tokens(value, self.problems.about)
        if tokens is None:
            return EX_DATAERR
        self._note(tokens)
        out += tokens
        return EX_OK

    def _note(self, tokens: Sequence[str]) -> None:
        """Look whether lookups or calls come in with tokens of a workspace, a macro or a default."""
        if not self._odd and any(token[:1] in _ASKING for token in tokens):
            self._odd = True

    def _too_long(self) -> int:
        self.problems.system("rewrite: expansion too long")
        return EX_DATAERR

    # -- lookups

    async def _looked_up(self, out: list[str], workspace: list[str], most: int, depth: int) -> tuple[int | None, int]:
        """Replace each lookup by what is found; as for `_ask`."""
        status = EX_OK
        at = 0
        while at < len(out):
            begin = out[at][:1]
            if begin not in _BEGIN:
                at += 1
                continue
            begun, ends = at, _BEGIN[begin]
            name = "host"
            if begin == MAP_BEGIN:
                at += 1
                if at >= len(out):
                    self.problems.system("rewrite: missing mapname")
                    return EX_TEMPFAIL, status
                name = out[at]
            key, arguments, default, at = self._arguments(out, at + 1, ends)
            result, found = await self._answer(name, key, arguments)
            if found == EX_TEMPFAIL:
                status = found
            tokens: Sequence[str] | None
            if result is None and default is not None:
                text = self.joined(default, KEY)
                tokens = self._tokeniser.tokens(text, self.problems.about, Reading.INTERNAL) if text else []
                if tokens:
                    self._note(tokens)
            elif result is None:
                tokens = key
            else:
                tokens = self._tokeniser.tokens(result, self.problems.about) if result else []
            if tokens is None:
                if not depth:
                    workspace.clear()
                return EX_DATAERR, status
            out[begun:at] = tokens
            if len(out) >= most:
                return self._too_long(), status
            at = begun + len(tokens)
        return None, status

    def _arguments(self, out: list[str], at: int, ends: str) -> tuple[list[str], list[str], list[str] | None, int]:
        """The key, the arguments, the default of a lookup that goes on at ``at``; and where it ends."""
        key: list[str] = []
        default: list[str] | None = None
        given: list[list[str]] = []
        current = key
        while at < len(out) and out[at][:1] != ends:
            first = out[at][:1]
            if first == HOST:
                current = []
                given.append(current)
            elif first == USER:
                current = default = []
            else:
                current.append(out[at])
            at += 1
        room = LONGEST_TEXT
        arguments: list[str] = []
        for tokens in given:
            text = self.joined(tokens, room)
            room -= len(text) + 1
            if len(arguments) < MOST_ARGUMENTS - 1:
                arguments.append(text)
        return key, arguments[: MOST_ARGUMENTS - 2], default, min(at + 1, len(out))

    async def _answer(self, name: str, key: Sequence[str], arguments: list[str]) -> tuple[str | None, int]:
        """What the map answers: its value, or None; and 75 where the answer has to wait."""
        map_ = self.book.maps.get(folded(name))
        if map_ is None:
            self.problems.system(f"rewrite: map {name} not found")
            return None, EX_OK
        if not map_.open and not await self.open_map(map_):
            return None, EX_OK
        text = self.joined(key, KEY, map_.flags.blank)
        flags = map_.flags
        if self.deferring and flags.defers:
            return None, EX_TEMPFAIL
        if not flags.quotes:
            text = unquoted_key(text)
        tracing = self.tracer is not None and self.tracer.maps >= MAP_ASKED
        if tracing:
            self._step(MapAsked(map_.name, text))
        found = await self.find(map_, text, [text, *arguments])
        waits = found.status == EX_TEMPFAIL and not flags.never_defers
        if tracing:
            self._step(MapAnswered(map_.name, text, found.value, found.status, waits))
        value = found.value
        if found.status == EX_TEMPFAIL and flags.failing is not None:
            value = text + flags.failing
        return value, EX_TEMPFAIL if waits else EX_OK

    async def find(self, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
        """What an open map has for a key; ``arguments`` begins with the key."""
        if map_.broken:
            return MapFound(None, EX_TEMPFAIL)
        return await map_.kind.find(self, map_, key, arguments)

    async def open_map(self, map_: DefinedMap) -> bool:
        """Open a map: whether it can be asked, which includes one that will always fail."""
        if not map_.valid:
            return False
        if map_.open:
            return True
        if map_.kind.open is None or await map_.kind.open(self, map_):
            map_.open = True
        elif map_.flags.optional:
            map_.valid = False
        else:
            map_.open = map_.broken = True
        return map_.open

    # -- calls

    async def _call_all(self, out: list[str], depth: int) -> int:
        """Carry out the calls in ``out``, the last one first; the status."""
        calls: list[tuple[int, int]] = []
        at = 0
        while (at := _place_of(CALL, out, at)) < len(out) - 1:
            name = out[at + 1]
            number = self._named.get(name)
            if number is None:
                plain = unquoted_key(name)
                number = self.book.number(plain, self.problems)
                if number is None:
                    self.problems.system(f"Unknown ruleset {plain}")
                    return EX_CONFIG
                self._named[name] = number
            if not self.book.rulesets[number]:
                if self.tracer is not None and self.tracer.rules >= CALL_SKIPPED:
                    self._step(CallSkipped(unquoted_key(name), number))
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


def _place_of(token: str, tokens: list[str], at: int) -> int:
    """Where the next such token is; the length where there is none."""
    try:
        return tokens.index(token, at)
    except ValueError:
        return len(tokens)

"""Which keys the rulesets of a configuration ask of which map: they are run on chosen inputs.

How to use it
-------------
::

    book = load_source(source, machine, Problems(...))      # `load`
    calls = Calls(book)                                     # which ruleset calls which, which rules ask what
    inputs = [Probe("ann@a.example", way) for way in calls.ways_to("virtuser")]
    asked = questions(book, inputs, Supposed(root, dns=nowhere), Budget(), calls)
    asked.questions                                         # Question(map, key, ruleset, line): a Probe
    asked.complete                                          # False where the budget has ended

An address goes the ways that sendmail sends it (`Way`): parsed, that is rulesets 3 and 0 and the mailer's own;
rewritten for a mailer, as a sender or a recipient, of the envelope or of a header; given to a ruleset of its own
(check_rcpt).

What rulesets ask depends on answers of maps and of the DNS. `Supposed` answers for files from texts that the caller
has, and for the DNS as the caller supposes; whoever wants to know what can be asked at all runs the same inputs under
several suppositions. A map that asks a server or a program cannot answer here: its name is in `Asked.failed`.

The result depends on the configuration, the inputs and the suppositions alone; neither time nor network matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.world import Outcome, Records, run
from mailconf.sendmail.rules.addresses import Parser
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.disk_world import DiskWorld
from mailconf.sendmail.rules.matching import Effort, Endless
from mailconf.sendmail.rules.problems import EX_TEMPFAIL, Problems
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import CALL, ELSE, MAP_BEGIN, NAME_BEGIN, REPLACED
from mailconf.sendmail.rules.world import Unable

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.sendmail.rules.book import DefinedMailer, Rulebook
    from mailconf.sendmail.rules.compile import CompiledRule
    from mailconf.sendmail.rules.machine import Machine
    from mailconf.sendmail.rules.maps import DefinedMap, MapFound
    from mailconf.sendmail.rules.matching import Match
    from mailconf.sendmail.rules.programs import Program
    from mailconf.sendmail.rules.world import Trusting

STEPS = 150_000  # rules that match
TRIES = 3_000_000  # extensions of operators in matches
MOST_QUESTIONS = 50_000  # that are kept
LOCAL_ADDRESS = "5"  # what a local user is given to who is in no alias file
# The rulesets by name that sendmail itself calls (Sendmail Installation and Operation Guide 5.1.4).
CALLED = (
    LOCAL_ADDRESS, "check_relay", "check_mail", "check_rcpt", "check_data", "check_compat", "check_eoh", "check_eom",
    "check_etrn", "check_expn", "check_vrfy", "check_other", "trust_auth", "tls_server", "tls_client", "tls_rcpt",
    "try_tls", "srv_features", "clt_features", "authinfo", "greet_pause", "queuegroup",
)  # fmt: skip
_PARSED = (3, 0)
_AROUND = (3, 1, 2, 4)


class Way(NamedTuple):
    """The way of an address: to ``ruleset``; or rewritten for ``mailer``; without both it is parsed.

    sender, header   as what it is rewritten
    """

    ruleset: str = ""
    mailer: str = ""
    sender: bool = False
    header: bool = False


class Probe(NamedTuple):
    """An input: a text and its way. ``$|`` in the text of a ruleset parts two arguments."""

    text: str
    way: Way = Way()


class Question(NamedTuple):
    """A key that a rule has asked a map for.

    map     its name, in lower case
    key     as it was asked for, quotes removed
    ruleset, line   the rule: what its ruleset is called, and the line of the .cf at which it ends
    """

    map: str
    key: str
    ruleset: str
    line: int


@dataclass(slots=True)
class Budget:
    """What may be spent; it is less with each use. ``steps`` are rules that match, ``tries`` are of `Effort`."""

    steps: int = STEPS
    tries: int = TRIES

    @property
    def ended(self) -> bool:
        return self.steps <= 0 or self.tries <= 0


@dataclass(slots=True)
class Asked:
    """What was asked.

    questions  each with the first input for which it was asked
    complete   whether all inputs have been run to their ends
    failed     maps that could not answer; what would be asked after their answers is not known
    """

    questions: dict[Question, Probe] = field(default_factory=dict)
    complete: bool = True
    failed: set[str] = field(default_factory=set)

    def keys(self, map_name: str) -> Iterator[str]:
        """The keys for which a map was asked."""
        return (question.key for question in self.questions if question.map == folded(map_name))

    def take_in(self, other: Asked) -> None:
        """Add what was asked under another supposition."""
        for question, probe in other.questions.items():
            self.questions.setdefault(question, probe)
        self.complete = self.complete and other.complete
        self.failed |= other.failed


# -- what is supposed of the surroundings

Zone = Callable[[str, str], Records]


def nowhere(name: str, kind: str) -> Records:
    """No name exists."""
    return Records(Outcome.ABSENT, nxdomain=True)


def everywhere(server: str = "") -> Zone:
    """Each name exists, is canonical, and has ``server`` (itself without one) for its mail."""

    def zone(name: str, kind: str) -> Records:
        values = {"A": "192.0.2.1", "MX": f"10 {server or name}", "PTR": "host.invalid"}
        return Records(Outcome.FOUND, (values[kind],)) if kind in values else Records(Outcome.ABSENT)

    return zone


class Supposed(DiskWorld):
    """The tree's files, with some tables given and a DNS that is supposed.

    tables  what is in a map's file, by its name without a suffix; all other files are asked
    dns     answers for a name and a type
    """

    def __init__(
        self,
        root: Tree,
        *,
        tables: Mapping[str, Mapping[bytes, bytes]] | None = None,
        dns: Zone = nowhere,
        machine: Machine | None = None,
    ) -> None:
        super().__init__(root, machine=machine)
        self._given = {} if tables is None else tables
        self._zone = dns

    async def open_table(self, kind: str, file: str, trusting: Trusting) -> Sequence[str]:
        return () if file in self._given else await super().open_table(kind, file, trusting)

    async def find(self, kind: str, file: str, key: bytes) -> bytes | None:
        given = self._given.get(file)
        return await super().find(kind, file, key) if given is None else given.get(key)

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Sequence[str]]:
        given = self._given.get(file)
        if given is None:
            return await super().read(file, trusting)
        return b"".join(key + b"\t" + value + b"\n" for key, value in given.items()), ()

    async def dns(self, name: str, kind: str, patience: object = None) -> Records:
        return self._zone(folded(name).rstrip("."), kind)

    async def search_domains(self) -> Sequence[str]:
        return ()

    async def address_name(self, address: str) -> str | None:
        return None

    async def log(self, priority: str, text: str) -> None:
        raise Unable("nothing is logged here")

    def now(self) -> float:
        return 0.0


# -- the interpreter, with a record


class _Recorder(Engine):
    """Runs rulesets and keeps what they ask; results are not remembered, since each lookup belongs to a rule."""

    keeps = False

    def __init__(self, book: Rulebook, world: Supposed, budget: Budget, asked: Asked, calls: Calls) -> None:
        super().__init__(book, world, problems=Problems(lambda problem: None))
        self.asked = asked
        self.probe = Probe("")
        self._budget = budget
        self._calls = calls
        self._rule: CompiledRule | None = None
        self._effort = self.effort = Effort(budget.tries)

    async def rewrite(self, workspace: list[str], number: int) -> int:
        self.steps = self._budget.steps
        self._effort.left = self._budget.tries
        try:
            return await super().rewrite(workspace, number)
        finally:
            self._budget.steps = self._steps
            self._budget.tries = self._effort.left

    async def _ask(
        self, rule: CompiledRule, out: list[str], workspace: list[str], depth: int, most: int
    ) -> tuple[int | None, int]:
        self._rule = rule
        return await super()._ask(rule, out, workspace, depth, most)

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
        self._rule = rule
        return await super()._carry_out(rule, program, workspace, match, values, depth, most)

    async def find(self, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
        found = await super().find(map_, key, arguments)
        rule = self._rule
        if rule is not None:
            question = Question(folded(map_.name), key, self._calls.ruleset_of(rule), rule.line)
            if question not in self.asked.questions:
                if len(self.asked.questions) >= MOST_QUESTIONS:
                    raise Endless
                self.asked.questions[question] = self.probe
        if found.status == EX_TEMPFAIL:
            self.asked.failed.add(folded(map_.name))
        return found


def questions(
    book: Rulebook, inputs: Iterable[Probe], world: Supposed, budget: Budget, calls: Calls | None = None
) -> Asked:
    """What is asked for the inputs, one after the other, until the budget ends.

    Each input finds the configuration as it is in the file: maps that an earlier one has found broken are tried again.
    """
    asked = Asked()
    calls = calls or Calls(book)
    for probe in inputs:
        if budget.ended:
            asked.complete = False
            break
        for map_ in book.maps.values():
            map_.open = map_.broken = False
            map_.valid = calls.valid[map_.name]
        engine = _Recorder(book, world, budget, asked, calls)
        engine.probe = probe
        try:
            run(_sent(engine, probe))
        except Endless:
            asked.complete = False
        if budget.ended or engine.ended_early:
            asked.complete = False
    return asked


async def _sent(engine: Engine, probe: Probe) -> None:
    way = probe.way
    if way.ruleset:
        await _called(engine, probe)
        return
    parser = Parser(engine, sender=way.sender, header=way.header)
    kind = f"{'h' if way.header else 'e'} {'s' if way.sender else 'r'}"
    engine.macros.define("addr_type", kind)
    mailer = engine.book.mailers.get(folded(way.mailer)) if way.mailer else None
    if mailer is not None:
        await parser.rewrite_for(probe.text, mailer)
    else:
        await parser.parse(probe.text)


async def _called(engine: Engine, probe: Probe) -> None:
    tokens: list[str] = []
    for number, part in enumerate(probe.text.split("$|")):
        found = engine.scan(part.strip())
        if found is None:
            return
        tokens += [ELSE, *found] if number else found
    await engine.call(probe.way.ruleset, tokens)


# -- which rules can ask at all


class Calls:
    """Which rulesets call which, and which rules ask which maps, by the text of the rules.

    valid   of each map, whether its definition could be read
    """

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.valid = {map_.name: map_.valid for map_ in book.maps.values()}
        self._names: dict[int, str] = {}
        self._called: list[set[int]] = []
        self._asking: dict[str, list[tuple[int, CompiledRule]]] = {}
        self._any: set[int] = set()  # rulesets with a lookup whose map is known only when they run
        self._words: set[int] | None = None
        quiet = Problems(lambda problem: None)
        for number, rules in enumerate(book.rulesets):
            called: set[int] = set()
            for rule in rules:
                self._names[id(rule)] = book.shown_name(number)
                if rule.asks:
                    self._look(number, rule, called, quiet)
            self._called.append(called)
        holders = _holders(book)
        for name, within in holders.items():
            for outer in within:
                self._asking.setdefault(name, []).extend(self._asking.get(outer, ()))

    def _look(self, number: int, rule: CompiledRule, called: set[int], quiet: Problems) -> None:
        right = rule.right
        for at, token in enumerate(right):
            first = token[:1]
            if first == NAME_BEGIN:
                self._asking.setdefault("host", []).append((number, rule))
            elif first in (CALL, MAP_BEGIN):
                name = right[at + 1].replace('"', "") if at + 1 < len(right) else ""
                if first == CALL and name[:1] == REPLACED:
                    called |= self._named_by_words()
                elif not name or name[:1] >= "\x80":
                    self._any.add(number)
                elif first == MAP_BEGIN:
                    self._asking.setdefault(folded(name), []).append((number, rule))
                else:
                    known = self.book.number(name, quiet)
                    if known is not None:
                        called.add(known)

    def _named_by_words(self) -> set[int]:
        """What ``$>$1`` may call: the rulesets whose names stand in rules as words, other than behind ``$>``.

        The library's SearchList calls those that its caller has named so.
        """
        if self._words is None:
            words = {
                token
                for rules in self.book.rulesets
                for rule in rules
                for before, token in zip(["", *rule.right], rule.right, strict=False)
                if before[:1] != CALL and token.isidentifier()
            }
            names = {self.book.shown_name(number): number for number, rules in enumerate(self.book.rulesets) if rules}
            self._words = {names[word] for word in words & names.keys()}
        return self._words

    def ruleset_of(self, rule: CompiledRule) -> str:
        """What the ruleset of a rule is called."""
        return self._names.get(id(rule), "")

    def asking(self, map_name: str) -> list[tuple[int, CompiledRule]]:
        """The rules whose right sides name a map, or a sequence that it is in, each with its ruleset's number."""
        return self._asking.get(folded(map_name), [])

    def reached(self, numbers: Iterable[int]) -> set[int]:
        """The rulesets, and those that they call, directly or not."""
        waiting, found = list(numbers), set()
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += self._called[number]
        return found

    def is_known(self, numbers: Iterable[int]) -> bool:
        """Whether these rulesets name all that they call and ask."""
        return self._any.isdisjoint(numbers)

    def ways_to(self, map_name: str) -> list[Way]:
        """The ways on which a map may be asked; all of them where that is not known."""
        numbers = {number for number, _ in self.asking(map_name)}
        found = []
        for way, starts in ways(self.book):
            reached = self.reached(starts)
            if not numbers.isdisjoint(reached) or not self.is_known(reached):
                found.append(way)
        return found


def _holders(book: Rulebook) -> dict[str, set[str]]:
    """Of each map the sequences and switches that ask it, directly or not, in lower case."""
    found: dict[str, set[str]] = {}
    for outer in book.maps.values():
        waiting, seen = [member for member in outer.members if member is not None], set()
        while waiting:
            member = waiting.pop()
            if member.name in seen:
                continue
            seen.add(member.name)
            found.setdefault(folded(member.name), set()).add(folded(outer.name))
            waiting += [inner for inner in member.members if inner is not None]
    return found


def ways(book: Rulebook) -> Iterator[tuple[Way, set[int]]]:
    """The ways that sendmail can send an address, each with the rulesets at which it begins.

    Of mailers that rewrite alike only the first is named.
    """
    mailers = list(book.mailers.values())
    yield Way(), {*_PARSED, 2, 4, *(mailer.recipient[0] for mailer in mailers if mailer.recipient[0] > 0)}
    seen: set[tuple[object, ...]] = set()
    for mailer in mailers:
        for sender in (True, False):
            for header in (False, True):
                number = _of(mailer, sender)[header]
                key = (sender, header, number, mailer.has("c"))
                if key not in seen:
                    seen.add(key)
                    yield Way("", mailer.name, sender, header), {*_AROUND, *((number,) if number > 0 else ())}
    quiet = Problems(lambda problem: None)
    for name in dict.fromkeys([*CALLED, *(ruleset for ruleset, _ in book.headers.values())]):
        called = book.number(name, quiet)
        if called is not None and book.rulesets[called]:
            yield Way(name), {called}


def _of(mailer: DefinedMailer, sender: bool) -> tuple[int, int]:
    return mailer.sender if sender else mailer.recipient

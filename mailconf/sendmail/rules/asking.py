"""What rulesets ask for while they run: the values of macros, and what maps answer.

What they have asked is noted, with what came of it (`mailconf.sendmail.rules.memory.Notes`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailconf.sendmail.rules.book import Rulebook
from mailconf.sendmail.rules.classes import Folding, folded
from mailconf.sendmail.rules.compile import MOST_ARGUMENTS
from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.maps import DefinedMap, MapFound, unquoted_key
from mailconf.sendmail.rules.matching import Effort
from mailconf.sendmail.rules.memory import LONG, PURE, MacroValue, MapAnswer, Notes
from mailconf.sendmail.rules.problems import (
    EX_DATAERR,
    EX_OK,
    EX_TEMPFAIL,
    CfProblem,
    Problems,
)
from mailconf.sendmail.rules.programs import SHORT_VALUE
from mailconf.sendmail.rules.symbols import (
    CALL,
    HOST,
    MAP_BEGIN,
    MAP_END,
    NAME_BEGIN,
    NAME_END,
    USER,
)
from mailconf.sendmail.rules.tokens import KEY, LONGEST_TEXT, Reading
from mailconf.sendmail.rules.trace import (
    MACRO_READ,
    MAP_ASKED,
    MacroRead,
    MapAnswered,
    MapAsked,
    RuleStep,
    Tracer,
)
from mailconf.sendmail.rules.world import RulesWorld

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.sendmail.rules.kinds_dns import Remembered

_BEGIN = {NAME_BEGIN: NAME_END, MAP_BEGIN: MAP_END}
_ASKING = (CALL, NAME_BEGIN, MAP_BEGIN)
MOST_VALUES = 2000  # of macros, each shorter than a token may be


class Asking:
    """The part of the interpreter that rulesets ask: macros, and the maps of the world.

    book      the configuration
    world     what is asked for lookups
    problems  takes messages, and has the exit status
    macros    the macros of the session or message, above those of the configuration
    tracer    is told each step, if there is one
    mode      sendmail's mode: "t" (-bt), "v", "d", ...
    verbose   sendmail's verbosity: 2 in address test mode, where maps have more to say
    effort    how many extensions all matches together may take; None for any
    """

    keeps = True

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
        self.effort: Effort | None = None
        self._low = Folding()
        self._named: dict[str, int] = {}  # the numbers of rulesets that were called
        self._known_values: dict[str, Sequence[str]] = {}  # of macros, and their tokens
        self._notes = Notes()
        self._odd = False  # calls and lookups may be in a workspace that the rule at work has not

    def scan(self, text: str, reading: Reading = Reading.INTERNAL) -> list[str] | None:
        """The tokens of a text; None, after a message, where it has none."""
        return self._tokeniser.tokens(text, self.problems.about, reading)

    def joined(self, tokens: Sequence[str], most: int = LONGEST_TEXT, blank: str | None = None) -> str:
        """The text of tokens."""
        return self._tokeniser.joined(tokens, most, blank)

    def _step(self, step: RuleStep) -> None:
        if self.tracer is not None:
            self.tracer.step(step)

    # -- macros

    def _left_value(self, character: str) -> str | None:
        value = self.macros.get(character)
        self._notes.needs.append(MacroValue(character, value))
        if self.tracer is not None and self.tracer.rules >= MACRO_READ:
            self._step(MacroRead("LHS", self.book.names.name(character), value))
        return value

    def _put_macro(self, character: str, out: list[str]) -> int:
        """Add the tokens of a macro's value at run time; a status where it has none that can be used."""
        value = self.macros.get(character)
        self._notes.needs.append(MacroValue(character, value))
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

    def _values(self, characters: Sequence[str]) -> Sequence[Sequence[str]] | None:
        """The tokens of macros' values at run time; None where one has to be read by `_put_macro`.

        These are short, without lookups and calls, and there is nothing to report about them.
        """
        get, known = self.macros.get, self._known_values
        needs: list[MacroValue] = []
        found: list[Sequence[str]] = []
        for character in characters:
            value = get(character)
            needs.append(MacroValue(character, value))
            tokens = known.get(value) if value else ()
            if tokens is None and value:
                tokens = self._tokeniser.quick(value)
                if tokens is None or len(tokens) > SHORT_VALUE:
                    return None
                if len(known) >= MOST_VALUES:
                    known.clear()
                known[value] = tokens
            found.append(tokens or ())
        self._notes.needs += needs
        return found

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
            tokens = self._put_in(result, key, default)
            if tokens is None:
                if not depth:
                    workspace.clear()
                return EX_DATAERR, status
            if tokens is key:  # one lookup within another is left there
                self._note(tokens)
            out[begun:at] = tokens
            if len(out) > LONG:
                self._notes.reasons += 1
            if len(out) >= most:
                return self._too_long(), status
            at = begun + len(tokens)
        return None, status

    def _put_in(self, result: str | None, key: list[str], default: list[str] | None) -> list[str] | None:
        """The tokens in the place of a lookup; None, after a message, where it has none that can be used."""
        if result is not None:
            return (self._tokeniser.tokens(result, self.problems.about) or None) if result else []
        if default is None:
            return key
        text = self.joined(default, KEY)
        tokens = self._tokeniser.tokens(text, self.problems.about, Reading.INTERNAL) if text else []
        if tokens:
            self._note(tokens)
        return tokens

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
        return key, self._texts(given), default, min(at + 1, len(out))

    def _texts(self, given: list[list[str]]) -> list[str]:
        """The texts of a lookup's arguments."""
        room = LONGEST_TEXT
        arguments: list[str] = []
        for tokens in given:
            text = self.joined(tokens, room)
            room -= len(text) + 1
            if len(arguments) < MOST_ARGUMENTS - 1:
                arguments.append(text)
        return arguments[: MOST_ARGUMENTS - 2]

    async def _answer(self, name: str, key: Sequence[str], arguments: list[str]) -> tuple[str | None, int]:
        """What the map answers: its value, or None; and 75 where the answer has to wait."""
        map_ = self.book.maps.get(folded(name))
        if map_ is None:
            self.problems.system(f"rewrite: map {name} not found")
            return None, EX_OK
        return await self._asked(map_, key, arguments)

    async def _asked(self, map_: DefinedMap, key: Sequence[str], arguments: Sequence[str]) -> tuple[str | None, int]:
        notes = self._notes
        if not map_.open and not await self.open_map(map_):
            notes.needs.append(MapAnswer(map_, (), None))
            return None, EX_OK
        flags = map_.flags
        text = key[0] if len(key) == 1 and len(key[0]) < KEY - 3 else self.joined(key, KEY, flags.blank)
        if self.deferring and flags.defers:
            return None, EX_TEMPFAIL
        if not flags.quotes:
            text = unquoted_key(text)
        tracing = self.tracer is not None and self.tracer.maps >= MAP_ASKED
        if tracing:
            self._step(MapAsked(map_.name, text))
        given = [text, *arguments]
        found = await self.find(map_, text, given)
        if found.status == EX_TEMPFAIL or map_.kind.name not in PURE:
            notes.reasons += 1
        else:
            notes.needs.append(MapAnswer(map_, given, found))
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

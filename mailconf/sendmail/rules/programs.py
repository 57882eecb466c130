"""Right sides taken apart beforehand: what is put together, which map is asked for which key, which ruleset is called.

A right side is usually known but for what its ``$n`` and ``$&x`` stand for. `program_of` gives the steps of such a one;
of others (lookups whose map has no fixed name, rulesets that are unknown, lookups within lookups) there is none, and
the interpreter goes through the tokens each time. What ``$n`` stand for may hold no metasymbol that means something in
a right side: `mailconf.sendmail.rules.codes.Codes.asks` finds those workspaces. The values of ``$&x`` have none and
are short where a program is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.symbols import CALL, HOST, MAP_BEGIN, MAP_END, NAME_BEGIN, NAME_END, USER

if TYPE_CHECKING:
    from mailconf.sendmail.rules.compile import Piece
    from mailconf.sendmail.rules.maps import DefinedMap
    from mailconf.sendmail.rules.matching import Match

# Within these bounds no workspace becomes too long: of the workspace and the room for it, in tokens; of a right side;
# of what a map answers.
SHORT, ROOM = 64, 800
_MOST_TIMES, _MOST_LITERALS, _MOST_LOOKUPS, _MOST_CALLS, _MOST_ARGUMENTS = 8, 100, 2, 12, 5
SHORT_ANSWER = 64
_MOST_MACROS, SHORT_VALUE = 3, 16  # ``$&x`` in a right side, and tokens of each
_ENDS = {MAP_BEGIN: MAP_END, NAME_BEGIN: NAME_END}
_METAS = frozenset((MAP_BEGIN, MAP_END, NAME_BEGIN, NAME_END, CALL, HOST, USER))

# What puts tokens together, of a workspace, what the operators stand for, and the tokens of each macro of the rule.
Builder: TypeAlias = Callable[[Sequence[str], "Match", Sequence[Sequence[str]]], list[str]]


class Lookup(NamedTuple):
    """A map is asked for a key; what it has, else the default or the key, takes its place."""

    map: DefinedMap
    marks: int  # how many tokens its beginning, its map's name and its end are
    key: Builder
    arguments: Sequence[Builder]
    default: Builder | None


class Call(NamedTuple):
    """A ruleset is called with everything that follows; ``name`` is its name in the rule.

    number  -1 where it has no rules, so that nothing is done
    """

    number: int
    name: str


Step: TypeAlias = "Builder | Lookup | Call"
Program: TypeAlias = "Sequence[Step]"


def builder(pieces: Sequence[Piece], macros: Sequence[str]) -> Builder:
    """What puts pieces together: Python that is generated, since it runs for each rule that matches.

    macros  the characters of the rule's macros, in the order in which their tokens will be given
    """
    parts: list[str] = []
    for piece in pieces:
        if isinstance(piece, int):
            parts.append(f"*w[m[{piece}][0]:m[{piece}][1]]")
        elif isinstance(piece, tuple):
            parts.append(f"*v[{macros.index(piece[1])}]")
        else:
            parts += map(repr, piece)
    build: Builder = eval(f"lambda w, m, v: [{', '.join(parts)}]", {"__builtins__": {}})
    return build


def program_of(
    pieces: Sequence[Piece],
    groups: int,
    macros: Sequence[str],
    maps: Mapping[str, DefinedMap],
    ruleset: Callable[[str], int | None],
) -> Program | None:
    """The program of a right side; None where it has none.

    groups   how many ``$n`` there are
    macros   the characters of the macros in it, each once
    maps     by their names in lower case
    ruleset  the number of a ruleset that is known, -1 of one without rules
    """
    tokens: list[str | int | tuple[str, str]] = []
    for piece in pieces:
        tokens += piece if isinstance(piece, list) else [piece]
    put_in = [token for token in tokens if isinstance(token, int)]
    times = max(map(put_in.count, put_in), default=0)  # that one token of a workspace may come
    if times > _MOST_TIMES or len(tokens) > _MOST_LITERALS or any(not 0 <= n < groups for n in put_in):
        return None
    if sum(isinstance(token, tuple) for token in tokens) > _MOST_MACROS:
        return None
    return _Parsing(tokens, macros, maps, ruleset).program()


class _Irregular(Exception):
    """A right side that has no program."""


class _Parsing:
    def __init__(
        self,
        tokens: Sequence[str | int | tuple[str, str]],
        macros: Sequence[str],
        maps: Mapping[str, DefinedMap],
        ruleset: Callable[[str], int | None],
    ) -> None:
        self._tokens = tokens
        self._macros = macros
        self._maps = maps
        self._ruleset = ruleset
        self._at = 0

    def program(self) -> Program | None:
        steps: list[Step] = []
        try:
            while self._at < len(self._tokens):
                steps.append(self._step())
        except _Irregular:
            return None
        calls = sum(isinstance(step, Call) for step in steps)
        empty = [at for at, step in enumerate(steps) if isinstance(step, Call) and step.number < 0]
        if empty and any(isinstance(step, Call) for step in steps[empty[0] + 1 :]):
            return None  # a call that follows one of a ruleset without rules directly is left there
        lookups = sum(isinstance(step, Lookup) for step in steps)
        return steps if calls <= _MOST_CALLS and lookups <= _MOST_LOOKUPS else None

    def _step(self) -> Step:
        token = self._tokens[self._at]
        if isinstance(token, str) and token in _ENDS:
            return self._lookup(token)
        if token == CALL:
            name = self._name(self._at + 1)
            number = self._ruleset(name)
            if number is None:
                raise _Irregular
            self._at += 2
            return Call(number, name)
        return self._text({MAP_BEGIN, NAME_BEGIN, CALL})

    def _name(self, at: int) -> str:
        name = self._tokens[at] if at < len(self._tokens) else ""
        if not isinstance(name, str) or not name.isascii() or not name.isprintable() or '"' in name or "\\" in name:
            raise _Irregular
        return name

    def _lookup(self, begin: str) -> Lookup:
        self._at += 1
        name = "host"
        if begin == MAP_BEGIN:
            name = self._name(self._at)
            self._at += 1
        map_ = self._maps.get(folded(name))
        if map_ is None:
            raise _Irregular
        key = self._text(_METAS)
        arguments: list[Builder] = []
        default: Builder | None = None
        while True:
            if self._at >= len(self._tokens):
                raise _Irregular
            mark = self._tokens[self._at]
            self._at += 1
            if mark == _ENDS[begin]:
                return Lookup(map_, 3 if begin == MAP_BEGIN else 2, key, arguments, default)
            if mark == HOST and default is None and len(arguments) < _MOST_ARGUMENTS:
                arguments.append(self._text(_METAS))
            elif mark == USER and default is None:
                default = self._text(_METAS)
            else:
                raise _Irregular

    def _text(self, ends: set[str] | frozenset[str]) -> Builder:
        """The tokens up to one of those that end them."""
        pieces: list[Piece] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if isinstance(token, str) and token[:1] in ends:
                break
            pieces.append([token] if isinstance(token, str) else token)
            self._at += 1
        return builder(pieces, self._macros)


def raw_length(step: Step, workspace: Sequence[str], match: Match, values: Sequence[Sequence[str]]) -> int:
    """How many tokens of a right side a step is, before it is carried out."""
    if isinstance(step, Call):
        return 2
    if isinstance(step, Lookup):
        parts = [step.key, *step.arguments, *([] if step.default is None else [step.default])]
        return step.marks + len(parts) - 1 + sum(len(build(workspace, match, values)) for build in parts)
    return len(step(workspace, match, values))

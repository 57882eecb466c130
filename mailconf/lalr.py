"""An LALR(1) parser with a contextual lexer, driven by tables that are plain data.

The tables are made from a grammar in Lark's notation by ``grammars/generate.py``, which describes their form; this
module has no part in that, and needs nothing but `re`. Its trees, and where it fails, are those of Lark's own parser
(``parser="lalr"``, ``propagate_positions=True``); tests/core/test_lalr.py holds the two together.

How it works. A state of the parser is a number; in each state a symbol (a terminal's or a rule's name) means an action:
a number of 0 or more is the state to go to, ``-1 - n`` is to reduce by rule ``n``. The lexer tries only the terminals
that the parser's state has an action for, in an order that the tables give, and those that are ignored. Nothing here
recurses: how deep a text nests does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

END = "$END"  # the type of the token after the last one


class Token(str):
    """A piece of the text. ``type`` is the terminal's name; ``start_pos`` and ``end_pos`` are characters."""

    __slots__ = ("end_pos", "start_pos", "type")

    def __new__(cls, type: str, text: str, start_pos: int, end_pos: int) -> Token:
        token = super().__new__(cls, text)
        token.type = type
        token.start_pos = start_pos
        token.end_pos = end_pos
        return token

    type: str
    start_pos: int
    end_pos: int

    def update(self, type: str) -> Token:
        """The same piece of text as a token of another type."""
        return Token(type, self, self.start_pos, self.end_pos)

    def __repr__(self) -> str:
        return f"Token({self.type!r}, {str(self)!r})"


class Tree:
    """What a rule matched. ``data`` is the rule's name or alias, ``children`` are tokens and trees.

    ``start_pos`` and ``end_pos`` are where its text begins and ends, tokens that the tree leaves out included; -1 if
    it has no text.
    """

    __slots__ = ("children", "data", "end_pos", "start_pos")

    def __init__(self, data: str, children: list[Token | Tree], start_pos: int = -1, end_pos: int = -1) -> None:
        self.data = data
        self.children = children
        self.start_pos = start_pos
        self.end_pos = end_pos

    def tokens(self) -> Iterator[Token]:
        """Every token of the tree, in the text's order."""
        left: list[Token | Tree] = [self]
        while left:
            item = left.pop()
            if isinstance(item, Tree):
                left += item.children[::-1]
            else:
                yield item

    def subtrees(self, *names: str) -> Iterator[Tree]:
        """The trees among ``names`` in this one, itself included, in the text's order, the outer before the inner."""
        left: list[Token | Tree] = [self]
        while left:
            item = left.pop()
            if isinstance(item, Tree):
                left += item.children[::-1]
                if item.data in names:
                    yield item

    def __repr__(self) -> str:
        return f"Tree({self.data!r}, {self.children!r})"


class ParseFailure(Exception):
    """Text that the grammar does not accept.

    start, end  the first piece of text that does not fit; at the end of the text, the last token
    token       that piece; None where it is not the beginning of any terminal
    values      what lies on the parser's stack, the oldest first: tokens and trees that belong to no rule yet
    """

    def __init__(self, parser: Parser, states: list[int], values: list[Token | Tree], token: Token | None, at: int):
        super().__init__(f"unexpected {token!r}" if token is not None else f"no terminal begins at {at}")
        self.token = token
        self.start = at if token is None else token.start_pos
        self.end = at + 1 if token is None else token.end_pos
        self.values = values
        self._parser = parser
        self._states = states

    def signature(self) -> Signature:
        """What two failures have in common that are the same mistake; see `nearest`."""
        state = self._states[-1]
        if self.token is None:
            return [len(self._states), state, None, None, None]
        accepted = sorted(filter(lambda kind: self._parser.accepts(self._states, kind), self._parser.kinds(state)))
        return [len(self._states), state, accepted, self.token.type, str(self.token)]


# Depth of the stack, state, the terminals that would have been accepted, type and text of the token that came instead.
# The last three are None where no terminal matches.
Signature = list[Any]


def nearest(signature: Signature, examples: list[list[Signature]]) -> int | None:
    """Which of several lists of failures has the one that is most like ``signature``; None when no one is like it.

    A failure in the same state, at the same depth, with the same terminals accepted, is like it: best with the same
    token, then with the same type of token, else the first.
    """
    depth, state, accepted, kind, text = signature
    found: int | None = None
    same_kind = False
    for number, group in enumerate(examples):
        for d, s, a, k, t in group:
            if (d, s) != (depth, state) or (a is not None and accepted is not None and a != accepted):
                continue
            if k is not None and k == kind:
                if t == text:
                    return number
                if not same_kind:
                    found, same_kind = number, True
            if found is None:
                found = number
    return found


class Parser:
    """The parser of one grammar. ``callbacks`` see the tokens of a terminal before the parser does."""

    def __init__(self, tables: Mapping[str, Any], callbacks: Mapping[str, Callable[[Token], Token]]) -> None:
        self.starts: dict[str, list[int]] = tables["starts"]
        self._terminals: list[list[str]] = tables["terminals"]
        self._scanners: list[tuple[list[int], dict[str, dict[str, str]]]] = tables["scanners"]
        self._ignored = frozenset(tables["ignored"])
        self._rules: list[tuple[str, int, str, list[list[int]] | None]] = tables["rules"]
        self._scanner_of: list[int] = [scanner for scanner, _ in tables["states"]]
        self._states: list[dict[str, int]] = [actions for _, actions in tables["states"]]
        self._callbacks = callbacks
        self._compiled: dict[int, re.Pattern[str]] = {}

    def parse(self, text: str, start: str) -> Tree:
        """The tree of ``text`` by rule ``start``; ParseFailure where it does not fit."""
        first, last = self.starts[start]
        states: list[int] = [first]
        values: list[Token | Tree] = []
        scanner_of, ignored, shift = self._scanner_of, self._ignored, self._shift
        at, end = 0, len(text)
        token: Token | None = None
        while at < end:
            scanner = scanner_of[states[-1]]
            match = (self._compiled.get(scanner) or self._compile(scanner)).match(text, at)
            if match is None:
                raise ParseFailure(self, states, values, self._anywhere(text, at), at)
            kind = match.lastgroup or ""
            stop = match.end()
            if kind not in ignored:
                token = self._token(scanner, kind, match[0], at, stop)
                shift(states, values, token, -1)
            at = stop
        behind = Token(END, "", token.start_pos, token.end_pos) if token is not None else Token(END, "", 0, 0)
        shift(states, values, behind, last)
        tree = values[-1]
        assert isinstance(tree, Tree)
        return tree

    def _shift(self, states: list[int], values: list[Token | Tree], token: Token, last: int) -> None:
        """Put ``token`` on the stack, after all reductions that it allows; those to ``last`` end the parse."""
        kind = token.type
        while True:
            action = self._states[states[-1]].get(kind)
            if action is None:
                raise ParseFailure(self, states, values, token, token.start_pos)
            if action >= 0:
                states.append(action)
                values.append(token)
                return
            origin, size, name, kept = self._rules[-1 - action]
            parts: list[Token | Tree] = []
            if size:
                parts = values[-size:]
                del values[-size:], states[-size:]
            values.append(_tree(name, parts, kept))
            states.append(self._states[states[-1]][origin])
            if states[-1] == last:
                return

    def _token(self, scanner: int, kind: str, text: str, start: int, end: int) -> Token:
        """A token, of the type that keywords and callbacks give it."""
        keywords = self._scanners[scanner][1].get(kind)
        token = Token(kind if keywords is None else keywords.get(text, kind), text, start, end)
        callback = self._callbacks.get(token.type)
        return token if callback is None else callback(token)

    def _anywhere(self, text: str, at: int) -> Token | None:
        """The token at ``at`` that another state of the parser would have seen there."""
        match = (self._compiled.get(0) or self._compile(0)).match(text, at)
        return None if match is None else self._token(0, match.lastgroup or "", match[0], at, match.end())

    def _compile(self, scanner: int) -> re.Pattern[str]:
        names = (self._terminals[number] for number in self._scanners[scanner][0])
        pattern = re.compile("|".join(f"(?P<{name}>{regexp})" for name, regexp in names) or "(?!)")
        self._compiled[scanner] = pattern
        return pattern

    # -- what a failure is like

    def kinds(self, state: int) -> Iterator[str]:
        """The terminals that a state has an action for."""
        return (symbol for symbol in self._states[state] if symbol.isupper())

    def accepts(self, states: list[int], kind: str) -> bool:
        """Whether a token of type ``kind`` may follow."""
        below, pushed = len(states), [0]  # the stack is states[:below] and pushed[1:]
        ends = {last for _, last in self.starts.values()} if kind == END else set()
        while True:
            action = self._states[pushed[-1] if len(pushed) > 1 else states[below - 1]].get(kind)
            if action is None or action >= 0:
                return action is not None
            origin, size, _, _ = self._rules[-1 - action]
            taken = min(size, len(pushed) - 1)
            below -= size - taken
            del pushed[len(pushed) - taken :]
            goto = self._states[pushed[-1] if len(pushed) > 1 else states[below - 1]][origin]
            if goto in ends:
                return True
            pushed.append(goto)


def _tree(name: str, parts: list[Token | Tree], kept: list[list[int]] | None) -> Tree:
    """The tree of a rule. ``kept``: the numbers of the parts that it keeps, with 1 for those whose children it takes;
    None when it keeps all of them as they are."""
    start = end = -1
    for part in parts:
        if part.start_pos >= 0:
            start = part.start_pos
            break
    for part in reversed(parts):
        if part.end_pos >= 0:
            end = part.end_pos
            break
    if kept is None:
        return Tree(name, parts, start, end)
    children: list[Token | Tree] = []
    for number, expanded in kept:
        part = parts[number]
        if not expanded:
            children.append(part)
        elif children:
            children += part.children  # type: ignore[union-attr]
        else:
            children = part.children  # type: ignore[union-attr]  # long repetitions would be copied at every step
    return Tree(name, children, start, end)

"""Finding matches: Python's ``re`` for flat patterns, an automaton or a search for the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from mailconf.m4.regex.parse import ACCEPT, ASSERT, REFERENCE, SAVE, SET, SPLIT, WORD, notation, parse

Groups = list[tuple[int, int]]  # (start, end) of the match and of each group; (-1, -1) for a group that took no part
Work = Callable[[int], None]

MOST_STATES = 4000  # remembered at once
# Steps that Python's engine may need at worst before the automaton is preferred.
FLAT_COST = 4_000_000
PATIENT_COST = 10_000_000_000

# What surrounds a position, as far as assertions ask.
AT_START, AT_END, AFTER_NEWLINE, BEFORE_NEWLINE, AFTER_WORD, BEFORE_WORD = 1, 2, 4, 8, 16, 32


def _around(text: bytes, at: int) -> int:
    context = 0
    if at == 0:
        context |= AT_START
    else:
        before = text[at - 1]
        context |= (AFTER_NEWLINE if before == 0x0A else 0) | (AFTER_WORD if before in WORD else 0)
    if at == len(text):
        context |= AT_END
    else:
        after = text[at]
        context |= (BEFORE_NEWLINE if after == 0x0A else 0) | (BEFORE_WORD if after in WORD else 0)
    return context


def _holds(name: int, context: int) -> bool:
    after, before = bool(context & AFTER_WORD), bool(context & BEFORE_WORD)
    if name == 0x5E:  # ^
        return bool(context & (AT_START | AFTER_NEWLINE))
    if name == 0x24:  # $
        return bool(context & (AT_END | BEFORE_NEWLINE))
    if name == 0x60:  # `
        return bool(context & AT_START)
    if name == 0x27:  # '
        return bool(context & AT_END)
    if name == 0x3C:  # <
        return before and not after
    if name == 0x3E:  # >
        return after and not before
    if name == 0x62:  # b
        return after != before
    return after == before


class RegexProgram:
    """A compiled pattern. `search` is all there is to it."""

    def __init__(self, source: bytes) -> None:
        program = parse(source)
        self._program = program
        self._branches: list[tuple[re.Pattern[bytes], list[int]]] = []
        self._leftmost: re.Pattern[bytes] | None = None
        if program.branches is not None:
            self._branches = [(re.compile(text), numbers) for text, numbers in program.branches]
            if len(self._branches) > 1:
                self._leftmost = re.compile(b"|".join(b"(?:" + text + b")" for text, _ in program.branches))
        self._start = program.code[-1][2]
        self._closures: dict[tuple[frozenset[int], int], tuple[frozenset[int], bool]] = {}
        self._steps: dict[tuple[frozenset[int], int], frozenset[int]] = {}
        self._leads: dict[tuple[frozenset[int], int, int], frozenset[int]] = {}
        self._before = self._predecessors()
        self._first = self._first_bytes()

    def search(self, text: bytes, start: int, work: Work, bounded: bool = True) -> Groups | None:
        """The leftmost longest match that begins at ``start`` or later; ``work`` hears of the effort.

        Without ``bounded`` Python's engine may take long over a long text with many repetitions.
        """
        if self._branches:
            repeats = self._program.repeats
            worst = (len(text) - start) ** (repeats + 1)
            if not repeats or worst <= (FLAT_COST if bounded else PATIENT_COST):
                work(worst >> 12)
                return self._flat(text, start)
        at, size = start, len(text)
        while at <= size:
            if self._first is not None:
                found = self._first.search(text, at)
                if found is None:
                    return None
                at = found.start()
            if self._program.references:
                groups = self._referring(text, at, work)
                if groups is not None:
                    return groups
            else:
                end = self._longest(text, at, work)
                if end >= 0:
                    return self._captured(text, at, end, work) if self._program.groups else [(at, end)]
            at += 1
        return None

    # -- flat patterns

    def _flat(self, text: bytes, start: int) -> Groups | None:
        if self._leftmost is None:
            branch, numbers = self._branches[0]
            best = branch.search(text, start)
            if best is None:
                return None
        else:
            found = self._leftmost.search(text, start)
            if found is None:
                return None
            best = None
            for branch, its_numbers in self._branches:
                match = branch.match(text, found.start())
                if match is not None and (best is None or match.end() > best.end()):
                    best, numbers = match, its_numbers
            assert best is not None
        groups: Groups = [best.span()]
        if self._program.groups:
            groups += [(-1, -1)] * self._program.groups
            for index, number in enumerate(numbers, 1):
                groups[number] = best.span(index)
        return groups

    # -- the automaton

    def _first_bytes(self) -> re.Pattern[bytes] | None:
        """Finds the bytes that a match can begin with; None if it may be empty or begin with a reference."""
        program = self._program
        seen: set[int] = set()
        codes: set[int] = set()
        todo = [self._start]
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            operation, first, second = program.code[at]
            if operation in (ACCEPT, REFERENCE):
                return None
            if operation == SET:
                codes.update(program.sets[first])
            elif operation == SPLIT:
                todo += (first, second)
            else:
                todo.append(second)
        return re.compile(notation(frozenset(codes)))

    def _closure(self, states: frozenset[int], context: int) -> tuple[frozenset[int], bool]:
        """The states that consume a byte, reached without consuming one; and whether the end is among them."""
        key = (states, context)
        known = self._closures.get(key)
        if known is not None:
            return known
        code = self._program.code
        seen, todo, consuming, accepts = set(), list(states), set(), False
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            operation, first, second = code[at]
            if operation == SET:
                consuming.add(at)
            elif operation == SPLIT:
                todo += (first, second)
            elif operation == ACCEPT:
                accepts = True
            elif operation != ASSERT or _holds(first, context):
                todo.append(second)
        if len(self._closures) > MOST_STATES:
            self._closures.clear()
        self._closures[key] = result = (frozenset(consuming), accepts)
        return result

    def _longest(self, text: bytes, start: int, work: Work) -> int:
        """The end of the longest match at ``start``; -1 if there is no match."""
        program, steps = self._program, self._steps
        context = 0
        states = frozenset((self._start,))
        end, at, size = -1, start, len(text)
        while True:
            if program.asserts:
                context = _around(text, at)
            consuming, accepts = self._closure(states, context)
            if accepts:
                end = at
            if at == size or not consuming:
                break
            key = (consuming, text[at])
            following = steps.get(key)
            if following is None:
                if len(steps) > MOST_STATES:
                    steps.clear()
                following = frozenset(
                    program.code[s][2] for s in consuming if text[at] in program.sets[program.code[s][1]]
                )
                steps[key] = following
            if not following:
                break
            states = following
            at += 1
            if not (at - start) & 0xFFF:
                work(0x1000)
        work((at - start & 0xFFF) + 1)
        return end

    def _captured(self, text: bytes, start: int, end: int, work: Work) -> Groups:
        """The groups of the match from ``start`` to ``end``, by the way through the program that GNU's matcher takes.

        First, from the end, which instructions lead to it from where; then the walk: the first choice that leads to
        the end, or the second where the first has been taken at this very position.
        """
        code, sets, asserts = self._program.code, self._program.sets, self._program.asserts
        repeated = self._program.repeated
        leading: list[frozenset[int]] = []
        following: frozenset[int] = frozenset()
        for at in range(end, start - 1, -1):
            context = _around(text, at) if asserts else 0
            following = self._leading(following, text[at] if at < end else -1, context)
            leading.append(following)
        work(end - start)
        leading.reverse()
        saved = [-1] * (2 * self._program.groups + 2)
        kept = saved  # the groups as they were when one that is not empty was closed last
        pc, at = self._start, start
        passed: set[int] = set()
        again = False  # a choice that was made at this position has come up again in the group
        way: list[int] = []  # the choices that have been made already, the next one last
        while True:
            operation, first, second = code[pc]
            if operation == ACCEPT:
                return _spans(start, end, tuple(saved))
            again = again or (operation == SPLIT and pc in passed)
            passed.add(pc)
            if operation == SET:
                assert text[at] in sets[first]
                at += 1
                passed.clear()
            elif operation == SPLIT:
                here = leading[at - start]
                if way:
                    second = way.pop()
                elif first in passed and second in passed:  # round and round without a step ahead
                    way = self._way_ahead(pc, here)
                    second = way.pop()
                elif first in here and not (first in passed and second in here):
                    second = first
            elif operation == SAVE:
                if not first & 1:
                    again = False
                empty = first & 1 and saved[first - 1] == at
                repetition = repeated.get(first >> 1, 0)
                again = again and repetition != 0x2B
                if empty and not again and repetition and kept[first - 1] >= 0:
                    saved = kept.copy()  # an empty turn of a repetition does not count after another
                else:
                    saved[first] = at
                    if first & 1 and saved[first - 1] < at:
                        kept = saved.copy()
            pc = second

    def _way_ahead(self, start: int, here: frozenset[int]) -> list[int]:
        """The choices that lead from an instruction to one that consumes or accepts, last one first."""
        code = self._program.code
        seen: set[int] = set()
        todo: list[tuple[int, tuple[int, ...]]] = [(start, ())]
        while todo:
            pc, choices = todo.pop()
            if pc in seen or pc not in here:
                continue
            seen.add(pc)
            operation, first, second = code[pc]
            if operation in (SET, ACCEPT):
                return list(reversed(choices))
            if operation == SPLIT:
                todo.append((second, (*choices, second)))
                todo.append((first, (*choices, first)))
            else:
                todo.append((second, choices))
        raise AssertionError("no way ahead")

    def _leading(self, following: frozenset[int], byte: int, context: int) -> frozenset[int]:
        """The instructions that lead to the end of the match from a position: ``following`` are those of the next
        position, ``byte`` lies between, -1 at the end of the match."""
        key = (following, byte, context)
        known = self._leads.get(key)
        if known is not None:
            return known
        code, sets = self._program.code, self._program.sets
        if byte < 0:
            todo = [pc for pc, (operation, _, _) in enumerate(code) if operation == ACCEPT]
        else:
            todo = [pc for pc, (op, x, y) in enumerate(code) if op == SET and y in following and byte in sets[x]]
        found: set[int] = set()
        while todo:
            pc = todo.pop()
            if pc in found:
                continue
            found.add(pc)
            for before in self._before[pc]:
                operation, first, _ = code[before]
                if operation != SET and (operation != ASSERT or _holds(first, context)):
                    todo.append(before)
        if len(self._leads) > MOST_STATES:
            self._leads.clear()
        self._leads[key] = result = frozenset(found)
        return result

    def _predecessors(self) -> list[list[int]]:
        code = self._program.code
        before: list[list[int]] = [[] for _ in code]
        for pc, (operation, first, second) in enumerate(code[:-1]):
            if operation == SPLIT:
                before[first].append(pc)
            if operation != ACCEPT:
                before[second].append(pc)
        return before

    # -- references

    def _referring(self, text: bytes, start: int, work: Work) -> Groups | None:
        """The longest match at ``start`` among all ways to match."""
        code, sets = self._program.code, self._program.sets
        tried: set[tuple[int, int, tuple[int, ...]]] = set()
        best: tuple[int, tuple[int, ...]] | None = None
        todo: list[tuple[int, int, tuple[int, ...]]] = [(self._start, start, (-1,) * (2 * self._program.groups + 2))]
        while todo:
            pc, at, saved = todo.pop()
            work(1)
            while True:
                operation, first, second = code[pc]
                if operation == SET:
                    if at == len(text) or text[at] not in sets[first]:
                        break
                    at += 1
                elif operation == SPLIT:
                    key = (pc, at, saved)
                    if key in tried:
                        break
                    tried.add(key)
                    todo.append((second, at, saved))
                    second = first
                elif operation == SAVE:
                    saved = (*saved[:first], at, *saved[first + 1 :])
                elif operation == ASSERT:
                    if not _holds(first, _around(text, at)):
                        break
                elif operation == REFERENCE:
                    begin, stop = saved[2 * first], saved[2 * first + 1]
                    if stop < 0 or begin < 0 or not text.startswith(text[begin:stop], at):
                        break
                    at += stop - begin
                elif operation == ACCEPT:
                    if best is None or at > best[0]:
                        best = (at, saved)
                    break
                pc = second
        return None if best is None else _spans(start, best[0], best[1])


def _spans(start: int, end: int, saved: tuple[int, ...]) -> Groups:
    groups: Groups = [(start, end)]
    for number in range(1, len(saved) // 2):
        first, last = saved[2 * number], saved[2 * number + 1]
        groups.append((first, last) if first >= 0 and last >= first else (-1, -1))
    return groups


@lru_cache(maxsize=128)
def compile_pattern(source: bytes) -> RegexProgram:
    """The compiled pattern; `BadPattern` if it is not valid."""
    return RegexProgram(source)

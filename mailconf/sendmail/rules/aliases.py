"""Aliases read from their text, as sendmail reads them where there is no map: each name goes through the rulesets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from mailconf.sendmail.rules.addresses import ERROR, Parser
from mailconf.sendmail.rules.asking import Asking
from mailconf.sendmail.rules.classes import folded

if TYPE_CHECKING:
    from mailconf.sendmail.rules.run import Engine

_LINE = 8191  # characters of an alias with its continuation lines
_SPACES = " \t\n\v\f\r"


async def read_aliases(engine: Asking, file: str, data: bytes) -> dict[str, str]:
    """Names, folded, with their values. What is wrong, and how many there are, is reported as for newaliases."""
    problems = engine.problems
    found: dict[str, str] = {}
    count = total = longest = 0
    skipping = False
    before = problems.place
    for number, line in _logical_lines(data.decode("latin-1")):
        problems.place = f"{file}: line {number}"
        if len(line) > _LINE:
            problems.system("alias line too long")
            continue
        line = line.partition("\0")[0]
        if not line or line[0] == "#":
            skipping = False
            continue
        if line[0] in " \t":
            if not skipping:
                problems.system("Non-continuation line starts with space")
            skipping = True
            continue
        skipping = False
        entry = await read_entry(engine, line)
        if entry is None:
            continue
        name, value = entry.name, entry.value
        found[folded(name)] = value
        count += 1
        total += len(name) + len(value)
        longest = max(longest, len(value))
    problems.place = before
    problems.subject = ""
    if engine.verbose:
        problems.remark(f"{file}: {count} aliases, longest {longest} bytes, {total} bytes total")
    return found


class AliasEntry(NamedTuple):
    """An alias: its name as the rulesets have it, its value, and the name as it was written."""

    name: str
    value: str
    written: str


def _seven_bits(text: str) -> str:
    """A text without the control characters that have the eighth bit."""
    return "".join("?" if "\x80" <= character < "\xa0" else character for character in text)


def _engine(asking: Asking) -> Engine:
    """What asks is always the whole interpreter."""
    from mailconf.sendmail.rules.run import Engine

    assert isinstance(asking, Engine)
    return asking


async def read_entry(engine: Asking, line: str) -> AliasEntry | None:
    """The alias that a logical line defines; None after a message about a mistake."""
    problems = engine.problems
    _, colon, value = line.partition(":")
    if not colon:
        problems.system("missing colon")
        return None
    address, end = await Parser(_engine(engine)).parse(line, ":")
    if address is None:
        problems.system(f"{_seven_bits(line[:40])}... illegal alias name")
        return None
    written = line[:end].lstrip(_SPACES)
    value = value.lstrip(_SPACES)
    if engine.book.flag("CheckAliases"):
        await _check(engine, value)
    mailer = address.mailer or ERROR
    if not mailer.has("A"):
        problems.system(f"{written}... cannot alias non-local names")
        return None
    if not value:
        problems.system(f"{line[:40]}... missing value for alias")
        return None
    name = address.user.lower() if folded(address.user) == "postmaster" else address.user
    return AliasEntry(name, value, written)


async def _check(engine: Asking, value: str) -> None:
    """Parse each target of an alias."""
    rest = value
    while rest := rest.lstrip(_SPACES + ","):
        address, end = await Parser(_engine(engine)).parse(rest, ",", cut=False)
        if address is None:
            engine.problems.user(f"{rest}... bad address", "553", "5.3.5")
        rest = rest[max(end, 1) :]


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those that continue them, each with the number of its last one.

    A line goes on in the next if it ends with a backslash, or if the next begins with white space.
    """
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        while number < len(lines):
            following = lines[number]
            if line.endswith("\\"):
                line = line[:-1] + following
            elif following.startswith((" ", "\t")):
                line += following
            else:
                break
            number += 1
        yield number, line

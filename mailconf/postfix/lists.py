"""Pattern lists: mydestination, relay_domains, mynetworks and their kin (postconf(5) mynetworks, relay_domains).

A list holds literal patterns, ``type:table`` (the table has the key), and ``/file/name`` (its words in the pattern's
place); ``!`` in front of a pattern excludes what it matches. The first pattern that matches decides. A question that
comes to a pattern which cannot be used, or to a file that cannot be opened, fails for the time being.

In a file, a line that begins with ``#`` is a comment. A word that begins with ``#`` elsewhere, or in main.cf, ends the
line or the value: what follows it is ignored, with a warning.

- Strings (mydestination, virtual_alias_domains): equality without regard to case.
- Domains (relay_domains): also the subdomains, when parent_domain_matches_subdomains names the parameter; otherwise
  ``.domain`` matches them.
- Hosts (mynetworks): names as domains, and addresses: ``192.0.2.1``, ``192.0.2.0/24``, ``[2001:db8::]/32``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.lookup import is_pattern, parents
from mailconf.postfix.words import scan

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MOST_WORDS = 1_000_000  # of one list, the files that it names included
MOST_NESTED = 10  # files inside one another
_ADDRESS_CHARACTERS = frozenset("0123456789abcdefABCDEF.:[]/")


class Kind(Enum):
    STRING = "string"
    DOMAIN = "domain"
    HOST = "host"


class BadPattern(ValueError):
    """A pattern that cannot mean anything; the message says why."""


class _Pattern(NamedTuple):
    text: str  # case folded
    exclude: bool = False
    table: str = ""
    network: Network | None = None
    problem: str = ""  # why it cannot be used
    version: int = 0  # that of the addresses which it is about; 0: it is about anything


@dataclass(slots=True)
class PatternList:
    """One compiled list.

    problems  what is wrong with it; a question that comes to such a pattern fails
    ignored   the words that begin with ``#``, with what follows them
    """

    name: str
    kind: Kind
    parents: bool = False
    patterns: list[_Pattern] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    _literals: frozenset[str] | None = None

    @classmethod
    def compile(
        cls,
        name: str,
        value: str,
        kind: Kind,
        *,
        parents: bool = False,
        read: Callable[[str], str] | None = None,
    ) -> PatternList:
        """``value`` is the expanded parameter; ``read`` gives a pattern file's text (OSError: a problem)."""
        made = cls(name, kind, parents)
        for found in ListReader(read, made.ignored).words(value):
            pattern = _Pattern(found.text, found.exclude, problem=found.problem)
            try:
                pattern = pattern if found.problem else _pattern(found.text, found.exclude, kind)
            except BadPattern as problem:
                version = 6 if ":" in found.text else 4
                pattern = _Pattern(found.text.lower(), found.exclude, problem=str(problem), version=version)
            made.patterns.append(pattern)
            if pattern.problem:
                made.problems.append(pattern.problem)
        plain = not any(p.exclude or p.table or p.network or p.problem for p in made.patterns)
        if plain and kind is Kind.STRING:
            made._literals = frozenset(p.text for p in made.patterns)
        return made

    def __bool__(self) -> bool:
        return bool(self.patterns)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(("!" if p.exclude else "") + (p.table or p.text) for p in self.patterns)

    async def match(self, ask: Ask, name: str) -> bool:
        """Whether the list has ``name``. Raises LookupFailed."""
        folded = name.casefold()
        if self._literals is not None:
            return folded in self._literals
        for pattern in self.patterns:
            if pattern.problem and not pattern.version:
                raise LookupFailed(self.name, pattern.problem)
            if await self._matches_name(ask, pattern, folded):
                return not pattern.exclude
        return False

    @staticmethod
    def _stops(pattern: _Pattern, ip: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
        """Whether a pattern that cannot be used ends the search: it is compared with addresses of its version only, and
        what is neither a network nor IPv6 is compared as a text."""
        if not pattern.version:
            return True
        return ip is not None and ip.version == pattern.version and not {"/", ":"}.isdisjoint(pattern.text)

    async def match_host(self, ask: Ask, name: str, address: str) -> bool:
        """Whether the list has the host of this name ("" or "unknown": only the address counts) and IP address."""
        folded = name.casefold()
        ip = _ip(address)
        for pattern in self.patterns:
            if pattern.problem and self._stops(pattern, ip):
                raise LookupFailed(self.name, pattern.problem)
            named = folded and await self._matches_name(ask, pattern, folded)
            if named or await self._matches_address(ask, pattern, address, ip):
                return not pattern.exclude
        return False

    async def _matches_name(self, ask: Ask, pattern: _Pattern, name: str) -> bool:
        if pattern.table:
            return await self._in_table(ask, pattern.table, self._keys(pattern.table, name))
        if pattern.network is not None:
            return False
        if name == pattern.text:
            return True
        if self.kind is Kind.STRING:
            return False
        if self.parents:
            return name.endswith("." + pattern.text)
        return pattern.text.startswith(".") and name.endswith(pattern.text)

    def _keys(self, table: str, name: str) -> Iterator[str]:
        yield name
        if self.kind is not Kind.STRING and not is_pattern(table):
            yield from (parent if self.parents else f".{parent}" for parent in parents(name))

    async def _matches_address(
        self, ask: Ask, pattern: _Pattern, address: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address | None
    ) -> bool:
        if pattern.table:
            return await self._in_table(ask, pattern.table, iter((address,)))
        if pattern.network is not None:
            return ip is not None and ip in pattern.network
        return pattern.text == address.lower()

    @staticmethod
    async def _in_table(ask: Ask, table: str, keys: Iterator[str]) -> bool:
        for key in keys:
            answer = await ask.lookup(table, key)
            if answer.failed:
                raise LookupFailed(table, answer.reason)
            if answer.found:
                return True
        return False


class Found(NamedTuple):
    """A word of a list; ``problem`` says why the file that it names cannot be read."""

    text: str
    exclude: bool
    problem: str = ""


class ListReader:
    """Takes a list apart, and the files that it names.

    read     gives the text of a file. Raises OSError
    ignored  takes the text that follows a ``#`` and is ignored
    """

    def __init__(self, read: Callable[[str], str] | None, ignored: list[str] | None = None) -> None:
        self._read = read
        self._ignored = [] if ignored is None else ignored
        self._texts: dict[str, str] = {}
        self._left = MOST_WORDS

    def words(self, value: str) -> Iterator[Found]:
        """The words of a parameter's expanded value."""
        yield from self._line(value, False, ())

    def _line(self, line: str, exclude: bool, inside: tuple[str, ...]) -> Iterator[Found]:
        """``inside`` are the files that led here."""
        for word, offset in scan(line):
            if word.startswith("#"):
                self._ignored.append(line[offset:].rstrip())
                return
            text = word.lstrip("!")
            flipped = exclude ^ bool((len(word) - len(text)) % 2)
            self._left -= 1
            if self._left < 0:
                yield Found(text, flipped, f"more than {MOST_WORDS} words")
                return
            if text.startswith("/"):
                yield from self._file(text, flipped, inside)
            elif text:
                yield Found(text, flipped)

    def _file(self, name: str, exclude: bool, inside: tuple[str, ...]) -> Iterator[Found]:
        if name in inside or len(inside) > MOST_NESTED or self._read is None:
            yield Found(name, exclude, f"{name}: pattern files include each other without end")
            return
        try:
            text = self._texts[name] = self._texts[name] if name in self._texts else self._read(name)
        except OSError as failure:
            yield Found(name, exclude, f"open file {name}: {failure.strerror}")
            return
        for line in text.split("\n"):
            if not line.startswith("#") and self._left >= 0:
                yield from self._line(line.partition("\0")[0], exclude, (*inside, name))


def _pattern(word: str, exclude: bool, kind: Kind) -> _Pattern:
    if ":" in word and word[0] != "[":
        return _Pattern(word, exclude, table=word)
    if kind is Kind.HOST and _looks_like_address(word):
        return _Pattern(word.lower(), exclude, network=_network(word))
    return _Pattern(word.casefold(), exclude)


def _looks_like_address(word: str) -> bool:
    return set(word) <= _ADDRESS_CHARACTERS and (word[0] == "[" or (word[0].isdigit() and "." in word))


def _network(word: str) -> Network:
    text = word
    if text.startswith("["):
        inner, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise BadPattern(f"missing ']' character after \"[{inner}\"")
        if rest and rest[0] != "/":
            raise BadPattern(f'garbage after "[{inner}]": "{word}"')
        text = inner + rest
    try:
        return ipaddress.ip_network(text, strict=True)
    except ValueError as reason:
        raise BadPattern(_why(word, text, reason)) from None


def _why(word: str, text: str, reason: ValueError) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"bad address pattern: {word!r} ({reason})"
    return f'non-null host address bits in "{word}", perhaps you should use "{network}" instead'


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    text = address[5:] if address[:5].lower() == "ipv6:" else address
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None

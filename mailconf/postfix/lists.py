"""Pattern lists: mydestination, relay_domains, mynetworks and their kin (postconf(5) mynetworks, relay_domains).

A list holds literal patterns, ``type:table`` (the table has the key), and ``/file/name`` (its words in the pattern's
place); ``!`` in front of a pattern excludes what it matches. The first pattern that matches decides.

- Strings (mydestination, virtual_alias_domains): equality without regard to case.
- Domains (relay_domains): also the subdomains, when parent_domain_matches_subdomains names the parameter; otherwise
  ``.domain`` matches them.
- Hosts (mynetworks): names as domains, and addresses: ``192.0.2.1``, ``192.0.2.0/24``, ``[2001:db8::]/32``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.lookup import is_pattern, parents
from mailconf.postfix.words import split

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_ADDRESS_CHARACTERS = frozenset("0123456789abcdefABCDEF.:[]/")


class Kind(Enum):
    STRING = "string"
    DOMAIN = "domain"
    HOST = "host"


class BadPattern(ValueError):
    """A pattern that cannot mean anything; the message says why."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    text: str  # case folded
    exclude: bool = False
    table: str = ""
    network: Network | None = None


@dataclass(slots=True)
class PatternList:
    """One compiled list. ``problems`` holds what is wrong with it; a query that reaches such a pattern fails."""

    name: str
    kind: Kind
    parents: bool = False
    patterns: list[_Pattern] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
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
        for exclude, word in _flatten([w.text for w in split(value)], False, read, made.problems, 0):
            try:
                made.patterns.append(_pattern(word, exclude, kind))
            except BadPattern as problem:
                made.problems.append(str(problem))
        plain = not any(p.exclude or p.table or p.network for p in made.patterns)
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
            if await self._matches_name(ask, pattern, folded):
                return not pattern.exclude
        return False

    async def match_host(self, ask: Ask, name: str, address: str) -> bool:
        """Whether the list has the host of this name ("" or "unknown": only the address counts) and IP address."""
        folded = name.casefold()
        ip = _ip(address)
        for pattern in self.patterns:
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


def _flatten(
    words: Sequence[str], exclude: bool, read: Callable[[str], str] | None, problems: list[str], depth: int
) -> Iterator[tuple[bool, str]]:
    for word in words:
        text = word.lstrip("!")
        flipped = exclude ^ bool((len(word) - len(text)) % 2)
        if text.startswith("/"):
            if depth > 10 or read is None:
                problems.append(f"{text}: pattern files include each other without end")
                continue
            try:
                content = read(text)
            except OSError as failure:
                problems.append(f"open file {text}: {failure.strerror}")
                continue
            lines = (line.split("#", 1)[0] if line.lstrip().startswith("#") else line for line in content.splitlines())
            inner = [w.text for line in lines for w in split(line)]
            yield from _flatten(inner, flipped, read, problems, depth + 1)
        elif text:
            yield flipped, text


def _pattern(word: str, exclude: bool, kind: Kind) -> _Pattern:
    head, colon, _ = word.partition(":")
    if colon and head and "[" not in head and not (kind is Kind.HOST and _looks_like_address(word)):
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

"""Pattern lists: mydestination, relay_domains, mynetworks and others (postconf(5) mynetworks, relay_domains).

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

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from io import StringIO
from socket import AF_INET
from typing import NamedTuple, overload

from mailconf.maps.patterns.networks import BadNetwork, IpAddress, Network, read_address, read_network
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.settings.lookup import is_pattern, parent_keys, parents
from mailconf.postfix.text.words import scan
from mailconf.source import Span

MOST_WORDS = 1_000_000  # of one list, the files that it names included
MOST_NESTED = 10  # files inside one another
MOST_FAILED = 1000  # files that cannot be read, and are not tried again
_NO_TEXT = "\1"
_NUMBER = "(0|[1-9][0-9]{0,2})"
_FOUR = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:/{_NUMBER})?")
_OF_ADDRESSES = frozenset("0123456789abcdefABCDEF.:")
_OF_NETWORKS = _OF_ADDRESSES | frozenset("[]/")


class ListKind(Enum):
    STRING = "string"
    DOMAIN = "domain"
    HOST = "host"


class Texts(Iterable[str]):
    """Texts in a row, at little more than their characters: a list may have a million. No text has a NUL."""

    def __init__(self) -> None:
        self._written = StringIO()
        self.size = 0  # in characters

    def append(self, text: str) -> None:
        self._written.write(text + "\0")
        self.size += len(text) + 1

    def joined(self) -> str:
        """Each text, and a NUL after it."""
        return self._written.getvalue()

    def __iter__(self) -> Iterator[str]:
        text, at = self.joined(), 0
        while at < len(text):
            end = text.index("\0", at)
            yield text[at:end]
            at = end + 1


class ListWords(Sequence[str]):
    """The words of a list as `Texts`."""

    def __init__(self, words: Iterable[str]) -> None:
        texts, self._size = Texts(), 0
        for word in words:
            texts.append(word)
            self._size += 1
        self._texts = texts

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    @overload
    def __getitem__(self, number: int) -> str: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[str]: ...

    def __getitem__(self, number: int | slice) -> str | Sequence[str]:
        return tuple(self)[number]


class _Networks:
    """Networks, and the place of each in the list: found by the beginning of an address, one search a length.

    IPv4 has an array of numbers for each length of prefix, the prefix's bits before the place; IPv6 a list of them.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], array[int] | list[int]] = {}
        self._sorted = True

    def add(self, network: Network, place: int) -> None:
        key = network.family, network.shift
        if key not in self._found:
            self._found[key] = array("Q") if network.family == AF_INET else []
        self._found[key].append(network.value << 32 | place)
        self._sorted = False

    def find(self, ip: IpAddress) -> int:
        """The place of the first network that ``ip`` is in, -1 if it is in no network."""
        if not self._sorted:
            for key, found in self._found.items():
                self._found[key] = array("Q", sorted(found)) if key[0] == AF_INET else sorted(found)
            self._sorted = True
        first = -1
        for (family, shift), found in self._found.items():
            if family != ip.family:
                continue
            network = ip.value >> shift
            at = bisect_left(found, network << 32)
            if at < len(found) and found[at] >> 32 == network:
                place = found[at] & 0xFFFFFFFF
                first = place if first < 0 else min(first, place)
        return first


@dataclass(slots=True)
class PatternList:
    """One compiled list.

    ignored   the words that begin with ``#``, with what follows them
    fatal     why a program ends that reads the list, "" for a list that can be read: no question is answered

    The patterns are one text, as a file may have a million of them: each has a NUL before it and after it, ``!`` first
    if it excludes, in lower case unless it is a table; tables, which no name is compared with, have `_NO_TEXT` before
    them. Names are compared with networks, too: the original compares them with every text. What is more than a text
    to compare is known by its place there (``_special``): tables, and what cannot be used (``_reasons`` has the number
    of the reason in ``_messages``, 0 where the pattern itself shows it).
    """

    name: str
    kind: ListKind
    parents: bool = False
    ignored: Texts = field(default_factory=Texts)
    fatal: str = ""
    _text: str = "\0"
    _excludes: bool = False
    _networks: _Networks = field(default_factory=_Networks)
    _special: array[int] = field(default_factory=lambda: array("Q"))
    _reasons: array[int] = field(default_factory=lambda: array("H"))
    _messages: list[str] = field(default_factory=lambda: [""])

    @classmethod
    def compile(
        cls,
        name: str,
        value: str,
        kind: ListKind,
        *,
        parents: bool = False,
        read: Callable[[str], str] | None = None,
    ) -> PatternList:
        """``value`` is the expanded parameter; ``read`` gives a pattern file's text (OSError: a problem)."""
        made = cls(name, kind, parents)
        texts = Texts()
        texts.append("")
        for found in ListReader(read, made.ignored).words(value):
            made._add(texts, found)
        made._text = texts.joined()
        return made

    def _add(self, texts: Texts, found: ListMatch) -> None:
        """Put a pattern after the ``texts`` before it."""
        word, place, reason = found.text, texts.size, 0
        special, mark = True, ""
        if found.fatal:
            self.fatal = self.fatal or found.fatal
            return
        if found.problem:
            if found.problem not in self._messages:
                self._messages.append(found.problem)
            reason = self._messages.index(found.problem)
            mark = _NO_TEXT
        elif _is_table(word):
            mark = _NO_TEXT
        else:
            special = False
            if self.kind is ListKind.HOST and _looks_like_address(word):
                word = word.lower()
                try:
                    self._networks.add(_network(word), place)
                except BadNetwork:
                    special = True
            else:
                word = word.casefold()
        if special:
            self._special.append(place)
            self._reasons.append(reason)
        self._excludes |= found.exclude
        texts.append(f"{mark}{'!' * found.exclude}{word}")

    def __bool__(self) -> bool:
        return len(self._text) > 1

    def _at(self, place: int) -> tuple[bool, str]:
        """Whether the pattern at ``place`` excludes, and its text."""
        text = self._text[place : self._text.index("\0", place)].removeprefix(_NO_TEXT)
        return (True, text[1:]) if text.startswith("!") else (False, text)

    @property
    def problems(self) -> Iterator[str]:
        """What is wrong with it; a question that comes to such a pattern fails."""
        if self.fatal:
            yield self.fatal
        for place, reason in zip(self._special, self._reasons, strict=True):
            word = self._at(place)[1]
            if reason or not _is_table(word):
                yield self._problem(word, reason)

    def _problem(self, word: str, reason: int) -> str:
        if reason:
            return self._messages[reason].replace("{}", word, 1)
        try:
            _network(word)
        except BadNetwork as problem:
            return str(problem)
        return ""

    def distinguishes(
        self,
        dimension: Dimension,
        address: Dimension | None = None,
        *,
        part: Key = Key.DOMAIN,
        exact: bool = True,
        span: Span | None = None,
    ) -> Iterator[Distinction]:
        """What `match` looks at, of an address its ``part``; with ``address`` what `match_host` does.

        dimension  what the name is of; ``address`` what the IP address is of
        """
        if address is not None:
            part = Key.WHOLE

        def one(about: Dimension, form: Form, text: str, *keys: Key) -> Distinction:
            return Distinction(self.name, about, form, text, keys, exact, span=span)

        for marked in self._text.split("\0"):
            word = marked.removeprefix(_NO_TEXT).removeprefix("!")
            if not word:
                continue
            if _is_table(word):
                form = Form.PATTERN if is_pattern(word) else Form.TABLE
                below = (parent_keys(subdomains=self.parents),) if form is Form.TABLE else ()
                yield one(dimension, form, word, part, *(() if self.kind is ListKind.STRING else below))
                if address is not None:
                    yield one(address, form, word, Key.WHOLE)
            elif marked.startswith(_NO_TEXT):
                continue
            elif self.kind is ListKind.HOST and _looks_like_address(word):
                yield one(address or dimension, Form.NETWORK, word)
                if address is not None:
                    yield one(dimension, Form.LITERAL, word, part)
            else:
                yield one(dimension, Form.LITERAL, word, part)
                if self.kind is not ListKind.STRING and (self.parents or word.startswith(".")):
                    yield one(dimension, Form.SUFFIX, word if word.startswith(".") else f".{word}", part)
                if address is not None:
                    yield one(address, Form.LITERAL, word, Key.WHOLE)

    async def match(self, ask: Ask, name: str) -> bool:
        """Whether the list has ``name``. Raises LookupFailed."""
        self._check()
        folded = name.casefold()
        first = self._first(self._texts_of(folded))
        for place, reason in zip(self._special, self._reasons, strict=True):
            if -1 < first <= place or not (folded or self.kind is ListKind.STRING):
                break
            exclude, word = self._at(place)
            if reason:
                raise self._failed(ask, self._problem(word, reason))
            if _is_table(word) and await self._in_table(ask, word, self._keys(word, folded)):
                return not exclude
        return first >= 0 and not self._at(first)[0]

    async def match_host(self, ask: Ask, name: str, address: str) -> bool:
        """Whether the list has the host of this name ("": only the address counts) and IP address; what is no address
        is compared with nothing."""
        return await self.host_pattern(ask, name, address) is not None

    async def host_pattern(self, ask: Ask, name: str, address: str) -> str | None:
        """The text, network or table by which `match_host` finds a host; None where it does not."""
        self._check()
        folded, numeric = name.casefold(), _numeric(address)
        first = self._first_host(folded, numeric)
        for place, reason in zip(self._special, self._reasons, strict=True):
            if -1 < first <= place or not (folded or numeric):
                break
            exclude, word = self._at(place)
            if not reason and _is_table(word):
                named = folded and await self._in_table(ask, word, self._keys(word, folded))
                if named or (numeric and await self._in_table(ask, word, iter((address,)))):
                    return None if exclude else word
            elif reason or self._stops(word, numeric):
                raise self._failed(ask, self._problem(word, reason))
        exclude, word = self._at(first) if first >= 0 else (True, "")
        return None if exclude else word

    def _first_host(self, folded: str, numeric: str) -> int:
        """Where the first text or network is that matches a host, -1 if there is none."""
        ip = read_address(numeric)
        first = self._first({**dict.fromkeys(self._texts_of(folded) if folded else ()), numeric: None})
        network = self._networks.find(ip) if ip is not None else -1
        return first if network < 0 or 0 <= first < network else network

    def _failed(self, ask: Ask, problem: str, table: str = "") -> LookupFailed:
        """The failure of this list, of which the log has a line."""
        ask.warn(f"{self.name}: {table + ': table lookup problem' if table else problem}")
        return LookupFailed(table or self.name, problem)

    def _check(self) -> None:
        if self.fatal:
            raise LookupFailed(self.name, self.fatal)

    @staticmethod
    def _stops(word: str, address: str) -> bool:
        """Whether an address that cannot be used ends the search: it is compared with addresses of its version only,
        and what is neither a network nor IPv6 is compared as a text."""
        return bool(address) and (":" in address) is (":" in word) and not {"/", ":"}.isdisjoint(word)

    def _texts_of(self, name: str) -> Iterator[str]:
        """The patterns that match a name, those that are texts."""
        yield name
        if self.kind is ListKind.STRING:
            return
        at = name.find(".")
        while at >= 0:
            yield name[at + 1 :] if self.parents else name[at:]
            at = name.find(".", at + 1)

    def _first(self, texts: Iterable[str]) -> int:
        """Where the first pattern is that is one of ``texts``, -1 if there is no such pattern."""
        first, end = -1, len(self._text)
        for text in texts:
            if not text or text[0] in ("!", _NO_TEXT) or "\0" in text:
                continue
            for mark in ("\0", "\0!") if self._excludes else ("\0",):
                at = self._text.find(f"{mark}{text}\0", 0, end)
                if at >= 0:
                    first = at + 1
                    end = first + len(text) + 2  # what begins after it does not count
        return first

    def _keys(self, table: str, name: str) -> Iterator[str]:
        yield name
        if self.kind is not ListKind.STRING and not is_pattern(table):
            yield from (parent if self.parents else f".{parent}" for parent in parents(name))

    async def _in_table(self, ask: Ask, table: str, keys: Iterator[str]) -> bool:
        for key in keys:
            answer = await ask.lookup(table, key)
            if answer.failed:
                raise self._failed(ask, answer.reason, table)
            if answer.found:
                return True
        return False


class ListMatch(NamedTuple):
    """A word of a list.

    problem  why the file that it names cannot be read, with ``{}`` for its name
    fatal    why Postfix's programs end at it
    """

    text: str
    exclude: bool
    problem: str = ""
    fatal: str = ""


class ListReader:
    """Takes a list apart, and the files that it names.

    read     gives the text of a file. Raises OSError
    ignored  takes the text that follows a ``#`` and is ignored
    """

    def __init__(self, read: Callable[[str], str] | None, ignored: Texts | None = None) -> None:
        self._read = read
        self._ignored = ignored
        self._texts: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._left = MOST_WORDS
        self._tables = False

    def words(self, value: str, *, tables: bool = False) -> Iterator[ListMatch]:
        """The words of a parameter's expanded value. ``tables``: only those are wanted, others may be left out."""
        self._tables = tables
        yield from self._line(value, False, ())

    def _line(self, line: str, exclude: bool, inside: tuple[str, ...]) -> Iterator[ListMatch]:
        """``inside`` are the files that led here."""
        if self._tables and ":" not in line and "/" not in line:
            return
        for word, offset in scan(line):
            if word.startswith("#"):
                if self._ignored is not None:
                    self._ignored.append(line[offset:].rstrip())
                return
            text = word.lstrip("!")
            flipped = exclude ^ bool((len(word) - len(text)) % 2)
            self._left -= 1
            if self._left < 0:
                yield ListMatch(text, flipped, f"more than {MOST_WORDS} words")
                return
            if text.startswith("/"):
                yield from self._file(text, flipped, inside)
            else:
                yield ListMatch(text, flipped, fatal=_fatal(text))

    def _file(self, name: str, exclude: bool, inside: tuple[str, ...]) -> Iterator[ListMatch]:
        if name in inside or len(inside) > MOST_NESTED or self._read is None:
            yield ListMatch(name, exclude, "{}: pattern files include each other without end")
            return
        problem = self._failed.get(name, "")
        if not problem and name not in self._texts:
            try:
                self._texts[name] = self._read(name)
            except IsADirectoryError as failure:
                yield ListMatch(name, exclude, fatal=f"read file {name}: {failure.strerror}")
                return
            except OSError as failure:
                problem = f"open file {{}}: {failure.strerror}"
                if len(self._failed) < MOST_FAILED:
                    self._failed[name] = problem
        if problem:
            yield ListMatch(name, exclude, problem)
            return
        text, at = self._texts[name], 0
        while at <= len(text) and self._left >= 0:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            if not text.startswith("#", at):
                yield from self._line(text[at:end].partition("\0")[0], exclude, (*inside, name))
            at = end + 1


def _numeric(address: str) -> str:
    """An address as networks are compared with it, "" for what is none."""
    numeric = address[5:] if address[:5].lower() == "ipv6:" else address
    return numeric.lower() if set(numeric) <= _OF_ADDRESSES else ""


def _is_table(word: str) -> bool:
    return ":" in word and word[0] != "["


def _fatal(word: str) -> str:
    if not word:
        return "no pattern after '!'"
    if _is_table(word) and "" in word.split(":", 1):
        return f'open dictionary: expecting "type:name" form instead of "{word}"'
    return ""


def _looks_like_address(word: str) -> bool:
    """Whether a pattern can only be meant for an address or a network, like ``be/be``."""
    return set(word) <= _OF_NETWORKS and (word[0] == "[" or "/" in word or (word[0].isdigit() and "." in word))


def _network(word: str) -> Network:
    """Raises BadNetwork."""
    four = _FOUR.fullmatch(word)
    if four is not None:
        *numbers, last = map(int, four.groups("32"))
        number = int.from_bytes(numbers) if max(numbers) < 256 else -1
        if number >= 0 and last <= 32 and not number & ((1 << 32 - last) - 1):
            return Network(AF_INET, number >> 32 - last, 32 - last)
    return read_network(word)

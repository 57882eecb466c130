"""Whether a map is asked for keys of a domain: the rulesets of a .cf are run on addresses of it.

`Examined.of` prepares a configuration; None where nothing can be known of it. A domain counts as never asked for when
no input of `_inputs` under any of the suppositions leads to a key with it, and when what was seen accounts for all
rules that ask the map: each has asked it in some run, is in no ruleset that sendmail comes to, or has a class without
members on its left side.

The suppositions: the tables as they are in their texts, and a DNS in which each name exists; and without an entry in
the map's own text, so that no found value ends a search early, a DNS in which no name exists, and one in which this
machine takes the mail of all domains (bestmx_is_local, relay_based_on_MX).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.load import load_source
from mailconf.sendmail.rules.machine import NamedMachine
from mailconf.sendmail.rules.problems import Problems, Stopped
from mailconf.sendmail.rules.questions import (
    Asked,
    Budget,
    Calls,
    Probe,
    Supposed,
    everywhere,
    nowhere,
    questions,
    ways,
)
from mailconf.sendmail.rules.symbols import IN_CLASS

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.compile import CompiledRule

UNKNOWN_HOST = "host.name.invalid"  # what a machine is called whose name is not known
_LOCAL, _DETAIL, _SUBDOMAIN = "zqxprobe", "zqxdetail", "zqxsub"
_MEMBER = "zqxmember.invalid"
_MOST_LOCALS = 3
_SUFFIXES = ("", ".db", ".cdb")
_NOTHING: Mapping[bytes, bytes] = {}
# Maps whose answers come from elsewhere: what rulesets do after them is not known. host and bestmx are supposed.
_ELSEWHERE = frozenset(("dns", "ldap", "nis", "nisplus", "userdb", "program", "socket"))


class Examined:
    """A .cf, and what its rulesets ask of one map."""

    def __init__(self, book: Rulebook, calls: Calls, map_name: str, worlds: Sequence[tuple[Supposed, bool]]) -> None:
        self.book = book
        self._calls = calls
        self._map = folded(map_name)
        self._worlds = worlds  # and whether the map is empty there
        self._ways = calls.ways_to(map_name)
        self._budget = Budget()
        self._host = book.macros.expand(book.macros.get("j") or "", lambda text: None)
        self._domains: set[str] = set()  # for which the map was asked without what is in it
        self._seen: set[tuple[str, int]] = set()  # the rules that have asked it
        self._known = True

    @classmethod
    def of(
        cls,
        cf: Cf,
        root: Tree,
        host: str,
        map_name: str,
        file: str,
        tables: Mapping[str, Mapping[bytes, bytes]],
        classes: Iterable[str],
    ) -> Examined | None:
        """Prepare a configuration.

        host     what the machine is called; "" where it is not known
        file     the text of the map
        tables   what is in the maps' texts, by their names, ``file`` among them
        classes  those of whose members the map is asked
        """
        if not all(item.is_file for item in cf.class_files):
            return None
        machine = NamedMachine(root, host or UNKNOWN_HOST)
        problems = Problems(lambda problem: None)
        try:
            book = load_source(cf.source, machine, problems, cdb=True)
        except Stopped:
            return None
        map_ = book.maps.get(folded(map_name))
        calls = Calls(book)
        if map_ is None or not map_.valid or _elsewhere(book, calls, map_name):
            return None
        given = {table + suffix: content for table, content in tables.items() for suffix in _SUFFIXES}
        empty = {**given, **dict.fromkeys((file + suffix for suffix in _SUFFIXES), _NOTHING)}
        own = book.macros.expand(book.macros.get("j") or "", lambda text: None)
        worlds = [
            (Supposed(root, tables=given, dns=everywhere(), machine=machine), False),
            (Supposed(root, tables=empty, dns=nowhere, machine=machine), True),
            (Supposed(root, tables=empty, dns=everywhere(own), machine=machine), True),
        ]
        examined = cls(book, calls, map_name, worlds)
        examined._try_members([book.names.character(name) for name in classes])
        return examined

    # -- questions

    def is_never_asked(self, domain: str, locals_: Sequence[str]) -> bool:
        """Whether no lookup asks for a key of this domain; False where that is not known."""
        if not self._known or not self._calls.asking(self._map):
            return False
        for asked, empty in self._runs(domain, locals_):
            if domain in self._domains_of(asked):
                return False
            self._judge(asked, domain, empty)
            if not self._known:
                return False
        return self._accounts_for_all()

    def is_asked_with(self, character: str, word: str, domain: str, locals_: Sequence[str]) -> bool:
        """Whether keys of the domain are asked for as soon as a class has ``word``."""
        classes = self.book.classes
        if classes.has(character, word):
            return False
        classes.add(character, word)
        try:
            return any(domain in self._domains_of(asked) for asked, _ in self._runs(domain, locals_))
        finally:
            classes.remove(character, word)

    # -- runs

    def _runs(self, domain: str, locals_: Sequence[str]) -> Iterator[tuple[Asked, bool]]:
        inputs = [Probe(text, way) for text in _inputs(domain, self._host, locals_) for way in self._ways]
        for world, empty in self._worlds:
            asked = questions(self.book, inputs, world, self._budget, self._calls)
            if not asked.complete:
                self._known = False
            yield asked, empty

    def _try_members(self, classes: Iterable[str]) -> None:
        """Run addresses of domains that are in classes, so that each rule has its occasion."""
        names = [self._host, f"{_SUBDOMAIN}.{self._host}", "outside.invalid"]
        for _, rule in self._calls.asking(self._map):
            names += _members(self.book, rule)
        for name in dict.fromkeys(names):
            self._try(name)
        for character in classes:  # a class may have no members
            self.book.classes.add(character, _MEMBER)
            self._try(_MEMBER)
            self.book.classes.remove(character, _MEMBER)

    def _try(self, name: str) -> None:
        if self._known:
            for asked, empty in self._runs(name, ()):
                self._judge(asked, name, empty)

    def _judge(self, asked: Asked, domain: str, empty: bool) -> None:
        """Take note of the rules that have asked, and of domains that the rules have made up."""
        if asked.failed or not asked.complete:
            self._known = False
        for question in asked.questions:
            if question.map == self._map:
                self._seen.add((question.ruleset, question.line))
        if empty:
            ours = self._ours(domain)
            if not all(name in ours or name.endswith(f".{domain}") for name in self._domains_of(asked) if name):
                self._known = False

    def _ours(self, domain: str) -> set[str]:
        """The domain, and names that are the same for each input: words of classes, values of macros."""
        book = self.book
        names = {domain, folded(self._host), "*local*"}
        for character in ("w", "m", "G", "M", book.names.character("VirtHost")):
            names |= book.classes.set_of(character)
        for character in "jwmkMRHSL":
            value = book.macros.get(character)
            names.add(folded(book.macros.expand(value, lambda text: None)) if value else "")
        return names

    def _domains_of(self, asked: Asked) -> set[str]:
        return {folded(key.rpartition("@")[2]) for key in asked.keys(self._map) if "@" in key}

    def _accounts_for_all(self) -> bool:
        """Whether each rule that asks the map was seen to do so, or cannot."""
        reached = self._calls.reached({start for _, starts in ways(self.book) for start in starts})
        if not self._calls.is_known(reached):
            return False
        for number, rule in self._calls.asking(self._map):
            if number not in reached or (self._calls.ruleset_of(rule), rule.line) in self._seen:
                continue
            if not any(token[:1] == IN_CLASS and not self.book.classes.set_of(token[1:2]) for token in rule.left):
                return False
        return True


def _inputs(domain: str, host: str, locals_: Sequence[str]) -> list[str]:
    """Addresses of a domain in the forms in which keys may have them."""
    found = [f"{_LOCAL}@{domain}", f"{_LOCAL}+{_DETAIL}@{domain}", f"{_LOCAL}+@{domain}"]
    for local in dict.fromkeys(name for name in locals_ if name and name.isprintable()):
        if len(found) < 3 + _MOST_LOCALS:
            found.append(f"{local.replace('*', _DETAIL)}@{domain}")
    found += [f"{_LOCAL}@{domain}.", f"{_LOCAL}%{domain}@{host}", f"{domain}!{_LOCAL}"]
    return [*found, _LOCAL, f"{_LOCAL}+{_DETAIL}", f"{_LOCAL}+"]


def _members(book: Rulebook, rule: CompiledRule) -> Iterator[str]:
    """Of each class on the left side of a rule one word that is a name, and a name below it."""
    for token in rule.left:
        if token[:1] == IN_CLASS:
            words = sorted(word for word in book.classes.set_of(token[1:2]) if word[:1].isalnum())
            for word in words[:1]:
                yield word
                yield f"{_SUBDOMAIN}.{word}"


def _elsewhere(book: Rulebook, calls: Calls, map_name: str) -> bool:
    """Whether a ruleset on the way to the map asks a map whose answers come from elsewhere."""
    on_way: set[int] = set()
    starts = dict(ways(book))
    for way in calls.ways_to(map_name):
        on_way |= calls.reached(starts[way])
    for name, known in book.maps.items():
        if known.kind.name in _ELSEWHERE and any(number in on_way for number, _ in calls.asking(name)):
            return True
    return False

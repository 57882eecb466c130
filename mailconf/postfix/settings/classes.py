"""Which domains are whose: the address classes (ADDRESS_CLASS_README) and the machine's own names and addresses.

Local are the domains of mydestination and ``[address]`` of an address of inet_interfaces or proxy_interfaces
(postconf(5) mydestination).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from mailconf.maps.core.trust import trust_of
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.world import Ask
from mailconf.postfix.settings import machine
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.hostnames import address_literal
from mailconf.postfix.settings.list_places import ListPlaces
from mailconf.postfix.settings.lists import ListKind, PatternList
from mailconf.postfix.settings.lookup import FIND_KEYS, AddressSearch, Tables

# (parameter, as this list) -> a problem
Problem = Callable[[str, str], None]
IGNORED = "comment at end of line is not supported: {}"  # as Postfix warns of it


class Domains:
    """The compiled lists of one configuration; ``problem`` gets what is wrong with them."""

    def __init__(self, configuration: Configuration, problem: Problem) -> None:
        self.configuration = configuration
        self._problem = problem
        self.places = ListPlaces(configuration)
        self._compiled: dict[str, tuple[str, ListKind]] = {}
        c = configuration
        self.default_type = c.value("default_database_type")
        self.subdomain_lists = frozenset(word.lower() for word in c.list_words("parent_domain_matches_subdomains"))
        self.destinations = self.list("mydestination", ListKind.STRING)
        self.virtual_alias = self.list("virtual_alias_domains", ListKind.STRING)
        self.virtual_mailbox = self.list("virtual_mailbox_domains", ListKind.STRING)
        self.relay = self.list("relay_domains", ListKind.DOMAIN)
        self.networks = self.list("mynetworks", ListKind.HOST)
        self.origin = c.origin()
        self.own_addresses = frozenset(_own_addresses(c.words("inet_interfaces"), c.words("inet_protocols")))
        self.interfaces = self.own_addresses | {word.strip("[]") for word in c.words("proxy_interfaces")}
        self.search = AddressSearch(
            c.value("recipient_delimiter"),
            self.has_bare_users,
            owner_special=c.boolean("owner_request_special"),
            bounce=c.value("double_bounce_sender"),
        )

    def list(self, name: str, kind: ListKind, *, parents_as: str = "") -> PatternList:
        """The pattern list that the parameter ``name`` holds."""
        value = self.configuration.value(name)
        made = PatternList.compile(
            name, value, kind, parents=(parents_as or name) in self.subdomain_lists, read=self.configuration.read_list
        )
        for problem in chain(made.problems, map(IGNORED.format, made.ignored)):
            self._problem(name, problem)
        self._compiled[name] = (value, kind)
        return made

    def check_changed(self, configuration: Configuration, problem: Problem) -> None:
        """Hand ``problem`` what is wrong with the lists that another view of the same configuration has."""
        for name, (value, kind) in self._compiled.items():
            other = configuration.value(name)
            if other != value:
                made = PatternList.compile(name, other, kind, read=configuration.read_list)
                for text in chain(made.problems, map(IGNORED.format, made.ignored)):
                    problem(name, text)

    def tables(self, name: str, program: str = "smtpd") -> Tables:
        """The lookup tables that the parameter ``name`` lists, as ``program`` opens them (see `trust_of`)."""
        return Tables.of(self.configuration.value(name), self.default_type, trust_of(name, program))

    def looks_up(
        self, rule: str, tables: Tables, dimension: Dimension, *, exact: bool = True, fixed: tuple[str, ...] = ()
    ) -> Iterator[Distinction]:
        """What a search for an address in ``tables`` looks at (`AddressSearch.find`); ``rule`` names their parameter.

        fixed  is asked for where there is no address
        """
        if tables:
            span = self.configuration.span(rule)
            yield from tables.distinguishes(rule, dimension, (Key.WHOLE,), FIND_KEYS, exact=exact, span=span)
            if fixed:
                yield from tables.distinguishes(rule, dimension, (Key.FIXED,), exact=exact, fixed=fixed, span=span)
            yield from self.looks_for_local(dimension, exact=exact)

    def looks_for_local(self, dimension: Dimension, *, exact: bool = True) -> Iterator[Distinction]:
        """What `is_local` and `has_bare_users` look at."""
        yield from self.looks_at(self.destinations, dimension, exact=exact)
        for address in sorted(self.interfaces):
            yield Distinction("inet_interfaces", dimension, Form.LITERAL, f"[{address}]", (Key.DOMAIN,), exact)
        yield Distinction("myorigin", dimension, Form.LITERAL, self.origin, (Key.DOMAIN,), exact)

    def looks_at(
        self,
        patterns: PatternList,
        dimension: Dimension,
        address: Dimension | None = None,
        *,
        part: Key = Key.DOMAIN,
        exact: bool = True,
    ) -> Iterator[Distinction]:
        """What a pattern list looks at, with its place; see `PatternList.distinguishes`."""
        span = self.configuration.span(patterns.name)
        return patterns.distinguishes(dimension, address, part=part, exact=exact, span=span)

    async def is_local(self, ask: Ask, domain: str) -> bool:
        """Whether mail for ``domain`` is for this machine's own users. Raises LookupFailed."""
        if await self.destinations.match(ask, domain.removesuffix(".") if len(domain) > 1 else domain):
            return True
        return (address_literal(domain) or "") in self.interfaces

    async def has_bare_users(self, ask: Ask, domain: str) -> bool:
        """Whether tables may name the users of ``domain`` without it: also those of myorigin."""
        return domain.lower() == self.origin.lower() or await self.is_local(ask, domain)


def _own_addresses(interfaces: list[str], protocols: list[str]) -> list[str]:
    """The machine's addresses; those that the configuration names where they are another machine's."""
    try:
        return machine.own_addresses(interfaces, protocols)
    except ValueError:
        return [word.strip("[]") for word in interfaces]

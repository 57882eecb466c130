"""Lists of tables, and the order in which Postfix tries the forms of an address (postconf(5) "maps" parameters).

Tables are of two families. Those of fixed strings (hash, lmdb, static, ...) are asked for every form of an address; the
pattern tables (regexp, pcre, cidr, tcp) only for the whole of it: regexp_table(5), cidr_table(5), tcp_table(5).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

from mailconf.maps.core.trust import ORDINARY, Trust
from mailconf.maps.reference import TableRef
from mailconf.model.address import Address, quote_local, split_extension
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.world import Answer, Ask, EmptyResult, LookupFailed
from mailconf.postfix.text.words import split_words, table_spec, unbraced
from mailconf.source import Span

MAX_NESTED = 20  # tables of tables inside one another that are looked at


def is_pattern(table: str, depth: int = 0) -> bool:
    """Whether ``table`` ("type:name") matches patterns against whole keys instead of storing strings."""
    direct = TableRef.parse(table).direct
    if direct.kind.composite and depth < MAX_NESTED:
        return any(is_pattern(member.text, depth + 1) for member in split_words(unbraced(direct.name)))
    return direct.kind.pattern


class Tables:
    """The tables that a parameter names, asked in order; the first answer counts, a failure ends the search.

    trust    how far the program that asks trusts them
    written  the parameter has a value, even if that names no table (``,``)
    """

    def __init__(self, specs: Sequence[str], trust: Trust = ORDINARY, *, written: bool = False) -> None:
        self.specs = tuple(specs)
        self.written = written or bool(specs)
        self._trust = trust
        self._fixed = tuple(spec for spec in specs if not is_pattern(spec))

    @classmethod
    def of(cls, value: str, default_type: str, trust: Trust = ORDINARY) -> Tables:
        """The tables of a parameter's expanded value."""
        specs = [table_spec(word.text, default_type) for word in split_words(value)]
        return cls(specs, trust, written=bool(value))

    def __bool__(self) -> bool:
        return bool(self.specs)

    def distinguishes(
        self,
        rule: str,
        dimension: Dimension,
        keys: tuple[Key, ...],
        partial: tuple[Key, ...] = (),
        *,
        exact: bool = True,
        fixed: tuple[str, ...] = (),
        span: Span | None = None,
    ) -> Iterator[Distinction]:
        """What `find` looks at: ``keys``, and of tables of fixed strings those that are ``partial``, too."""
        for spec in self.specs:
            if spec in self._fixed:
                yield Distinction(rule, dimension, Form.TABLE, spec, keys + partial, exact, fixed, span=span)
            elif keys:
                yield Distinction(rule, dimension, Form.PATTERN, spec, keys, exact, fixed, span=span)

    def sieves(self, ask: Ask) -> list[re.Pattern[bytes]] | None:
        """One of which is found in each text in lower case for which there is an entry; None where it is not known."""
        found = [ask.sieve(spec, self._trust) for spec in self.specs]
        return [each for each in found if each is not None] if None not in found else None

    async def find(self, ask: Ask, key: str, *, partial: bool = False, secret: bool = False) -> Answer | None:
        """The entry for exactly ``key``, or None. ``partial`` keys are parts of an address: no patterns are asked; a
        ``secret`` entry does not get into the trace.

        Raises LookupFailed, and for an entry with an empty value EmptyResult.
        """
        if not key:
            return None
        for spec in self._fixed if partial else self.specs:
            answer = await ask.lookup(spec, key, self._trust, secret=secret)
            if answer.failed:
                ask.warn(f'{spec} lookup error for "{key}"')
                raise LookupFailed(spec, answer.reason)
            if answer.found:
                if not answer.value:
                    raise EmptyResult(spec, key)
                return answer._replace(table=spec)
        return None


# The keys beside the whole address: of `AddressSearch.find`; of `find_transport` and `find_access`, where the parents
# of a domain have a dot before them, or none (postconf(5) parent_domain_matches_subdomains).
FIND_KEYS = (Key.PLAIN, Key.LOCAL, Key.PLAIN_LOCAL, Key.AT_DOMAIN)


def parent_keys(*, subdomains: bool) -> Key:
    return Key.PARENTS if subdomains else Key.DOT_PARENTS


def transport_keys(*, subdomains: bool) -> tuple[Key, ...]:
    return Key.PLAIN, Key.DOMAIN, parent_keys(subdomains=subdomains)


def access_keys(*, subdomains: bool) -> tuple[Key, ...]:
    return *transport_keys(subdomains=subdomains), Key.LOCAL_AT, Key.PLAIN_LOCAL_AT


class Match(NamedTuple):
    """What was found for an address: the entry, the key that found it, and the extension that the key left out."""

    answer: Answer
    key: str
    extension: str


def parents(domain: str) -> Iterator[str]:
    """The parent domains of a name, nearest first, without a leading dot."""
    at = domain.find(".", 1)
    while at >= 0:
        yield domain[at + 1 :]
        at = domain.find(".", at + 1)


Local = Callable[[Ask, str], Awaitable[bool]]


class AddressSearch:
    """Looks addresses up under the forms that postconf(5) and the table manuals list, in their order."""

    def __init__(self, delimiters: str, local: Local, *, owner_special: bool, bounce: str) -> None:
        """``local`` decides whether a domain is one whose users may be in tables without it."""
        self.delimiters = delimiters
        self._local = local
        self._owner_special = owner_special
        self._bounce = bounce

    def split(self, local: str) -> tuple[str, str]:
        return split_extension(local, self.delimiters, owner_special=self._owner_special, bounce=self._bounce)

    async def find(self, ask: Ask, tables: Tables, address: str, *, internal: bool = True) -> Match | None:
        """canonical(5), virtual(5), ...: user+ext@domain, user@domain, user+ext, user, @domain.

        Each with the local part as it is written, in quotes where it needs them, and then, unless not ``internal``, as
        it is meant. Cleanup's rewriting asks for the first only, all else for both.
        """
        if not tables:
            return None
        whole, domain = Address.split(address)
        user, extension = self.split(whole)
        at = "" if domain is None else f"@{domain}"
        if found := await self._find_forms(ask, tables, whole, at, internal, partial=False):
            return found
        if extension and (found := await self._find_forms(ask, tables, user, at, internal, extension)):
            return found
        if domain is None:
            return None
        if await self._local(ask, domain):
            if found := await self._find_forms(ask, tables, whole, "", internal):
                return found
            if extension and (found := await self._find_forms(ask, tables, user, "", internal, extension)):
                return found
        if answer := await tables.find(ask, at, partial=True):
            return Match(answer, at, "")  # stands for all users, so nothing of the address is left over
        return None

    @staticmethod
    async def _find_forms(
        ask: Ask,
        tables: Tables,
        local: str,
        at: str,
        internal: bool = True,
        extension: str = "",
        *,
        partial: bool = True,
    ) -> Match | None:
        """The entry for a local part with ``at`` after it, in external and in internal form."""
        if not local and not at:
            return None
        forms = (quote_local(local), local) if internal else (quote_local(local),)
        for form in dict.fromkeys(forms):
            if answer := await tables.find(ask, form + at, partial=partial):
                return Match(answer, form + at, extension)
        return None

    async def find_transport(self, ask: Ask, tables: Tables, address: str, *, subdomains: bool) -> Match | None:
        """transport(5): user+ext@domain, user@domain, domain, its parents (with a leading dot unless subdomains)."""
        whole, domain = Address.split(address)
        user, extension = self.split(whole)
        at = "" if domain is None else f"@{domain}"
        if found := await self._find_forms(ask, tables, whole, at, partial=False):
            return found
        if extension and domain is not None and (found := await self._find_forms(ask, tables, user, at)):
            return found
        return await self._find_domain(ask, tables, domain or "", subdomains)

    async def find_access(self, ask: Ask, tables: Tables, address: str, *, subdomains: bool) -> Match | None:
        """access(5), "EMAIL ADDRESS PATTERNS": address, domain and parents, user+ext@, user@."""
        if found := await self.find_transport(ask, tables, address, subdomains=subdomains):
            return found
        whole, domain = Address.split(address)
        if domain is None:
            return None
        user, extension = self.split(whole)
        if found := await self._find_forms(ask, tables, whole, "@"):
            return found
        if extension and (found := await self._find_forms(ask, tables, user, "@")):
            return found
        return None

    @staticmethod
    async def _find_domain(ask: Ask, tables: Tables, domain: str, subdomains: bool) -> Match | None:
        if answer := await tables.find(ask, domain, partial=True):
            return Match(answer, domain, "")
        for parent in parents(domain):
            key = parent if subdomains else f".{parent}"
            if answer := await tables.find(ask, key, partial=True):
                return Match(answer, key, "")
        return None

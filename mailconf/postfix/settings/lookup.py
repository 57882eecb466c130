"""Lists of tables, and the order in which Postfix tries the forms of an address (postconf(5) "maps" parameters).

Tables are of two families. Those of fixed strings (hash, lmdb, static, ...) are asked for every form of an address; the
pattern tables (regexp, pcre, cidr, tcp) only for the whole of it: regexp_table(5), cidr_table(5), tcp_table(5).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

from mailconf.maps.core.trust import ORDINARY, Trust
from mailconf.maps.reference import TableRef
from mailconf.model.address import Address
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.world import Answer, Ask, LookupFailed
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

    trust  how far the program that asks trusts them
    """

    def __init__(self, specs: Sequence[str], trust: Trust = ORDINARY) -> None:
        self.specs = tuple(specs)
        self._trust = trust
        self._fixed = tuple(spec for spec in specs if not is_pattern(spec))

    @classmethod
    def of(cls, value: str, default_type: str, trust: Trust = ORDINARY) -> Tables:
        """The tables of a parameter's expanded value."""
        return cls([table_spec(word.text, default_type) for word in split_words(value)], trust)

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

    async def find(self, ask: Ask, key: str, *, partial: bool = False) -> Answer | None:
        """The entry for exactly ``key``, or None. ``partial`` keys are parts of an address: no patterns are asked.

        An entry with an empty value counts as absent. Raises LookupFailed.
        """
        if not key:
            return None
        for spec in self._fixed if partial else self.specs:
            answer = await ask.lookup(spec, key, self._trust)
            if answer.failed:
                raise LookupFailed(spec, answer.reason)
            if answer.found and answer.value:
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


def split_extension(local: str, delimiters: str, *, owner_special: bool = True, bounce: str = "") -> tuple[str, str]:
    """The local part without its extension, and the extension with the delimiter, "" without an extension.

    postconf(5) recipient_delimiter: any character of the set, the leftmost one counts; never at the first place.
    Mailer-daemon and the double-bounce address have no extension, and with ``-`` as a delimiter neither have owner-list
    and list-request (postconf(5) owner_request_special).
    """
    if not delimiters:
        return local, ""
    folded = local.lower()
    if folded in ("mailer-daemon", "postmaster") or (bounce and folded == bounce.lower()):
        return local, ""
    if owner_special and "-" in delimiters and (folded.startswith("owner-") or folded.endswith("-request")):
        return local, ""
    for at in range(1, len(local)):
        if local[at] in delimiters:
            return local[:at], local[at:]
    return local, ""


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

    async def find(self, ask: Ask, tables: Tables, address: str) -> Match | None:
        """canonical(5), virtual(5), ...: user+ext@domain, user@domain, user+ext, user, @domain."""
        if not tables:
            return None
        whole, domain = Address.split(address)
        user, extension = self.split(whole)
        if answer := await tables.find(ask, address):
            return Match(answer, address, "")
        if domain is None:
            if extension and (answer := await tables.find(ask, user, partial=True)):
                return Match(answer, user, extension)
            return None
        if extension and (answer := await tables.find(ask, f"{user}@{domain}", partial=True)):
            return Match(answer, f"{user}@{domain}", extension)
        if await self._local(ask, domain):
            if answer := await tables.find(ask, whole, partial=True):
                return Match(answer, whole, "")
            if extension and (answer := await tables.find(ask, user, partial=True)):
                return Match(answer, user, extension)
        if answer := await tables.find(ask, f"@{domain}", partial=True):
            return Match(answer, f"@{domain}", "")  # stands for all users, so nothing of the address is left over
        return None

    async def find_transport(self, ask: Ask, tables: Tables, address: str, *, subdomains: bool) -> Match | None:
        """transport(5): user+ext@domain, user@domain, domain, its parents (with a leading dot unless subdomains)."""
        whole, domain = Address.split(address)
        user, extension = self.split(whole)
        if answer := await tables.find(ask, address):
            return Match(answer, address, "")
        if extension and domain is not None and (answer := await tables.find(ask, f"{user}@{domain}", partial=True)):
            return Match(answer, f"{user}@{domain}", extension)
        return await self._find_domain(ask, tables, domain or "", subdomains)

    async def find_access(self, ask: Ask, tables: Tables, address: str, *, subdomains: bool) -> Match | None:
        """access(5), "EMAIL ADDRESS PATTERNS": address, domain and parents, user+ext@, user@."""
        if found := await self.find_transport(ask, tables, address, subdomains=subdomains):
            return found
        whole, domain = Address.split(address)
        if domain is None:
            return None
        user, extension = self.split(whole)
        if answer := await tables.find(ask, f"{whole}@", partial=True):
            return Match(answer, f"{whole}@", "")
        if extension and (answer := await tables.find(ask, f"{user}@", partial=True)):
            return Match(answer, f"{user}@", extension)
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

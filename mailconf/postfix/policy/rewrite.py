"""Address rewriting: to the standard form, canonical, masquerade, generic (ADDRESS_REWRITING_README).

The standard form (trivial-rewrite(8)): ``site!user`` becomes user@site and ``user%site`` user@site, when there is no
``@`` and the local part needs no quotes; a bare user gets myorigin, a domain without a dot mydomain; one trailing dot
goes. Everything works on the internal form; what the original decides on quoted text is decided on whether the local
part would need quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailconf.model.address import Address, quote_local
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.transport import AgentKind
from mailconf.model.world import Ask
from mailconf.postfix.settings.classes import Domains
from mailconf.postfix.settings.lists import ListKind
from mailconf.postfix.settings.lookup import Tables
from mailconf.tables import words822

_OF_CLASS = {
    "envelope_sender": Dimension.SENDER,
    "envelope_recipient": Dimension.RECIPIENT,
    "header_sender": Dimension.HEADER,
    "header_recipient": Dimension.HEADER,
}
_SENDERS = frozenset({"envelope_sender", "header_sender"})
_BLANKS = re.compile(r"[, \t\r\n]+")  # masquerade_domains knows no braces
_NESTING = 10  # canonical(5): how often a mapping's result is mapped again


class Rewriter:
    """The rewriting that one configuration asks for."""

    def __init__(self, domains: Domains) -> None:
        c = domains.configuration
        self._domains = domains
        self.search = domains.search
        remote = c.value("remote_header_rewrite_domain")
        at_origin, dot_domain = c.boolean("append_at_myorigin"), c.boolean("append_dot_mydomain")
        # What a bare user and a domain without a dot get, by whether the client is local.
        self._origin = {True: domains.origin if at_origin else "", False: remote if at_origin else ""}
        self._append_domain = {True: c.value("mydomain") if dot_domain else "", False: remote if dot_domain else ""}
        self._swap_bang = c.boolean("swap_bangpath")
        self._percent = c.boolean("allow_percent_hack")
        self._canonical = domains.tables("canonical_maps")
        self._sender_canonical = domains.tables("sender_canonical_maps")
        self._recipient_canonical = domains.tables("recipient_canonical_maps")
        self._canonical_classes = frozenset(c.words("canonical_classes"))
        self._sender_classes = frozenset(c.words("sender_canonical_classes"))
        self._recipient_classes = frozenset(c.words("recipient_canonical_classes"))
        self._masquerade = [word.casefold() for word in _BLANKS.split(c.value("masquerade_domains")) if word]
        self._masquerade_classes = frozenset(c.words("masquerade_classes"))
        self._masquerade_exceptions = domains.list("masquerade_exceptions", ListKind.STRING)
        self._outgoing = {
            AgentKind.SMTP: ("smtp_generic_maps", domains.tables("smtp_generic_maps")),
            AgentKind.LMTP: ("lmtp_generic_maps", domains.tables("lmtp_generic_maps")),
        }
        propagate = frozenset(c.words("propagate_unmatched_extensions"))
        self._propagate_canonical = "canonical" in propagate
        self._propagate_generic = "generic" in propagate

    @property
    def routing_characters(self) -> str:
        """What makes a local part a route of its own: ``@``, and ``!`` and ``%`` where they are allowed."""
        return "@" + "!" * self._swap_bang + "%" * self._percent

    def standard(self, address: str, *, local: bool = True, dequoted: bool = False) -> str:
        """``address`` in standard form; ``local`` completes with myorigin and mydomain, else with the remote domain.

        ``dequoted`` takes a route at its word even where it would need quotes.
        """
        if not address:
            return ""
        return self._standard(*Address.split(address), local=local, dequoted=dequoted)

    def _standard(self, user: str, domain: str | None, *, local: bool = True, dequoted: bool = False) -> str:
        if domain is None and (dequoted or quote_local(user) == user):
            site, bang, rest = user.partition("!")
            rest_percent, percent, last = user.rpartition("%")
            if bang and self._swap_bang:
                user, domain = rest, site
            elif percent and self._percent:
                user, domain = rest_percent, last
        domain = self._origin[local] or None if domain is None else domain
        if domain is None:
            return user
        if "." not in domain and domain and not domain.startswith("["):
            domain = f"{domain}.{self._append_domain[local]}" if self._append_domain[local] else domain
        elif domain.endswith(".") and len(domain) > 1 and not domain.endswith(".."):
            domain = domain[:-1]
        return f"{user}@{domain}"

    def distinguishes(self) -> Iterator[Distinction]:
        """What `rewrite` looks at. A mapping's result is mapped again."""
        for rule, tables, classes in (
            ("sender_canonical_maps", self._sender_canonical, self._sender_classes & _SENDERS),
            ("recipient_canonical_maps", self._recipient_canonical, self._recipient_classes - _SENDERS),
            ("canonical_maps", self._canonical, self._canonical_classes),
        ):
            for dimension in sorted({_OF_CLASS[name] for name in classes if name in _OF_CLASS}, key=str):
                yield from self._domains.looks_up(rule, tables, dimension, exact=False)
        span = self._domains.configuration.span("masquerade_domains")
        for dimension in sorted({_OF_CLASS[name] for name in self._masquerade_classes if name in _OF_CLASS}, key=str):
            for word in self._masquerade:
                suffix = f".{word.lstrip('!')}"
                yield Distinction("masquerade_domains", dimension, Form.SUFFIX, suffix, (Key.DOMAIN,), span=span)
            if self._masquerade:
                yield from self._domains.looks_at(self._masquerade_exceptions, dimension, part=Key.LOCAL)

    def distinguishes_outgoing(self, agent: AgentKind | None) -> Iterator[Distinction]:
        """What `outgoing` looks at: senders, recipients as they were resolved."""
        if agent in self._outgoing:
            rule, tables = self._outgoing[agent]
            for dimension in (Dimension.SENDER, Dimension.RECIPIENT):
                yield from self._domains.looks_up(rule, tables, dimension, exact=False)

    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        """cleanup(8)'s rewriting on the way in. Raises LookupFailed."""
        key = "rewrite", self, address, role.place, role.side, role.local, role.mapped
        return await ask.remembered(key, lambda: self._rewritten(address, role, ask))

    async def _rewritten(self, address: str, role: Role, ask: Ask) -> str:
        address = self.standard(address, local=role.local or role.place is AddressPlace.ENVELOPE)
        if not address or not role.mapped:
            return address
        kind = f"{role.place.value}_{role.side.value}"
        if role.side is Side.SENDER and kind in self._sender_classes:
            address = await self._mapped(ask, self._sender_canonical, address)
        if role.side is Side.RECIPIENT and kind in self._recipient_classes:
            address = await self._mapped(ask, self._recipient_canonical, address)
        if kind in self._canonical_classes:
            address = await self._mapped(ask, self._canonical, address)
        if kind in self._masquerade_classes:
            address = await self._masqueraded(address, ask)
        return address

    async def _mapped(self, ask: Ask, tables: Tables, address: str) -> str:
        """canonical(5): the result is mapped again until it does not change."""
        for _ in range(_NESTING):
            mapped = await self.map_one(ask, tables, address, propagate=self._propagate_canonical)
            if mapped is None or mapped.lower() == address.lower():
                return address if mapped is None else mapped
            address = mapped
        return address

    async def map_one(self, ask: Ask, tables: Tables, address: str, *, propagate: bool) -> str | None:
        """The one address that stands for ``address`` in ``tables``, or None."""
        results = await self.map_all(ask, tables, address, propagate=propagate)
        return results[0] if results else None

    async def map_all(self, ask: Ask, tables: Tables, address: str, *, propagate: bool) -> list[str]:
        """All that ``address`` maps to, in standard form; ``@domain`` keeps the local part."""
        found = await self.search.find(ask, tables, address, internal=False)
        if found is None:
            return []
        value = found.answer.value
        if value.startswith("@"):
            return [self.standard(Address.split(address).local + value)]
        extension = found.extension if propagate else ""
        results = []
        for target in addresses(value):
            local, domain = Address.split(self._standard(target.local, target.domain))
            results.append(str(Address(local + extension, domain)))
        return results

    async def _masqueraded(self, address: str, ask: Ask) -> str:
        """postconf(5) masquerade_domains: the first domain that the host lies below takes its place, unless ``!``.

        Of the user masquerade_exceptions is asked for the external form. Raises LookupFailed.
        """
        user, domain = Address.split(address)
        if domain is None or not self._masquerade:
            return address
        if self._masquerade_exceptions and await self._masquerade_exceptions.match(ask, quote_local(user)):
            return address
        folded = domain.casefold()
        for word in self._masquerade:
            parent = word.lstrip("!")
            if not parent:
                continue
            if folded == parent:
                return address
            if folded.endswith("." + parent):
                keep = (len(word) - len(parent)) % 2
                ask.trace.add("masquerade_domains", address, "kept" if keep else f"{user}@{parent}")
                return address if keep else f"{user}@{parent}"
        return address

    async def outgoing(self, address: str, agent: AgentKind | None, ask: Ask) -> str:
        """What smtp(8) and lmtp(8) make of an address; other agents leave it as it is. Raises LookupFailed."""
        if agent not in self._outgoing or not address:
            return address
        tables = self._outgoing[agent][1]
        if not tables:
            return address
        return await self.map_one(ask, tables, address, propagate=self._propagate_generic) or address


def addresses(value: str) -> list[Address]:
    """The addresses of a table's value in internal form; a quoted ``@`` separates no local part from a domain."""
    return [Address(*address.sides()) for address in words822.addresses(value)]

"""Where a recipient goes: trivial-rewrite(8), "resolve".

An address is local as long as its domain is; a local address whose local part is a route (``user%site``, ``site!user``,
``user@site``) is rewritten and resolved again. Then the domain's class decides (local, virtual alias, virtual mailbox,
relay, default: ADDRESS_CLASS_README), and transport_maps and relocated_maps have the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailconf.model.address import Address, external, quote_local
from mailconf.model.distinction import Dimension, Distinction, Key
from mailconf.model.verdict import Reply, Route
from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.policy.rewrite import Rewriter
from mailconf.postfix.settings.classes import Domains
from mailconf.postfix.settings.hostnames import address_literal, numeric, valid_domain, valid_ipv4
from mailconf.postfix.settings.lookup import Tables, transport_keys

LOCAL, ALIAS, MAILBOX, RELAY, DEFAULT = "local", "virtual alias", "virtual mailbox", "relay", "default"
UNKNOWN_ALIAS = "5.1.1 User unknown in virtual alias table"
_STATUS = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?: |\Z)")
_ROUTING = frozenset("@!%")


@dataclass(slots=True)
class Resolution:
    """What became of an address.

    routed   the local part names a further destination (sender-specified routing)
    bad      the domain is not valid
    failed   a table could not answer; its name
    numeric  the domain was an address without brackets (postconf(5) resolve_numeric_domain)
    """

    recipient: str
    address_class: str = ""
    transport: str = ""
    nexthop: str = ""
    routed: bool = False
    bad: bool = False
    failed: LookupFailed | None = None
    numeric: bool = False


class Resolver:
    """The resolving that one configuration asks for."""

    def __init__(self, domains: Domains, rewriter: Rewriter) -> None:
        c = domains.configuration
        self._domains = domains
        self._rewriter = rewriter
        self._hostname = c.value("myhostname")
        self._null_recipient = c.value("empty_address_recipient")
        self._null_domain = c.boolean("resolve_null_domain")
        self._numeric = c.boolean("resolve_numeric_domain")
        self._dequoted = c.boolean("resolve_dequoted_address")
        self._allow_minus = c.boolean("allow_min_user")
        self._transports = {
            LOCAL: c.value("local_transport"),
            ALIAS: f"error:{UNKNOWN_ALIAS}",
            MAILBOX: c.value("virtual_transport"),
            RELAY: c.value("relay_transport"),
            DEFAULT: c.value("default_transport"),
        }
        self._relayhost = c.value("relayhost")
        self._maps = domains.tables("transport_maps", "trivial-rewrite")
        self._subdomains = "transport_maps" in domains.subdomain_lists
        self._relocated = domains.tables("relocated_maps")
        self._sender_transports = domains.tables("sender_dependent_default_transport_maps", "trivial-rewrite")
        self._sender_relayhosts = domains.tables("sender_dependent_relayhost_maps", "trivial-rewrite")
        self._null_transport_key = c.value("empty_address_default_transport_maps_lookup_key")
        self._null_relayhost_key = c.value("empty_address_relayhost_maps_lookup_key")

    def distinguishes(self, address: Dimension, sender: Dimension, *, exact: bool = True) -> Iterator[Distinction]:
        """What `resolve` looks at: the address that is resolved, and the sender for whom."""
        domains = self._domains
        span = domains.configuration.span("transport_maps")
        yield from domains.looks_for_local(address, exact=exact)
        for patterns in (domains.virtual_alias, domains.virtual_mailbox, domains.relay):
            yield from domains.looks_at(patterns, address, exact=exact)
        keys = transport_keys(subdomains=self._subdomains)
        yield from self._maps.distinguishes("transport_maps", address, (Key.WHOLE,), keys, exact=exact, span=span)
        yield from self._maps.distinguishes("transport_maps", address, (), (Key.FIXED,), fixed=("*",), span=span)
        yield from domains.looks_up("relocated_maps", self._relocated, address, exact=exact)
        for rule, tables, null_key in (
            ("sender_dependent_default_transport_maps", self._sender_transports, self._null_transport_key),
            ("sender_dependent_relayhost_maps", self._sender_relayhosts, self._null_relayhost_key),
        ):
            nobody = (external(null_key), null_key)
            yield from domains.looks_up(rule, tables, sender, exact=exact, fixed=nobody)

    async def route(self, recipient: str, ask: Ask, sender: str) -> Route:
        """The Route of ``recipient``; a temporary failure is a route with a 4xx error."""
        with ask.trace.step("resolve", recipient or "<>") as step:
            found = await self.resolve(recipient, ask, sender)
            step.result = f"{found.transport}:{found.nexthop}" if found.transport else "no route"
            step.detail = f"{recipient or '<>'} ({found.address_class})" if found.address_class else step.detail
        return Route(
            found.transport or "error",
            found.nexthop,
            found.recipient,
            found.address_class or DEFAULT,
            ask.trace,
            _error(found),
        )

    async def resolve(self, address: str, ask: Ask, sender: str) -> Resolution:
        """What trivial-rewrite(8) answers for ``address`` as it is; failures are in it, and nobody may change it."""
        by = sender if self._sender_transports or self._sender_relayhosts else ""
        return await ask.remembered(("resolve", self, address, by), lambda: self._resolved(address, ask, sender))

    async def _resolved(self, address: str, ask: Ask, sender: str) -> Resolution:
        found = Resolution(address)
        try:
            await self._classify(found, ask)
            if not found.bad:
                await self._choose(found, ask, sender)
        except LookupFailed as failure:
            found.failed = failure
        return found

    async def _classify(self, found: Resolution, ask: Ask) -> None:
        """Set recipient, address_class, routed and bad."""
        domain = await self._unroute(found, ask)
        if domain is None:
            found.address_class = LOCAL
            return
        local = Address.split(found.recipient).local
        found.routed = not _ROUTING.isdisjoint(local)
        found.bad = local.startswith("-") and not self._allow_minus
        if await self._domains.is_local(ask, domain):
            found.address_class = LOCAL
            if not local and not found.numeric:
                found.recipient = f"{self._null_recipient}@{domain}"
            return
        # The class is set even for a domain that is not valid, as the original does.
        found.address_class = await self._foreign_class(domain, ask)
        if domain.startswith("["):
            found.bad = found.bad or address_literal(domain) is None
        else:
            found.bad = found.bad or not valid_domain(domain)

    async def _unroute(self, found: Resolution, ask: Ask) -> str | None:
        """Follow routes through our own domains; the domain that is left. A bare address is at myhostname."""
        through = self._hostname
        for _ in range(100):
            if not found.recipient:
                found.recipient = self._null_recipient
            local, domain = Address.split(found.recipient)
            if domain is None or (domain == "" and self._null_domain):
                if self._is_route(local):
                    found.recipient = self._followed(local)
                    continue
                if not local:
                    found.recipient = self._null_recipient
                    continue
                domain = through
            elif domain.endswith(".") and len(domain) > 1:
                domain = domain[:-1]
            if self._numeric and numeric(domain) and valid_ipv4(domain):
                found.numeric = True
                found.recipient = f"{local}@[{domain}]"
                return f"[{domain}]"
            found.recipient = f"{local}@{domain}"
            if not self._is_route(local):
                return domain
            if domain and not await self._domains.is_local(ask, domain):
                return domain
            found.recipient = self._followed(local)
            through = domain
        return Address.split(found.recipient).domain

    def _is_route(self, local: str) -> bool:
        """Whether a local part names a further destination (postconf(5) resolve_dequoted_address)."""
        if set(local).isdisjoint(self._rewriter.routing_characters):
            return False
        return self._dequoted or quote_local(local) == local

    def _followed(self, local: str) -> str:
        """The address that a local part names. In one that needs quotes, ``%`` comes before ``!``."""
        routing = self._rewriter.routing_characters
        if quote_local(local) != local and "@" not in local and "%" in routing and "%" in local:
            user, _, site = local.rpartition("%")
            local = f"{user}@{site}"
        return self._rewriter.standard(local, dequoted=True)

    async def _foreign_class(self, domain: str, ask: Ask) -> str:
        if await self._domains.virtual_alias.match(ask, domain):
            return ALIAS
        if await self._domains.virtual_mailbox.match(ask, domain):
            return MAILBOX
        if await self._domains.relay.match(ask, domain):
            return RELAY
        return DEFAULT

    async def _choose(self, found: Resolution, ask: Ask, sender: str) -> None:
        """Set transport and nexthop: the class's, then transport_maps', then relocated_maps'."""
        domain = Address.split(found.recipient).domain or ""
        chosen = self._transports[found.address_class]
        if found.address_class == DEFAULT and self._sender_transports:
            chosen = await self._by_sender(self._sender_transports, sender, self._null_transport_key, ask) or chosen
        found.transport, _, found.nexthop = chosen.partition(":")
        if not found.transport:
            raise LookupFailed("sender_dependent_default_transport_maps", f'no transport in "{chosen}"')
        if not found.nexthop:
            found.nexthop = await self._nexthop(found, domain, ask, sender)
        if found.address_class != ALIAS:
            await self._consult_maps(found, domain, ask)
        match = await self._domains.search.find(ask, self._relocated, found.recipient)
        if match is not None:
            found.transport = "error"
            found.nexthop = f"5.1.6 User has moved to {match.answer.value}"

    async def _nexthop(self, found: Resolution, domain: str, ask: Ask, sender: str) -> str:
        """The nexthop of a transport that names no nexthop."""
        if found.address_class == LOCAL:
            return domain
        if found.address_class in (RELAY, DEFAULT):
            if self._sender_relayhosts:
                relay = await self._by_sender(self._sender_relayhosts, sender, self._null_relayhost_key, ask)
                if relay:
                    return relay
            if self._relayhost:
                return self._relayhost
        return domain

    async def _by_sender(self, tables: Tables, sender: str, null_key: str, ask: Ask) -> str:
        """The value of a sender-dependent table; DUNNO is nothing."""
        match = await self._domains.search.find(ask, tables, sender or null_key)
        return "" if match is None or match.answer.value.upper() == "DUNNO" else match.answer.value

    async def _consult_maps(self, found: Resolution, domain: str, ask: Ask) -> None:
        """transport(5): empty fields leave the class's transport, or take the domain for the nexthop."""
        if not self._maps:
            return
        match = await self._domains.search.find_transport(ask, self._maps, found.recipient, subdomains=self._subdomains)
        answer = match.answer if match else await self._maps.find(ask, "*", partial=True)
        if answer is None:
            return
        transport, _, nexthop = answer.value.partition(":")
        if transport:
            found.transport = transport
            empty = "Address is undeliverable" if transport == "error" else domain
            found.nexthop = nexthop or empty
        elif nexthop:
            found.nexthop = nexthop


def _error(found: Resolution) -> Reply | None:
    """The reply that states why there is no route, None when there is one."""
    if found.failed is not None:
        return Reply.of(451, "4.3.0 address resolver failure")
    if found.bad:
        return Reply.of(550, "5.1.3 bad address syntax")
    if found.transport in ("error", "retry"):
        status = _STATUS.match(found.nexthop)
        fallback = "5.0.0" if found.transport == "error" else "4.0.0"
        text = found.nexthop if status else f"{fallback} {found.nexthop}"
        return Reply.of(450 if text.startswith("4") else 550, text)
    return None

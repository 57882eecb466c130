"""Virtual alias expansion and automatic copies: cleanup(8), virtual(5), postconf(5) always_bcc and *_bcc_maps."""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.model.distinction import Dimension, Distinction
from mailconf.model.recipient import Recipient
from mailconf.model.verdict import Expansion, Reply
from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.policy.rewrite import Rewriter
from mailconf.postfix.settings.classes import Domains

_TOO_MUCH = Reply.of(451, "4.6.0 Alias expansion error")
_FAILED = Reply.of(451, "4.3.0 Error: queue file write error")


class Aliasing:
    """What one configuration does with recipients before they are queued."""

    def __init__(self, domains: Domains, rewriter: Rewriter) -> None:
        c = domains.configuration
        self._domains = domains
        self._rewriter = rewriter
        self._maps = domains.tables("virtual_alias_maps")
        self._propagate = "virtual" in c.words("propagate_unmatched_extensions")
        self._expansion_limit = c.integer("virtual_alias_expansion_limit")
        self._recursion_limit = c.integer("virtual_alias_recursion_limit")
        self._length_limit = c.integer("virtual_alias_address_length_limit")
        self._always_bcc = c.value("always_bcc")
        self._sender_bcc = domains.tables("sender_bcc_maps")
        self._recipient_bcc = domains.tables("recipient_bcc_maps")

    def distinguishes(self) -> Iterator[Distinction]:
        """What `expand` and `bcc` look at. What an alias names is looked up itself."""
        domains = self._domains
        yield from domains.looks_up("virtual_alias_maps", self._maps, Dimension.RECIPIENT, exact=False)
        yield from domains.looks_up("sender_bcc_maps", self._sender_bcc, Dimension.SENDER, exact=False)
        yield from domains.looks_up("recipient_bcc_maps", self._recipient_bcc, Dimension.RECIPIENT)

    async def expand(self, recipient: Recipient, ask: Ask) -> Expansion:
        """All that ``recipient`` comes to, each address once, in the order of the tables.

        An address that maps to itself stays; limits are postconf(5) virtual_alias_expansion_limit (addresses) and
        virtual_alias_recursion_limit (nesting).
        """
        if not self._maps:
            return Expansion((recipient,), ask.trace)
        with ask.trace.step("virtual_alias_maps", recipient.address) as step:
            try:
                address = recipient.address
                found = await ask.remembered(("expand", self, address), lambda: self._expand(address, ask))
            except LookupFailed:
                step.result = "temporary failure"
                return Expansion((recipient,), ask.trace, _FAILED)
            if found is None:
                step.result = "too much"
                return Expansion((recipient,), ask.trace, _TOO_MUCH)
            step.result = ", ".join(found)
        return Expansion(tuple(recipient.at(address) for address in found), ask.trace)

    async def _expand(self, recipient: str, ask: Ask) -> list[str] | None:
        """None where a limit is exceeded."""
        found = [(recipient, 0)]
        final: set[str] = set()  # addresses that map to themselves: they are not expanded again, wherever they turn up
        at = 0
        while at < len(found):
            address, depth = found[at]
            if address.lower() in final:
                at += 1
                continue
            if depth >= self._recursion_limit:
                return None
            mapped = await self._rewriter.map_all(ask, self._maps, address, propagate=self._propagate)
            if not mapped:
                at += 1
                continue
            if any(target.lower() == address.lower() for target in mapped):
                final.add(address.lower())
            # The first takes the place of what it stands for, the rest follow after all others, as in the original.
            found[at : at + 1] = [(mapped[0], depth + 1)]
            found += [(target, depth + 1) for target in mapped[1:]]
            if len(found) > self._expansion_limit or any(len(target) > self._length_limit for target in mapped):
                return None
        done = [address for address, _ in found]
        unique: dict[str, str] = {}
        for address in done:
            unique.setdefault(address.lower(), address)
        return list(unique.values())

    async def bcc(self, sender: str, recipients: list[str], ask: Ask) -> list[str]:
        """Raises LookupFailed."""
        search = self._rewriter.search
        copies: list[str] = []
        if sender and self._sender_bcc:
            match = await search.find(ask, self._sender_bcc, sender)
            copies += [match.answer.value] if match else []
        if self._recipient_bcc:
            for recipient in recipients:
                standard = self._rewriter.standard(recipient)
                match = await search.find(ask, self._recipient_bcc, standard)
                copies += [match.answer.value] if match else []
        if self._always_bcc:
            ask.trace.add("always_bcc", "", self._always_bcc)
            copies.append(self._always_bcc)
        return list(dict.fromkeys(copies))

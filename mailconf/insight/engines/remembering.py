"""A Policy that remembers where addresses go: the same address is asked about in many cases, and nothing changes.

Answers that are remembered leave no trace; `ModelEngine` asks the Policy itself where a case has failed.
"""

from __future__ import annotations

from typing import Any

from mailconf.model.policy import Policy, Role
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Deliveries, Expansion, Route
from mailconf.model.world import Ask

MOST = 1 << 16


class RememberingPolicy:
    """See the module; what is not here is asked of ``policy``."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._known: dict[tuple[Any, ...], Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)

    def _keep(self, key: tuple[Any, ...], value: Any) -> Any:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = value
        return value

    def agent(self, transport: str) -> AgentKind | None:
        key = ("agent", transport)
        if key not in self._known:
            self._keep(key, self._policy.agent(transport))
        found: AgentKind | None = self._known[key]
        return found

    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        key = ("rewrite", address, role)
        if key not in self._known:
            self._keep(key, await self._policy.rewrite(address, role, ask))
        found: str = self._known[key]
        return found

    async def expand(self, recipient: Recipient, ask: Ask) -> Expansion:
        key = ("expand", *_parts(recipient))
        if key not in self._known:
            self._keep(key, await self._policy.expand(recipient, ask))
        found: Expansion = self._known[key]
        return found

    async def resolve(
        self, recipient: str, ask: Ask, *, sender: str = "", kind: RecipientKind = RecipientKind.ADDRESS
    ) -> Route:
        key = ("resolve", recipient, sender, kind)
        found: Route | None = self._known.get(key)
        if found is None:
            found = self._keep(key, await self._policy.resolve(recipient, ask, sender=sender, kind=kind))
        assert found is not None
        return found

    async def deliver(
        self, route: Route, ask: Ask, *, sender: str = "", recipient: Recipient | None = None
    ) -> Deliveries:
        whose = () if recipient is None else _parts(recipient)
        key = ("deliver", route.transport, route.nexthop, route.recipient, sender, *whose)
        found: Deliveries | None = self._known.get(key)
        if found is None:
            found = self._keep(key, await self._policy.deliver(route, ask, sender=sender, recipient=recipient))
        assert found is not None
        return found


def _parts(recipient: Recipient) -> tuple[Any, ...]:
    return (
        recipient.address,
        recipient.original,
        recipient.orcpt,
        recipient.notify,
        recipient.kind,
        recipient.owner,
        recipient.identity,
        recipient.error,
    )

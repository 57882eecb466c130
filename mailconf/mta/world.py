"""The World that the MTA answers its Policy's questions from: tables and files at once, DNS by asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from mailconf.model.world import Answer, Records, User, World, run
from mailconf.mta.resolver import Resolver

NETWORK_TYPES = frozenset(("ldap", "memcache", "mysql", "pgsql", "proxy", "socketmap", "sqlite", "tcp"))


class MtaWorld:
    """Tables, users and files are ``files``'s to answer, which never suspends; a table type that may wait for a network
    or a lock is asked in a thread. DNS is the resolver's.
    """

    def __init__(self, files: World, resolver: Resolver, clock: Callable[[], float] = time.time) -> None:
        self.files = files
        self.resolver = resolver
        self._clock = clock

    async def lookup(self, table: str, key: str) -> Answer:
        if table.partition(":")[0] in NETWORK_TYPES:
            return await asyncio.to_thread(lambda: run(self.files.lookup(table, key)))
        return await self.files.lookup(table, key)

    async def dns(self, name: str, kind: str) -> Records:
        return await self.resolver.query(name, kind)

    async def user(self, name: str) -> User | None:
        return await self.files.user(name)

    async def read(self, path: str) -> str | None:
        return await self.files.read(path)

    async def policy_service(self, endpoint: str, attributes: Mapping[str, str]) -> Answer:
        return await self.files.policy_service(endpoint, attributes)

    def now(self) -> float:
        return self._clock()

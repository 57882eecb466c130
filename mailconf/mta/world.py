"""The World that the MTA answers its Policy's questions from: tables and files at once, DNS by asyncio."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mailconf.files import Root
from mailconf.maps.reference import TableRef
from mailconf.model.world import NOT_PROBED, ORDINARY, Answer, Known, Probed, Records, Trust, User, World, run
from mailconf.mta.resolver import Resolver
from mailconf.personal import PersonalFile

if TYPE_CHECKING:
    from mailconf.mta.probes import Probes


class MtaWorld:
    """Tables, users and files are ``files``'s to answer, which never suspends; a table type that may wait for a network
    or a lock is asked in a thread. DNS is the resolver's.
    """

    def __init__(
        self,
        files: World,
        resolver: Resolver,
        clock: Callable[[], float] = time.time,
        *,
        root: Root | None = None,
        probes: Probes | None = None,
    ) -> None:
        self.files = files
        self.resolver = resolver
        self._clock = clock
        self._root = root or Root()
        self._seen: dict[Path, tuple[int, ...]] = {}  # the files of the tables that were asked, as they were then
        self._asked: dict[str, bool] = {}  # these tables; whether a lookup may block
        self.steady: set[str] = set()
        self.known = Known()
        self.probes = probes

    def refresh(self) -> None:
        """Open tables anew whose files were replaced since. smtpd(8) looks when a client connects, so does ours."""
        close = getattr(self.files, "close", None)
        if close is not None and any(_state(path) != state for path, state in self._seen.items()):
            self._seen.clear()
            self._asked.clear()
            self.steady.clear()
            self.known = Known()
            close()

    async def lookup(self, table: str, key: str, trust: Trust = ORDINARY) -> Answer:
        may_block = self._asked.get(table)
        if may_block is None:
            may_block = self._remember(table)
        if may_block:
            return await asyncio.to_thread(lambda: run(self.files.lookup(table, key, trust)))
        return await self.files.lookup(table, key, trust)

    def sieve(self, table: str, trust: Trust = ORDINARY) -> re.Pattern[bytes] | None:
        """See `mailconf.model.world.Ask.sieve`."""
        may_block = self._asked.get(table)
        if may_block is None:
            may_block = self._remember(table)
        sieve = getattr(self.files, "sieve", None)
        found: re.Pattern[bytes] | None = None if may_block or sieve is None else sieve(table, trust)
        return found

    def _remember(self, table: str) -> bool:
        """Note what a table's file is like; whether a lookup in it may block."""
        found = TableRef.parse(table)
        direct, kind = found.direct, found.kind
        self._asked[table] = kind.may_block
        has_file = direct.name.startswith("/")
        if has_file:
            path = self._root.path(direct.file)
            self._seen[path] = _state(path)
        if kind.steady and (has_file or not kind.named_file):
            self.steady.add(table)
        return kind.may_block

    async def dns(self, name: str, kind: str) -> Records:
        return await self.resolver.query(name, kind)

    async def hosts(self, name: str) -> Records:
        return await self.resolver.hosts(name)

    async def user(self, name: str) -> User | None:
        return await self.files.user(name)

    async def account(self, uid: int) -> User | None:
        return await self.files.account(uid)

    async def table_owner(self, table: str) -> int | None:
        return await self.files.table_owner(table)

    async def file(self, path: str, user: User | None, *, follow: bool) -> PersonalFile:
        # It may take a process, and file systems may be slow.
        return await asyncio.to_thread(lambda: run(self.files.file(path, user, follow=follow)))

    async def policy_service(self, endpoint: str, attributes: Mapping[str, str]) -> Answer:
        return await asyncio.to_thread(lambda: run(self.files.policy_service(endpoint, attributes)))

    async def verify(self, address: str, patience: float) -> Probed:
        """See `mailconf.model.world.Ask.verify`."""
        return NOT_PROBED if self.probes is None else await self.probes.verify(address, patience)

    def now(self) -> float:
        return self._clock()


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

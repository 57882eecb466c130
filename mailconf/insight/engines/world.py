"""The world of a test file: its DNS, users and services, and nothing else. Tables are read from their texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mailconf.model.fileworld import FileWorld
from mailconf.model.world import ORDINARY, Answer, Outcome, Records, Trust, User
from mailconf.personal import PersonalFile

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.insight.cases.suite import TestWorld
    from mailconf.maps.core.table import LookupTable
    from mailconf.ports import Ports

MOST_ALIASES = 16  # CNAMEs that are followed for one question
MOST_KEPT = 1 << 18  # answers of tables that are remembered
_NOTHING = Records(Outcome.ABSENT, nxdomain=True)
_NO_SUCH_TYPE = Records(Outcome.ABSENT)
_FAILED = Records(Outcome.FAILED, (), "SERVFAIL")


class Zone:
    """The DNS of a test file. A name that it does not have does not exist; a name below which there is one does."""

    def __init__(self, records: Mapping[tuple[str, str], Records]) -> None:
        self._records = records
        self.names = {name for name, _ in records}
        self._above = {name[at + 1 :] for name in self.names for at, c in enumerate(name) if c == "."}

    def ask(self, name: str, kind: str) -> Records:
        """The answer to a question, as a resolver that follows CNAMEs gives it; ``name`` is in lower case."""
        owner = ""
        for _ in range(MOST_ALIASES):
            if (name, "*") in self._records:
                return _FAILED
            found = self._records.get((name, kind))
            if found is not None:
                return found._replace(owner=owner) if owner and found.outcome is Outcome.FOUND else found
            alias = self._records.get((name, "CNAME"))
            if alias is None:
                return _NO_SUCH_TYPE if name in self.names or name in self._above else _NOTHING
            if alias.outcome is not Outcome.FOUND:
                return alias
            name = owner = alias.values[0].lower()
        return _FAILED


class CaseWorld(FileWorld):
    """See the module. Answers of tables are remembered: nothing changes while cases are run."""

    def __init__(
        self,
        root: Tree,
        given: TestWorld,
        *,
        instead: Callable[[str], LookupTable | None] | None = None,
        transitional: bool = False,
        ports: Ports | None = None,
        utf8: bool = True,
    ) -> None:
        clock = time.time if given.clock is None else lambda: given.clock or 0.0
        super().__init__(
            root,
            policies=given.services,
            transitional=transitional,
            instead=instead,
            clock=clock,
            ports=ports,
            utf8=utf8,
        )
        self.zone = Zone(given.dns)
        self.accepting = {name for name, answer in given.services.items() if answer.strip().lower() == "accept"}
        self._kept: dict[tuple[str, str, Trust], Answer] = {}
        self._users: dict[str, User | None] = {}

    async def lookup(self, table: str, key: str, trust: Trust = ORDINARY) -> Answer:
        found = self._kept.get((table, key, trust))
        if found is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            found = self._kept[table, key, trust] = await super().lookup(table, key, trust)
        return found

    async def user(self, name: str) -> User | None:
        if name not in self._users:
            if len(self._users) >= MOST_KEPT:
                self._users.clear()
            self._users[name] = await super().user(name)
        return self._users[name]

    async def file(self, path: str, user: User | None, *, follow: bool) -> PersonalFile:
        try:
            return await super().file(path, user, follow=follow)
        except FileNotFoundError as failure:  # of a folder that stands for another, what is not in it is not there
            return PersonalFile(reason=failure.strerror or "")

    async def dns(self, name: str, kind: str) -> Records:
        folded = self._asked(name)
        return self.zone.ask(folded, kind) if folded.isascii() else _NOTHING

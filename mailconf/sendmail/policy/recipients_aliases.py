"""Aliases as recipients ask for them: the maps of AliasFile, or whatever the map ``aliases`` is; and user databases.

A user database (UserDatabaseSpec) is a btree with keys such as ``ann:maildrop``, where her mail goes, and
``ann:mailsender``, who gets what comes back. One that is not there has no say.

Source: sendmail 8.17.1.9 -bv -v; aliases(5); Sendmail Installation and Operation Guide 5.9, 5.10.
"""

from __future__ import annotations

import re

from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.kinds_stored import trusting
from mailconf.sendmail.rules.maps import DefinedMap
from mailconf.sendmail.rules.problems import EX_TEMPFAIL, EX_UNAVAILABLE
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.world import Unable

_LONGEST_NAME = 249  # of an alias whose owner is asked for
_SPEC = re.compile(r"[, \t]+")
_LIST_MARKS = ',:/|"'  # an owner that has one of these is a list, whose own name is the sender then


class Aliases:
    """The aliases of one message's configuration."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._databases: set[str] = set()  # that are open
        self._map: DefinedMap | None = engine.book.maps.get("aliases")

    async def find(self, name: str, detail: str = "") -> tuple[str | None, bool]:
        """What an alias has, None where there is none; and whether that cannot be known now."""
        if self._map is None:
            return None, False
        if not self._map.open and not await self._engine.open_map(self._map):
            return None, False
        key = "postmaster" if folded(name) == "postmaster" else name
        found = await self._engine.find(self._map, key, [key, detail])
        if not name:
            return None, False
        if found.value is not None:
            return found.value, False
        return None, found.status in (EX_TEMPFAIL, EX_UNAVAILABLE)

    async def owner(self, name: str, detail: str = "") -> str:
        """The envelope sender of what an alias is delivered to: what ``owner-NAME`` has, or that name; "" without."""
        owner = f"owner-{name}"
        if name.startswith("owner-") or len(name) > _LONGEST_NAME:
            owner = "owner-owner"
        value, _ = await self.find(owner, detail)
        if not value:
            return ""
        return owner if any(mark in value for mark in _LIST_MARKS) else value

    async def dropped(self, name: str, kind: str = "maildrop") -> tuple[str | None, bool]:
        """What a user database has for a name, None where there is nothing; and whether that cannot be known now."""
        for file in _SPEC.split(self._engine.book.options.get("UserDatabaseSpec", "")):
            if not file.startswith("/"):
                continue
            base = file.removesuffix(".db")
            if base not in self._databases and not await self._open(base):
                continue
            try:
                value = await self._engine.world.find("btree", base, f"{name}:{kind}".encode("latin-1", "replace"))
            except Unable:
                return None, True
            if value is not None:
                return value.decode("latin-1"), False
        return None, False

    async def _open(self, base: str) -> bool:
        try:
            await self._engine.world.open_table("btree", base, trusting(self._engine))
        except Unable:
            return False
        self._databases.add(base)
        return True

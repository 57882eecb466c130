"""Which mail filters a client's mail passes: postconf(5) smtpd_milters, and smtpd_milter_maps by its address."""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.model.distinction import Dimension, Distinction, Key
from mailconf.model.filtering import Filtering
from mailconf.model.session import Session
from mailconf.model.site import Service
from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.settings.classes import Domains
from mailconf.postfix.settings.filters import FilterReader
from mailconf.postfix.settings.lookup import Tables

MAPS = "smtpd_milter_maps"
_NONE = "DISABLE"


class FilterLists:
    """Those of one smtpd service."""

    def __init__(self, domains: Domains, service: Service | None) -> None:
        c = domains.configuration
        self._reader = FilterReader(c, service)
        self._all = self._reader.read(c.value("smtpd_milters"))
        self._maps: Tables | None = domains.tables(MAPS) if c.is_known(MAPS) and c.value(MAPS) else None
        self._span = c.span(MAPS)

    def distinguishes(self) -> Iterator[Distinction]:
        if self._maps is not None:
            yield from self._maps.distinguishes(MAPS, Dimension.CLIENT, (Key.WHOLE,), span=self._span)

    async def of(self, session: Session, ask: Ask) -> Filtering:
        """A table that cannot be asked leaves it with smtpd_milters."""
        if self._maps is None:
            return self._all
        try:
            found = await self._maps.find(ask, session.client_address)
        except LookupFailed:
            return self._all
        if found is None:
            return self._all
        return self._all._replace(filters=()) if found.value.upper() == _NONE else self._reader.read(found.value)

"""The rules over what a configuration of sendmail's comes to: of a .mc, or of a .cf without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mailconf.check.sendmail import (
    authentication,
    daemons,
    dns_lists,
    encryption,
    leftovers,
    limits,
    mailers,
    map_types,
    masquerading,
    milters,
    numbers,
    own_host,
    relaying,
    relays,
    starting,
    unread,
)

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink

SITE_RULES: tuple[Callable[[Written, Sink], None], ...] = (
    starting.names,
    starting.sending,
    starting.understood,
    daemons.daemons,
    milters.filters,
    milters.passing,
    map_types.maps,
    mailers.programs,
    relays.ports,
    own_host.relays,
    leftovers.leftovers,
    numbers.numbers,
    limits.limits,
    unread.statements,
    dns_lists.lists,
    relaying.relaying,
    masquerading.masquerading,
    authentication.mechanisms,
    authentication.offered,
    encryption.certificates,
)
